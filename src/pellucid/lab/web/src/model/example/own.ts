// An example of the person's own: a drawing, an image or numbers, made to fit the input.

export interface Range {
  low: number;
  high: number;
}

/** The numbers that stand for the darkest and the brightest in the data. */
export function rangeOf(data: ArrayLike<number>): Range {
  let [low, high] = [Infinity, -Infinity];
  for (let k = 0; k < data.length; k++) {
    low = Math.min(low, data[k]!);
    high = Math.max(high, data[k]!);
  }
  return low < high ? { low, high } : { low: 0, high: 1 };
}

/** An image's height, width and channels, whatever axes it has. */
export function imageShape(shape: readonly number[]): [number, number, number] {
  const [h = 1, w = 1, c = 1] = shape.length === 3 ? shape : shape.length === 2 ? [...shape, 1] : [1, shape[0] ?? 1, 1];
  return [h, w, c];
}

/** How bright the border of an image is, 0 to 1: what its background is. */
export function borderLevel(data: ArrayLike<number>, shape: readonly number[], range: Range): number {
  const [h, w, c] = imageShape(shape);
  let [sum, count] = [0, 0];
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      if (i > 0 && i < h - 1 && j > 0 && j < w - 1) continue;
      for (let k = 0; k < c; k++) sum += data[(i * w + j) * c + k]!;
      count += c;
    }
  }
  return (sum / count - range.low) / (range.high - range.low);
}

/** Pixels of an image (red, green, blue, opacity; 0 to 255) as numbers of the input. */
export function fromPixels(rgba: ArrayLike<number>, shape: readonly number[], range: Range, invert: boolean): number[] {
  const [h, w, c] = imageShape(shape);
  const out: number[] = [];
  for (let k = 0; k < h * w; k++) {
    const opacity = rgba[4 * k + 3]! / 255;
    // Through what is transparent, white paper is seen.
    const channel = (n: number) => (rgba[4 * k + n]! * opacity + 255 * (1 - opacity)) / 255;
    const colours = c === 1
      ? [0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)]
      : Array.from({ length: c }, (_, n) => (n < 3 ? channel(n) : opacity));
    for (const level of colours) out.push(range.low + (range.high - range.low) * (invert ? 1 - level : level));
  }
  return out;
}

/** A dot of a soft brush on levels of 0 to 1; what it covers only grows, or with `ink` 0 only shrinks. */
export function dab(levels: Float32Array, h: number, w: number, y: number, x: number, radius: number, ink = 1): void {
  for (let i = Math.max(0, Math.floor(y - radius - 1)); i <= Math.min(h - 1, Math.ceil(y + radius + 1)); i++) {
    for (let j = Math.max(0, Math.floor(x - radius - 1)); j <= Math.min(w - 1, Math.ceil(x + radius + 1)); j++) {
      const distance = Math.hypot(i + 0.5 - y, j + 0.5 - x);
      const cover = Math.min(1, Math.max(0, radius + 0.5 - distance));
      const k = i * w + j;
      levels[k] = ink > 0 ? Math.max(levels[k]!, cover * ink) : Math.min(levels[k]!, 1 - cover);
    }
  }
}

/** A stroke: dots close enough to be a line. */
export function stroke(
  levels: Float32Array, h: number, w: number, from: [number, number], to: [number, number], radius: number, ink = 1,
): void {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const count = Math.max(1, Math.ceil(length / Math.max(0.25, radius / 2)));
  for (let k = 0; k <= count; k++) {
    const t = k / count;
    dab(levels, h, w, from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1]), radius, ink);
  }
}

/** Fine levels as the coarse ones of the input: the mean of each square of `fine` by `fine`. */
export function coarse(levels: Float32Array, h: number, w: number, fine: number): Float32Array {
  const out = new Float32Array(h * w);
  for (let i = 0; i < h * fine; i++) {
    for (let j = 0; j < w * fine; j++) {
      const k = Math.floor(i / fine) * w + Math.floor(j / fine);
      out[k] = out[k]! + levels[i * w * fine + j]! / (fine * fine);
    }
  }
  return out;
}

/** Levels of 0 to 1 as numbers of the input. */
export function fromLevels(levels: ArrayLike<number>, channels: number, range: Range, invert: boolean): number[] {
  const out: number[] = [];
  for (let k = 0; k < levels.length; k++) {
    const level = invert ? 1 - levels[k]! : levels[k]!;
    for (let n = 0; n < channels; n++) out.push(range.low + (range.high - range.low) * level);
  }
  return out;
}

/** The numbers in a text, whatever stands between them; null where a word is no number. */
export function numbersIn(text: string): number[] | null {
  const words = text.replace(/[−–]/g, "-").split(/[\s,;[\]()]+/).filter((word) => word !== "");
  const numbers = words.map(Number);
  return numbers.every(Number.isFinite) ? numbers : null;
}
