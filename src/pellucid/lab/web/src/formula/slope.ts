// The slope of a function of one number, by dual numbers: each value carries its derivative with it.

import { equal } from "./expressions.ts";
import type { Expression } from "./expressions.ts";
import { BINARY, UNARY } from "./scalars.ts";

type Dual = readonly [value: number, slope: number];

/** The derivative of each function at x, where its value is y; at corners it is 0, as in formula/scalar.py. */
const DERIVATIVES: Readonly<Record<string, (x: number, y: number) => number>> = {
  exp: (_, y) => y,
  expm1: (_, y) => y + 1,
  log: (x) => 1 / x,
  log1p: (x) => 1 / (1 + x),
  sqrt: (_, y) => 1 / (2 * y),
  sin: (x) => Math.cos(x),
  cos: (x) => -Math.sin(x),
  erf: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
  tanh: (_, y) => 1 - y * y,
  σ: (_, y) => y * (1 - y),
  softplus: (x) => UNARY["σ"]!(x),
  relu: (_, y) => Number(y > 0),
  abs: (x) => Math.sign(x),
};

/** The expression's value and slope where `inner` has the value x. */
export function dual(e: Expression, inner: Expression, x: number): Dual {
  if (equal(e, inner)) return [x, 1];
  if (e.kind === "constant") return [e.value, 0];
  if (e.kind !== "operation") return [NaN, NaN];
  const args = e.args.map((a) => dual(a, inner, x));
  const [a, b, c] = args as [Dual, Dual, Dual];
  switch (e.name) {
    case "add":
      return args.reduce((one, two) => [one[0] + two[0], one[1] + two[1]]);
    case "mul":
      return args.reduce((one, two) => [one[0] * two[0], one[0] * two[1] + one[1] * two[0]]);
    case "div":
      return [a[0] / b[0], (a[1] - (a[0] / b[0]) * b[1]) / b[0]];
    case "pow": {
      const value = BINARY["pow"]!(a[0], b[0]);
      const base = a[1] ? b[0] * a[0] ** (b[0] - 1) * a[1] : 0;
      return [value, base + (b[1] ? value * Math.log(a[0]) * b[1] : 0)];
    }
    case "where":
      return a[0] ? b : c;
    case "max":
      return [Math.max(a[0], b[0]), b[0] < a[0] ? a[1] : a[0] < b[0] ? b[1] : 0];
    case "min":
      return [Math.min(a[0], b[0]), a[0] < b[0] ? a[1] : b[0] < a[0] ? b[1] : 0];
  }
  const unary = UNARY[e.name];
  if (!unary) return [BINARY[e.name]!(a[0], b[0]), 0];
  const value = unary(a[0]);
  const rule = DERIVATIVES[e.name];
  return [value, rule && a[1] ? rule(a[0], value) * a[1] : 0];
}
