// Formulas as text, as Python's formula/notation/unicode.py prints them.

import { bare, ONE, same } from "./axes.ts";
import type { Affine, Axis, Coefficient } from "./axes.ts";
import { coefficient, constant, isAffine, isNumber, multiply, operation } from "./expressions.ts";
import type { Expression, Operation, Reduction, Tensor } from "./expressions.ts";

/** How tightly a text binds. */
export const [SUM, PRODUCT, POWER, ATOM] = [0, 1, 2, 3] as const;
const MINUS = "−";
const SIGNS: Record<string, string> = { lt: "<", le: "≤", eq: "=" };

type Bound = [text: string, binds: number];

/** A constant of a formula, in full: as Python's repr writes it. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const sign = value < 0 ? MINUS : "";
  const size = Math.abs(value);
  if (Number.isInteger(size) && size < 1e15) return sign + String(size);
  const [mantissa, exponent] = size.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 16) {
    const text = String(size);
    return sign + (text.includes("e") ? size.toFixed(-power + mantissa.length) : text);
  }
  const digits = String(Math.abs(power)).padStart(2, "0");
  return `${sign}${mantissa}e${power < 0 ? "-" : "+"}${digits}`;
}

/** No two things of one statement print with the same name: an axis gets a prime, a number is written out instead. */
export class Printer {
  private readonly names: ReadonlyMap<Tensor, string>;
  private axes = new Map<Axis, string>();
  private readonly scalars: ReadonlySet<string>;
  private readonly values: Map<string, number | null>;

  constructor(names: ReadonlyMap<Tensor, string>) {
    this.names = names;
    this.scalars = new Set([...names].filter(([t]) => !t.axes.length).map(([, name]) => name));
    this.values = new Map([...names.values()].map((name) => [name, null]));
  }

  expression(e: Expression, level: number = SUM): string {
    const [text, binds] = this.text(e);
    return binds < level ? `(${text})` : text;
  }

  protected text(e: Expression): Bound {
    switch (e.kind) {
      case "constant":
        if (e.name && this.means(e.name, e.value)) return [e.name, ATOM];
        return [numberText(e.value), e.value >= 0 ? ATOM : PRODUCT];
      case "index": {
        const single = e.affine.terms.length + e.affine.offset.length === 1;
        return [this.affine(e.affine), bare(e.affine) ? ATOM : single ? PRODUCT : SUM];
      }
      case "size":
        return [`size(${this.axis(e.axis)})`, ATOM];
      case "read": {
        const places = e.indices.map((i) => (isAffine(i) ? this.affine(i) : this.expression(i)));
        const outside = e.outside ? ` | ${this.expression(e.outside)}` : "";
        return [indexed(this.names.get(e.tensor) ?? e.tensor.name, places, outside), ATOM];
      }
      case "reduction":
        return [this.reduction(e.name, e.axes, e.body), PRODUCT];
      case "operation":
        return this.operation(e);
    }
  }

  // Axes and indices

  private axis(axis: Axis): string {
    return this.axes.get(axis) ?? axis.name;
  }

  private bind(axis: Axis): string {
    let name = axis.name;
    while (this.scalars.has(name) || [...this.axes.values()].includes(name)) name += "′";
    this.axes.set(axis, name);
    return name;
  }

  private affine(index: Affine): string {
    const parts: [boolean, string][] = index.terms.map(([axis, c]) => {
      const [minus, text] = this.coefficient(c);
      const name = this.axis(axis);
      if (text === "1") return [minus, name];
      return [minus, /^\d/.test(text) ? `${text}·${name}` : `${name}·${text}`];
    });
    parts.push(...index.offset.map((c) => this.coefficient(c)));
    if (!parts.length) return "0";
    // What is added stands before what is taken away: k + p − u·d, 1 − u.
    parts.sort((a, b) => Number(a[0]) - Number(b[0]));
    const text = signed(parts);
    if (same(index.divisor, ONE)) return text;
    const [, bottom] = this.coefficient(index.divisor);
    const by = index.divisor.name.includes("·") ? `(${bottom})` : bottom;
    return parts.length > 1 || parts[0]![0] ? `(${text})/${by}` : `${text}/${by}`;
  }

  /** Whether a minus stands before the coefficient, and the rest. */
  private coefficient(c: Coefficient): [boolean, string] {
    if (c.name && this.means(c.name, c.minus ? -c.value : c.value)) return [c.minus, c.name];
    return [c.value < 0, numberText(Math.abs(c.value))];
  }

  /** Whether the name can stand for the number here, and for nothing else. */
  private means(name: string, value: number): boolean {
    const taken = [...this.axes.values()];
    if (name.split("·").some((part) => taken.includes(part))) return false;
    if (!this.values.has(name)) this.values.set(name, value);
    return this.values.get(name) === value;
  }

  // Reductions and operations

