// One map out of a stack (h, w, c), or one channel of a sequence (t, c) as a column.

import type { Numbers } from "../wire/protocol";

export interface Plane {
  data: Float64Array;
  rows: number;
  columns: number;
}

export function plane(numbers: Numbers, channel: number): Plane {
  const { shape } = numbers;
  const channels = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
  const rows = shape[0] ?? 1;
  const columns = shape.length > 2 ? (shape[1] ?? 1) : 1;
  const data = Float64Array.from(
    { length: rows * columns },
    (_, k) => numbers.data[k * channels + Math.min(channel, channels - 1)] ?? NaN,
  );
  return { data, rows, columns };
}
