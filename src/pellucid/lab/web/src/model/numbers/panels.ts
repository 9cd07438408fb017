// How a value of any rank is laid flat: its panels, and in each the rows and columns of cells.

import type { Numbers } from "../wire/protocol";

/** Which axis runs down a panel, which across it (null: one cell wide), and which number the panels. */
export interface Arrangement {
  row: number | null;
  column: number | null;
  panels: number[];
  /** One long axis in lines of this many cells. */
  wrap: number | null;
}

export interface Flat {
  arrangement: Arrangement;
  shape: number[];
  rows: number;
  columns: number;
  /** How many panels are drawn, of how many. */
  shown: number;
  panels: number;
}

/** "volume": the first axis is the depth, whatever stands behind height and width. */
export type Draw = "units" | "maps" | "steps" | "kernel" | "volume" | null;

const MAX_PANELS = 16;
const LONGEST_ROW = 64;
/** The pixels that a cell in a row wants. */
const LEGIBLE = 12;

/**
 * The arrangement for a shape. Maps (h, w, c) have a panel a channel; kernels (u, v, c, f) one for each c and f; of
 * volumes (d, h, w, c) and their kernels (u, v, r, c, f), those of one channel are its slices, side by side; what runs
 * over time (t, units) goes from left to right; an axis "g" (gates) makes panels. A row too long for `room` pixels goes
 * on in further lines.
 */
export function arrange(
  shape: readonly number[],
  draw: Draw = null,
  axes: readonly string[] = [],
  room = LONGEST_ROW * LEGIBLE,
): Arrangement {
  const rank = shape.length;
  if (rank === 0) return { row: null, column: null, panels: [], wrap: null };
  if (rank === 1) {
    const count = shape[0] ?? 1;
    const lines = Math.ceil((count * LEGIBLE) / Math.max(1, room));
    // A long row of a square number may have been an image; any other is cut into even lines.
    const image = count >= LONGEST_ROW && Number.isInteger(Math.sqrt(count));
    return {
      row: null,
      column: 0,
      panels: [],
      wrap: lines <= 1 ? null : image ? Math.sqrt(count) : Math.ceil(count / lines),
    };
  }
  const gates = axes.indexOf("g");
  if (gates >= 0 && rank >= 2) {
    const rest = shape.map((_, axis) => axis).filter((axis) => axis !== gates);
    if (rest.length === 1) return { row: gates, column: rest[0] as number, panels: [], wrap: null };
    const time = axes.indexOf("t");
    const [down, right] =
      time >= 0 ? [rest.find((a) => a !== time) as number, time] : [rest[0] as number, rest[1] as number];
    return { row: down, column: right, panels: [gates, ...rest.filter((a) => a !== down && a !== right)], wrap: null };
  }
  if (rank === 2)
    return draw === "steps"
      ? { row: 1, column: 0, panels: [], wrap: null }
      : { row: 0, column: 1, panels: [], wrap: null };
  const axis = shape.map((_, k) => k);
  return deep(draw, rank)
    ? { row: 1, column: 2, panels: [...axis.slice(3), 0], wrap: null }
    : { row: 0, column: 1, panels: axis.slice(2), wrap: null };
}

function deep(draw: Draw, rank: number): boolean {
  return draw === "volume" || (draw === "maps" && rank === 4) || (draw === "kernel" && rank === 5);
}

/** A value laid flat by its arrangement, at most `max` panels of it. */
export function flat(shape: readonly number[], arrangement: Arrangement, max = MAX_PANELS): Flat {
  const size = (axis: number | null): number => (axis === null ? 1 : (shape[axis] ?? 1));
  const panels = arrangement.panels.reduce((n, axis) => n * size(axis), 1);
  let [rows, columns] = [size(arrangement.row), size(arrangement.column)];
  if (arrangement.wrap) [rows, columns] = [Math.ceil(columns / arrangement.wrap), arrangement.wrap];
  return { arrangement, shape: [...shape], rows, columns, panels, shown: Math.min(panels, max) };
}

/** The index of a cell; null for what is left over in the last line of a wrapped axis. */
export function index(laid: Flat, panel: number, row: number, column: number): number[] | null {
  const { arrangement, shape } = laid;
  const indices = new Array<number>(shape.length).fill(0);
  if (arrangement.wrap) {
    const at = row * arrangement.wrap + column;
    if (at >= (shape[arrangement.column ?? 0] ?? 1)) return null;
    indices[arrangement.column ?? 0] = at;
    return indices;
  }
  if (arrangement.row !== null) indices[arrangement.row] = row;
  if (arrangement.column !== null) indices[arrangement.column] = column;
  let left = panel;
  for (let k = arrangement.panels.length - 1; k >= 0; k--) {
    const axis = arrangement.panels[k] as number;
    const size = shape[axis] ?? 1;
    indices[axis] = left % size;
    left = Math.floor(left / size);
  }
  return indices;
}

