// The examples of a saved file, and those of the person's own.

import type { Stored } from "../formula/evaluate.ts";
import type { Example, InputName, Numbers, Words } from "../model/wire/protocol.ts";
import { shown } from "../model/example/symbols.ts";
import { filled, refuse } from "./refusal.ts";
import type { Saved, Table } from "./saved.ts";

const MAX_OWN = 64;
/** Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** What is not a word with its neighbours: a sign of a script without spaces between words. */
const ALONE = "[\\p{sc=Han}\\p{sc=Hira}\\p{sc=Thai}\\p{sc=Laoo}\\p{sc=Khmr}\\p{sc=Mymr}]";
const LETTERS = `(?:(?!${ALONE})[\\p{L}\\p{N}_]\\p{M}*)+`;
/** A word by Unicode's rules (UAX #29): don't, 3.14, e.g; or one other sign. */
const WORD = new RegExp(
  `${LETTERS}(?:(?:(?<=\\p{L}\\p{M}*)['’.:·](?=\\p{L})|(?<=\\p{N})['’.,;](?=\\p{N}))${LETTERS})*|\\S\\p{M}*`, "gu",
);

export interface Sample {
  readonly name: InputName;
  readonly x: Table;
  readonly y: Table | null;
  readonly label: string | null;
  readonly note?: Words | null;
  readonly prices?: readonly number[] | null;
}

/** At most so many of `count` places, evenly from the first to the last: those of NumPy's linspace. */
export function evenly(count: number, max: number): number[] {
  const number = Math.min(max, count);
  const step = (count - 1) / Math.max(1, number - 1);
  const places = Array.from({ length: number }, (_, k) => (k > 0 && k === number - 1 ? count - 1 : Math.floor(k * step)));
  return [...new Set(places)];
}

export class Samples {
  private readonly saved: Saved;
  private readonly own = new Map<InputName, Sample>();
  private given = 0;

  constructor(saved: Saved) {
    this.saved = saved;
  }

  count(set: string): number {
    return this.saved.examples.get(set)?.x.shape[0] ?? 0;
  }

  get(name: InputName): Sample {
    const [set, number] = name.split(":") as [string, string?];
    const own = this.own.get(name);
    if (own) return own;
    const kept = this.saved.examples.get(set);
    const place = Number(number);
    if (!kept || !/^\d+$/.test(number ?? "") || place >= kept.x.shape[0]!) refuse("local.example", { name });
    const x = row(kept.x, place);
    const y = kept.y ? row(kept.y, place) : x;
    const prices = kept.prices ? Array.from(row(kept.prices, place).data) : null;
    return { name, x, y, label: this.label(y) ?? kept.labels?.[place] ?? null, prices };
  }

  /** At most so many examples, evenly from all over a set, as one batch. */
  spread(set: string, max: number): Sample[] {
    return evenly(this.count(set), max).map((place) => this.get(`${set}:${place}`));
  }

  shown({ name, x, y, label, note = null, prices = null }: Sample): Example {
    const target = y === null ? null : y.data.length === 1 ? y.data[0]! : numbers(y);
    return { name, x: numbers(x), y: target, label, symbols: this.symbols(x), text: this.text(x), note, prices: prices && [...prices] };
  }

  add(given: { x?: number[]; text?: string; y?: number }): Sample {
    const read = given.text !== undefined ? this.read(given.text, given.y) : this.numbered(given.x ?? [], given.y);
    this.given += 1;
    const name = `own:${this.given}`;
    const sample = { ...read, name, label: this.label(read.y) };
    this.own.set(name, sample);
    if (this.own.size > MAX_OWN) this.own.delete(this.own.keys().next().value!);
    return sample;
  }

  /** A text as numbers of its symbols. */
  encoded(text: string): number[] {
    const { text: how, description } = this.saved;
    if (!how || !description.vocabulary) refuse("local.text");
    const plain = (how.lower ? text.toLowerCase() : text).replace(how.strip ? PUNCTUATION : /$^/g, "");
    const symbols = how.by === "char" ? [...plain]
      : how.by === "none" ? [plain]
      : how.by === "whitespace" ? plain.split(/\s+/u).filter((word) => word !== "") : plain.normalize("NFC").match(WORD) ?? [];
    const places = new Map(description.vocabulary.map((symbol, place) => [symbol, place]));
    return symbols.map((symbol) => places.get(symbol) ?? how.unknown);
  }

  /** How long a text the network reads, and whether it says at every step what comes next. */
  get reading(): { length: number; predictsNext: boolean; blank: number } {
    const { x, y } = this.saved.examples.get("train")!;
    const length = x.shape[1] ?? 1;
    const blank = this.saved.text?.filler ?? (this.saved.text?.by === "char" ? this.encoded("\n")[0]! : 0);
    return { length, predictsNext: y !== null && y.whole && y.shape.length === 2 && y.shape[1] === length, blank };
  }

  private numbered(x: readonly number[], y: number | undefined): Omit<Sample, "name" | "label"> {
    const { shape, whole } = this.saved.examples.get("train")!.x;
    const expected = shape.slice(1).reduce((a, b) => a * b, 1);
    if (x.length !== expected || !x.every(Number.isFinite)) refuse("local.numbers", { count: x.length, expected });
    const table = { shape: shape.slice(1), data: whole ? Float64Array.from(x) : Float32Array.from(x), whole };
    return { x: table, y: this.target(y, table) };
  }

