// The six kinds of expression, in the normal form of a textbook: a sum of products, each with its number in front.
// The same as Python's pellucid/formula/expressions.py, because an explanation's terms are written in that form.

import {
  along, constantOf, ONE, plain, plus, same, scaled, substituted, times, whole, within,
} from "./axes.ts";
import type { Affine, Axis, Coefficient } from "./axes.ts";

export interface Tensor {
  readonly name: string;
  readonly letter: string;
  readonly kind: "float" | "int";
  readonly axes: readonly Axis[];
}

export interface Constant { readonly kind: "constant"; readonly value: number; readonly name: string }
export interface Index { readonly kind: "index"; readonly affine: Affine }
export interface Size { readonly kind: "size"; readonly axis: Axis }
export interface Read {
  readonly kind: "read";
  readonly tensor: Tensor;
  readonly indices: readonly (Affine | Expression)[];
  readonly outside: Expression | null;
}
export interface Operation { readonly kind: "operation"; readonly name: string; readonly args: readonly Expression[] }
export interface Reduction {
  readonly kind: "reduction";
  readonly name: "sum" | "max" | "argmax";
  readonly axes: readonly Axis[];
  readonly body: Expression;
}
export type Expression = Constant | Index | Size | Read | Operation | Reduction;

export interface Statement {
  readonly target: Tensor;
  readonly expression: Expression;
  /** The names that the formula's author gave to the tensors in it. */
  readonly letters: ReadonlyMap<Tensor, string>;
}

export function isAffine(index: Affine | Expression): index is Affine {
  return "terms" in index;
}

export function constant(value: number, name = ""): Constant {
  return { kind: "constant", value, name };
}

export function operation(name: string, ...args: Expression[]): Operation {
  return { kind: "operation", name, args };
}

export const ZERO = constant(0);
export const UNIT = constant(1);

// Equality: what is written the same is equal, so each expression has a text of its own.

const numbers = new WeakMap<object, number>();
const keys = new WeakMap<Expression, string>();
let count = 0;

function numberOf(thing: object): number {
  let number = numbers.get(thing);
  if (number === undefined) numbers.set(thing, (number = count++));
  return number;
}

function affineKey(index: Affine): string {
  const text = (c: Coefficient): string => `${c.value}${c.name}${c.minus ? "-" : ""}${c.high ?? ""}`;
  const terms = index.terms.map(([axis, c]) => `${numberOf(axis)}*${text(c)}`);
  return `${terms.join(";")}|${index.offset.map(text).join(";")}/${text(index.divisor)}`;
}

export function key(e: Expression): string {
  let text = keys.get(e);
  if (text === undefined) keys.set(e, (text = spelled(e)));
  return text;
}

function spelled(e: Expression): string {
  switch (e.kind) {
    case "constant":
      return `${e.value}"${e.name}"`;
    case "index":
      return `<${affineKey(e.affine)}>`;
    case "size":
      return `#${numberOf(e.axis)}`;
    case "read": {
      const places = e.indices.map((i) => (isAffine(i) ? affineKey(i) : key(i)));
      return `@${numberOf(e.tensor)}[${places.join(",")}|${e.outside ? key(e.outside) : ""}]`;
    }
    case "operation":
      return `${e.name}(${e.args.map(key).join(",")})`;
    case "reduction":
      return `${e.name}_${e.axes.map(numberOf).join("_")}(${key(e.body)})`;
  }
}

export function equal(a: Expression, b: Expression): boolean {
  return a === b || key(a) === key(b);
}

export function isNumber(e: Expression | undefined, value: number): boolean {
  return e?.kind === "constant" && e.name === "" && e.value === value;
}

function isOperation(e: Expression, name: string): e is Operation {
  return e.kind === "operation" && e.name === name;
}

/** A product as its number and the rest: −2·x as (−2, x), 2/y as (2, 1/y). */
export function coefficient(e: Expression): [number, Expression] {
  if (e.kind === "constant" && !e.name) return [e.value, UNIT];
  if (isOperation(e, "mul")) {
    const [first, ...rest] = e.args;
    if (first?.kind === "constant" && !first.name) {
      const [number, inner] = coefficient(multiply(...rest));
      return [first.value * number, inner];
    }
  }
  if (isOperation(e, "div")) {
    const [number, inner] = coefficient(e.args[0]!);
    return [number, number === 1 ? e : operation("div", inner, e.args[1]!)];
  }
  if (e.kind === "index" && e.affine.terms.length === 1 && !e.affine.offset.length && same(e.affine.divisor, ONE)) {
    const [axis, c] = e.affine.terms[0]!;
    if (!c.name) return [c.value, { kind: "index", affine: along(axis) }];
  }
  return [1, e];
}

