// What the network would say if a value were another, and how much each part of an example accounts for: as Python's
// lab/view/what_if.py, by the formulas.

import { run } from "../formula/evaluate.ts";
import type { Setting, Stored } from "../formula/evaluate.ts";
import type { Tensor } from "../formula/expressions.ts";
import { outputPath } from "../model/example/prediction.ts";
import type { Methods, Numbers, Path } from "../model/wire/protocol.ts";
import { changed } from "./compare.ts";
import { refuse } from "./refusal.ts";
import { stacked } from "./samples.ts";
import type { Sample } from "./samples.ts";
import type { Saved, Table } from "./saved.ts";

type Supposed = Omit<Methods["suppose"]["result"], "branch" | "step">;
export type Attributed = Omit<Methods["attribute"]["result"], "branch" | "step">;
type Parameters = ReadonlyMap<Path, Table>;

/** The network at a moment. */
export interface Now {
  readonly saved: Saved;
  readonly parameters: Parameters;
  readonly single: boolean;
}

const TOLERANCE = 1e-3;
const MAX_STEPS = 512;
const FIRST = 16;
const BATCH = 64;

/** The run of an example with some elements set, beside the run without. */
export function supposed({ saved, parameters, single }: Now, sample: Sample, path: Path, setting: Setting): Supposed {
  const { program, description, input, target } = saved;
  const given = new Map<string, Stored>([...parameters, [input, stacked([sample.x])]]);
  if (sample.y) given.set(target, stacked([sample.y]));
  const layers = description.layers.filter(({ kind }) => kind !== "Input");
  const tensorOf = (name: string): Tensor | undefined => program.outputs.get(name) ?? program.tensors.get(name);
  const loss = tensorOf("loss");
  const wanted = [...layers.map((layer) => tensorOf(layer.path)), loss].filter((tensor) => tensor !== undefined);
  const before = run(program, given, { wanted, single });
  const after = run(program, given, { wanted, single, set: setting });
  const output = outputPath(description)!;
  const changes = layers.flatMap(({ path: name }) => {
    const tensor = tensorOf(name)!;
    return changed(name, before.get(tensor), after.get(tensor)) ?? [];
  });
  const number = (values: ReadonlyMap<Tensor, Stored>): number | undefined => loss && values.get(loss)?.data[0];
  const losses = [number(before), number(after)];
  // A loss that reads the sums before a softmax says nothing of its output.
  const counts = path !== output && losses.every((value) => value !== undefined);
  return {
    output, before: first(before.get(tensorOf(output)!)!), after: first(after.get(tensorOf(output)!)!),
    loss: counts ? (losses as [number, number]) : null, changed: changes,
  };
}

/**
 * How much each element of an example accounts for in a unit of the output, by integrated gradients (Sundararajan, Taly,
 * Yan 2017): the way from zeros to the example is cut into parts, whose error is known, and the worst are cut again,
 * until there are so many.
 */
