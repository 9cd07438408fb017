// A term's text cut into pieces, so that each number in it can be a link to the element that it is.

import { FEWEST, MOST, read, show, written } from "../numbers/numbers";
import type { Source } from "../wire/protocol";

export interface Segment {
  text: string;
  source: Source | null;
}

const PART = /[\d.e]/;

/** Where a number stands in a text as an integer, not as a part of a longer one. */
function whole(text: string, number: string, from: number): number {
  for (let at = text.indexOf(number, from); at >= 0; at = text.indexOf(number, at + 1)) {
    if (!PART.test(text[at - 1] ?? "") && !PART.test(text[at + number.length] ?? "")) return at;
  }
  return -1;
}

/** A value as it is written in a text, with however many digits, and where; −1 where it is not. */
export function found(text: string, value: number, from = 0): [number: string, at: number] {
  for (let digits = FEWEST; digits <= MOST; digits++) {
    const number = written(value, digits);
    const at = whole(text, number, from);
    if (at >= 0) return [number, at];
  }
  return ["", -1];
}

/** The text's pieces, and the sources whose numbers do not stand in it (those summed up in one number). */
export function segments(text: string, sources: readonly Source[]): { pieces: Segment[]; hidden: Source[] } {
  const pieces: Segment[] = [];
  const hidden: Source[] = [];
  let from = 0;
  for (const source of sources) {
    const [number, at] = found(text, source.value, from);
    if (at < 0) {
      hidden.push(source);
      continue;
    }
    if (at > from) pieces.push({ text: text.slice(from, at), source: null });
    pieces.push({ text: number, source });
    from = at + number.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), source: null });
  return { pieces, hidden };
}

export interface Part {
  text: string;
  over: boolean;
}

/** The factors of a product, cut at the "·" and "/" that stand in no bracket. */
export function factors(text: string): Part[] {
  const parts: Part[] = [];
  let depth = 0;
  let from = 0;
  let over = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === "(" || c === "[") depth++;
    else if (c === ")" || c === "]") depth--;
    else if (depth === 0 && (c === "·" || c === "/")) {
      parts.push({ text: text.slice(from, at), over });
      over = c === "/";
      from = at + 1;
    }
  }
  parts.push({ text: text.slice(from), over });
  return parts.filter((p) => p.text !== "");
}

/** Whether factors as they are written give a value as it is written. */
export function agree(written: readonly { number: string; over: boolean }[], value: string): boolean {
  const product = written.reduce((p, { number, over }) => (over ? p / read(number) : p * read(number)), 1);
  return show(product) === value;
}

/**
 * A formula or its numbers as a person reads them: what only the derivative heeds is left out ("stop(max z)" is max z), and
 * an exponent has the minus that numbers have.
 */
export function plainly(text: string): string {
  let out = text.replace(/(\d)e-(\d)/g, "$1e−$2");
  for (let at = out.indexOf("stop("); at >= 0; at = out.indexOf("stop(", at + 1)) {
    if (/[\p{L}\p{N}_.]/u.test(out[at - 1] ?? "")) continue;
    let depth = 0;
    let end = at + 4;
    do {
      if (out[end] === "(") depth++;
      if (out[end] === ")") depth--;
      end++;
    } while (depth > 0 && end < out.length);
    const inner = out.slice(at + 5, end - 1);
    const bare = /^(max|min)\b|^(max|min)[_[]|^[^\s+−·/]+$/u.test(inner);
    out = out.slice(0, at) + (bare ? inner : `(${inner})`) + out.slice(end);
  }
  return out;
}

/** The numbers plugged in, with what is folded, "(28 more)", said as `more` says it. */
export function folding(text: string, more: (count: string) => string): string {
  return text.replace(/\((\d+) more\)/g, (_, count: string) => `(${more(count)})`);
}

export interface FactorLine {
  letters: string;
  number: string;
  over: boolean;
  sources: Source[];
}

/** A term's factors, in letters and in numbers, each with the elements that it reads; one line where the two differ. */
export function lines(letters: string, numbers: string, sources: readonly Source[]): FactorLine[] {
  const [a, b] = [factors(letters), factors(numbers)];
  if (a.length !== b.length || a.some((part, k) => part.over !== b[k]?.over)) {
    return [{ letters, number: numbers, over: false, sources: [...sources] }];
  }
  let from = 0;
  return a.map((part, k) => {
    const rest = a.slice(k + 1).filter((p) => reads(p.text)).length;
    // A factor that is one read has one source; a sum takes what the factors after it leave.
    const sum = /Σ|max|argmax/.test(part.text);
    const count = !reads(part.text) ? 0 : sum ? sources.length - from - rest : readsIn(part.text);
    const own = sources.slice(from, from + Math.max(0, count));
    from += own.length;
    return { letters: part.text, number: unbracketed(b[k]?.text ?? ""), over: part.over, sources: own };
  });
}

/** How many elements a text names: "x[0,3]". */
function readsIn(text: string): number {
  return (text.match(/[\p{L}\p{N}′_]\[/gu) ?? []).length;
}

function reads(text: string): boolean {
  return readsIn(text) > 0;
}

function unbracketed(text: string): string {
  return text.startsWith("(") && text.endsWith(")") && !text.slice(1, -1).includes("(") ? text.slice(1, -1) : text;
}

export interface Piece {
  text: string;
  kind: "plain" | "index" | "operator" | "below";
}

/** A formula in pieces: what is an index "[n,o]" or stands below an operator "Σ_i" is set smaller. */
export function pieces(formula: string): Piece[] {
  const made: Piece[] = [];
  const push = (text: string, kind: Piece["kind"]): void => {
    const last = made.at(-1);
    if (!text) return;
    if (last?.kind === kind) last.text += text;
    else made.push({ text, kind });
  };
  let at = 0;
  while (at < formula.length) {
    const rest = formula.slice(at);
    const operator = /^(Σ|argmax|max|min)(_\{?([\p{L}\d,<]+)\}?)?(?=\W|$)/u.exec(rest);
    const inName = /[\p{L}\p{N}_]/u.test(formula[at - 1] ?? "");
    if (operator && !inName && (operator[1] === "Σ" || operator[2] || rest[operator[0].length] === "[")) {
      push(operator[1] ?? "", "operator");
      push(operator[3] ?? "", "below");
      at += operator[0].length;
    } else if (rest.startsWith("[") && /[\p{L}\p{N}′_]/u.test(formula[at - 1] ?? "")) {
      let depth = 0;
      let end = at;
      do {
        if (formula[end] === "[") depth++;
        if (formula[end] === "]") depth--;
        end++;
      } while (depth > 0 && end < formula.length);
      push(formula.slice(at, end), "index");
      at = end;
    } else {
      push(formula[at] ?? "", "plain");
      at++;
    }
  }
  return made;
}
