// The arithmetic of one value: its formula at one place, taken apart into the terms that add up to it. The same as
// Python's explain/arithmetic.py, from which the comments of why come.

import { bounds, constantOf, fixed } from "./axes.ts";
import type { Affine, Axis } from "./axes.ts";
import {
  children, constant, divide, equal, factors, freeAxes, isAffine, isNumber, key, multiply, rename, substitute,
  transform, UNIT, ZERO,
} from "./expressions.ts";
import type { Expression, Operation, Read, Reduction, Statement, Tensor } from "./expressions.ts";
import { FEWEST, MOST, sign, taken, written } from "../model/numbers/numbers.ts";
import type { Source, Term } from "../model/wire/protocol.ts";
import { Evaluator } from "./evaluate.ts";
import type { Values } from "./evaluate.ts";
import { ATOM, PRODUCT, Printer } from "./notation.ts";
import { BINARY, UNARY } from "./scalars.ts";
import { contiguous, copyInto, count } from "./views.ts";

/** Terms of one form: an expression over the axes of the sums around it. Of a "max" or a "min" one term counts. */
interface Group {
  readonly axes: readonly Axis[];
  readonly body: Expression;
  readonly winner: "" | "max" | "min";
}

/** All terms, those that weigh most first; each is written out when it is asked for. */
export interface Terms {
  readonly contributions: readonly number[];
  /** How many read outside their tensor and count nothing. */
  readonly outside: number;
  /** What tells the terms of one statement apart, in their order: the same in every run of the statement. */
  readonly keys: readonly string[];
  written(from: number, to: number): Term[];
  /** The first so many in numbers, the size of the rest, and "=" where they give the value as it is shown, else "≈". */
  equation(count: number, rest: number, value: number): [texts: string[], rest: string, sign: "=" | "≈"];
  /** The factors of a term; those that it is divided by as their inverses. */
  factors(place: number): Factor[];
}

export interface Factor {
  readonly value: number;
  readonly sources: readonly Source[];
}

const MAX_SOURCES = 1000;

export class Point {
  readonly statement: Statement;
  readonly index: readonly number[];
  readonly batch: number;
  private readonly values: Values;
  private readonly evaluator: Evaluator;
  private known: Expression | null = null;

  constructor(statement: Statement, index: readonly number[], values: Values, batch: number) {
    this.statement = statement;
    this.index = index;
    this.values = values;
    this.batch = batch;
    this.evaluator = new Evaluator(values, batch);
  }

  /** The right side with its axes replaced by the index, and the batch's size by its number. */
  expression(): Expression {
    const at = new Map(this.statement.target.axes.map((axis, d) => [axis, fixed(this.index[d]!)]));
    return (this.known ??= this.settled(counted(this.statement.expression, this.batch), at));
  }

  /** The value of an expression without free axes. */
  number(e: Expression): number {
    return this.evaluator.number(e);
  }

