// Numbers as a picture.

import type { Range } from "../example/own";
import type { Numbers } from "../wire/protocol";

export interface Pixels {
  width: number;
  height: number;
  rgba: Uint8ClampedArray;
}

/** Numbers as pixels, black at `low` and white at `high`; (h, w), (h, w, 1) are grey, (h, w, 3) colours, a vector of a square number a square. */
export function pixels(numbers: Numbers, range: Range = { low: 0, high: 1 }): Pixels | null {
  const [height, width, channels] = measures(numbers.shape);
  if (!height || !width || (channels !== 1 && channels !== 3)) return null;
  const rgba = new Uint8ClampedArray(4 * height * width);
  writePixels(rgba, numbers.data, channels, range);
  return { width, height, rgba };
}

/** The first three channels are the colours; of fewer the first one is grey. */
export function writePixels(
  rgba: Uint8ClampedArray, data: ArrayLike<number>, channels: number, { low, high }: Range,
): void {
  for (let k = 0; 4 * k < rgba.length; k++) {
    for (let c = 0; c < 3; c++) {
      const value = data[k * channels + (channels >= 3 ? c : 0)] ?? 0;
      rgba[4 * k + c] = (255 * (value - low)) / (high - low);
    }
    rgba[4 * k + 3] = 255;
  }
}

function measures(shape: number[]): [number, number, number] {
  if (shape.length === 1) {
    const side = Math.round(Math.sqrt(shape[0] ?? 0));
    return side * side === shape[0] ? [side, side, 1] : [1, shape[0] ?? 0, 1];
  }
  return [shape[0] ?? 0, shape[1] ?? 0, shape[2] ?? 1];
}