function valueOf(index: Affine): Expression {
  let top: Expression = { kind: "index", affine: { terms: index.terms, offset: index.offset, divisor: ONE } };
  if (!index.terms.length) {
    top = add(...index.offset.map((c) => (
      c.minus ? multiply(constant(-1), constant(-c.value, c.name)) : constant(c.value, c.name)
    )));
  }
  const { value, name } = index.divisor;
  return same(index.divisor, ONE) ? top : divide(top, constant(value, name));
}

/** The expression as an index, if it is one or an integer. */
function asIndex(e: Expression): Affine | null {
  const [number, rest] = coefficient(e);
  if (Math.abs(number) > 1e15 || !Number.isInteger(number)) return null;
  if (rest.kind === "index") return scaled(rest.affine, whole(number));
  if (rest.kind === "constant" && Number.isInteger(rest.value)) {
    const named = { ...whole(rest.value), name: rest.name };
    return { terms: [], offset: [times(named, whole(number))], divisor: ONE };
  }
  return null;
}

export function factors(e: Expression): readonly Expression[] {
  return isOperation(e, "mul") ? e.args : [e];
}

/** The product: flat, its numbers multiplied and in front, the other factors in their order. */
export function multiply(...parts: Expression[]): Expression {
  let number = 1;
  let rest: Expression[] = [];
  for (const part of parts) {
    for (const factor of factors(part)) {
      const [by, other] = coefficient(factor);
      number *= by;
      rest.push(...factors(other).filter((o) => !isNumber(o, 1)));
    }
  }
  const [first, ...others] = rest;
  if (first && isOperation(first, "div") && Math.abs(number) !== 1) {
    // 2·(x/2) is x; a number that is no multiple stays, as in x/2.
    const [top, bottom] = first.args as [Expression, Expression];
    if (bottom.kind === "constant" && !bottom.name && bottom.value) {
      const wholes = [number, bottom.value].every((n) => Math.abs(n) <= 1e15 && Number.isInteger(n) && n !== 0);
      if (wholes && number % bottom.value === 0) return multiply(constant(number / bottom.value), top, ...others);
    }
  }
  if (number === 0 || !rest.length) return constant(number);
  const indices = rest.filter((r) => r.kind === "index");
  const scales = rest.filter((r) => r.kind !== "index").map(asIndex);
  if (indices.length === 1 && scales.every((s) => s !== null)) {
    let index = indices[0]!.affine;
    for (const scale of scales) index = scaled(index, scale!.offset[0]!);
    if (Math.abs(number) <= 1e15 && Number.isInteger(number)) {
      return { kind: "index", affine: scaled(index, whole(number)) };
    }
    rest = [{ kind: "index", affine: index }];
  }
  if (rest.length === 1 && isOperation(rest[0]!, "div") && isNumber(rest[0].args[0], 1)) {
    rest = [operation("div", constant(Math.abs(number)), rest[0].args[1]!)];
    number = number > 0 ? 1 : -1;
  }
  if (number !== 1) rest.unshift(constant(number));
  return rest.length === 1 ? rest[0]! : operation("mul", ...rest);
}

/** The sum: flat, equal terms merged, in order of first appearance. */
export function add(...parts: Expression[]): Expression {
  const counts = new Map<string, [number, Expression]>();
  for (const part of parts) {
    for (const term of isOperation(part, "add") ? part.args : [part]) {
      const [number, rest] = coefficient(term);
      const before = counts.get(key(rest));
      counts.set(key(rest), [(before?.[0] ?? 0) + number, before?.[1] ?? rest]);
    }
  }
  const merged = [...counts.values()].filter(([n]) => n !== 0).map(([n, rest]) => multiply(constant(n), rest));
  if (!merged.length) return ZERO;
  const wholes = merged.map(asIndex);
  if (wholes.every((w) => w !== null) && wholes.some((w) => w!.terms.length)) {
    const total = wholes.slice(1).reduce((a, b) => plus(a!, b!), wholes[0]!)!;
    return total.terms.length ? { kind: "index", affine: total } : constant(constantOf(total));
  }
  return merged.length === 1 ? merged[0]! : operation("add", ...merged);
}

