// What the network says of an example, in words a person can hold against the label.

import type { Description, Example, Picture } from "../wire/protocol.ts";
import { outputNames } from "./outputs.ts";

export interface Prediction {
  /** A class's or a symbol's number, where the network chooses; else null. */
  choice: number | null;
  text: string;
  /** The probability of what was chosen, where the outputs are probabilities. */
  probability: number | null;
  /** Whether it is the label; null where that cannot be said. */
  right: boolean | null;
  /** The place in the output of the number that decides; null where there are several. */
  index: number[] | null;
}

/** The layer whose output nobody takes: what the network gives. */
export function outputPath(description: Description): string | null {
  const taken = new Set(description.layers.flatMap((layer) => layer.parents));
  return description.layers.findLast((layer) => !taken.has(layer.path))?.path ?? null;
}

export function predict(
  description: Description, output: Picture | undefined, example: Example | null, show: (x: number) => string,
): Prediction | null {
  if (output === undefined || output.data.length === 0) return null;
  const names = outputNames(description);
  const width = output.full.at(-1) ?? 1;
  const whole = output.data.length === output.full.reduce((a, b) => a * b, 1);
  if (names !== null && width === names.length && width > 1 && whole) {
    // Of a text the last step counts: what comes next.
    const last = output.data.subarray(output.data.length - width);
    let choice = 0;
    let sum = 0;
    for (let k = 0; k < width; k++) {
      if (last[k]! > last[choice]!) choice = k;
      sum += last[k]! < 0 ? NaN : last[k]!;
    }
    const name = names[choice] ?? `${choice}`;
    const probability = Math.abs(sum - 1) < 1e-3 ? last[choice]! : null;
    const index = [...output.full.slice(0, -1).map((n) => n - 1), choice];
    return { choice, text: name, probability, right: judge(example, choice, name), index };
  }
  const only = output.data.length === 1 && whole ? output.full.map(() => 0) : null;
  if (names !== null && names.length === 2 && output.data.length === 1) {
    const p = output.data[0]!;
    const choice = p > 0.5 ? 1 : 0;
    const probability = p >= 0 && p <= 1 ? (choice === 1 ? p : 1 - p) : null;
    return { choice, text: names[choice]!, probability, right: judge(example, choice, names[choice]!), index: only };
  }
  // More numbers than a glance takes in are better seen where they are drawn.
  if (output.data.length > 3) return null;
  return { choice: null, text: Array.from(output.data, show).join(" "), probability: null, right: null, index: only };
}

/** The number of the true class or symbol; of a text that of the last step. Null where there is none. */
export function truth(example: Example): number | null {
  const y = example.y;
  if (y === null || typeof y === "number") return y;
  const { data, shape } = y;
  // Numbers of symbols, one a step; other targets are no choice.
  return data instanceof Int32Array && shape.length === 1 && data.length > 0 ? data[data.length - 1]! : null;
}

function judge(example: Example | null, choice: number, name: string): boolean | null {
  if (example === null) return null;
  const true_ = truth(example);
  if (true_ !== null) return true_ === choice;
  return example.y === null || example.label === null ? null : example.label === name;
}
