// A sequence (t, units) lying down: time runs to the right, every row is a unit.

import type { Plane } from "./plane";
import type { Numbers } from "./protocol";

export function transposed(numbers: Numbers): Plane {
  const [columns = 0, rows = 0] = numbers.shape;
  const data = Float64Array.from({ length: rows * columns }, (_, k) => {
    const [unit, time] = [Math.floor(k / columns), k % columns];
    return numbers.data[time * rows + unit] ?? NaN;
  });
  return { data, rows, columns };
}
