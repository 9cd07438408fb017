// Kernels over pictures.

import type { Convolution, Methods } from "../model/protocol.ts";
import { refuse } from "./refusal.ts";
import type { Table } from "./saved.ts";

/** y[i,j] = Σ_uv x[i·s + u·d − p, j·s + v·d − p | 0]·k[u,v] */
export function convolved(params: Methods["convolve"]["params"], sample: Table | null): Convolution {
  const { kernel, stride, padding, dilation } = params;
  const given = params.picture;
  if (!given && !sample) refuse("local.absent");
  const [h = 0, w = 0] = given ? given.shape : sample!.shape;
  const data = Float32Array.from(given ? given.data : sample!.data);
  const [rows, columns] = [kernel.length, kernel[0]?.length ?? 0];
  const size = (n: number, k: number): number => Math.floor((n + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  const [height, width] = [size(h, rows), size(w, columns)];
  if (!(height > 0 && width > 0) || data.length !== h * w) refuse("local.kernel");
  const output = new Float32Array(height * width);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (let u = 0; u < rows; u++) {
        for (let v = 0; v < columns; v++) {
          const [y, x] = [i * stride + u * dilation - padding, j * stride + v * dilation - padding];
          if (y >= 0 && y < h && x >= 0 && x < w) sum += data[y * w + x]! * kernel[u]![v]!;
        }
      }
      output[i * width + j] = sum;
    }
  }
  return { image: { shape: [h, w], data }, output: { shape: [height, width], data: output } };
}
