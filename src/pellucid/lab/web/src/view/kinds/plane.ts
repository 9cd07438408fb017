// The plane of two inputs in the colours of its classes.

import type { Numbers } from "../../model/protocol";

/** Okabe and Ito's colours, which colour-blind eyes tell apart (jfly.uni-koeln.de/color). */
const CLASSES = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [240, 228, 66],
  [120, 120, 120],
] as const;

export function classColour(label: number): string {
  return `rgb(${(CLASSES[label % CLASSES.length] ?? CLASSES[0]).join(" ")})`;
}

/** The mixture of the classes' colours, weighted by what the network gives each; one number is a share of class 1. */
export function mixture(scores: readonly number[], paper: number): [number, number, number] {
  const single = Math.min(1, Math.max(0, scores[0] ?? 0));
  const shares = scores.length === 1 ? [1 - single, single] : softened(scores);
  const rgb: [number, number, number] = [0, 0, 0];
  shares.forEach((share, k) => {
    const colour = CLASSES[k % CLASSES.length] ?? CLASSES[0];
    for (let c = 0; c < 3; c++) rgb[c] = (rgb[c] ?? 0) + share * (colour[c] ?? 0);
  });
  // Half paper, so that the points stand out.
  return rgb.map((v) => Math.round(0.55 * paper + 0.45 * v)) as [number, number, number];
}

/** Probabilities as they are; other scores only where they are positive, in proportion. */
function softened(scores: readonly number[]): number[] {
  const positive = scores.map((s) => Math.max(0, s));
  const sum = positive.reduce((a, b) => a + b, 0);
  return sum > 0 ? positive.map((s) => s / sum) : scores.map(() => 1 / scores.length);
}

export function paintPlane(canvas: HTMLCanvasElement, grid: Numbers, theme: "light" | "dark"): void {
  const [rows = 0, columns = 0, classes = 1] = grid.shape;
  const context = canvas.getContext("2d");
  if (!context || !rows || !columns) return;
  canvas.width = columns;
  canvas.height = rows;
  const image = context.createImageData(columns, rows);
  for (let k = 0; k < rows * columns; k++) {
    const scores = Array.from(grid.data.slice(k * classes, (k + 1) * classes));
    image.data.set([...mixture(scores, theme === "dark" ? 20 : 255), 255], 4 * k);
  }
  context.putImageData(image, 0, 0);
}
