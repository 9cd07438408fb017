// Two runs side by side, of two examples or of two steps: as Python's lab/view/beside.py, by the formulas.

import { pointAt, tensorOf } from "../formula/explain.ts";
import type { Trace } from "../formula/explain.ts";
import type { Factor, Terms } from "../formula/arithmetic.ts";
import { unravelled } from "../formula/arithmetic.ts";
import type { Stored } from "../formula/evaluate.ts";
import { children } from "../formula/expressions.ts";
import type { Expression, Tensor } from "../formula/expressions.ts";
import type { Description, Methods, Moment, Path, Term } from "../model/wire/protocol.ts";
import { batchAxis, picture } from "./pictures.ts";

type Beside = Omit<Methods["beside"]["result"], "branch" | "step">;
type Compared = Omit<Methods["compare"]["result"], "branch" | "step">;
type ComparedTerm = Compared["terms"][number];
type Changed = Beside["changed"][number];

function valueOf({ program, values }: Trace, path: Path): [Tensor, Stored] | null {
  const tensor = program.outputs.get(path) ?? program.tensors.get(path);
  const value = tensor && values.get(tensor);
  return tensor && value ? [tensor, value] : null;
}

/** A value in two runs, and all that differs between them. */
export function beside(
  description: Description, a: Trace, b: Trace, other: Moment, path: Path, limit: number,
): Beside {
  const [before, after] = [valueOf(a, path), valueOf(b, path)];
  const same = before && after && `${before[1].shape}` === `${after[1].shape}`;
  const data = same ? Float64Array.from(after[1].data, (value, k) => value - before[1].data[k]!) : null;
  const paths = description.layers.flatMap((layer) => [...layer.parameters.map((one) => one.path), layer.path]);
  return {
    other,
    before: before && picture(before[0], before[1], limit), after: after && picture(after[0], after[1], limit),
    difference: data && picture(after![0], { shape: after![1].shape, data }, limit),
    changed: paths.map((name) => changed(name, valueOf(a, name)?.[1], valueOf(b, name)?.[1])).filter((one) => one !== null),
  };
}

/** How many elements of a value differ, and by how much. */
export function changed(path: Path, before: Stored | undefined, after: Stored | undefined): Changed | null {
  if (!before || !after || before.data.length !== after.data.length) return null;
  let [count, largest] = [0, NaN];
  for (let k = 0; k < after.data.length; k++) {
    const by = Math.abs(after.data[k]! - before.data[k]!);
    if (by > 0 || Number.isNaN(after.data[k]!) !== Number.isNaN(before.data[k]!)) count += 1;
    if (!(by <= largest) && !Number.isNaN(by)) largest = by;
  }
  return count ? { path, count, size: after.data.length, largest } : null;
}

/** Why an element differs between two runs; the index is the whole one, the example first. */
export function compared(
  a: Trace, b: Trace, other: Moment, path: Path, index: readonly number[], learned: ReadonlySet<Path>, limit: number,
): Compared {
  const tensor = tensorOf(b.program, path);
  const values = [a, b].map((run) => {
    const { shape, data } = run.values.get(tensorOf(run.program, path))!;
    return data[index.reduce((at, i, d) => at * shape[d]! + i, 0)]!;
  }) as [number, number];
  const by = values[1] - values[0];
  const answer: Compared = {
    other, path, index: [...index], formula: "", values, weights: 0, inputs: 0,
    terms: [], rest: { count: 0, weights: 0, inputs: 0 }, differing: [],
  };
  if (!b.program.definitions.has(tensor)) {
    return learned.has(path) ? { ...answer, weights: by } : { ...answer, inputs: by };
  }
  const [old, now] = [a, b].map((run) => pointAt(run, path, index).terms()) as [Terms, Terms];
  const places = new Map(now.keys.map((key, place) => [key, place]));
  const rows = old.keys.map((key, place): Row => {
    const then = places.get(key);
    places.delete(key);
    return { before: place, after: then ?? null, change: (then === undefined ? 0 : now.contributions[then]!) - old.contributions[place]! };
  });
  for (const place of places.values()) rows.push({ before: null, after: place, change: now.contributions[place]! });
  const weight = ({ change }: Row): number => (Number.isNaN(change) ? -1 : Math.abs(change));
  rows.sort((one, two) => weight(two) - weight(one));
  const parts = rows.map((row) => shared(row, old, now, learned));
  const sum = (some: readonly Split[], which: keyof Split): number => some.reduce((s, part) => s + part[which], 0);
  const rest = parts.slice(limit);
  return {
    ...answer, formula: (b.texts[tensor.name] ?? [""])[0],
    weights: sum(parts, "weights"), inputs: sum(parts, "inputs"),
    terms: rows.slice(0, limit).map((row, k) => written(row, parts[k]!, old, now)),
    rest: { count: rest.length, weights: sum(rest, "weights"), inputs: sum(rest, "inputs") },
    differing: differing(a, b, tensor, learned),
  };
}

