// The plane of a latent space: where its points lie, and which code a place in it stands for.

import type { Latent, Numbers } from "./protocol";

/** The smallest box around the points, a tenth wider on each side. */
export function span(points: Numbers): { x: [number, number]; y: [number, number] } {
  const box = (offset: 0 | 1): [number, number] => {
    let low = Infinity;
    let high = -Infinity;
    for (let k = offset; k < points.data.length; k += 2) {
      const value = points.data[k] ?? 0;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(high > low)) return [Number.isFinite(low) ? low - 1 : -1, Number.isFinite(low) ? low + 1 : 1];
    const margin = (high - low) / 10;
    return [low - margin, high + margin];
  };
  return { x: box(0), y: box(1) };
}

/** The code at a place: the centre plus so much of each of the two directions. */
export function codeAt(latent: Latent, [a, b]: readonly [number, number]): number[] {
  const size = latent.centre.length;
  const direction = latent.directions.data;
  return Array.from(latent.centre, (c, k) => c + a * (direction[k] ?? 0) + b * (direction[size + k] ?? 0));
}
