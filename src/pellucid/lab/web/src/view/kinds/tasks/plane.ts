// The plane of two inputs in the colours of its classes, or of its one number.

import { colour, domain } from "../../../model/numbers/colour";
import type { Numbers } from "../../../model/wire/protocol";
import { raster } from "../../common/raster";

/**
 * Colours that colour-blind eyes distinguish, most of them Okabe and Ito's (jfly.uni-koeln.de/color), with two more for ten
 * digits. Blue and orange, which mean the sign of a number everywhere else, come last: two classes are violet and yellow.
 */
const CLASSES = [
  [110, 64, 150],
  [214, 180, 10],
  [0, 140, 120],
  [140, 86, 44],
  [110, 110, 110],
  [86, 180, 233],
  [204, 121, 167],
  [0, 114, 178],
  [213, 94, 0],
  [230, 159, 0],
] as const;

export function classColour(label: number): string {
  const count = CLASSES.length;
  return `rgb(${(CLASSES[((label % count) + count) % count] ?? CLASSES[0]).join(" ")})`;
}

/** How the scores of a network are to be read. */
export type Scores = "probabilities" | "logits";

/** The mixture of the classes' colours, weighted by what the network gives each; one number is the probability of class 1. */
export function mixture(scores: readonly number[], paper: number, read: Scores = "probabilities"): [number, number, number] {
  if (!scores.every(Number.isFinite)) return [208, 24, 40];
  const rgb: [number, number, number] = [0, 0, 0];
  probabilities(scores, read).forEach((probability, k) => {
    const tint = CLASSES[k % CLASSES.length] ?? CLASSES[0];
    for (let c = 0; c < 3; c++) rgb[c] = (rgb[c] ?? 0) + probability * (tint[c] ?? 0);
  });
  // Half paper, so that the points stand out.
  return rgb.map((v) => Math.round(0.55 * paper + 0.45 * v)) as [number, number, number];
}

/** How strong each class's colour is. Sums, that no softmax has made probabilities of, are weighed as one would. */
function probabilities(scores: readonly number[], read: Scores): number[] {
  if (scores.length === 1) {
    const one = scores[0] ?? 0;
    const probability = read === "logits" ? 1 / (1 + Math.exp(-one)) : Math.min(1, Math.max(0, one));
    return [1 - probability, probability];
  }
  if (read === "logits") {
    const max = Math.max(...scores);
    const powers = scores.map((s) => Math.exp(s - max));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((p) => p / sum);
  }
  const positive = scores.map((s) => Math.max(0, s));
  const sum = positive.reduce((a, b) => a + b, 0);
  return sum > 0 ? positive.map((s) => s / sum) : scores.map(() => 1 / scores.length);
}

/** The plane: classes mixed, or with `output` one of its numbers on the scale of all numbers. */
export function paintPlane(
  canvas: HTMLCanvasElement, grid: Numbers, theme: "light" | "dark", read: Scores, output: number | null,
): void {
  const [rows = 0, columns = 0, classes = 1] = grid.shape;
  raster(canvas, columns, rows, (rgba) => {
    const values = output === null ? null : layer(grid, output);
    const scale = values ? domain(values) : 1;
    for (let k = 0; k < rows * columns; k++) {
      const tint = values
        ? colour(values[k] ?? NaN, scale, "value", theme)
        : mixture(Array.from(grid.data.slice(k * classes, (k + 1) * classes)), theme === "dark" ? 20 : 255, read);
      rgba.set([...tint, 255], 4 * k);
    }
  });
}

/** One of the numbers of every place. */
export function layer(grid: Numbers, output: number): Float64Array {
  const [rows = 0, columns = 0, classes = 1] = grid.shape;
  return Float64Array.from({ length: rows * columns }, (_, k) => grid.data[k * classes + output] ?? NaN);
}