/** The quotient, its sign and number out in front; a number alone stays over the line. */
export function divide(top: Expression, bottom: Expression): Expression {
  if (isNumber(top, 0)) return ZERO;
  if (isNumber(bottom, 1)) return top;
  const [number, rest] = coefficient(top);
  return multiply(constant(number), operation("div", rest, bottom));
}

function power(base: Expression, exponent: Expression): Expression {
  if (isNumber(exponent, 1)) return base;
  if (isNumber(exponent, 0)) return UNIT;
  if (base.kind === "constant" && exponent.kind === "constant" && !base.name && !exponent.name) {
    const value = Math.pow(base.value, exponent.value);
    if (Number.isFinite(value)) return constant(value);
  }
  return operation("pow", base, exponent);
}

function rebuilt(name: string, args: Expression[]): Expression {
  switch (name) {
    case "add":
      return add(...args);
    case "mul":
      return multiply(...args);
    case "div":
      return divide(args[0]!, args[1]!);
    case "pow":
      return power(args[0]!, args[1]!);
  }
  return operation(name, ...args);
}

export function children(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case "read": {
      const inner = e.indices.filter((i): i is Expression => !isAffine(i));
      return e.outside ? [...inner, e.outside] : inner;
    }
    case "operation":
      return e.args;
    case "reduction":
      return [e.body];
  }
  return [];
}

/** The expression and all inside it. */
export function* walk(e: Expression): Generator<Expression> {
  yield e;
  for (const child of children(e)) yield* walk(child);
}

const free = new WeakMap<Expression, ReadonlySet<Axis>>();

/** The axes on which the expression's value depends. */
export function freeAxes(e: Expression): ReadonlySet<Axis> {
  let known = free.get(e);
  if (!known) {
    const axes = new Set<Axis>();
    if (e.kind === "index") e.affine.terms.forEach(([a]) => axes.add(a));
    if (e.kind === "read") e.indices.forEach((i) => isAffine(i) && i.terms.forEach(([a]) => axes.add(a)));
    for (const child of children(e)) freeAxes(child).forEach((a) => axes.add(a));
    if (e.kind === "reduction") e.axes.forEach((a) => axes.delete(a));
    free.set(e, (known = axes));
  }
  return known;
}

/** A copy in which `change` has replaced what it returned something for, from the outside in. */
export function transform(e: Expression, change: (e: Expression) => Expression | null): Expression {
  const changed = change(e);
  if (changed) return changed;
  switch (e.kind) {
    case "read": {
      const indices = e.indices.map((i) => (isAffine(i) ? i : transform(i, change)));
      return { ...e, indices, outside: e.outside && transform(e.outside, change) };
    }
    case "operation":
      return rebuilt(e.name, e.args.map((a) => transform(a, change)));
    case "reduction":
      return { ...e, body: transform(e.body, change) };
  }
  return e;
}

/** Replace axes by indices. A read that the new index can leave gets 0 outside, unless it says otherwise itself. */
export function substitute(e: Expression, values: ReadonlyMap<Axis, Affine>): Expression {
  if (!values.size) return e;
  return transform(e, (inner) => {
    if (inner.kind === "index") return valueOf(substituted(inner.affine, values));
    if (inner.kind === "size") {
      const value = values.get(inner.axis);
      const other = value && plain(value);
      return other && other.extent === inner.axis.extent ? { kind: "size", axis: other } : inner;
    }
    if (inner.kind !== "read") return null;
    const indices = inner.indices.map((i) => (isAffine(i) ? substituted(i, values) : substitute(i, values)));
    let outside = inner.outside && substitute(inner.outside, values);
    if (!outside) {
      const leaves = indices.some((i, d) => (
        isAffine(i) && i !== inner.indices[d] && !within(i, inner.tensor.axes[d]!.extent)
      ));
      if (leaves) outside = ZERO;
    }
    return { ...inner, indices, outside };
  });
}

/** Replace axes by other axes, those of reductions included. */
export function rename(e: Expression, axes: ReadonlyMap<Axis, Axis>): Expression {
  const moved = transform(e, (inner) => (
    inner.kind === "reduction" && inner.axes.some((a) => axes.has(a))
      ? { ...inner, axes: inner.axes.map((a) => axes.get(a) ?? a), body: rename(inner.body, axes) }
      : null
  ));
  return substitute(moved, new Map([...axes].map(([a, b]) => [a, along(b)])));
}