  /** A text as the network reads it, with blanks where it is short. */
  private read(text: string, y: number | undefined): Omit<Sample, "name" | "label"> {
    const ids = this.encoded(text);
    if (!ids.length) refuse("local.empty");
    const { length, predictsNext, blank } = this.reading;
    const wanted = predictsNext ? length + 1 : length;
    const fromStart = this.saved.text?.fromStart === true;
    const taken = fromStart ? ids.slice(0, wanted) : ids.slice(-wanted);
    const fillers = new Array<number>(wanted - taken.length).fill(blank);
    const all = fromStart ? [...taken, ...fillers] : [...fillers, ...taken];
    const expected = predictsNext ? (this.saved.description.vocabulary?.[ids.at(-1)!] ?? "") : null;
    const unknown = taken.filter((id) => id === this.saved.text?.unknown).length;
    const note = readAs({
      length, given: ids.length, wanted, blanks: fillers.length, unknown, expected, by: this.saved.text?.by, fromStart,
    });
    const table = (part: number[]): Table => ({ shape: [part.length], data: Float64Array.from(part), whole: true });
    if (predictsNext) return { x: table(all.slice(0, -1)), y: table(all.slice(1)), note };
    return { x: table(all), y: this.target(y, table(all)), note };
  }

  /** The target of an example of one's own, like those of the task. */
  private target(y: number | undefined, x: Table): Table | null {
    const like = this.saved.examples.get("train")!.y;
    if (like === null) return x;
    if (y === undefined || y === null) return null;
    const shape = like.shape.slice(1);
    const size = shape.reduce((a, b) => a * b, 1);
    const { classes } = this.saved.description;
    const fits = Number.isFinite(y) && (!classes || (Number.isInteger(y) && y >= 0 && y < classes.length));
    if (!fits || (size > 1 && !classes)) refuse("local.class", { y });
    const data = like.whole ? new Float64Array(size) : new Float32Array(size);
    data[size > 1 ? y : 0] = size > 1 ? 1 : y;
    return { shape, data, whole: like.whole };
  }

  private label(y: Table | null): string | null {
    const { classes, vocabulary, sample, views } = this.saved.description;
    if (y && classes) return classes[classOf(y)] ?? null;
    if (!y || !vocabulary || sample !== "text" || y.shape.length !== 1 || !views.includes("text")) return null;
    return joined(Array.from(y.data, (id) => vocabulary[id] ?? ""), this.saved.text?.by);
  }

  private symbols(x: Table): string[] | null {
    const { sample, vocabulary } = this.saved.description;
    return sample === "text" ? Array.from(x.data, (id) => vocabulary?.[id] ?? String(id)) : null;
  }

  private text(x: Table): string | null {
    if (this.saved.text === null) return null;
    const symbols = (this.symbols(x) ?? []).filter((symbol) => symbol !== "");
    return this.saved.text.by === "whitespace" || this.saved.text.by === "none"
      ? symbols.join(" ") : joined(symbols, this.saved.text.by);
  }
}

/** What becomes of a text, as Python's lab/view/samples.py says it. */
function readAs(how: {
  length: number; given: number; wanted: number; blanks: number; unknown: number; expected: string | null; by: string | undefined;
  fromStart: boolean;
}): Words | null {
  const { length, given, wanted, blanks, unknown, expected, by, fromStart } = how;
  const parts: Words[] = [];
  if (given > wanted) parts.push(filled(fromStart ? "local.read.first" : "local.read.cut", { given, wanted }));
  if (blanks > 0 && !fromStart) parts.push(filled(by === "char" ? "local.read.breaks" : "local.read.unknowns", { length, blanks }));
  if (unknown > 0) parts.push(filled("local.read.unknown", { unknown }));
  if (expected !== null) {
    parts.push(filled("local.read.foretold", { symbol: shown(expected) }));
  }
  return parts.length === 0 ? null : { en: parts.map(({ en }) => en).join(" "), zh: parts.map(({ zh }) => zh).join("") };
}

const CLOSING = new Set(".,;:!?)]}%…");
const OPENING = new Set("([{");

/** Symbols as a text; words and punctuation with spaces between them, as in print. */
export function joined(symbols: readonly string[], by: string | undefined): string {
  if (by === "char") return symbols.join("");
  let [text, quoted, glued] = ["", false, true];
  for (const symbol of symbols) {
    const closes = CLOSING.has(symbol) || (symbol === '"' && quoted);
    text += closes || glued ? symbol : ` ${symbol}`;
    if (symbol === '"') quoted = !quoted;
    glued = OPENING.has(symbol) || (symbol === '"' && quoted);
  }
  return text;
}

/** The class of a target: its number, a one-hot row's largest, or whether a probability is above a half. */
export function classOf({ data, whole }: Table): number {
  if (data.length > 1) return data.indexOf(Math.max(...data));
  return whole ? data[0]! : Number(data[0]! > 0.5);
}

function row(table: Table, place: number): Table {
  const size = table.data.length / table.shape[0]!;
  return { shape: table.shape.slice(1), data: table.data.slice(place * size, (place + 1) * size), whole: table.whole };
}

/** Several examples, or their targets, as one batch. */
export function stacked(rows: readonly Table[]): Stored {
  const { shape, data: first } = rows[0]!;
  const size = first.length;
  const kind = first instanceof Float32Array ? Float32Array : Float64Array;
  const data = new kind(size * rows.length);
  rows.forEach((r, k) => data.set(r.data, k * size));
  return { shape: [rows.length, ...shape], data };
}

function numbers({ shape, data, whole }: Table): Numbers {
  return { shape: [...shape], data: whole ? Int32Array.from(data) : Float32Array.from(data) };
}
