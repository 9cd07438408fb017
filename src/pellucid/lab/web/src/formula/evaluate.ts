// Evaluates the formulas: every expression becomes a view over the axes on which it depends, in float64; what a
// statement computes is stored in float32, or in float64 where that is asked for. The semantics, and the oracle of the
// tests, are those of Python's reference engine.

import { bare, constantOf } from "./axes.ts";
import type { Affine, Axis } from "./axes.ts";
import { isLoop } from "./document.ts";
import type { Loop, Program } from "./document.ts";
import {
  constant, divide, factors, freeAxes, isAffine, isNumber, multiply, operation, UNIT, walk, ZERO,
} from "./expressions.ts";
import type { Expression, Operation, Read, Reduction, Statement, Tensor } from "./expressions.ts";
import { BINARY, UNARY } from "./scalars.ts";
import { uniform } from "./random.ts";
import {
  added, contiguous, contracted, copyInto, count, filled, map1, map2, places, product, scalar, stridesAlong, sweep,
  total, zeros,
} from "./views.ts";
import type { Data, View } from "./views.ts";

export interface Stored {
  readonly shape: readonly number[];
  readonly data: Data;
}

export type Values = ReadonlyMap<Tensor, Stored>;

export interface Options {
  /** Store real numbers in float32, as the engines do; else in float64. */
  readonly single?: boolean;
  /** Compute what these tensors need, and nothing else. */
  readonly wanted?: readonly Tensor[];
  /** Elements that are not what they would be: what depends on them is computed with this value, later steps too. */
  readonly set?: Setting;
}

export interface Setting {
  readonly tensor: Tensor;
  /** Their places in the tensor's data. */
  readonly places: readonly number[];
  readonly value: number;
}

function put(setting: Setting | undefined, tensor: Tensor, data: Data): void {
  if (setting?.tensor === tensor) for (const place of setting.places) data[place] = setting.value;
}

/**
 * Runs a program and keeps every value. A value that is given is not computed, even where the program could; what needs
 * something that was not given is left out: without a target there is no loss and no gradient.
 */
export function run(program: Program, given: ReadonlyMap<string, Stored>, options: Options = {}): Map<Tensor, Stored> {
  const values = new Map<Tensor, Stored>();
  let batch = 1;
  for (const [name, tensor] of program.tensors) {
    const array = given.get(name);
    if (!array) continue;
    const fits = array.shape.length === tensor.axes.length
      && tensor.axes.every(({ extent }, d) => extent === null || extent === array.shape[d]);
    if (!fits) throw new Error(`${name} came with the shape ${array.shape.join(" × ")}, which does not fit`);
    if (tensor.axes[0]?.extent === null) batch = array.shape[0]!;
    const mine = options.set?.tensor === tensor ? { shape: array.shape, data: array.data.slice() } : array;
    put(options.set, tensor, mine.data);
    values.set(tensor, mine);
  }
  const needed = options.wanted && reached(program, options.wanted, values);
  const evaluator = new Evaluator(values, batch);
  for (const stage of program.stages) {
    const statements = (isLoop(stage) ? stage.statements : [stage]).filter(({ target }) => !values.has(target));
    const inside = new Set(statements.map((s) => s.target));
    const ready = statements.every((s) => readBy(s).every((t) => values.has(t) || inside.has(t)));
    if (!ready || !statements.some((s) => !needed || needed.has(s.target))) continue;
    for (const { target } of statements) {
      const shape = target.axes.map(evaluator.extent);
      const single = target.kind === "float" && (options.single ?? true);
      values.set(target, { shape, data: single ? new Float32Array(count(shape)) : new Float64Array(count(shape)) });
    }
    if (isLoop(stage)) loop(stage, statements, values, evaluator, options.set);
    else {
      const to = values.get(stage.target)!;
      copyInto(evaluator.view(stage.expression), stage.target.axes, to.data, 0, contiguous(to.shape), evaluator.extent);
      put(options.set, stage.target, to.data);
    }
  }
  return values;
}