interface Row {
  readonly before: number | null;
  readonly after: number | null;
  readonly change: number;
}

interface Split {
  readonly weights: number;
  readonly inputs: number;
}

/** A term's change, shared out among weights and what came in. */
function shared({ before, after, change }: Row, old: Terms, now: Terms, learned: ReadonlySet<Path>): Split {
  if (before === null || after === null) return { weights: 0, inputs: change };
  const [was, is] = [old.factors(before), now.factors(after)];
  if (was.length !== is.length) return { weights: 0, inputs: change };
  const parts = shapley(was.map(({ value }) => value), is.map(({ value }) => value));
  const weights = is.reduce((sum, factor, k) => sum + (made(factor, learned) ? parts[k]! : 0), 0);
  return { weights, inputs: change - weights };
}

/** Whether a factor is made of parameters alone. */
function made({ sources }: Factor, learned: ReadonlySet<Path>): boolean {
  return sources.length > 0 && sources.every(({ path }) => learned.has(path));
}

/** What each factor makes of the change of a product, on average over the orders in which they can change. */
function shapley(old: readonly number[], now: readonly number[]): number[] {
  const moving = old.flatMap((value, k) => (value === now[k] ? [] : [k]));
  const still = old.reduce((product, value, k) => (moving.includes(k) ? product : product * value), 1);
  const parts = old.map(() => 0);
  const orders = factorial(moving.length);
  for (const k of moving) {
    const others = moving.filter((m) => m !== k);
    for (let some = 0; some < 2 ** others.length; some++) {
      let [product, size] = [1, 0];
      others.forEach((m, bit) => {
        const moved = Math.floor(some / 2 ** bit) % 2 === 1;
        product *= moved ? now[m]! : old[m]!;
        size += moved ? 1 : 0;
      });
      const share = (factorial(size) * factorial(moving.length - 1 - size)) / orders;
      parts[k]! += share * still * product * (now[k]! - old[k]!);
    }
  }
  return parts;
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

function written({ before, after, change }: Row, split: Split, old: Terms, now: Terms): ComparedTerm {
  const term = (terms: Terms, place: number | null): Term | null => (
    place === null ? null : terms.written(place, place + 1)[0]!
  );
  const both = [term(old, before), term(now, after)];
  const [was, is] = both;
  return {
    values: [was?.value ?? 0, is?.value ?? 0], ...split,
    moved: change !== 0 || !was || !is || was.text !== is.text,
    texts: both.map((one) => one?.text ?? ""), numbers: both.map((one) => one?.numbers ?? ""),
    sources: both.map((one) => one?.sources ?? []),
  };
}

/** What a value is computed from and that differs, in the order in which it is computed. */
function differing(a: Trace, b: Trace, target: Tensor, learned: ReadonlySet<Path>): Compared["differing"] {
  const { definitions } = b.program;
  const readBy = (tensor: Tensor): Tensor[] => {
    const statement = definitions.get(tensor);
    return statement ? [...new Set(reads(statement.expression))] : [];
  };
  const behind = new Set<Tensor>();
  const waiting = [target];
  for (let tensor = waiting.pop(); tensor; tensor = waiting.pop()) {
    for (const other of readBy(tensor)) {
      if (behind.has(other)) continue;
      behind.add(other);
      waiting.push(other);
    }
  }
  const order = new Set<Tensor>();
  for (const made of definitions.keys()) {
    if (!behind.has(made) && made !== target) continue;
    for (const one of readBy(made)) if (!definitions.has(one)) order.add(one);
    order.add(made);
  }
  order.delete(target);
  const found: Compared["differing"] = [];
  for (const tensor of order) {
    const [was, is] = [valueOf(a, tensor.name)?.[1], valueOf(b, tensor.name)?.[1]];
    const change = changed(tensor.name, was, is);
    if (!change) continue;
    let [best, most] = [0, -1];
    is!.data.forEach((value, k) => {
      const by = Math.abs(value - was!.data[k]!);
      if (by > most) [best, most] = [k, by];
    });
    const index = unravelled(best, is!.shape);
    const at = batchAxis(tensor);
    found.push({
      path: tensor.name, index: at < 0 ? index : index.toSpliced(at, 1), largest: change.largest,
      learned: learned.has(tensor.name),
    });
  }
  return found;
}

function reads(e: Expression): Tensor[] {
  return [...(e.kind === "read" ? [e.tensor] : []), ...children(e).flatMap(reads)];
}