  terms(): Terms {
    const forms: { group: Group; shape: number[]; data: Float64Array }[] = [];
    for (const group of this.split(this.expression(), [], UNIT, UNIT)) {
      const shape = group.axes.map(this.evaluator.extent);
      const data = new Float64Array(count(shape));
      copyInto(this.evaluator.view(group.body), group.axes, data, 0, contiguous(shape), this.evaluator.extent);
      if (!group.winner) {
        forms.push({ group, shape, data });
        continue;
      }
      const best = extreme(data, group.winner);
      const body = this.settled(group.body, placed(group.axes, unravelled(best, shape)));
      forms.push({ group: { axes: [], body, winner: "" }, shape: [], data: data.slice(best, best + 1) });
    }
    let outside = 0;
    const met: { owner: number; place: number; value: number }[] = [];
    forms.forEach(({ group, shape, data }, owner) => {
      const leaves = this.leaving(group);
      const unmet = conditions(group);
      const grid = new Map(group.axes.map((a, d) => [a, d]));
      data.forEach((value, place) => {
        const at = leaves.length || unmet.length ? unravelled(place, shape) : [];
        if (unmet.some(([left, right]) => valueAt(left, grid, at) !== valueAt(right, grid, at))) return;
        if (leaves.some((test) => test(grid, at))) outside += 1;
        else met.push({ owner, place, value });
      });
    });
    const weight = (value: number): number => (Number.isNaN(value) ? Infinity : Math.abs(value));
    met.sort((a, b) => (weight(b.value) === weight(a.value) ? 0 : weight(b.value) - weight(a.value)));
    const form = ({ owner, place, value }: (typeof met)[number]): [Expression, number] => {
      const { group, shape } = forms[owner]!;
      return [withoutBrackets(this.settled(group.body, placed(group.axes, unravelled(place, shape)))), value];
    };
    return {
      contributions: met.map((m) => m.value), outside,
      keys: met.map(({ owner, place }) => `${owner} ${place}`),
      written: (from, to) => this.written(met.slice(from, to).map(form)),
      equation: (count, rest, value) => this.equation(met.slice(0, count).map(form), rest, value),
      factors: (place) => {
        const [top, bottom] = quotient(form(met[place]!)[0]);
        const one = (part: Expression, under: boolean): Factor => {
          const value = this.number(part);
          return { value: under ? (value ? 1 / value : NaN) : value, sources: this.sources(part) };
        };
        return [...top.map((part) => one(part, false)), ...bottom.map((part) => one(part, true))];
      },
    };
  }

  /** For a maximum or a minimum: the elements among which it was chosen. */
  candidates(): Source[] {
    const sources: Source[] = [];
    for (const group of this.split(this.expression(), [], UNIT, UNIT)) {
      if (!group.winner) continue;
      const shape = group.axes.map(this.evaluator.extent);
      for (let place = 0; place < count(shape); place++) {
        sources.push(...this.sources(this.settled(group.body, placed(group.axes, unravelled(place, shape)))));
      }
    }
    return sources;
  }

  // Groups of terms

  /** Groups of terms that add up to e·times/over, summed over the axes. */
  private *split(e: Expression, axes: readonly Axis[], times: Expression, over: Expression): Generator<Group> {
    const alone = !axes.length && isNumber(times, 1) && isNumber(over, 1);
    if (e.kind === "operation" && e.name === "mul") {
      const minimum = alone ? smallest(e) : null;
      if (minimum) {
        const [fresh, body] = renewed(minimum);
        yield { axes: fresh, body: multiply(constant(-1), body), winner: "min" };
        return;
      }
      if (e.args.filter(sums).length === 1) {
        const place = e.args.findIndex(sums);
        const rest = multiply(...e.args.slice(0, place), ...e.args.slice(place + 1));
        yield* this.split(e.args[place]!, axes, multiply(times, rest), over);
        return;
      }
    }
    if (e.kind === "operation" && e.name === "add") {
      for (const arg of e.args) yield* this.split(arg, axes, times, over);
      return;
    }
    if (e.kind === "reduction" && e.name === "sum") {
      const [fresh, body] = renewed(e);
      yield* this.split(body, [...axes, ...fresh], times, over);
      return;
    }
    if (e.kind === "operation" && e.name === "div" && sums(e.args[0]!)) {
      yield* this.split(e.args[0]!, axes, times, multiply(over, e.args[1]!));
      return;
    }
    if (e.kind === "operation" && e.name === "where" && !axes.some((a) => freeAxes(e.args[0]!).has(a))) {
      const [condition, yes, no] = e.args as [Expression, Expression, Expression];
      yield* this.split(this.number(condition) ? yes : no, axes, times, over);
      return;
    }
    if (alone && e.kind === "reduction" && e.name === "max") {
      const [fresh, body] = renewed(e);
      yield { axes: fresh, body, winner: "max" };
      return;
    }
    const product = isNumber(times, 1) ? e : multiply(e, times);
    yield { axes, body: isNumber(over, 1) ? product : divide(product, over), winner: "" };
  }

