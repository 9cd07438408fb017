// Which examples moved a weight: some steps are taken again, and what each example added to each is followed to the end.
// As Python's explain/ledger/example_shares.py and lab/view/course.py.

import type { Methods, Path } from "../../model/wire/protocol.ts";
import { refuse } from "../refusal.ts";
import { classOf } from "../samples.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import type { Weights } from "../training/evaluated.ts";
import { courseOf, Order } from "../training/order.ts";
import type { Retaken, Trainer } from "../training/trainer.ts";
import { linear, memoryOf, toTheEnd } from "./updates.ts";
import type { Linear } from "./updates.ts";

type Ledger = Methods["ledger"]["result"];

/** What each example of a step adds to the gradient of the element, and what none of them adds. */
export type Shared = (retaken: Retaken) => Promise<{ parts: ArrayLike<number>; rest: number }>;

/** At most so many steps, and no more than take so many milliseconds. */
const MOST = 2000;
const PATIENCE = 10_000;
const FEW = 8;

export async function ledger(
  saved: Saved, samples: Samples, trainer: Trainer, { path, index, limit = FEW }: Methods["ledger"]["params"], shared: Shared,
): Promise<Ledger> {
  const { training } = saved;
  if (!training || !saved.diagnosis) refuse("local.ledger");
  if (!saved.diagnosis.trainable.includes(path)) refuse("local.ledger.still", { path });
  const { step: last, branch } = trainer.state;
  if (last === trainer.first) refuse("local.first", { step: trainer.first });
  // How long a step takes is seen at the last one.
  const tried = performance.now();
  for await (const retaken of trainer.retaken(branch, last - 1, last)) if (retaken.number !== null) await shared(retaken);
  const each = performance.now() - tried;
  const first = Math.max(trainer.first, last - Math.max(1, Math.min(MOST, Math.floor(PATIENCE / each))));

  const { shape } = saved.parameters.get(path)!;
  const place = index.reduce((at, i, d) => at * shape[d]! + i, 0);
  const slots = [...training.program.inputs.keys()].filter((name) => name.startsWith(`${path}:`));
  const of = (weights: Weights): { weight: number; slots: Record<string, number> } => ({
    weight: weights.get(path)!.data[place]!,
    slots: Object.fromEntries(slots.map((name) => [name.slice(path.length + 1), weights.get(name)!.data[place]!])),
  });
  const steps: { number: number; rate: number; parts: ArrayLike<number>; rest: number; at: ReturnType<typeof of> }[] = [];
  const ends: ReturnType<typeof of>[] = [];
  let [byHand, value] = [0, 0];
  let made: Weights | null = null;
  for await (const retaken of trainer.retaken(branch, first, last)) {
    const at = of(retaken.weights);
    if (made) {
      const ended = of(made);
      ends.push(ended);
      byHand += at.weight - ended.weight;
    }
    value = at.weight;
    if (retaken.number === null) break;
    const { parts, rest } = await shared(retaken);
    steps.push({ number: retaken.number, rate: retaken.rate, parts, rest, at });
    made = retaken.made;
  }
  const sums = summed(saved, samples, steps, ends, byHand, value, limit, trainer.first);
  return { path, index: [...index], first, value, ...sums, branch, step: last };
}

function summed(
  saved: Saved, samples: Samples,
  steps: readonly { number: number; rate: number; parts: ArrayLike<number>; rest: number; at: { weight: number; slots: Record<string, number> } }[],
  ends: readonly { slots: Record<string, number> }[], byHand: number, value: number, limit: number, begin: number,
): Omit<Ledger, "path" | "index" | "first" | "value" | "branch" | "step"> {
  const { rule } = saved.training!;
  const known = steps.map(({ number, rate, parts, rest, at }, k): Linear => {
    const gradient = Array.from(parts).reduce((a, b) => a + b, rest);
    return linear(rule, { ...at, after: ends[k]!.slots, gradient, rate, step: number - begin });
  });
  const { factors, memory } = toTheEnd(known);
  const order = new Order(courseOf(saved, samples));
  const amounts = new Map<number, number>();
  steps.forEach(({ number, parts }, k) => {
    order.batch(number - 1).forEach((row, n) => amounts.set(row, (amounts.get(row) ?? 0) + factors[k]! * parts[n]!));
  });
  const slot = memoryOf(rule);
  const initial = steps[0]!.at.weight;
  const others: [Ledger["others"][number]["name"], number][] = [
    ["penalty", steps.reduce((sum, { rest }, k) => sum + factors[k]! * rest, 0)],
    ["weight decay", known.reduce((sum, { decay }) => sum + decay, 0)],
    ["earlier steps", slot === null ? 0 : memory * steps[0]!.at.slots[slot]!],
    ["set by hand", byHand],
  ];
  const all = [...amounts];
  const sum = [...all, ...others].reduce((total, [, amount]) => total + amount, initial);
  others.push(["rounding", value - sum]);
  all.sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const { classes } = saved.description;
  const label = (row: number): number => classOf(samples.get(`train:${row}`).y!);
  const byClass = new Map<number, number>();
  if (classes) for (const [row, amount] of all) byClass.set(label(row), (byClass.get(label(row)) ?? 0) + amount);
  const rest = all.slice(limit);
  return {
    initial,
    examples: all.slice(0, limit).map(([row, amount]) => {
      const name: Path = `train:${row}`;
      return { name, label: samples.get(name).label, amount };
    }),
    rest: { count: rest.length, sum: rest.reduce((total, [, amount]) => total + amount, 0) },
    classes: classes && [...byClass].sort(([a], [b]) => a - b).map(([k, amount]) => ({ label: classes[k] ?? String(k), amount })),
    others: others.filter(([, amount]) => amount).map(([name, amount]) => ({ name, amount })),
  };
}
