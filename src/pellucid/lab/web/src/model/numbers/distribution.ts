// The parts of a histogram, and what all of several lie in.

import type { Histogram } from "../wire/protocol";

export interface Cell {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export function cellsOf({ low, high, counts }: Histogram): Cell[] {
  const size = (high - low) / counts.length;
  return Array.from(counts, (count, k) => ({ low: low + k * size, high: k + 1 === counts.length ? high : low + (k + 1) * size, count }));
}

/** From the smallest to the largest number of all; never of no extent. */
export function spanOf(columns: readonly Histogram[]): { low: number; high: number } {
  const low = Math.min(...columns.map((one) => one.low));
  const high = Math.max(...columns.map((one) => one.high));
  const half = Math.max(Math.abs(low) * 0.05, 1e-9);
  return high > low ? { low, high } : { low: low - half, high: high + half };
}
