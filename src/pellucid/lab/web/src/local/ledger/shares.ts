// The gradient of one element of a parameter, shared out among the examples of a batch: the terms of its own sum, told
// apart by example. As Python's explain/ledger/gradient_shares.py.

import { fixed } from "../../formula/axes.ts";
import type { Affine, Axis } from "../../formula/axes.ts";
import type { Program } from "../../formula/document.ts";
import { Evaluator, run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import { add, divide, isAffine, multiply, rename, substitute, walk, ZERO } from "../../formula/expressions.ts";
import type { Expression, Tensor } from "../../formula/expressions.ts";
import { copyInto } from "../../formula/views.ts";

export class Shares {
  private readonly program: Program;
  private readonly example: Axis = { name: "n", extent: null, bound: null };
  /** A sum over the examples of the first, and the second. */
  private readonly parts: Expression;
  private readonly rest: Expression;
  private readonly operands: Tensor[];

  /** `gradient` is that of the parameter, `place` the element's. */
  constructor(program: Program, gradient: Tensor, place: readonly number[]) {
    this.program = program;
    const at = new Map(gradient.axes.map((axis, d) => [axis, fixed(place[d]!)] as const));
    const whole = substitute(program.definitions.get(gradient)!.expression, at);
    [this.parts, this.rest] = this.toldApart(whole, new Set());
    const read = new Set<Tensor>();
    for (const e of [...walk(this.parts), ...walk(this.rest)]) if (e.kind === "read") read.add(e.tensor);
    this.operands = [...read];
  }

  /** What each example of a batch adds to the gradient, and what none of them adds. */
  of(given: ReadonlyMap<string, Stored>, batch: number, single: boolean): { parts: Float64Array; rest: number } {
    const values = run(this.program, given, { wanted: this.operands, single });
    const evaluator = new Evaluator(values, batch);
    const parts = new Float64Array(batch);
    copyInto(evaluator.view(this.parts), [this.example], parts, 0, [1], evaluator.extent);
    return { parts, rest: evaluator.number(this.rest) };
  }

  private toldApart(e: Expression, seen: ReadonlySet<Tensor>): [Expression, Expression] {
    if (e.kind === "reduction" && e.name === "sum") {
      const fresh = new Map(e.axes.map((axis) => [axis, axis.extent === null ? this.example : { ...axis }] as const));
      const body = rename(e.body, fresh);
      const inner = [...fresh.values()].filter((axis) => axis !== this.example);
      if (inner.length < e.axes.length) return [summed(inner, body), ZERO];
      const [part, rest] = this.toldApart(body, seen);
      return [summed(inner, part), summed(inner, rest)];
    }
    if (e.kind === "operation" && e.name === "add") {
      const pairs = e.args.map((a) => this.toldApart(a, seen));
      return [add(...pairs.map(([part]) => part)), add(...pairs.map(([, rest]) => rest))];
    }
    if (e.kind === "operation" && e.name === "mul") return this.inOne(e.args, seen, (args) => multiply(...args)) ?? [ZERO, e];
    if (e.kind === "operation" && e.name === "div") {
      const [over, under] = e.args as [Expression, Expression];
      return this.inOne([over], seen, ([top]) => divide(top!, under)) ?? [ZERO, e];
    }
    if (e.kind === "read" && e.outside === null && !seen.has(e.tensor)) {
      const statement = this.program.definitions.get(e.tensor);
      if (!statement || e.tensor.axes.some(({ extent }) => extent === null) || !e.indices.every(isAffine)) return [ZERO, e];
      const at = new Map(e.tensor.axes.map((axis, d) => [axis, e.indices[d] as Affine] as const));
      const [part, rest] = this.toldApart(substitute(statement.expression, at), new Set([...seen, e.tensor]));
      return part === ZERO ? [ZERO, e] : [part, rest];
    }
    return [ZERO, e];
  }

  /** An operation that is linear in one of its arguments, which can be told apart; null where that is not one. */
  private inOne(
    args: readonly Expression[], seen: ReadonlySet<Tensor>, again: (args: Expression[]) => Expression,
  ): [Expression, Expression] | null {
    const pairs = args.map((a) => this.toldApart(a, seen));
    const places = pairs.flatMap(([part], k) => (part === ZERO ? [] : [k]));
    if (places.length !== 1) return null;
    const side = (which: 0 | 1): Expression => again(args.map((a, k) => (k === places[0] ? pairs[k]![which] : a)));
    return [side(0), side(1)];
  }
}

function summed(axes: readonly Axis[], body: Expression): Expression {
  if (body === ZERO || !axes.length) return body;
  return { kind: "reduction", name: "sum", axes, body };
}