  private reduction(word: string, axes: readonly Axis[], body: Expression): string {
    if (word === "argmax" && coefficient(body)[0] === -1) {
      word = "argmin";
      body = negated(body);
    }
    const saved = new Map(this.axes);
    const names = axes.map((a) => this.bind(a));
    const bounds = axes.map((a) => (a.bound ? this.coefficient(a.bound)[1] : ""));
    const text = this.expression(body, PRODUCT);
    this.axes = saved;
    const sign = word === "sum" ? "Σ" : word;
    const letter = /^\p{L}′*$/u;
    if (!bounds.some(Boolean) && names.every((n) => letter.test(n))) return `${sign}_${names.join("")} ${text}`;
    return `${sign}[${names.map((n, k) => (bounds[k] ? `${n}<${bounds[k]}` : n)).join(",")}] ${text}`;
  }

  private operation({ name, args }: Operation): Bound {
    const [first, second, third] = args as [Expression, Expression, Expression];
    switch (name) {
      case "add": {
        const texts = args.map((a) => this.expression(a, PRODUCT));
        return [signed(texts.map((t) => (t.startsWith(MINUS) ? [true, t.slice(1)] : [false, t]))), SUM];
      }
      case "mul":
        return [this.times(args), PRODUCT];
      case "div":
        return [`${this.factor(first, true)}/${this.expression(second, POWER)}`, PRODUCT];
      case "pow": {
        const short = isNumber(second, 2) ? "²" : isNumber(second, 3) ? "³" : `^${this.expression(second, ATOM)}`;
        return [this.expression(first, ATOM) + short, POWER];
      }
      case "lt":
      case "le":
      case "eq":
      case "and":
        return [`[${this.condition({ kind: "operation", name, args })}]`, ATOM];
      case "where":
        return [`where(${this.condition(first)}, ${this.expression(second)}, ${this.expression(third)})`, ATOM];
    }
    return [`${name}(${args.map((a) => this.expression(a)).join(", ")})`, ATOM];
  }

  /** A product with its sign: −3·x, −2/y·z, or the minimum that is written −max(−x). */
  private times(args: readonly Expression[]): string {
    const [first, second, ...rest] = args as [Expression, Expression, ...Expression[]];
    if (first.kind !== "constant" || first.name) return this.product(args);
    const { value } = first;
    if (value === -1 && args.length === 2 && isMaximum(second) && coefficient(second.body)[0] === -1) {
      return this.reduction("min", second.axes, negated(second.body));
    }
    const sign = value < 0 ? MINUS : "";
    if (second.kind === "operation" && second.name === "div" && isNumber(second.args[0], 1) && Math.abs(value) !== 1) {
      return sign + this.product([operation("div", constant(Math.abs(value)), second.args[1]!), ...rest]);
    }
    if (value >= 0) return this.product(args);
    return sign + this.product(value === -1 ? [second, ...rest] : [constant(-value), second, ...rest]);
  }

  /** A comparison, or several, without their bracket. */
  private condition(e: Expression): string {
    if (e.kind === "operation" && e.name === "and") {
      const [left, right] = e.args as [Expression, Expression];
      const nested = right.kind === "operation" && right.name === "and";
      return `${this.condition(left)} and ${nested ? this.expression(right) : this.condition(right)}`;
    }
    const sign = e.kind === "operation" ? SIGNS[e.name] : undefined;
    if (e.kind === "operation" && sign) {
      return `${this.expression(e.args[0]!)} ${sign} ${this.expression(e.args[1]!)}`;
    }
    return this.expression(e);
  }

  /** A product; a Σ swallows what follows it, so only the last factor may be one without brackets. */
  private product(args: readonly Expression[]): string {
    const head = args[0]!;
    const first = head.kind === "constant" && !head.name ? 1 : 0;
    return args.map((a, i) => this.factor(a, i <= first, i === args.length - 1)).join("·");
  }

  private factor(e: Expression, first = false, last = false): string {
    if (e.kind === "operation" && e.name === "mul") {
      const text = this.product(e.args);
      return last || e.args.at(-1)!.kind !== "reduction" ? text : `(${text})`;
    }
    if (e.kind === "reduction") return this.expression(e, last ? PRODUCT : ATOM);
    if (e.kind === "operation" && e.name === "div" && first) return this.expression(e, PRODUCT);
    return this.expression(e, POWER);
  }
}

function isMaximum(e: Expression): e is Reduction {
  return e.kind === "reduction" && e.name === "max";
}

function negated(e: Expression): Expression {
  return multiply(constant(-1), e);
}

function signed(parts: readonly (readonly [boolean, string])[]): string {
  const [first, ...more] = parts as [readonly [boolean, string], ...(readonly [boolean, string])[]];
  return (first[0] ? MINUS : "") + first[1] + more.map(([minus, part]) => ` ${minus ? MINUS : "+"} ${part}`).join("");
}

function indexed(name: string, indices: readonly string[], outside: string): string {
  if (!indices.length) return name;
  const short = indices.every((i) => [...i].length < 3 || i.includes("[") || i.includes("<"));
  return `${name}[${indices.join(short ? "," : ", ")}${outside}]`;
}