  /** For each factor that is 0 outside its tensor: whether it reads outside at a place. */
  private leaving(group: Group): ((grid: Grid, at: readonly number[]) => boolean)[] {
    const read = factors(group.body).filter((f): f is Read => (
      f.kind === "read" && f.outside !== null && equal(f.outside, ZERO)
    ));
    return read.map((f) => (grid, at) => f.indices.some((index, d) => {
      if (!isAffine(index)) return false;
      const value = valueAt(index, grid, at);
      const by = index.divisor.value;
      const extent = f.tensor.axes[d]!.extent;
      return value < 0 || value % by !== 0 || (extent !== null && Math.floor(value / by) >= extent);
    }));
  }

  // Terms written out

  private letters(): Map<Tensor, string> {
    const letters = new Map<Tensor, string>();
    for (const tensor of this.values.keys()) letters.set(tensor, this.statement.letters.get(tensor) ?? tensor.name);
    return letters;
  }

  /** Terms in numbers, the sum of the rest, and "=" where they give the value as all of it is shown, else "≈". */
  private equation(
    forms: readonly (readonly [Expression, number])[], rest: number, value: number,
  ): [texts: string[], rest: string, sign: "=" | "≈"] {
    const numbers = new Numbers(this.letters(), this);
    let parts: [string, number][] = [];
    for (let digits = FEWEST; digits <= MOST; digits++) {
      parts = forms.map(([e, contribution]) => numbers.equal(e, contribution, digits));
      const sum = parts.reduce((total, [, result]) => total + result, 0) + taken(rest, digits);
      const size = written(Math.abs(rest), digits);
      if (sign(sum, value) === "=" || digits === MOST) return [parts.map(([text]) => text), size, sign(sum, value)];
    }
    throw new Error("the last of the digits ends the loop");
  }

  private written(forms: readonly (readonly [Expression, number])[]): Term[] {
    const letters = this.letters();
    const symbols = new Printer(letters);
    const numbers = new Numbers(letters, this);
    return forms.map(([e, value]) => {
      return {
        value, text: symbols.expression(e), numbers: numbers.equal(e, value, FEWEST)[0],
        sources: quotient(e).flat().flatMap((part) => this.sources(part)),
      };
    });
  }

  /** The elements that an expression reads, also those under a Σ inside it. */
  private sources(e: Expression): Source[] {
    const byName = new Map<string, Source>();
    for (const [read, axes] of boundReads(e, [])) {
      const shape = axes.map(this.evaluator.extent);
      for (let place = 0; place < Math.min(count(shape), MAX_SOURCES); place++) {
        const { indices } = this.settled(read, placed(axes, unravelled(place, shape))) as Read;
        const index = indices.map((i) => this.whole(i));
        const { shape: full, data } = this.values.get(read.tensor)!;
        if (!index.every((i, d) => i !== null && i >= 0 && i < full[d]!)) continue;
        const strides = contiguous(full);
        const value = data[index.reduce<number>((sum, i, d) => sum + i! * strides[d]!, 0)]!;
        const path = read.tensor.name;
        const name = `${path}[${index.join(",")}]`;
        if (!byName.has(name)) byName.set(name, { path, index: index as number[], value });
      }
    }
    return [...byName.values()];
  }

  /** A constant index as a number; null where it does not divide. */
  private whole(index: Affine | Expression): number | null {
    if (!isAffine(index)) return Math.trunc(this.number(index));
    const value = constantOf(index) / index.divisor.value;
    return index.terms.length || !Number.isInteger(value) ? null : value;
  }

  // Expressions at a place

  /** The expression with axes replaced by indices, and every constant index worked out. */
  private settled(e: Expression, at: ReadonlyMap<Axis, Affine>): Expression {
    const change = (inner: Expression): Expression | null => {
      if (inner.kind !== "read") return null;
      const indices = inner.indices.map((i) => (isAffine(i) ? workedOut(i) : this.lookedUp(transform(i, change))));
      const { shape } = this.values.get(inner.tensor)!;
      return { ...inner, indices, outside: indices.every((i, d) => inside(i, shape[d]!)) ? null : inner.outside };
    };
    return transform(substitute(e, at), change);
  }

  /** An element of a tensor of integers as its number, where its indices are numbers. */
  private lookedUp(index: Expression): Affine | Expression {
    if (index.kind !== "read" || freeAxes(index).size || !index.indices.every(isAffine)) return index;
    const { shape, data } = this.values.get(index.tensor)!;
    const strides = contiguous(shape);
    let at = 0;
    for (const [d, i] of index.indices.entries()) {
      const place = constantOf(i);
      if (place < 0 || place >= shape[d]!) return index;
      at += place * strides[d]!;
    }
    return fixed(data[at]!);
  }
}

