// Curves of any length as a screen can show them: of each column of pixels the smallest and the largest value.

export interface Piece {
  /** The step of the first value. */
  from: number;
  values: Float64Array;
  /** What the line begins at, one step before its first value: where a branch left. */
  before?: number | null;
}

/** Two marks a column. Where a column has no value, null: a gap in the line. */
export interface Thin {
  x: number[];
  /** One for each piece, in step with `x`. */
  y: (number | null)[][];
}

/**
 * Pieces over the steps `first`…`last`, in `columns` columns that all share, so that one axis serves them. In a column
 * the extremes stand in the order in which they came. Where there are fewer steps than marks, every step is a mark.
 */
export function thin(pieces: readonly Piece[], first: number, last: number, columns: number): Thin {
  const count = last - first + 1;
  if (count <= 0 || columns <= 0) return { x: [], y: pieces.map(() => []) };
  if (count <= 2 * columns) {
    const x = Array.from({ length: count }, (_, k) => first + k);
    return { x, y: pieces.map((piece) => x.map((step) => valueAt(piece, step))) };
  }
  const x: number[] = [];
  for (let column = 0; column < columns; column++) {
    const [start, end] = bounds(column, columns, first, count);
    // In the quarters of the column: the line then leans as the values did.
    x.push(start + (end - start) / 4, start + (3 * (end - start)) / 4);
  }
  const y = pieces.map(({ from, values, before }) => {
    const marks: (number | null)[] = [];
    const begin = finite(before);
    for (let column = 0; column < columns; column++) {
      const [start, end] = bounds(column, columns, first, count);
      const a = Math.max(start - from, 0);
      const b = Math.min(end - from, values.length);
      let [low, high, atLow, atHigh] = [Infinity, -Infinity, -1, -1];
      for (let k = a; k < b; k++) {
        const value = values[k]!;
        if (value < low && value > -Infinity) [low, atLow] = [value, k];
        if (value > high && value < Infinity) [high, atHigh] = [value, k];
      }
      // The column in which it begins may have values of its own behind that.
      const begins = begin !== null && from - 1 >= start && from - 1 < end;
      if (begins) marks.push(begin, finite(values[b - 1]));
      else if (atLow < 0) marks.push(null, null);
      else if (atLow <= atHigh) marks.push(low, high);
      else marks.push(high, low);
    }
    return marks;
  });
  return { x, y };
}

function bounds(column: number, columns: number, first: number, count: number): [number, number] {
  return [first + Math.floor((column * count) / columns), first + Math.floor(((column + 1) * count) / columns)];
}

function valueAt({ from, values, before }: Piece, step: number): number | null {
  return finite(step === from - 1 ? before : values[step - from]);
}

function finite(value: number | null | undefined): number | null {
  return typeof value !== "number" || !Number.isFinite(value) ? null : value;
}

/**
 * For each of `columns` columns over 0…`last` the number of the sample that was taken in it, of several the last; −1 is a
 * gap. Where a step is wider than a column, its sample is as wide as the step.
 */
export function columnSamples(steps: readonly number[], last: number, columns: number): Int32Array {
  const out = new Int32Array(columns).fill(-1);
  const wide = columns / last;
  steps.forEach((step, k) => {
    const from = Math.max(0, Math.ceil((step - 0.5) * wide));
    const end = Math.min(columns, Math.ceil((step + 0.5) * wide));
    if (from < end) out.fill(k, from, end);
    else out[Math.min(columns - 1, Math.floor(step * wide))] = k;
  });
  return out;
}