/** The statements of a loop at every step, each writing its slice. */
function loop(
  stage: Loop, statements: readonly Statement[], values: Values, evaluator: Evaluator, setting: Setting | undefined,
): void {
  const body = statements.map(({ target, expression }) => {
    const axis = stage.axes.get(target)!;
    const { data, shape } = values.get(target)!;
    const strides = contiguous(shape);
    const place = target.axes.indexOf(axis);
    const others = (_: unknown, d: number): boolean => d !== place;
    return {
      target, expression, data, axis, step: strides[place]!, axes: target.axes.filter(others), strides: strides.filter(others),
    };
  });
  for (let number = 0; number < stage.extent; number++) {
    const step = stage.reverse ? stage.extent - 1 - number : number;
    for (const s of body) {
      const view = evaluator.at(s.axis, step).view(s.expression);
      copyInto(view, s.axes, s.data, step * s.step, s.strides, evaluator.extent);
      put(setting, s.target, s.data);
    }
  }
}

const known = new WeakMap<Statement, readonly Tensor[]>();

export function readBy(statement: Statement): readonly Tensor[] {
  let tensors = known.get(statement);
  if (!tensors) {
    const reads = new Set<Tensor>();
    for (const e of walk(statement.expression)) if (e.kind === "read") reads.add(e.tensor);
    known.set(statement, (tensors = [...reads]));
  }
  return tensors;
}

/** All tensors from which the wanted ones are computed. */
function reached(program: Program, wanted: readonly Tensor[], given: Values): ReadonlySet<Tensor> {
  const needed = new Set(wanted);
  for (const tensor of needed) { // a set visits what is added to it
    const statement = given.has(tensor) ? undefined : program.definitions.get(tensor);
    if (statement) readBy(statement).forEach((t) => needed.add(t));
  }
  return needed;
}

/** An index along one dimension of a tensor, with the axes that are at a loop's step worked in. */
interface Place {
  readonly terms: readonly (readonly [Axis, number])[];
  readonly offset: number;
  readonly divisor: number;
  readonly size: number;
  readonly low: number;
  readonly high: number;
}

export class Evaluator {
  readonly values: Values;
  readonly batch: number;
  private readonly pinned: ReadonlyMap<Axis, number>;

  constructor(values: Values, batch: number, pinned: ReadonlyMap<Axis, number> = new Map()) {
    this.values = values;
    this.batch = batch;
    this.pinned = pinned;
  }

  readonly extent = (axis: Axis): number => axis.extent ?? this.batch;

  /** The evaluator with one axis at the step of a loop. */
  at(axis: Axis, step: number): Evaluator {
    return new Evaluator(this.values, this.batch, new Map([[axis, step]]));
  }

  /** The expression's value over the axes on which it depends. */
  view(e: Expression): View {
    switch (e.kind) {
      case "constant":
        return scalar(e.value);
      case "size":
        return scalar(this.extent(e.axis));
      case "index":
        return this.index(e.affine, e.affine.divisor.value);
      case "read":
        return this.read(e);
      case "operation":
        return this.operation(e);
      case "reduction":
        return e.name === "sum" ? this.sum(e.axes, e.body) : this.largest(e);
    }
  }

  /** The value of an expression without axes. */
  number(e: Expression): number {
    const { data, offset } = this.view(e);
    return data[offset]!;
  }

  // Indices and reads

  private place(index: Affine, size: number): Place {
    let offset = constantOf(index);
    const terms: [Axis, number][] = [];
    for (const [axis, c] of index.terms) {
      const step = this.pinned.get(axis);
      if (step === undefined) terms.push([axis, c.value]);
      else offset += c.value * step;
    }
    let [low, high] = [offset, offset];
    for (const [axis, k] of terms) {
      const reach = k * (this.extent(axis) - 1);
      if (reach < 0) low += reach;
      else high += reach;
    }
    return { terms, offset, divisor: index.divisor.value, size, low, high };
  }

  /** The index before it is divided, over `by`. */
  private index(index: Affine, by = 1): View {
    const { terms, offset } = this.place(index, 0);
    const out = zeros(terms.map(([a]) => a), this.extent);
    const moves = terms.map(([, k]) => k);
    sweep(out.axes.map(this.extent), [out.strides, moves], [0, offset], ([o, value], [so, step], n) => {
      for (let i = 0; i < n; i++) out.data[o! + i * so!] = (value! + i * step!) / by;
    });
    return out;
  }

