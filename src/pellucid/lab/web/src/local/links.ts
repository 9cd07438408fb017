// All parameters of a small network as a text for a link, as Python's lab/serve/links.py writes it.

import { fromBase64, toBase64 } from "../formula/base64.ts";
import type { Path } from "../model/wire/protocol.ts";
import { refuse } from "./refusal.ts";
import type { Table } from "./saved.ts";

const MAX_IN_LINK = 4096;

export function packed(parameters: ReadonlyMap<Path, Table>): string {
  const count = [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  if (count > MAX_IN_LINK) refuse("local.many", { most: MAX_IN_LINK, count });
  const all = Float32Array.from([...parameters.values()].flatMap(({ data }) => [...data]));
  const text = toBase64(all).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return `${form(parameters)}.${text}`;
}

export function unpacked(text: string, like: ReadonlyMap<Path, Table>): Map<Path, Table> {
  const [name, data = ""] = text.split(".");
  let flat = new Float32Array(0);
  try {
    const bytes = fromBase64(data.replace(/-/g, "+").replace(/_/g, "/"));
    if (bytes.length % 4 === 0) flat = new Float32Array(bytes.buffer);
  } catch {
    refuse("local.link");
  }
  const count = [...like.values()].reduce((sum, { data: { length } }) => sum + length, 0);
  if (name !== form(like) || flat.length !== count || !flat.every(Number.isFinite)) refuse("local.link");
  let at = 0;
  return new Map([...like].map(([path, table]) => {
    const part = flat.slice(at, (at += table.data.length));
    return [path, { ...table, data: table.data instanceof Float32Array ? part : Float64Array.from(part) }];
  }));
}

/** A checksum (CRC-32) of the paths and shapes. */
function form(parameters: ReadonlyMap<Path, Table>): string {
  const text = [...parameters].map(([path, { shape }]) => `${path}:${shape.join(",")}`).join(";");
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (~crc >>> 0).toString(16).padStart(8, "0");
}
