// Examples to learn from and those to judge by, as Python's `Dataset.divide`; and what is measured of those to learn from.

import { raw } from "../../formula/random.ts";
import { refuse } from "../refusal.ts";
import type { Examples, Rules } from "./examples.ts";

export interface Part {
  readonly count: number;
  readonly x: Float32Array;
  readonly y: Float64Array;
}

/** Both parts; missing values are replaced by the means of those to learn from. */
export function divided(examples: Examples, { order: key, test_size: share }: Rules): { learned: Part; test: Part } {
  const { rows, target: { y, classes } } = examples;
  if (rows < 2) refuse("local.own.few", {});
  const words = raw(rows, key);
  const order = Array.from({ length: rows }, (_, k) => k)
    .sort((a, b) => words[a]![0] - words[b]![0] || words[a]![1] - words[b]![1] || a - b);
  const count = Math.min(Math.max(Math.round(share * rows), 1), rows - 1);
  const tested = new Set(classes ? stratified(order, y, count) : order.slice(0, count));
  if (tested.size === 0) refuse("local.own.few", {});
  const learned = order.filter((row) => !tested.has(row));
  const x = complete(examples, learned);
  const width = examples.features.length;
  const part = (places: readonly number[]): Part => ({
    count: places.length,
    x: Float32Array.from({ length: places.length * width }, (_, k) => x[places[Math.floor(k / width)]! * width + (k % width)]!),
    y: Float64Array.from(places, (row) => y[row]!),
  });
  return { learned: part(learned), test: part(order.filter((row) => tested.has(row))) };
}

/** Of each class its share: the exact proportions, rounded by largest remainder; never a whole class. */
function stratified(order: readonly number[], y: Float64Array, count: number): number[] {
  const labels = [...new Set(y)].sort((a, b) => a - b);
  const sizes = labels.map((label) => y.reduce((sum, one) => sum + Number(one === label), 0));
  const exact = sizes.map((size) => (size * count) / y.length);
  const quotas = exact.map((part, k) => Math.min(Math.floor(part), sizes[k]! - 1));
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  for (let left = Math.min(count, sum(sizes.map((size) => size - 1))) - sum(quotas); left > 0; left--) {
    const gaps = quotas.map((quota, k) => (quota < sizes[k]! - 1 ? exact[k]! - quota : -Infinity));
    quotas[gaps.indexOf(Math.max(...gaps))]! += 1;
  }
  return labels.flatMap((label, k) => order.filter((row) => y[row] === label).slice(0, quotas[k]));
}

/** All rows, with the mean of these rows in the place of what is missing. */
function complete({ x, rows, features }: Examples, among: readonly number[]): Float32Array {
  const width = features.length;
  const whole = x.slice();
  features.forEach(({ name }, k) => {
    const there = among.map((row) => x[row * width + k]!).filter((value) => !Number.isNaN(value));
    if (!there.length) refuse("local.own.valueless", { column: name });
    const mean = Math.fround(there.reduce((a, b) => a + b, 0) / there.length);
    for (let row = 0; row < rows; row++) if (Number.isNaN(x[row * width + k])) whole[row * width + k] = mean;
  });
  return whole;
}

/** Mean and standard deviation of each column; that of a constant column is 1. */
export function statistics(data: ArrayLike<number>, width: number): { mean: Float32Array; deviation: Float32Array } {
  const count = data.length / width;
  const over = (of: (k: number, value: number) => number): Float64Array => {
    const sums = new Float64Array(width);
    for (let k = 0; k < data.length; k++) sums[k % width]! += of(k % width, data[k]!);
    return sums.map((sum) => sum / count);
  };
  const mean = over((_, value) => value);
  const deviation = over((k, value) => (value - mean[k]!) ** 2)
    .map(Math.sqrt)
    .map((value, k) => (value <= 1e-12 * Math.abs(mean[k]!) || value < 1.1754943508222875e-38 ? 1 : value));
  return { mean: Float32Array.from(mean), deviation: Float32Array.from(deviation) };
}