type Grid = ReadonlyMap<Axis, number>;

/** Prints an expression with the numbers in the places of what it reads. */
class Numbers extends Printer {
  private readonly point: Point;
  private readonly known = new Map<Expression, number>();
  private digits = FEWEST;

  constructor(letters: ReadonlyMap<Tensor, string>, point: Point) {
    super(letters);
    this.point = point;
  }

  /** The expression with as many digits as give a value as it is shown, and what a calculator makes of them. */
  equal(e: Expression, value: number, fewest: number): [text: string, result: number] {
    let result = NaN;
    for (this.digits = fewest; this.digits <= MOST; this.digits++) {
      result = this.calculated(e);
      if (sign(result, value) === "=") break;
    }
    this.digits = Math.min(this.digits, MOST);
    return [this.expression(e), result];
  }

  /** The number that is printed in the place of an expression; null where its parts are printed. */
  private leaf(e: Expression): number | null {
    if ((e.kind === "read" || e.kind === "reduction") && !freeAxes(e).size) {
      if (!this.known.has(e)) this.known.set(e, this.point.number(e));
      return this.known.get(e)!;
    }
    if (e.kind === "size") return e.axis.extent;
    return e.kind === "constant" && e.name ? e.value : null;
  }

  /** NaN where there is an operation that no calculator has. */
  private calculated(e: Expression): number {
    const leaf = this.leaf(e);
    if (leaf !== null) return taken(leaf, this.digits);
    if (e.kind === "constant") return e.value;
    if (e.kind === "index") return e.affine.terms.length ? NaN : constantOf(e.affine) / e.affine.divisor.value;
    if (e.kind !== "operation") return NaN;
    // A random number is drawn anew by nobody: it is what it was.
    if (e.name === "uniform") return this.point.number(e);
    const args = e.args.map((arg) => this.calculated(arg));
    if (e.name === "add") return args.reduce((sum, arg) => sum + arg, 0);
    if (e.name === "mul") return args.reduce((product, arg) => product * arg, 1);
    if (e.name === "where") return args[0] ? args[1]! : args[2]!;
    return UNARY[e.name]?.(args[0]!) ?? BINARY[e.name]?.(args[0]!, args[1]!) ?? NaN;
  }

  protected override text(e: Expression): [string, number] {
    const value = this.leaf(e);
    return value === null ? super.text(e) : [written(value, this.digits), value < 0 ? PRODUCT : ATOM];
  }
}

/** The factors above and below a fraction's line. */
function quotient(e: Expression): [readonly Expression[], readonly Expression[]] {
  const [top, bottom] = e.kind === "operation" && e.name === "div" ? e.args : [e, UNIT];
  return [factors(top!), isNumber(bottom!, 1) ? [] : factors(bottom!)];
}

/** The maximum in −max(−x), which is how a minimum is written. */
export function smallest(e: Expression): Reduction | null {
  if (e.kind !== "operation" || e.name !== "mul" || e.args.length !== 2 || !constantIs(e.args[0]!, -1)) return null;
  const inner = e.args[1]!;
  return inner.kind === "reduction" && inner.name === "max" ? inner : null;
}

function constantIs(e: Expression, value: number): boolean {
  return e.kind === "constant" && e.value === value;
}

/** Whether there are separate terms inside: a Σ, or a product or quotient of one. */
function sums(e: Expression): boolean {
  if (e.kind === "reduction") return e.name === "sum";
  if (e.kind !== "operation") return false;
  if (e.name === "mul") return e.args.filter(sums).length === 1;
  if (e.name === "div") return sums(e.args[0]!);
  return e.name === "add" && e.args.some(sums);
}

/** A reduction's axes made new, and its body over them. */
function renewed(e: Reduction): [Axis[], Expression] {
  const fresh = new Map(e.axes.map((a) => [a, { ...a }]));
  return [[...fresh.values()], rename(e.body, fresh)];
}

