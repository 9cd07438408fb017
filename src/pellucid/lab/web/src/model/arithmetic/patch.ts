// A window that slides over a map, as the explanation of one output element shows it: which elements it reads, through
// which weights, and what each adds. Nothing is computed here: stride, padding and dilation show in what was read.

import type { Explanation, Path, Source, Term } from "../wire/protocol";

export interface Cell {
  /** Where on the map: its row and column; a sequence has one column. */
  row: number;
  column: number;
  channel: number;
  element: Source;
  /** The weight that it goes through; a pooling window has none. */
  weight: Source | null;
  /** What it adds; for a maximum, the element itself. */
  value: number;
  /** The number of its term, to go on to; null for a maximum's candidates. */
  term: number | null;
  /** Its row and column in the window. */
  at: [number, number];
}

export interface Patch {
  cells: Cell[];
  /** The rows and columns that the window touches, in order: with dilation they have gaps. */
  rows: number[];
  columns: number[];
  /** How many rows and columns the window has. */
  height: number;
  width: number;
  channels: number[];
  /** What is added besides: the bias. */
  others: Term[];
  /** How many places of the window lie outside the map. */
  outside: number;
}

/**
 * The window of an explanation over the values of one path; null where the explanation reads nothing there. `size` are
 * the rows and columns of the whole window, where they are known: part of it may lie outside the map.
 */
export function patch(
  explanation: Pick<Explanation, "terms" | "candidates" | "outside">,
  map: Path,
  size?: readonly number[],
): Patch | null {
  const cells: Cell[] = [];
  const others: Term[] = [];
  if (explanation.candidates.length) {
    for (const source of explanation.candidates) {
      if (source.path === map) cells.push(cell(source, null, source.value, null));
    }
  } else {
    explanation.terms.forEach((term, number) => {
      const element = term.sources.find((s) => s.path === map);
      if (!element) others.push(term);
      else cells.push(cell(element, term.sources.find((s) => s.path !== map) ?? null, term.value, number));
    });
  }
  if (!cells.length) return null;
  const rows = distinct(cells.map((c) => c.row));
  const columns = distinct(cells.map((c) => c.column));
  const flat = cells.some((c) => c.element.index.length < 4);
  for (const cell of cells) {
    const [u = 0, v = 0] = cell.weight?.index ?? [rows.indexOf(cell.row), columns.indexOf(cell.column)];
    cell.at = [u, flat ? 0 : v];
  }
  return {
    cells,
    rows,
    columns,
    height: Math.max(size?.[0] ?? 0, ...cells.map((c) => c.at[0] + 1)),
    width: Math.max((flat ? 1 : size?.[1]) ?? 0, ...cells.map((c) => c.at[1] + 1)),
    channels: distinct(cells.map((c) => c.channel)),
    others,
    outside: explanation.outside,
  };
}

function cell(element: Source, weight: Source | null, value: number, term: number | null): Cell {
  const [row = 0, ...rest] = element.index.slice(1);
  const channel = rest.at(-1) ?? 0;
  return { row, column: rest.length > 1 ? (rest[0] ?? 0) : 0, channel, element, weight, value, term, at: [0, 0] };
}

function distinct(numbers: number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