  private read(e: Read): View {
    const { data, shape } = this.stored(e.tensor);
    if (!e.indices.every(isAffine)) return this.gathered(e);
    const spots = e.indices.map((index, d) => this.place(index, shape[d]!));
    const outsideAlways = spots.some((p) => {
      const spread = (p.size - 1) * p.divisor + 1;
      return !p.terms.length && (p.offset < 0 || p.offset >= spread || p.offset % p.divisor !== 0);
    });
    if (outsideAlways) return e.outside ? this.view(e.outside) : this.missing(e.tensor);
    const leaves = spots.map((p) => p.terms.length > 0 && (p.divisor > 1 || p.low < 0 || p.high >= p.size));
    const strides = contiguous(shape);
    if (!leaves.includes(true)) return viewed(spots, data, strides);
    if (!e.outside) this.missing(e.tensor);
    if (e.outside.kind !== "constant") return this.gathered(e);
    return this.padded(spots, leaves, data, strides, e.outside.value);
  }

  private stored(tensor: Tensor): Stored {
    const array = this.values.get(tensor);
    if (!array) throw new Error(`${tensor.name} was not stored, so nothing that reads it can be computed`);
    return array;
  }

  private missing(tensor: Tensor): never {
    throw new Error(`an index leaves ${tensor.name}, and nothing says what lies outside`);
  }

  /** A copy of the tensor with what lies outside around it, and divisor − 1 such elements between its own. */
  private padded(
    spots: readonly Place[], leaves: readonly boolean[], data: Data, strides: readonly number[], fill: number,
  ): View {
    const moving = spots.map((p, d) => ({ p, d, wide: leaves[d]! })).filter(({ p }) => p.terms.length);
    const before = moving.map(({ p, wide }) => (wide ? Math.max(0, -p.low) : 0));
    const sizes = moving.map(({ p, wide }, k) => {
      const spread = (p.size - 1) * p.divisor + 1;
      return wide ? before[k]! + spread + Math.max(0, p.high - (spread - 1)) : p.size;
    });
    const large = new Float64Array(count(sizes));
    if (fill !== 0) large.fill(fill);
    const steps = contiguous(sizes);
    const to = steps.map((s, k) => s * (moving[k]!.wide ? moving[k]!.p.divisor : 1));
    const start = before.reduce((sum, b, k) => sum + b * steps[k]!, 0);
    const from = spots.reduce((sum, p, d) => (p.terms.length ? sum : sum + (p.offset / p.divisor) * strides[d]!), 0);
    const inner = moving.map(({ d }) => strides[d]!);
    sweep(moving.map(({ p }) => p.size), [to, inner], [start, from], ([o, a], [so, sa], n) => {
      for (let i = 0; i < n; i++) large[o! + i * so!] = data[a! + i * sa!]!;
    });
    return viewed(moving.map(({ p }, k) => ({ ...p, divisor: 1, offset: p.offset + before[k]! })), large, steps);
  }

  /** Any read at all: its indices number by number. */
  private gathered(e: Read): View {
    const { data, shape } = this.stored(e.tensor);
    const strides = contiguous(shape);
    const indices = e.indices.map((i) => (isAffine(i) ? this.index(i) : this.view(i)));
    const divisors = e.indices.map((i) => (isAffine(i) ? i.divisor.value : 1));
    const outside = e.outside ? this.view(e.outside) : null;
    const rank = shape.length;
    return filled(outside ? [...indices, outside] : indices, this.extent, (out, offsets, steps, n) => {
      for (let i = 0; i < n; i++) {
        let at = 0;
        for (let d = 0; d < rank; d++) {
          const place = indices[d]!.data[offsets[d + 1]! + i * steps[d + 1]!]! / divisors[d]!;
          if (place < 0 || place >= shape[d]! || !Number.isInteger(place)) {
            at = -1;
            break;
          }
          at += place * strides[d]!;
        }
        if (at < 0 && !outside) this.missing(e.tensor);
        const instead = offsets[rank + 1]! + i * steps[rank + 1]!;
        out[offsets[0]! + i * steps[0]!] = at < 0 ? outside!.data[instead]! : data[at]!;
      }
    });
  }

  // Operations

