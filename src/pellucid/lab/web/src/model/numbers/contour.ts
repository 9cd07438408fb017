// Where one class gives way to another: the lines on which the two largest scores are equal.

import type { Numbers } from "../wire/protocol";

/** A piece of a border in columns and rows of the grid, from the first to the last. */
export type Piece = [x0: number, y0: number, x1: number, y1: number];

/**
 * The borders on a grid of (rows, columns, classes) by marching squares. A single score is held against `border`.
 * Where there is a number that is none, there is no border.
 */
export function borders(grid: Numbers, border = 0.5): Piece[] {
  const [rows = 0, columns = 0, classes = 1] = grid.shape;
  const pieces: Piece[] = [];
  for (let c = 0; c < (classes > 2 ? classes : 1); c++) {
    const lead = (k: number): number => {
      const own = grid.data[k * classes + c] ?? NaN;
      if (classes === 1) return own - border;
      let other = -Infinity;
      for (let d = 0; d < classes; d++) if (d !== c) other = Math.max(other, grid.data[k * classes + d] ?? NaN);
      return own - other;
    };
    for (let i = 0; i + 1 < rows; i++)
      for (let j = 0; j + 1 < columns; j++) {
        const corners = [i * columns + j, i * columns + j + 1, (i + 1) * columns + j + 1, (i + 1) * columns + j].map(lead);
        pieces.push(...square(corners as Four, j, i));
      }
  }
  return pieces;
}

type Four = [number, number, number, number];

/** The pieces in one square, whose corners go round from the upper left. */
function square(corners: Four, x: number, y: number): Piece[] {
  const sides: [from: 0 | 1 | 2 | 3, to: 0 | 1 | 2 | 3][] = [[0, 1], [1, 2], [2, 3], [3, 0]];
  const at: [number, number][] = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]];
  const crossings: [number, number][] = [];
  for (const [p, q] of sides) {
    const [a, b] = [corners[p], corners[q]];
    if (!Number.isFinite(a) || !Number.isFinite(b) || a > 0 === b > 0) continue;
    const fraction = a / (a - b);
    const [from, to] = [at[p]!, at[q]!];
    crossings.push([from[0] + fraction * (to[0] - from[0]), from[1] + fraction * (to[1] - from[1])]);
  }
  const pieces: Piece[] = [];
  for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push([...crossings[k]!, ...crossings[k + 1]!]);
  return pieces;
}
