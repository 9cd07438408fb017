// The sentence of an explanation: which one, and its numbers. The sentences themselves are Python's, and the document
// carries them.

import type { Language, Source, Words } from "../model/wire/protocol.ts";
import { show } from "../model/numbers/numbers.ts";
import { readCount, smallest } from "./arithmetic.ts";
import type { Point, Terms } from "./arithmetic.ts";
import type { Expression } from "./expressions.ts";

/** Written by Python's lab/serve/document.py from explain/words.py. */
export type Phrases = Readonly<Record<string, Words>>;

/** What a sentence is about. */
export interface Subject {
  readonly path: string;
  readonly index: readonly number[];
  readonly value: number;
  readonly point: Point;
  readonly terms: Terms;
  readonly sources: readonly Source[];
  readonly candidates: readonly Source[];
}

type Facts = Record<string, string>;

export function sentence(subject: Subject, phrases: Phrases, language: Language): string {
  const said: Say = (name, facts = {}) =>
    phrases[name]![language].replace(/\{(\w+)\}/g, (_, key: string) => facts[key] ?? "");
  const [name, facts] = kind(subject, said);
  // Of a gate by its own name, where there is a sentence for that one.
  return said(name in phrases ? name : name.split(".")[0]!, facts);
}

type Say = (phrase: string, facts?: Facts) => string;

/** A fraction in percent with some digits, ties to the even digit as Python has it. */
export function percent(fraction: number, digits: number): string {
  return `${roundedTo(fraction * 100, digits)}%`;
}

function roundedTo(value: number, digits: number): string {
  const text = value.toFixed(digits);
  const long = value.toFixed(60);
  const kept = long.slice(0, long.length - 60 + digits);
  const tie = /^50*$/.test(long.slice(kept.length));
  return tie && Number(kept.replace(".", "").at(-1)) % 2 === 0 ? kept.replace(/\.$/, "") : text;
}

function kind(subject: Subject, said: Say): [string, Facts] {
  const { value: y, point, terms } = subject;
  if (subject.path.startsWith("d(")) {
    if (y === 0) return ["no gradient", {}];
    return ["gradient", { direction: said(y > 0 ? "rise" : "fall"), size: show(Math.abs(y)) }];
  }
  const found = special(subject, said);
  if (found) return found;
  const whole = point.statement.expression;
  const e = point.expression();
  const relu = call(e, "relu");
  if (relu) return [y > 0 ? "on" : "off", { x: show(point.number(relu[0]!)) }];
  const sigmoid = call(e, "σ");
  const squashed = sigmoid ?? call(e, "tanh");
  if (squashed) {
    const slope = sigmoid ? y * (1 - y) : 1 - y * y;
    const facts = { x: show(point.number(squashed[0]!)), y: show(y), slope: show(slope) };
    return [slope < 0.05 * (sigmoid ? 0.25 : 1) ? "saturated" : "squashed", facts];
  }
  if (whole.kind === "reduction" && whole.name === "max") return ["maximum", contest(subject, Math.max)];
  if (smallest(whole)) return ["minimum", contest(subject, Math.min)];
  if (whole.kind === "reduction" && whole.name === "argmax") return ["choice", { y: show(y) }];
  const [top, bottom] = call(e, "div") ?? [];
  if (top?.kind === "read" && bottom?.kind === "reduction" && bottom.name === "sum" && bottom.body.kind === "read") {
    return ["probability", { fraction: percent(y, 2) }];
  }
  const { contributions } = terms;
  if (contributions.length > 1) {
    const size = contributions.reduce((sum, c) => sum + Math.abs(c), 0);
    const fraction = size ? Math.abs(contributions[0]!) / size : 0;
    return ["sum", {
      count: String(contributions.length), largest: show(contributions[0]!), fraction: percent(fraction, 0),
    }];
  }
  const count = readCount(e);
  return ["value", { numbers: said(count === 1 ? "one number" : "numbers", { count: String(count) }) }];
}

/** Values whose path says what they are: the loss, updates, gates, what is carried over time. */
function special(subject: Subject, said: Say): [string, Facts] | null {
  const { path, value: y, point, index } = subject;
  if (path.endsWith("′") && !path.includes(":")) {
    const old = subject.sources.find((s) => s.path === path.slice(0, -1) && String(s.index) === String(index));
    if (old) {
      const direction = said(y >= old.value ? "rises" : "falls");
      return ["update", { direction, size: show(Math.abs(y - old.value)), old: show(old.value), y: show(y) }];
    }
  }
  if (path === "loss") {
    const added = subject.sources.some((s) => s.path !== "loss.l" && !s.path.startsWith("loss.l~"));
    const count = said(point.batch === 1 ? "one example" : "examples", { count: String(point.batch) });
    return ["loss", { count, penalty: added ? said("penalty") : "" }];
  }
  const gate = path.includes(".gate.") ? call(point.expression(), "σ") : null;
  if (gate) return [`gate.${path.split(".gate.").at(-1)}`, { fraction: percent(y, 2), x: show(point.number(gate[0]!)) }];
  if (!path.includes(".gate.") && /(^|\.)(cell|state)$/.test(path) && index.length === 3) {
    return ["carried", { t: String(index[1]), y: show(y) }];
  }
  return null;
}

/** The arguments of a function, if the expression calls that one. */
function call(e: Expression, name: string): readonly Expression[] | null {
  return e.kind === "operation" && e.name === name ? e.args : null;
}

/** Who won a maximum or a minimum, and how far ahead of the next. */
function contest({ value, sources, candidates }: Subject, best: (...values: number[]) => number): Facts {
  const winner = sources[0];
  const won = (s: Source): boolean => s.path === winner?.path && String(s.index) === String(winner.index);
  const losers = candidates.filter((s) => !won(s));
  return {
    count: String(candidates.length), y: show(value),
    winner: winner ? `${winner.path}[${winner.index.join(", ")}]` : "0",
    next: losers.length ? show(best(...losers.map((s) => s.value))) : "—",
  };
}