  private operation(e: Operation): View {
    const { extent } = this;
    switch (e.name) {
      case "add":
        return e.args.map((a) => this.view(a)).reduce((a, b) => added(a, b, extent));
      case "mul":
        return this.product(e.args);
      case "where":
        return this.where(e);
      case "uniform": {
        const args = e.args.map((a) => this.view(a));
        return filled(args, extent, (out, offsets, steps, n) => {
          const argument = (k: number, i: number): number => args[k]!.data[offsets[k + 1]! + i * steps[k + 1]!]!;
          for (let i = 0; i < n; i++) {
            out[offsets[0]! + i * steps[0]!] = uniform(argument(0, i), argument(1, i), argument(2, i), argument(3, i));
          }
        });
      }
    }
    const [first, second] = e.args.map((a) => this.view(a));
    const unary = UNARY[e.name];
    return unary ? map1(unary, first!, extent) : map2(BINARY[e.name]!, first!, second!, extent);
  }

  /** A product; what a condition on indices rules out is 0, whatever the other factors are there. */
  private product(args: readonly Expression[]): View {
    const brackets = args.filter(isBracket);
    const rest = args.filter((a) => !isBracket(a)).map((a) => this.view(a));
    rest.sort((a, b) => a.axes.length - b.axes.length);
    const multiplied = rest.length ? rest.reduce((a, b) => product(a, b, this.extent)) : scalar(1);
    return brackets.reduce(
      (value, b) => map2((holds, x) => (holds ? x : 0), this.view(b), value, this.extent), multiplied,
    );
  }

  private where(e: Operation): View {
    const [condition, yes, no] = e.args as [Expression, Expression, Expression];
    const test = this.view(condition);
    if (!test.axes.length) return this.view(test.data[test.offset] ? yes : no);
    const [one, two] = [this.view(yes), this.view(no)];
    return filled([test, one, two], this.extent, (out, [o, t, a, b], [so, st, sa, sb], n) => {
      for (let i = 0; i < n; i++) {
        out[o! + i * so!] = test.data[t! + i * st!] ? one.data[a! + i * sa!]! : two.data[b! + i * sb!]!;
      }
    });
  }

  // Reductions

  private largest(e: Reduction): View {
    const body = this.view(e.body);
    const out = zeros(body.axes.filter((a) => !e.axes.includes(a)), this.extent);
    const { offsets: [table], steps: [step], length } = places([body], e.axes, this.extent);
    const index = e.name === "argmax";
    const outer = [out.strides, stridesAlong(body, out.axes)];
    sweep(out.axes.map(this.extent), outer, [0, body.offset], ([o, a], [so, sa], n) => {
      for (let i = 0; i < n; i++) {
        let best = NaN;
        let winner = 0;
        for (let k = 0, number = 0; k < table!.length; k++) {
          for (let j = 0; j < length; j++, number++) {
            const value = body.data[a! + i * sa! + table![k]! + j * step!]!;
            // The first of equals wins, and a NaN over all.
            if (number === 0 || value > best || (value !== value && best === best)) [best, winner] = [value, number];
          }
        }
        out.data[o! + i * so!] = index ? winner : best;
      }
    });
    return out;
  }

  private sum(axes: readonly Axis[], body: Expression): View {
    while (body.kind === "reduction" && body.name === "sum") [axes, body] = [[...axes, ...body.axes], body.body];
    if (body.kind === "operation" && body.name === "add" && body.args.some(spread)) {
      return body.args.map((term) => this.sum(axes, term)).reduce((a, b) => added(a, b, this.extent));
    }
    if (body.kind === "operation" && body.name === "where" && isNumber(body.args[2], 0)) {
      const [condition, inner] = body.args as [Expression, Expression];
      if (!touches(condition, axes)) {
        return this.view(operation("where", condition, { kind: "reduction", name: "sum", axes, body: inner }, ZERO));
      }
    }
    const [parts, divisor] = takenApart(body, axes);
    const value = this.sumOfProduct(axes, parts);
    return divisor ? map2(BINARY["div"]!, value, this.view(divisor), this.extent) : value;
  }

  private sumOfProduct(axes: readonly Axis[], parts: readonly Expression[]): View {
    const inside = parts.filter((p) => touches(p, axes));
    const outer = parts.filter((p) => !touches(p, axes));
    const used = axes.filter((a) => inside.some((p) => freeAxes(p).has(a)));
    const times = count(axes.filter((a) => !used.includes(a)).map(this.extent));
    let value: View | null = null;
    if (used.length) value = this.scattered(used, inside) ?? this.contraction(used, inside);
    const results: Expression[] = times === 1 ? [...outer] : [constant(times), ...outer];
    if (!value) return this.product(results.length ? results : [UNIT]);
    return results.length ? this.multiplied(results, value) : value;
  }

