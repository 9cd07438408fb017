// Reads the formulas' JSON (pellucid.formula, version 1) and believes nothing in it: every number, name, axis and index
// is checked. Nothing in it is ever run as code.

import { ONE, whole, within } from "./axes.ts";
import type { Affine, Axis, Coefficient } from "./axes.ts";
import { isAffine } from "./expressions.ts";
import type { Expression, Statement, Tensor } from "./expressions.ts";
import { SCALARS } from "./scalars.ts";

/** A recurrence: its statements run at every value of the loop axis, the last first if it is reversed. */
export interface Loop {
  readonly statements: readonly Statement[];
  readonly axes: ReadonlyMap<Tensor, Axis>;
  readonly extent: number;
  readonly reverse: boolean;
}

export type Stage = Statement | Loop;

export interface Program {
  readonly statements: readonly Statement[];
  readonly stages: readonly Stage[];
  /** By name: the tensors without a statement first. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly definitions: ReadonlyMap<Tensor, Statement>;
}

export function isLoop(stage: Stage): stage is Loop {
  return "statements" in stage;
}

export class FormulaError extends Error {}

type Data = Record<string, unknown>;

const DEEPEST = 100;

export function readProgram(data: unknown): Program {
  return new Reader().program(data);
}

class Reader {
  private at = "the formulas";
  private axes: Axis[] = [];
  private tensors: Tensor[] = [];

  program(given: unknown): Program {
    const data = this.record(given);
    if (data["format"] !== "pellucid.formula" || data["version"] !== 1) {
      this.fail("expected the format pellucid.formula, version 1");
    }
    this.axes = this.list(data["axes"]).map((item, number) => this.axis(item, number));
    this.tensors = this.list(data["tensors"]).map((item, number) => this.tensor(item, number));
    const statements = this.list(data["statements"]).map((item, number) => this.statement(item, number));
    const definitions = new Map(statements.map((s) => [s.target, s]));
    if (definitions.size < statements.length) this.fail("a tensor is defined twice");
    this.at = "the stages of the formulas";
    const stages = this.list(data["stages"]).map((item) => this.stage(item, statements));
    const run = stages.flatMap((s) => (isLoop(s) ? s.statements : [s]));
    if (run.length !== statements.length || new Set(run).size !== run.length) {
      this.fail("not each statement comes once");
    }
    this.at = "the outputs of the formulas";
    const named = Object.entries(this.record(data["outputs"]));
    const outputs = named.map(([name, number]) => [name, this.one(this.tensors, number)] as const);
    const inputs = this.tensors.filter((t) => !definitions.has(t));
    const tensors = new Map([...inputs, ...run.map((s) => s.target)].map((t) => [t.name, t] as const));
    if (tensors.size < this.tensors.length) this.fail("two tensors have one name");
    return {
      statements: run, stages, tensors, definitions,
      inputs: new Map(inputs.map((t) => [t.name, t])), outputs: new Map(outputs),
    };
  }

  // Plain values

  private fail(message: string): never {
    throw new FormulaError(`${this.at} cannot be read: ${message}`);
  }

  private record(value: unknown): Data {
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.fail("expected an object");
    return value as Data;
  }

  private list(value: unknown): unknown[] {
    if (!Array.isArray(value)) this.fail("expected a list");
    return value;
  }

  private text(value: unknown): string {
    if (typeof value !== "string" || !value) this.fail("expected a name");
    return value;
  }

  private whole(value: unknown, low = -Number.MAX_SAFE_INTEGER): number {
    if (!Number.isSafeInteger(value) || (value as number) < low) this.fail("expected an integer");
    return value as number;
  }

  private one<T>(things: readonly T[], number: unknown): T {
    const thing = things[this.whole(number, 0)];
    if (thing === undefined) this.fail(`there is no number ${String(number)}, only ${things.length}`);
    return thing;
  }

  // Axes, tensors, statements, stages

  private axis(value: unknown, number: number): Axis {
    this.at = `axis ${number} of the formulas`;
    const data = this.record(value);
    const extent = data["extent"] === "batch" ? null : this.whole(data["extent"], 0);
    const bound = "bound" in data ? this.coefficient(data["bound"]) : null;
    return { name: this.text(data["name"]), extent, bound };
  }

  private tensor(value: unknown, number: number): Tensor {
    this.at = `tensor ${number} of the formulas`;
    const data = this.record(value);
    const kind = data["kind"];
    if (kind !== "float" && kind !== "int") this.fail("expected the kind float or int");
    return { name: this.text(data["name"]), letter: this.text(data["letter"]), kind, axes: this.some(data["axes"]) };
  }

  private some(value: unknown): Axis[] {
    const axes = this.list(value).map((number) => this.one(this.axes, number));
    if (new Set(axes).size !== axes.length) this.fail("one axis comes twice");
    return axes;
  }

  private statement(value: unknown, number: number): Statement {
    this.at = `statement ${number} of the formulas`;
    const data = this.record(value);
    const target = this.one(this.tensors, data["target"]);
    const letters = this.list(data["letters"]).map((item) => {
      const [place, letter] = this.list(item);
      return [this.one(this.tensors, place), this.text(letter)] as const;
    });
    return {
      target, letters: new Map(letters),
      expression: this.expression(data["expression"], new Set(target.axes), 0),
    };
  }

  private stage(value: unknown, statements: readonly Statement[]): Stage {
    if (typeof value === "number") return this.one(statements, value);
    const data = this.record(value);
    const inside = this.list(data["statements"]).map((number) => this.one(statements, number));
    const axes = new Map(this.list(data["axes"]).map((item) => {
      const [tensor, axis] = this.list(item);
      return [this.one(this.tensors, tensor), this.one(this.axes, axis)] as const;
    }));
    const extent = this.whole(data["extent"], 0);
    for (const { target } of inside) {
      const axis = axes.get(target);
      if (!axis || axis.extent !== extent || !target.axes.includes(axis)) this.fail("a loop's axis does not fit");
    }
    return { statements: inside, axes, extent, reverse: data["reverse"] === true };
  }

  // Expressions

  private expression(value: unknown, scope: ReadonlySet<Axis>, depth: number): Expression {
    if (depth > DEEPEST) this.fail(`an expression is nested more than ${DEEPEST} deep`);
    const data = this.record(value);
    const inner = (item: unknown, within = scope): Expression => this.expression(item, within, depth + 1);
    if ("constant" in data) {
      const name = "name" in data ? this.text(data["name"]) : "";
      return { kind: "constant", value: this.number(data["constant"]), name };
    }
    if ("index" in data) return { kind: "index", affine: this.affine(data["index"], scope) };
    if ("size" in data) return { kind: "size", axis: this.one(this.axes, data["size"]) };
    if ("read" in data) return this.read(data, scope, inner);
    if ("operation" in data) {
      const name = this.text(data["operation"]);
      const args = this.list(data["args"]).map((a) => inner(a));
      const arity = SCALARS.get(name);
      const fits = name === "add" || name === "mul" ? args.length >= 2 : args.length === arity;
      if (!fits) this.fail(`there is no operation ${name.slice(0, 40)} of ${args.length} arguments`);
      return { kind: "operation", name, args };
    }
    if ("reduction" in data) {
      const name = data["reduction"];
      const axes = this.some(data["axes"]);
      if ((name !== "sum" && name !== "max" && name !== "argmax") || !axes.length) {
        this.fail("expected sum, max or argmax over axes");
      }
      return { kind: "reduction", name, axes, body: inner(data["body"], new Set([...scope, ...axes])) };
    }
    this.fail("expected an expression");
  }

  private read(data: Data, scope: ReadonlySet<Axis>, inner: (item: unknown) => Expression): Expression {
    const tensor = this.one(this.tensors, data["read"]);
    const outside = "outside" in data ? inner(data["outside"]) : null;
    const items = this.list(data["indices"]);
    if (items.length !== tensor.axes.length) this.fail(`${tensor.name} has ${tensor.axes.length} axes`);
    const indices = items.map((item) => ("terms" in this.record(item) ? this.affine(item, scope) : inner(item)));
    indices.forEach((index, d) => {
      if (isAffine(index)) {
        if (!outside && !within(index, tensor.axes[d]!.extent)) this.fail(`an index may leave ${tensor.name}`);
      } else if (index.kind !== "read" || index.tensor.kind !== "int") {
        this.fail(`an index into ${tensor.name} is not an element of a tensor of integers`);
      }
    });
    return { kind: "read", tensor, indices, outside };
  }

  private number(value: unknown): number {
    if (value === "inf") return Infinity;
    if (value === "-inf") return -Infinity;
    if (typeof value !== "number" || !Number.isFinite(value)) this.fail("expected a number");
    return value;
  }

  private affine(value: unknown, scope: ReadonlySet<Axis>): Affine {
    const data = this.record(value);
    const terms = this.list(data["terms"]).map((item) => {
      const [axis, c] = this.list(item);
      const named = this.one(this.axes, axis);
      if (!scope.has(named)) this.fail(`axis ${named.name} is used where nothing declares it`);
      return [named, this.coefficient(c)] as const;
    });
    if (new Set(terms.map(([a]) => a)).size !== terms.length) this.fail("one axis comes twice");
    const divisor = this.coefficient(data["divisor"]);
    if (divisor.value < 1) this.fail("an index can be divided only by an integer of at least 1");
    return {
      terms, offset: this.list(data["offset"]).map((c) => this.coefficient(c)),
      divisor: divisor.value === 1 && !divisor.name ? ONE : divisor,
    };
  }

  private coefficient(value: unknown): Coefficient {
    if (typeof value === "number") return whole(this.whole(value));
    const data = this.record(value);
    if (typeof data["name"] !== "string") this.fail("a coefficient's name is a text");
    const high = "high" in data ? this.whole(data["high"]) : null;
    return { value: this.whole(data["value"]), name: data["name"], minus: data["minus"] === true, high };
  }
}
