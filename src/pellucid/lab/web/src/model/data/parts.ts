// Files in parts that are small enough to be sent.

import { toBase64 } from "../../formula/base64";
import type { SentPart } from "../wire/protocol";

/** A file, and its path within what was given. */
export interface Given {
  name: string;
  file: Blob;
}

/** How many bytes are sent at once; in base64 they are a third more. */
export const PART = 3 * 2 ** 20;
/** How many files are sent at once. */
const MANY = 1000;

/** The files, large ones in several parts, and small ones several at once. */
export async function* partsOf(
  files: readonly Given[], size = PART,
): AsyncGenerator<{ parts: SentPart[]; bytes: number }> {
  let parts: SentPart[] = [];
  let bytes = 0;
  for (const { name, file } of files) {
    for (let at = 0; at === 0 || at < file.size; at += size) {
      const piece = new Uint8Array(await file.slice(at, at + size).arrayBuffer());
      if (parts.length >= MANY || (parts.length > 0 && bytes + piece.length > size)) {
        yield { parts, bytes };
        [parts, bytes] = [[], 0];
      }
      parts.push({ name: name.slice(-500), data: toBase64(piece), continues: at > 0 });
      bytes += piece.length;
    }
  }
  if (parts.length > 0) yield { parts, bytes };
}