export function attributed({ saved, parameters }: Now, x: Table, unit: number, most = MAX_STEPS): Attributed {
  const { program, description, input } = saved;
  const tensorOf = (name: string): Tensor | undefined => program.tensors.get(name) ?? program.outputs.get(name);
  const output = outputPath(description)!;
  const path = tensorOf(`${output}.sum`) ? `${output}.sum` : output;
  const end = tensorOf(path)!;
  const shape = end.axes.slice(1).map((axis) => axis.extent ?? 1);
  const start = x.whole ? description.layers.find(({ parents }) => parents.includes(input))?.path ?? input : input;
  const [source, slope, upstream] = [tensorOf(start), tensorOf(`d(${start})`), tensorOf(`d(${path})`)];
  const units = shape.at(-1) ?? 0;
  if (!source || !slope || !upstream || shape.length > 2 || shape.length < 1 || unit >= units) {
    refuse("local.unit", { path: output, unit });
  }
  const place = shape.length === 2 ? (shape[0]! - 1) * units + unit : unit;
  const size = shape.reduce((a, b) => a * b, 1);
  const fixed = new Map<string, Stored>(parameters);
  const asRead = new Map<string, Stored>([...fixed, [input, stacked([x])]]);
  const way = start === input
    ? Float64Array.from(x.data)
    : Float64Array.from(run(program, asRead, { wanted: [source], single: false }).get(source)!.data);
  const extents = source.axes.slice(1).map((axis) => axis.extent ?? 1);

  /** What is computed of the network at some places of the way, (places, …). */
  const along = (at: readonly number[], wanted: Tensor, more: (n: number) => [string, Stored][]): Float64Array => {
    const parts: number[] = [];
    for (let k = 0; k < at.length; k += BATCH) {
      const some = at.slice(k, k + BATCH);
      const points = Float64Array.from({ length: some.length * way.length }, (_, i) => (
        some[Math.floor(i / way.length)]! * way[i % way.length]!
      ));
      const given = new Map<string, Stored>(fixed);
      if (start !== input) given.set(input, stacked(some.map(() => x)));
      given.set(source.name, { shape: [some.length, ...extents], data: points });
      for (const [name, value] of more(some.length)) given.set(name, value);
      for (const value of run(program, given, { wanted: [wanted], single: false }).get(wanted)!.data) parts.push(value);
    }
    return Float64Array.from(parts);
  };
  const heights = (at: readonly number[]): number[] => {
    const all = along(at, end, () => []);
    return at.map((_, k) => all[k * size + place]!);
  };
  const seed = (n: number): [string, Stored][] => {
    const data = new Float64Array(n * size);
    for (let k = 0; k < n; k++) data[k * size + place] = 1;
    return [[upstream.name, { shape: [n, ...shape], data }]];
  };
  const gradients = (at: readonly number[]): Float64Array[] => {
    const all = along(at, slope, seed);
    return at.map((_, k) => all.subarray(k * way.length, (k + 1) * way.length));
  };
  const part = (left: number, right: number, low: number, high: number, gradient: Float64Array): Part => {
    const rise = gradient.reduce((sum, g, i) => sum + g * way[i]!, 0) * (right - left);
    return { left, right, low, high, gradient, error: Math.abs(high - low - rise) };
  };
  const middle = ({ left, right }: { left: number; right: number }): number => (left + right) / 2;

  const edges = Array.from({ length: FIRST + 1 }, (_, k) => k / FIRST);
  const levels = heights(edges);
  const begun = gradients(edges.slice(1).map((edge) => edge - 0.5 / FIRST));
  let parts = begun.map((gradient, k) => part(edges[k]!, edges[k + 1]!, levels[k]!, levels[k + 1]!, gradient));
  const [baseline, value] = [levels[0]!, levels[FIRST]!];
  const allowed = TOLERANCE * Math.max(Math.abs(value), Math.abs(value - baseline), 1e-12);
  for (;;) {
    const bound = parts.reduce((sum, { error }) => sum + error, 0);
    if (bound <= allowed || parts.length >= most) break;
    const sorted = parts.toSorted((a, b) => b.error - a.error);
    let [count, gone] = [0, 0];
    while (count < sorted.length && gone < bound - allowed / 2) gone += sorted[count++]!.error;
    count = Math.min(Math.max(count, Math.floor(parts.length / 4)), most - parts.length, parts.length);
    const worst = sorted.slice(0, count);
    const cuts = worst.map(middle);
    const at = heights(cuts);
    const halves = worst.flatMap(({ left, right, low, high }, k) => [
      { left, right: cuts[k]!, low, high: at[k]! }, { left: cuts[k]!, right, low: at[k]!, high },
    ]);
    const slopes = gradients(halves.map(middle));
    const made = halves.map((half, k) => part(half.left, half.right, half.low, half.high, slopes[k]!));
    parts = [...sorted.slice(count), ...made];
  }
  const whole = Array.from(way, (step, i) => step * parts.reduce((s, p) => s + (p.right - p.left) * p.gradient[i]!, 0));
  const each = way.length / x.data.length; // of a text all numbers of a symbol count together
  const scores = Array.from(x.data, (_, k) => whole.slice(k * each, (k + 1) * each).reduce((a, b) => a + b, 0));
  return {
    path, index: [...(shape.length === 2 ? [shape[0]! - 1] : []), unit],
    scores: { shape: [...x.shape], data: Float32Array.from(scores) },
    output: value, baseline, missing: value - baseline - whole.reduce((a, b) => a + b, 0),
  };
}

interface Part {
  readonly left: number;
  readonly right: number;
  /** The output at its ends. */
  readonly low: number;
  readonly high: number;
  readonly gradient: Float64Array;
  readonly error: number;
}

function first({ shape, data }: Stored): Numbers {
  return { shape: shape.slice(1), data: Float32Array.from(data) };
}
