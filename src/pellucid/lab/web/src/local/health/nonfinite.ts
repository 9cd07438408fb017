// The first value of a run that is not finite, and what usually causes that: as Python's training/running/failures.py.

import { explain } from "../../formula/explain.ts";
import type { Trace } from "../../formula/explain.ts";
import { walk } from "../../formula/expressions.ts";
import type { Statement } from "../../formula/expressions.ts";
import type { Words } from "../../model/wire/protocol.ts";
import type { Standing } from "../saved.ts";
import { spelled } from "./spelling.ts";
import type { Facts } from "./spelling.ts";

/** Facts of a finding about it, and its path; "" where all values of the run are finite. */
export interface Origin {
  readonly path: string;
  readonly facts: Facts;
}

/** `taken` is the step that was taken, from 1, and its learning rate. */
export function originOf(trace: Trace, { causes, signs }: Standing, taken: { step: number; rate: number }): Origin {
  const { program, values } = trace;
  const rate = taken.step === 1 ? causes["first"]! : spelled(causes["rate"]!, { rate: taken.rate });
  for (const [path, tensor] of program.tensors) {
    const value = values.get(tensor);
    const at = value && tensor.kind === "float" ? value.data.findIndex((v) => !Number.isFinite(v)) : -1;
    if (!value || at < 0) continue;
    const index = unravelled(at, value.shape);
    const statement = program.definitions.get(tensor);
    const found = statement && explain(trace, path, index, 1);
    const place = index.length ? `${path}[${index.join(", ")}]` : path;
    const arithmetic = found ? `${found.formula}: ${found.substituted}` : "";
    return { path, facts: { value: written(value.data[at]!), place, arithmetic, why: cause(statement, causes, rate) } };
  }
  return { path: "", facts: { value: signs["not finite"]!, place: signs["a step"]!, arithmetic: "", why: rate } };
}

function cause(statement: Statement | undefined, causes: Standing["causes"], rate: Words): Words {
  if (!statement) return causes["given"]!;
  const operations = [...walk(statement.expression)].filter((e) => e.kind === "operation");
  const kinds = new Set(
    operations.filter(({ name, args }) => name !== "pow" || args[1]!.kind !== "constant").map(({ name }) => name),
  );
  if (kinds.has("log")) return spelled(causes["log"]!, { rate });
  if (["exp", "expm1", "pow"].some((name) => kinds.has(name))) return spelled(causes["exp"]!, { rate });
  const divides = operations.some(({ name, args }) => name === "div" && [...walk(args[1]!)].some((e) => e.kind === "read"));
  return divides ? spelled(causes["div"]!, { rate }) : rate;
}

function unravelled(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of shape.toReversed()) {
    index.unshift(place % size);
    place = Math.floor(place / size);
  }
  return index;
}

function written(value: number): string {
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
