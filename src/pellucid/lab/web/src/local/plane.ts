// Kernels over images.

import { show } from "../model/numbers/numbers.ts";
import type { Convolution, Methods, Term } from "../model/wire/protocol.ts";
import { refuse } from "./refusal.ts";
import type { Table } from "./saved.ts";

/** y[i,j] = Σ_uv x[i·s + u·d − p, j·s + v·d − p | 0]·k[u,v] */
export function convolved(params: Methods["convolve"]["params"], sample: Table | null): Convolution {
  const { kernel, stride, padding, dilation } = params;
  const given = params.image;
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
  const convolution: Convolution = { image: { shape: [h, w], data }, output: { shape: [height, width], data: output } };
  if (params.at) convolution.window = windowAt(params, data, [h, w], output, [height, width]);
  return convolution;
}

/** The arithmetic of one place: what is inside, the terms that weigh most first. */
function windowAt(
  { kernel, stride, padding, dilation, at }: Methods["convolve"]["params"],
  data: Float32Array, [h, w]: [number, number], output: Float32Array, [height, width]: [number, number],
): NonNullable<Convolution["window"]> {
  const [i = -1, j = -1] = at ?? [];
  if (!(i >= 0 && i < height && j >= 0 && j < width)) {
    refuse("local.index", { path: "y", shape: `${height} × ${width}`, index: (at ?? []).join(", ") });
  }
  const terms: Term[] = [];
  let outside = 0;
  kernel.forEach((row, u) => row.forEach((given, v) => {
    const [y, x] = [i * stride + u * dilation - padding, j * stride + v * dilation - padding];
    if (y < 0 || y >= h || x < 0 || x >= w) {
      outside += 1;
      return;
    }
    const [pixel, weight] = [data[y * w + x]!, Math.fround(given)];
    terms.push({
      value: pixel * weight,
      text: `x[0,${y},${x},0]·k[${u},${v},0,0]`,
      numbers: `${factor(pixel)}·${factor(weight)}`,
      sources: [
        { path: "x", index: [0, y, x, 0], value: pixel },
        { path: "k", index: [u, v, 0, 0], value: weight },
      ],
    });
  }));
  terms.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return { value: output[i * width + j]!, terms, outside };
}

const factor = (x: number): string => (x < 0 ? `(${show(x)})` : show(x));
