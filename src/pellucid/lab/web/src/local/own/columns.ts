// A table as text: its delimiter, its header and its columns, as Python's data/tables reads them. What Python reads by
// more rules than are here (dates, currencies, decimal commas, …) is not guessed at: such a cell is `unclear`.

import Papa from "papaparse";

import { refuse } from "../refusal.ts";

const DELIMITERS = [",", ";", "\t", "|"];
/** Characters, and lines, that are looked at to find the delimiter. */
const [SAMPLE, LINES] = [1 << 14, 20];
const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NO_FINITE = /^[+-]?(?:inf|infinity|nan)$/i;
/** What may be a number after its currency: USD 12. */
const CURRENCY = /^[A-Z]{3}[^\p{L}]/u;
/** With a day or a year behind it, it may be a date. */
const DATE = /^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)/i;
/** What ends a line in Python and not here, or sorts otherwise. */
const ODD = /[\0-\x08\x0b\x0c\x0e-\x1f\x85\u2028\u2029\ufeff\u{10000}-\u{10ffff}]/u;
const LARGEST = 3.4028234663852886e38;

export class Column {
  readonly name: string;
  readonly cells: readonly string[];
  /** Which cells stand for no value. */
  readonly missing: readonly boolean[];
  /** The numbers, NaN where a cell is none. */
  readonly values: Float64Array;
  /** The rows that hold a text. */
  readonly texts: readonly number[];
  /** The first row that may be more than a text. */
  readonly unclear: number | null;

  constructor(name: string, cells: readonly string[], words: ReadonlySet<string>) {
    [this.name, this.cells] = [name, cells];
    this.missing = cells.map((cell) => words.has(cell.toLowerCase()));
    this.values = new Float64Array(cells.length).fill(NaN);
    const texts: number[] = [];
    let unclear: number | null = null;
    cells.forEach((cell, row) => {
      if (this.missing[row]) return;
      if (PLAIN.test(cell)) this.values[row] = Number(cell);
      else if (isText(cell)) texts.push(row);
      else unclear ??= row;
      if (Math.abs(this.values[row]!) > LARGEST) unclear ??= row;
    });
    const first = cells.find((_, row) => !this.missing[row]) ?? "";
    if (texts.length > 0 && DATE.test(first) && /\p{Nd}/u.test(first)) unclear ??= texts[0]!;
    [this.texts, this.unclear] = [texts, unclear];
  }

  /** The cells that hold something. */
  get there(): string[] {
    return this.cells.filter((_, row) => !this.missing[row]);
  }

  get empty(): boolean {
    return !this.missing.includes(false);
  }

  /** Whether a few texts stand among numbers, which is a slip. */
  get mixed(): boolean {
    return this.texts.length > 0 && 2 * this.texts.length < this.there.length;
  }

  /** Whether its cells are numbers, each that holds something. */
  get numeric(): boolean {
    return this.texts.length === 0 && this.unclear === null;
  }
}

function isText(cell: string): boolean {
  if (!/\p{Nd}/u.test(cell)) return !NO_FINITE.test(cell);
  return /^\p{L}/u.test(cell) && !CURRENCY.test(cell);
}

/** The columns of a file, by name, and the line of the file at which each row begins. */
export function columnsOf(content: Uint8Array, file: string, missing: readonly string[], mostCells: number): Map<string, Column> {
  let text = decoded(content, file);
  let delimiter: string | null = null;
  const declared = /^sep=(.)(?=[\r\n])/.exec(text);
  if (declared) [text, delimiter] = [text.slice(declared[0].length), declared[1]!];
  text = text.replace(/\r\n?/g, "\n");
  const rows = rowsOf(text, delimiter ?? sniffed(text), file);
  const [header, ...lines] = rows;
  if (!header) refuse("local.own.empty", { file });
  checkHeader(header.cells, file);
  if (!lines.length) refuse("local.own.header", { file });
  if (lines.length * header.cells.length > mostCells) {
    refuse("local.own.large", { file, rows: lines.length, columns: header.cells.length, most: mostCells });
  }
  const words = new Set(missing);
  const odd = lines.find(({ cells }) => cells.length !== header.cells.length);
  if (odd) refuse("local.own.cells", { file, number: odd.line, count: odd.cells.length, expected: header.cells.length });
  const columns = new Map<string, Column>();
  header.cells.forEach((name, place) => {
    const cells = lines.map((line) => line.cells[place]!);
    const idle = !name && (!cells.some(Boolean) || (place === 0 && counts(cells)));
    const called = name || `Unnamed: ${place}`;
    if (!idle) columns.set(called, new Column(called, cells, words));
  });
  return columns;
}

function decoded(content: Uint8Array, file: string): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    if (!ODD.test(text)) return text;
  } catch {
    // Another encoding, or no text.
  }
  return refuse("local.own.encoding", { file });
}

/** The rows with the line at which each begins; blank lines are none. */
function rowsOf(text: string, delimiter: string, file: string): { cells: string[]; line: number }[] {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, newline: "\n", quoteChar: '"' });
  // Python passes over blanks before a quote.
  const spaced = text.includes(`${delimiter} "`) || /^ +"/m.test(text);
  if (errors.length || spaced || data.some((row) => row.some((cell) => cell.includes("\n")))) refuse("local.own.quotes", { file });
  return data
    .map((row, k) => ({ cells: row.map((cell) => cell.trim()), line: k + 1 }))
    .filter(({ cells }) => cells.length > 1 || cells.join("") !== "");
}

/** The delimiter that divides the first lines into equally many cells, and the most. */
function sniffed(text: string): string {
  const sample = text.slice(0, SAMPLE);
  const lines = sample.split("\n");
  if (sample.length < text.length && lines.length > 1) lines.pop(); // cut off
  while (lines.length && !lines[0]!.trim()) lines.shift();
  const first = lines.slice(0, LINES).join("\n");
  const widths = DELIMITERS.map((delimiter) => {
    const rows = Papa.parse<string[]>(first, { delimiter, newline: "\n" }).data.filter((row) => row.length > 1 || row[0] !== "");
    const all = rows.map((row) => row.length);
    return { delimiter, equal: new Set(all).size === 1, count: all[0] ?? 0 };
  });
  const even = widths.filter(({ equal, count }) => equal && count > 1);
  const among = even.length ? even : widths;
  return among.reduce((best, one) => (one.count > best.count ? one : best)).delimiter;
}

function checkHeader(names: readonly string[], file: string): void {
  if (!names.some(Boolean)) refuse("local.own.nameless", { file });
  const named = names.filter(Boolean);
  const twice = named.find((name, k) => named.indexOf(name) !== k);
  if (twice !== undefined) refuse("local.own.twice", { file, name: twice, count: named.filter((name) => name === twice).length });
  if (names.every((name) => name !== "" && !isText(name))) refuse("local.own.numbers", { file, numbers: names.slice(0, 3).join(", ") });
}

/** Whether the cells are 0, 1, 2, … or 1, 2, 3, … */
function counts(cells: readonly string[]): boolean {
  return [0, 1].some((start) => cells.every((cell, row) => cell === String(start + row)));
}