  /** A value times other factors, of which conditions on indices come last. */
  private multiplied(others: readonly Expression[], value: View): View {
    const plain = others.filter((o) => !isBracket(o)).map((o) => this.view(o));
    const whole = plain.reduce((a, b) => product(b, a, this.extent), value);
    return others.filter(isBracket).reduce(
      (v, b) => map2((holds, x) => (holds ? x : 0), this.view(b), v, this.extent), whole,
    );
  }

  /**
   * Σ_ij [q = w·i + j]·f(i,j), where nothing else depends on q: f(i,j) is added to the one place q that it belongs to.
   * So a flattened tensor and the rows of an embedding cost as much as they have elements.
   */
  private scattered(axes: readonly Axis[], parts: readonly Expression[]): View | null {
    for (const part of parts) {
      if (part.kind !== "operation" || part.name !== "eq") continue;
      const others = parts.filter((p) => p !== part);
      for (const [one, other] of [part.args, [...part.args].reverse()] as [Expression, Expression][]) {
        const axis = one.kind === "index" ? bare(one.affine) : null;
        if (!axis || axes.includes(axis) || this.pinned.has(axis) || !touches(other, axes)) continue;
        if ([other, ...others].some((p) => freeAxes(p).has(axis))) continue;
        return this.scatter(axis, other, others, axes);
      }
    }
    return null;
  }

  private scatter(axis: Axis, which: Expression, others: readonly Expression[], axes: readonly Axis[]): View {
    const among = axes.filter((a) => freeAxes(which).has(a));
    const rest = axes.filter((a) => !among.includes(a));
    const value = rest.length ? this.sum(rest, multiply(...others)) : this.product(others.length ? others : [UNIT]);
    const places = this.view(which);
    const kept = [...new Set([...value.axes, ...places.axes])].filter((a) => !among.includes(a));
    const out = zeros([...kept, axis], this.extent);
    const size = this.extent(axis);
    const every = [...kept, ...among];
    const strides = [{ ...out, axes: kept }, places, value].map((view) => stridesAlong(view, every));
    sweep(every.map(this.extent), strides, [0, places.offset, value.offset], ([o, w, a], [so, sw, sa], n) => {
      for (let i = 0; i < n; i++) {
        const place = places.data[w! + i * sw!]!;
        if (place < 0 || place >= size || !Number.isInteger(place)) continue;
        out.data[o! + i * so! + place]! += value.data[a! + i * sa!]!;
      }
    });
    return out;
  }

  /** Σ over the axes of a product: factor by factor, those first whose product is smallest. */
  private contraction(axes: readonly Axis[], parts: readonly Expression[]): View {
    const conditions = parts.filter(isBracket);
    const plain = parts.filter((p) => !isBracket(p)).map((p) => this.view(p));
    let pool = [...plain, ...conditions.map((p) => this.view(p))];
    const counted = axes.filter((a) => pool.some((v) => v.axes.includes(a)));
    const times = count(axes.filter((a) => !counted.includes(a)).map(this.extent));
    pool = this.absorbed(pool);
    while (pool.length > 2) {
      const [one, two] = this.cheapest(pool, counted);
      const rest = pool.filter((v) => v !== one && v !== two);
      const done = counted.filter((a) => (
        [one, two].some((v) => v.axes.includes(a)) && !rest.some((v) => v.axes.includes(a))
      ));
      pool = this.absorbed([...rest, this.pair(one, two, done)]);
    }
    const live = counted.filter((a) => pool.some((v) => v.axes.includes(a)));
    const [first, second] = pool as [View, View?];
    const value = second ? this.pair(first, second, live) : live.length ? total(first, live, this.extent) : first;
    return times === 1 ? value : product(scalar(times), value, this.extent);
  }

  private size(view: View): number {
    return count(view.axes.map(this.extent));
  }

  /** Factors whose axes another factor has too are multiplied into it. */
  private absorbed(views: readonly View[]): View[] {
    const pool = [...views].sort((a, b) => this.size(a) - this.size(b));
    const done: View[] = [];
    for (let view = pool.shift(); view; view = pool.shift()) {
      const { axes } = view;
      const host = pool.findIndex((v) => axes.every((a) => v.axes.includes(a)));
      if (host < 0 || (pool.length === 1 && !done.length)) {
        done.push(view); // two factors alone are summed as they are
      } else {
        pool[host] = product(view, pool[host]!, this.extent);
      }
    }
    return done;
  }

