// Values as pictures: of the first example, at most so many numbers, and statistics over the whole.

import type { Tensor } from "../formula/expressions.ts";
import type { Stored } from "../formula/evaluate.ts";
import { contiguous, count, sweep } from "../formula/views.ts";
import type { Picture } from "../model/wire/protocol.ts";

/** Where the examples stand among a tensor's axes; -1 where they do not. */
export function batchAxis(tensor: Tensor): number {
  return tensor.axes.findIndex((a) => a.extent === null);
}

export function picture(tensor: Tensor, { shape, data }: Stored, limit: number): Picture {
  const place = batchAxis(tensor);
  const others = (_: unknown, d: number): boolean => d !== place;
  const full = shape.filter(others);
  const strides = contiguous(shape).filter(others);
  const whole = copied(full, strides, data);
  const part = block(full, Math.max(0, limit));
  const own = copied(part, contiguous(full), whole);
  const shown = tensor.kind === "int" ? Int32Array.from(own) : Float32Array.from(own);
  return { shape: part, full, data: shown, stats: statistics(whole) };
}

function copied(extents: readonly number[], strides: readonly number[], data: ArrayLike<number>): Float64Array {
  const out = new Float64Array(count(extents));
  sweep(extents, [contiguous(extents), strides], [0, 0], ([o, a], [so, sa], n) => {
    for (let i = 0; i < n; i++) out[o! + i * so!] = data[a! + i * sa!]!;
  });
  return out;
}

/** The first block of at most `limit` numbers: of maps as many whole ones as fit, else the longest axes are cut. */
function block(shape: readonly number[], limit: number): number[] {
  const size = count(shape);
  if (size <= limit) return [...shape];
  const places = shape.slice(0, -1);
  const whole = count(places);
  if ((shape.length === 3 || shape.length === 4) && whole > 0 && whole <= limit) return [...places, Math.floor(limit / whole)];
  const cut = (side: number): number[] => shape.map((n) => Math.min(n, side));
  let [low, high] = [0, Math.max(...shape)];
  while (low < high) {
    const side = Math.floor((low + high + 1) / 2);
    if (count(cut(side)) <= limit) low = side;
    else high = side - 1;
  }
  return cut(low);
}

/** Over the finite numbers; NaN where there are none. */
function statistics(values: Float64Array): Picture["stats"] {
  let [there, sum, min, max, zeros] = [0, 0, Infinity, -Infinity, 0];
  for (const v of values) {
    if (v === 0) zeros += 1;
    if (!Number.isFinite(v)) continue;
    there += 1;
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  if (!there) return { min: NaN, max: NaN, mean: NaN, std: NaN, zeros: 0 };
  const mean = sum / there;
  let squares = 0;
  for (const v of values) if (Number.isFinite(v)) squares += (v - mean) ** 2;
  return { min, max, mean, std: Math.sqrt(squares / there), zeros: zeros / values.length };
}