/** Where an index lies; null where it is not drawn. */
export function cell(laid: Flat, at: readonly number[]): { panel: number; row: number; column: number } | null {
  const { arrangement, shape } = laid;
  if (at.length !== shape.length || at.some((i, axis) => i < 0 || i >= (shape[axis] ?? 1))) return null;
  if (arrangement.wrap) {
    const i = at[arrangement.column ?? 0] ?? 0;
    return { panel: 0, row: Math.floor(i / arrangement.wrap), column: i % arrangement.wrap };
  }
  const panel = arrangement.panels.reduce((n, axis) => n * (shape[axis] ?? 1) + (at[axis] ?? 0), 0);
  if (panel >= laid.shown) return null;
  return {
    panel,
    row: arrangement.row === null ? 0 : (at[arrangement.row] ?? 0),
    column: arrangement.column === null ? 0 : (at[arrangement.column] ?? 0),
  };
}

/** The place of an index in row-major order. */
export function offset(shape: readonly number[], at: readonly number[]): number {
  return at.reduce((n, i, axis) => n * (shape[axis] ?? 1) + i, 0);
}

/** The number of a cell, if it is there. */
export function numberAt(numbers: Numbers, index: readonly number[]): number | undefined {
  return index.length === numbers.shape.length && index.every((i, axis) => i >= 0 && i < (numbers.shape[axis] ?? 1))
    ? numbers.data[offset(numbers.shape, index)]
    : undefined;
}

export interface Slice {
  numbers: Numbers;
  /** Where the element lies in it, and the index of each of its cells in the whole. */
  focus: number[];
  whole: (cell: number[]) => number[];
}

/** What stands beside an element: the map that it is in, the same unit at all times, or its whole row of units. */
export function beside(numbers: Numbers, index: readonly number[]): Slice | null {
  const rank = numbers.shape.length;
  if (rank === 0 || index.length !== rank || index.some((i, axis) => i >= (numbers.shape[axis] ?? 0))) return null;
  if (rank === 1) return { numbers, focus: [...index], whole: (cell) => cell };
  const last = index[rank - 1] ?? 0;
  const size = numbers.shape[rank - 1] ?? 1;
  const shape = rank === 2 ? [1, numbers.shape[0] ?? 1] : numbers.shape.slice(0, -1);
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let k = 0; k < data.length; k++) data[k] = numbers.data[k * size + last] ?? NaN;
  return rank === 2
    ? { numbers: { shape, data }, focus: [0, index[0] ?? 0], whole: (cell) => [cell[1] ?? 0, last] }
    : { numbers: { shape, data }, focus: index.slice(0, -1), whole: (cell) => [...cell, last] };
}

export interface Boxes {
  /** Panels in a row, the pixels of a cell across and down, and of the whole. */
  across: number;
  cell: number;
  tall: number;
  width: number;
  height: number;
  /** The gap between panels. */
  gap: number;
}

/**
 * How large the cells are so that the whole fits a width; cells are between `min` and `max` pixels. They are square,
 * unless what runs over time is stretched along it.
 */
export function boxes(
  laid: Flat,
  width: number,
  min: number,
  max: number,
  tallest = Infinity,
  stretch = false,
): Boxes {
  const gap = laid.shown > 1 ? Math.max(2, Math.min(8, Math.round(width / 32))) : 0;
  let best: Boxes | null = null;
  for (let across = 1; across <= laid.shown; across++) {
    const room = (width - gap * (across - 1)) / (across * laid.columns);
    const lines = Math.ceil(laid.shown / across);
    const high = (tallest - gap * (lines - 1)) / (lines * laid.rows);
    const exact = Math.min(max, room, stretch ? Infinity : Math.max(high, min));
    const size = exact >= 1 && !stretch ? Math.floor(exact * 2) / 2 : exact;
    const tall = stretch ? Math.min(size, Math.max(high, 1)) : size;
    const made: Boxes = {
      across,
      cell: size,
      tall,
      gap,
      width: across * laid.columns * size + gap * (across - 1),
      height: lines * laid.rows * tall + gap * (lines - 1),
    };
    // The largest cells win, and of those the smallest height.
    if (!best || made.tall > best.tall || (made.tall === best.tall && made.height < best.height)) best = made;
    else if (made.cell < min) break;
  }
  return best as Boxes;
}

/** The corner of a cell in pixels. */
export function corner(laid: Flat, box: Boxes, panel: number, row: number, column: number): [x: number, y: number] {
  const across = panel % box.across;
  const line = Math.floor(panel / box.across);
  return [
    across * (laid.columns * box.cell + box.gap) + column * box.cell,
    line * (laid.rows * box.tall + box.gap) + row * box.tall,
  ];
}

/** The cell under a point; null between panels. */
export function under(
  laid: Flat,
  box: Boxes,
  x: number,
  y: number,
): { panel: number; row: number; column: number } | null {
  const [wide, high] = [laid.columns * box.cell + box.gap, laid.rows * box.tall + box.gap];
  const [across, line] = [Math.floor(x / wide), Math.floor(y / high)];
  const [column, row] = [Math.floor((x - across * wide) / box.cell), Math.floor((y - line * high) / box.tall)];
  const panel = line * box.across + across;
  const inside =
    x >= 0 && y >= 0 && across < box.across && panel < laid.shown && row < laid.rows && column < laid.columns;
  return inside ? { panel, row, column } : null;
}
