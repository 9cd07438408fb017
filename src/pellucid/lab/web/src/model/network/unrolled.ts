// A recurrent layer over time: what it has at every step, in the letters of its formulas.

import type { Plane } from "../numbers/plane";
import type { Layer, Numbers, Path, Value } from "../wire/protocol";

/** A sequence (t, units) lying down: time runs to the right, every row is a unit. */
export function transposed(numbers: Numbers): Plane {
  const [columns = 0, rows = 1] = numbers.shape;
  const data = Float64Array.from({ length: rows * columns }, (_, k) => {
    const [unit, time] = [Math.floor(k / columns), k % columns];
    return numbers.data[time * rows + unit] ?? NaN;
  });
  return { data, rows, columns };
}

/** One way through the sequence: a layer has one, Bidirectional two. */
export interface Pass {
  /** "" for the only one, else "forward" or "backward". */
  name: string;
  /** The path of the state at every step, and of the cell where there is one. */
  state: Value;
  cell: Value | null;
  /** Everything that it has for every unit at every step, in the order of the formulas. */
  tracks: Track[];
  steps: number;
  units: number;
  /** Whether the state comes from the step after. */
  reversed: boolean;
  /** What it gives at the end; null where it gives its states. */
  output: Value | null;
}

export interface Track {
  value: Value;
  /** "h", "c", "i": as the formula writes it. */
  letter: string;
}

export function passes(layer: Layer): Pass[] {
  const lines = formulas(layer);
  const made: Pass[] = [];
  for (const state of layer.values.filter((v) => v.path.endsWith(".state") && v.shape.length === 2)) {
    const home = state.path.slice(0, -".state".length);
    const own = layer.values.filter((v) => v.path.startsWith(`${home}.`) && v.shape.join() === state.shape.join());
    const output = layer.values.find((v) => v.path === home);
    const recurrent = layer.values.filter((v) => v.path.startsWith(`${home}.`)).map((v) => lines.get(v.path) ?? "");
    made.push({
      name: home === layer.path ? "" : home.slice(layer.path.length + 1),
      state,
      cell: own.find((v) => v.path === `${home}.cell`) ?? null,
      tracks: own.map((value) => ({ value, letter: letterOf(lines.get(value.path)) ?? value.path.slice(home.length + 1) })),
      steps: state.shape[0] ?? 0,
      units: state.shape[1] ?? 0,
      reversed: recurrent.some((line) => /\bt \+ 1\b/.test(line)),
      output: output && output.shape.length < 2 ? output : null,
    });
  }
  return made;
}

/** The formula of each value. A value of two names, a layer's output and its states, has one formula. */
function formulas(layer: Layer): Map<Path, string> {
  const lines = layer.formula.split("\n");
  const shapes = new Map(layer.values.map((v) => [v.path, v.shape.join()]));
  const named = layer.values.filter((v) => shapes.get(`${v.path}.state`) !== v.shape.join());
  return new Map(named.map((v, k) => [v.path, lines[k] ?? ""]));
}

function letterOf(line: string | undefined): string | null {
  return /^([^\s[]+)\[/.exec(line ?? "")?.[1] ?? null;
}

/** So many steps around one, as many as there are. */
export function around(at: number, steps: number, max: number): number[] {
  const count = Math.min(max, steps);
  const first = Math.max(0, Math.min(at - Math.floor(count / 2), steps - count));
  return Array.from({ length: count }, (_, k) => first + k);
}
