// A text gone on with, symbol by symbol.

import type { Stored } from "../formula/evaluate.ts";
import { uniform } from "../formula/random.ts";
import type { Methods } from "../model/wire/protocol.ts";
import { refuse } from "./refusal.ts";
import { joined } from "./samples.ts";
import type { Samples } from "./samples.ts";
import type { Saved, Table } from "./saved.ts";

const LONGEST = 1000;

/**
 * The text, and `count` symbols more. The network reads as many symbols as it learned from at a time; of a longer text
 * the last ones. A symbol depends on nothing behind it, so what stands there while a text is short does not matter.
 */
export async function grown(
  { text, count, temperature, seed }: Methods["generate"]["params"], samples: Samples, saved: Saved,
  output: (x: Table) => Stored,
): Promise<{ text: string }> {
  const { vocabulary, views } = saved.description;
  if (!saved.text || !vocabulary || !views.includes("text")) refuse("local.absent");
  const by = saved.text.by;
  const { length, predictsNext, blank } = samples.reading;
  const ids = samples.encoded(text || (by === "char" ? "\n" : "the"));
  const more: string[] = [];
  for (let step = 0; step < Math.min(count, LONGEST); step++) {
    const tail = ids.slice(-length);
    const rest = new Array<number>(length - tail.length).fill(blank);
    const data = Float64Array.from(predictsNext ? [...tail, ...rest] : [...rest, ...tail]);
    const said = output({ shape: [length], data, whole: true });
    const units = said.shape.at(-1)!;
    const from = predictsNext ? (tail.length - 1) * units : 0;
    const id = drawn(said.data.slice(from, from + units), temperature, uniform(seed, 0, 0, step));
    ids.push(id);
    more.push(vocabulary[id] ?? "");
    if (step % 8 === 7) await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
  }
  return { text: text + (by === "word" && text ? " " : "") + joined(more, by) };
}

/** A symbol by its probability^(1/temperature); at 0 the likeliest; never 0, which is what is not known. */
function drawn(p: ArrayLike<number>, temperature: number, random: number): number {
  const logs = Array.from(p, (value, id) => (id ? Math.log(Math.max(value, 1e-30)) : -Infinity));
  const max = Math.max(...logs);
  if (temperature === 0) return logs.indexOf(max);
  const raised = logs.map((value) => Math.exp((value - max) / temperature));
  let left = random * raised.reduce((a, b) => a + b, 0);
  const id = raised.findIndex((value) => (left -= value) < 0);
  return id < 0 ? logs.indexOf(max) : id;
}