  private cheapest(pool: readonly View[], axes: readonly Axis[]): [View, View] {
    let best: [View, View] = [pool[0]!, pool[1]!];
    let smallest = Infinity;
    pool.forEach((one, k) => pool.slice(k + 1).forEach((two) => {
      const others = pool.filter((v) => v !== one && v !== two);
      const kept = [...new Set([...one.axes, ...two.axes])].filter((a) => (
        !axes.includes(a) || others.some((v) => v.axes.includes(a))
      ));
      const size = count(kept.map(this.extent));
      if (size < smallest) [smallest, best] = [size, [one, two]];
    }));
    return best;
  }

  /** Σ over `summed` of the product of two views; what only one of them has is summed before. */
  private pair(one: View, two: View, summed: readonly Axis[]): View {
    const alone = (v: View, w: View): readonly Axis[] => (
      summed.filter((a) => v.axes.includes(a) && !w.axes.includes(a))
    );
    const [left, right] = [alone(one, two), alone(two, one)];
    const a = left.length ? total(one, left, this.extent) : one;
    const b = right.length ? total(two, right, this.extent) : two;
    const shared = summed.filter((x) => a.axes.includes(x) && b.axes.includes(x));
    return shared.length ? contracted(a, b, shared, this.extent) : product(a, b, this.extent);
  }
}

/** A view of data whose dimensions are indexed by places that do not leave it. */
function viewed(spots: readonly Place[], data: Data, strides: readonly number[]): View {
  const along = new Map<Axis, number>();
  let offset = 0;
  spots.forEach((p, d) => {
    offset += (p.terms.length ? p.offset : p.offset / p.divisor) * strides[d]!;
    for (const [axis, k] of p.terms) along.set(axis, (along.get(axis) ?? 0) + k * strides[d]!);
  });
  return { axes: [...along.keys()], strides: [...along.values()], data, offset };
}

function touches(e: Expression, axes: readonly Axis[]): boolean {
  const free = freeAxes(e);
  return axes.some((a) => free.has(a));
}

/** A condition [a = b] on indices alone. */
function isBracket(e: Expression): boolean {
  return e.kind === "operation" && e.name === "eq" && e.args.every((a) => a.kind === "index" || a.kind === "constant");
}

/** Whether the term's factors have axes that no single one of them has: then sums are cheaper than one large array. */
function spread(e: Expression): boolean {
  const parts = factors(e);
  const every = freeAxes(e);
  return parts.length > 1 && !parts.some((p) => freeAxes(p).size === every.size);
}

/** The factors of a product, quotients and conditions taken apart, and a divisor that no summed axis is in. */
function takenApart(body: Expression, axes: readonly Axis[]): [Expression[], Expression | null] {
  const parts: Expression[] = [];
  const divisors: Expression[] = [];
  for (const factor of factors(body)) {
    if (factor.kind === "operation" && factor.name === "div") {
      const [top, bottom] = factor.args as [Expression, Expression];
      if (!touches(bottom, axes)) {
        parts.push(...factors(top));
        divisors.push(bottom);
        continue;
      }
      if (spread(top)) {
        const under = [...freeAxes(bottom)];
        const host = factors(top).find((f) => under.every((a) => freeAxes(f).has(a)));
        parts.push(...factors(top).filter((f) => f !== host), divide(host ?? UNIT, bottom));
        continue;
      }
    }
    const gated = factor.kind === "operation" && factor.name === "where" && isNumber(factor.args[2], 0);
    if (gated && spread(factor.args[1]!)) {
      // Each factor that the condition can reach is 0 where it fails, so that 0·∞ cannot come up.
      const [condition, yes] = factor.args as [Expression, Expression];
      const among = [...freeAxes(condition)];
      const touched = factors(yes).filter((f) => touches(f, among));
      if (touched.length && touched.every((f) => among.every((a) => freeAxes(f).has(a)))) {
        parts.push(...factors(yes).map((f) => (touched.includes(f) ? operation("where", condition, f, ZERO) : f)));
        continue;
      }
    }
    parts.push(factor);
  }
  return [parts, divisors.length ? multiply(...divisors) : null];
}