/** The expression with the batch's extent as a number. */
function counted(e: Expression, batch: number): Expression {
  const change = (inner: Expression): Expression | null => {
    if (inner.kind === "size" && inner.axis.extent === null) return constant(batch);
    if (inner.kind !== "reduction" || inner.axes.every((a) => a.extent !== null)) return null;
    const open = inner.axes.filter((a) => a.extent === null);
    const known = new Map(open.map((a) => [a, { name: a.name, extent: batch, bound: null }]));
    return transform(rename(inner, known), change);
  };
  return transform(e, change);
}

function workedOut(index: Affine): Affine {
  const value = constantOf(index) / index.divisor.value;
  return index.terms.length || !Number.isInteger(value) ? index : fixed(value);
}

/** Whether an index never leaves an axis of this extent. */
function inside(index: Affine | Expression, extent: number): boolean {
  const reach = isAffine(index) && index.divisor.value === 1 ? bounds(index) : null;
  return reach !== null && reach[0] >= 0 && reach[1] < extent;
}

/** Every read inside, with those axes of the reductions around it on which it depends. */
function* boundReads(e: Expression, axes: readonly Axis[]): Generator<[Read, Axis[]]> {
  if (e.kind === "read") yield [e, axes.filter((a) => freeAxes(e).has(a))];
  const inner = e.kind === "reduction" ? [...axes, ...e.axes] : axes;
  for (const child of children(e)) yield* boundReads(child, inner);
}

// Places

export function unravelled(place: number, shape: readonly number[]): number[] {
  const at = new Array<number>(shape.length);
  for (let d = shape.length - 1; d >= 0; d--) {
    at[d] = place % shape[d]!;
    place = Math.floor(place / shape[d]!);
  }
  return at;
}

function placed(axes: readonly Axis[], at: readonly number[]): Map<Axis, Affine> {
  return new Map(axes.map((axis, d) => [axis, fixed(at[d]!)]));
}

function valueAt(index: Affine, grid: Grid, at: readonly number[]): number {
  let value = constantOf(index);
  for (const [axis, c] of index.terms) value += c.value * at[grid.get(axis)!]!;
  return value;
}

function extreme(data: Float64Array, which: "max" | "min"): number {
  let best = 0;
  data.forEach((value, place) => {
    const better = which === "max" ? value > data[best]! : value < data[best]!;
    if (better || (Number.isNaN(value) && !Number.isNaN(data[best]!))) best = place;
  });
  return best;
}

// Conditions [a = b] among the factors of a term: those of a Σ over the places of a flattened tensor

function bracket(e: Expression): [Affine, Affine] | null {
  if (e.kind !== "operation" || e.name !== "eq") return null;
  const [left, right] = e.args.map((a) => {
    if (a.kind === "index") return a.affine;
    return a.kind === "constant" ? fixed(Math.trunc(a.value)) : null;
  });
  return left && right ? [left, right] : null;
}

function conditions(group: Group): [Affine, Affine][] {
  const { body } = group;
  const top = body.kind === "operation" && body.name === "div" ? body.args[0]! : body;
  const known = (index: Affine): boolean => index.terms.every(([a]) => group.axes.includes(a));
  return factors(top).map(bracket).filter((b): b is [Affine, Affine] => (
    b !== null && b.every(known) && b[0].divisor.value === b[1].divisor.value && b[0].divisor.name === b[1].divisor.name
  ));
}

/** A term without its conditions, which hold, where it has other factors. */
function withoutBrackets(e: Expression): Expression {
  if (e.kind === "operation" && e.name === "div") {
    return divide(withoutBrackets((e as Operation).args[0]!), e.args[1]!);
  }
  const parts = factors(e);
  const rest = parts.filter((f) => !bracket(f));
  return rest.length && rest.length < parts.length ? multiply(...rest) : e;
}

/** How many different reads there are in an expression. */
export function readCount(e: Expression): number {
  const reads = new Set<string>();
  const visit = (inner: Expression): void => {
    if (inner.kind === "read") reads.add(key(inner));
    children(inner).forEach(visit);
  };
  visit(e);
  return reads.size;
}
