// What an example should give and what the network gives for it, in the words of the task.

import type { Description, Example, Numbers, Ranked } from "../wire/protocol";
import { percent, show as numberText } from "../numbers/numbers.ts";
import { after, priced } from "./prices.ts";
import { shown } from "./symbols.ts";

export interface Answered {
  /** Of an image the image stands for itself: null. */
  truth: string | null;
  said: string | null;
  /** Whether both are the same, where they are names. */
  right: boolean | null;
}

const FEW = 3;

/** In words, for a table; an image that the network makes has none. */
export function answerOf(description: Description, { example, truth, said, answer }: Ranked): Answered {
  const { classes, vocabulary } = description;
  if (classes !== null && truth !== null && said !== null) {
    const p = probability(answer, said);
    const name = classes[said] ?? `${said}`;
    return { truth: classes[truth] ?? `${truth}`, said: p === null ? name : `${name} (${percent(p)})`, right: truth === said };
  }
  if (vocabulary !== null && answer !== null && answer.shape.at(-1) === vocabulary.length) {
    const target = typeof example.y === "number" ? [example.y] : Array.from(example.y?.data ?? []);
    return { truth: text(vocabulary, target), said: text(vocabulary, choices(answer)), right: null };
  }
  const numbers = (of: ArrayLike<number>) => (of.length > FEW ? null : Array.from(of, (x) => quantity(description, example, x)).join(" "));
  const y = example.y;
  return {
    truth: y === null ? null : typeof y === "number" ? quantity(description, example, y) : numbers(y.data),
    said: answer === null ? null : numbers(answer.data),
    right: null,
  };
}

/** A quantity; of a change of prices the price that it leads to. */
function quantity({ scaling }: Description, { prices }: Example, x: number): string {
  const today = prices?.at(-1);
  return scaling != null && today !== undefined ? priced(after(today, x, scaling)) : numberText(x);
}

function choices({ shape, data }: Numbers): number[] {
  const width = shape.at(-1)!;
  return Array.from({ length: data.length / width }, (_, row) => {
    let best = 0;
    for (let k = 1; k < width; k++) if (data[row * width + k]! > data[row * width + best]!) best = k;
    return best;
  });
}

function text(vocabulary: readonly string[], ids: readonly number[]): string {
  const symbols = ids.map((id) => shown(vocabulary[id] ?? `${id}`));
  return symbols.join(symbols.some((symbol) => [...symbol].length > 1) ? " " : "");
}

/** Of the class that was said, where the outputs are probabilities. */
function probability(answer: Numbers | null, said: number): number | null {
  if (answer === null) return null;
  const values = Array.from(answer.data);
  if (values.some((v) => !(v >= 0 && v <= 1))) return null;
  if (values.length === 1) return said === 1 ? values[0]! : 1 - values[0]!;
  return Math.abs(values.reduce((a, b) => a + b, 0) - 1) < 1e-3 ? (values[said] ?? null) : null;
}
