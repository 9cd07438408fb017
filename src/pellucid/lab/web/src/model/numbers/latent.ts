// The plane of a latent space: where its points lie, and which code a place in it stands for.

import type { Latent, Numbers } from "../wire/protocol";

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

/** The point nearest to a place, where a step along each axis is so long; null where there is none. */
export function nearest(points: Numbers, [a, b]: readonly [number, number], [along, up]: readonly [number, number]): number | null {
  let best: number | null = null;
  let nearest = Infinity;
  for (let k = 0; 2 * k + 1 < points.data.length; k++) {
    const far = Math.hypot(((points.data[2 * k] ?? NaN) - a) * along, ((points.data[2 * k + 1] ?? NaN) - b) * up);
    if (far < nearest) [best, nearest] = [k, far];
  }
  return best;
}
