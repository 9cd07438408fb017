// What a branch changes at the step at which it leaves its parent, as Python's lab/time/changes.py.

import { show } from "../../model/numbers/numbers.ts";
import type { Action, Path, Words } from "../../model/wire/protocol.ts";
import { filled, refuse } from "../refusal.ts";
import type { Table } from "../saved.ts";
import type { Weights } from "./evaluated.ts";

export interface Change {
  /** What it is, for people. */
  readonly words: Words;
  /** The learning rate of the branch, where it is that. */
  readonly rate: number | null;
  /** The weights with the change; the given ones stay as they are. */
  readonly applied: (weights: Weights) => Weights;
}

type Wanted = Extract<Action, { do: "branch" }>["change"];

/** The change that a page asks for. */
export function changed(wanted: Wanted, parameters: ReadonlyMap<Path, Table>): Change {
  const { learning_rate: rate, parameter, index, value } = wanted;
  if (rate !== undefined) {
    if (!(rate > 0) || !Number.isFinite(rate)) refuse("local.rate", { rate });
    return { words: filled("local.changed.rate", { rate: show(rate) }), rate, applied: (weights) => weights };
  }
  const path = parameter ?? "";
  const shape = parameters.get(path)?.shape;
  const places = index ?? [];
  const there = shape?.length === places.length && places.every((i, d) => Number.isInteger(i) && i >= 0 && i < shape[d]!);
  if (!shape || !there) refuse("local.element", { path, index: places.join(", ") });
  const kind = parameters.get(path)!.data instanceof Float64Array ? Float64Array : Float32Array;
  const number = value === undefined ? NaN : kind.of(value)[0]!;
  if (!Number.isFinite(number)) refuse("local.changed.value", { value: String(value) });
  const place = places.reduce((at, i, d) => at * shape[d]! + i, 0);
  const text = `${path}[${places.join(", ")}] = ${show(value!)}`;
  return {
    words: { en: text, zh: text }, rate: null,
    applied: (weights) => {
      const before = weights.get(path)!;
      const data = before.data.slice();
      data[place] = number;
      return new Map([...weights, [path, { ...before, data }]]);
    },
  };
}
