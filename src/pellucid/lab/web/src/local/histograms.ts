// How numbers are distributed: of parameters at every step that is kept, of all else at the step shown.

import type { Histogram } from "../model/wire/protocol.ts";

const BINS = 32;
/** So many steps at most. */
export const COLUMNS = 40;

/** Over the finite numbers: how many lie in each of equal parts between the smallest and the largest. */
export function histogram(values: ArrayLike<number>, step: number): Histogram {
  let [low, high, sum, finite] = [Infinity, -Infinity, 0, 0];
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    if (!Number.isFinite(value)) continue;
    [low, high, sum, finite] = [Math.min(low, value), Math.max(high, value), sum + value, finite + 1];
  }
  if (finite === 0) [low, high] = [0, 0];
  const mean = finite ? sum / finite : 0;
  const counts = new Int32Array(high > low ? BINS : 1);
  let squares = 0;
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    if (!Number.isFinite(value)) continue;
    counts[high > low ? binOf(value, low, high) : 0]! += 1;
    squares += (value - mean) ** 2;
  }
  return { step, low, high, mean, std: finite ? Math.sqrt(squares / finite) : 0, counts, lost: values.length - finite };
}

/** The part in which a number lies, by the very edges between them; the last has its upper edge as well. */
function binOf(value: number, low: number, high: number): number {
  const edge = (k: number): number => (k === BINS ? high : low + (k * (high - low)) / BINS);
  let bin = Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
  if (value < edge(bin)) bin--;
  else if (bin < BINS - 1 && value >= edge(bin + 1)) bin++;
  return bin;
}

/** Every `width`-th number from `unit` on; all where no unit is meant. */
export function ofUnit(data: ArrayLike<number>, width: number, unit: number | null): ArrayLike<number> {
  if (unit === null) return data;
  return Array.from({ length: data.length / width }, (_, row) => data[row * width + unit]!);
}

/** At most so many, evenly from the first to the last. */
export function evenly<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  const places = Array.from({ length: count }, (_, k) => Math.floor((k * (all.length - 1)) / (count - 1)));
  return [...new Set(places)].map((place) => all[place]!);
}
