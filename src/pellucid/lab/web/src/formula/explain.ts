// Explanations, as Python's `Explanation.json()` gives them.

import type { Curve, Explanation, Source } from "../model/wire/protocol.ts";
import { show } from "../model/numbers/numbers.ts";
import { Point, smallest, type Terms } from "./arithmetic.ts";
import type { Program } from "./document.ts";
import type { Values } from "./evaluate.ts";
import { children, freeAxes, key } from "./expressions.ts";
import type { Expression, Statement, Tensor } from "./expressions.ts";
import { field } from "./receptive.ts";
import { UNARY } from "./scalars.ts";
import { dual } from "./slope.ts";
import { contiguous } from "./views.ts";
import { sentence } from "./words.ts";
import type { Phrases } from "./words.ts";

/** A run of a program, with what Python wrote down about it: a statement's text and LaTeX by its target's name. */
export interface Trace {
  readonly program: Program;
  readonly values: Values;
  readonly batch: number;
  /** The names of the network's inputs. */
  readonly inputs: readonly string[];
  readonly texts: Readonly<Record<string, readonly [formula: string, latex: string]>>;
  readonly phrases: Phrases;
}

export function tensorOf(program: Program, path: string): Tensor {
  const tensor = program.outputs.get(path) ?? program.tensors.get(path);
  if (!tensor) throw new Error(`there is no value "${path}" in this run`);
  return tensor;
}

export function pointAt(trace: Trace, path: string, index: readonly number[]): Point {
  const tensor = tensorOf(trace.program, path);
  const statement = trace.program.definitions.get(tensor);
  if (!statement) throw new Error(`${path} was given to the run, not computed in it, so it has no arithmetic`);
  const { shape } = trace.values.get(tensor)!;
  if (index.length !== shape.length || index.some((i, d) => !Number.isInteger(i) || i < 0 || i >= shape[d]!)) {
    throw new Error(`${path} has the shape ${shape.join(" × ") || "1"}, so there is no ${index.join(", ")}`);
  }
  return new Point(statement, index, trace.values, trace.batch);
}

/** The arithmetic of one value; the index is the whole one, the example first. */
export function explain(trace: Trace, path: string, index: readonly number[], limit = 100): Explanation {
  const point = pointAt(trace, path, index);
  const { target } = point.statement;
  const { shape, data } = trace.values.get(target)!;
  const strides = contiguous(shape);
  const value = data[index.reduce((sum, i, d) => sum + i * strides[d]!, 0)]!;
  const terms = point.terms();
  const shown = terms.written(0, Math.max(limit, 100));
  const rest = terms.contributions.slice(limit);
  const candidates = chosen(point.statement) ? point.candidates() : [];
  const sources = distinct(shown.slice(0, 100).flatMap((t) => t.sources));
  const subject = { path, index, value, point, terms, candidates, sources };
  const [formula, latex] = trace.texts[target.name] ?? ["", ""];
  return {
    path, index: [...index], value, formula, latex, candidates,
    substituted: substituted(terms, value),
    sentence: { en: sentence(subject, trace.phrases, "en"), zh: sentence(subject, trace.phrases, "zh") },
    terms: shown.slice(0, limit),
    rest: { count: rest.length, sum: total(rest) },
    outside: terms.outside,
    field: field(trace.program, trace.values, target, index, trace.inputs),
  };
}

/** Whether the value was chosen among others: a maximum or a minimum. */
function chosen({ expression }: Statement): boolean {
  return (expression.kind === "reduction" && expression.name === "max") || smallest(expression) !== null;
}

function distinct(sources: readonly Source[]): Source[] {
  return [...new Map(sources.map((s) => [`${s.path}[${s.index.join(",")}]`, s])).values()];
}

function total(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0);
}

/** The numbers plugged in: `0.1 + 0.5·0.3 + … = 0.25`. */
function substituted(terms: Terms, value: number): string {
  const rest = terms.contributions.slice(5);
  const sum = total(rest);
  const [[first = "0", ...more], size, equals] = terms.equation(5, sum, value);
  let text = first + more.map((p) => (p.startsWith("−") ? ` − ${p.slice(1)}` : ` + ${p}`)).join("");
  if (rest.length) text += ` ${sum < 0 ? "−" : "+"} ${size} (${rest.length} more)`;
  return `${text} ${equals} ${show(value)}`;
}

/** What the document carries of a curve: its name and its texts, which are the same for every element. */
export interface CurveText {
  readonly function: string;
  readonly formula: string;
  readonly derivative: string;
}

const ARITHMETIC = new Set(["stop"]);
const STEEPEST: Readonly<Record<string, number>> = { sigmoid: 0.25, tanh: 1 };
const POINTS = 201;

/** The curve on which a value lies that is a function of one number, as Python's explain/curve.py has it. */
export function curve(trace: Trace, path: string, index: readonly number[], text: CurveText): Curve | null {
  const point = pointAt(trace, path, index);
  const e = point.expression();
  const inner = argument(e);
  const at = inner ? point.number(inner) : NaN;
  if (!inner || !Number.isFinite(at)) return null;
  const reach = Math.max(5, 1.4 * Math.abs(at));
  const step = (2 * reach) / (POINTS - 1);
  const grid = Array.from({ length: POINTS }, (_, i) => (i < POINTS - 1 ? i * step - reach : reach));
  const x = Float64Array.from(new Set([...grid, at])).sort();
  const y = new Float64Array(x.length);
  const slope = new Float64Array(x.length);
  x.forEach((value, i) => ([y[i], slope[i]] = dual(e, inner, value) as [number, number]));
  const place = x.indexOf(at);
  const there = { x: at, y: y[place]!, slope: slope[place]! };
  const steepest = STEEPEST[text.function];
  const flat = steepest !== undefined && Math.abs(there.slope) < 0.05 * steepest;
  const state = flat ? "saturated" : text.function === "relu" && there.y <= 0 ? "dead" : null;
  return { ...text, x, y, slope, at: there, state };
}

/** The number that a value is a function of. */
function argument(e: Expression): Expression | null {
  if (freeAxes(e).size) return null;
  if (e.kind === "operation" && UNARY[e.name] && !ARITHMETIC.has(e.name)) return e.args[0]!;
  const reads = new Map<string, Expression>();
  const visit = (inner: Expression): void => {
    if (inner.kind === "read") reads.set(key(inner), inner);
    children(inner).forEach(visit);
  };
  visit(e);
  return reads.size === 1 ? [...reads.values()][0]! : null;
}
