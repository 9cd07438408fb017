// A table as examples: its target, and the numbers that its other columns become, as Python's data/tables does.

import { filled, refuse } from "../refusal.ts";
import type { Words } from "../../model/wire/protocol.ts";
import type { Column } from "./columns.ts";

/** What is judged by: Python's lab/serve/table_templates.py writes it. */
export interface Rules {
  readonly missing: readonly string[];
  readonly identifiers: string;
  readonly targets: string;
  readonly limits: Readonly<Record<"categories" | "classes" | "features" | "columns" | "cells" | "few" | "rows" | "most", number>>;
  readonly order: readonly [readonly [number, number], readonly [number, number]];
  readonly test_size: number;
}

export type Task = "classification" | "regression";

/** A number of the input: a column's, or 1 where the column has this text. */
export interface Feature {
  readonly name: string;
  readonly category: string | null;
}

/** The class of each row, by the names of the classes; or of each its quantity. */
export interface Target {
  readonly y: Float64Array;
  readonly classes: readonly string[] | null;
}

export interface Examples {
  readonly features: readonly Feature[];
  /** By row; NaN where a value is missing. */
  readonly x: Float32Array;
  readonly rows: number;
  readonly target: Target;
  /** The columns that only tell the rows apart, and why. */
  readonly leftOut: ReadonlyMap<string, Words>;
}

/** The columns that only tell the rows apart, and why each is taken for one. */
export function identifiers(columns: readonly Column[], rules: Rules): Map<string, Words> {
  const found = new Map<string, Words>();
  columns.forEach((column, place) => {
    const why = reason(column, place === 0, rules);
    if (why) found.set(column.name, why);
  });
  return found;
}

function reason(column: Column, first: boolean, { identifiers: names, limits: { categories, few } }: Rules): Words | null {
  if (column.unclear !== null) return null;
  const { texts, values } = column;
  const { length } = column.there;
  if (texts.length > 0 && 20 * texts.length >= length) {
    const different = new Set(column.there).size;
    const many = different > categories || (2 * different > length && different >= few);
    return many ? filled("local.own.different", { count: different }) : null;
  }
  if (texts.length > 0 || length < values.length || length < 2) return null;
  const name = /[a-z]I[Dd]$/.test(column.name) ? column.name : column.name.toLowerCase();
  const named = new RegExp(`^(?:${names})$`).test(name);
  if (!(first || named) || !values.every(Number.isInteger)) return null;
  const numbers = values.every((value, k) => k === 0 || value === values[k - 1]! + 1);
  if ((values[0] === 0 || values[0] === 1) && numbers && (named || length >= few)) return filled("local.own.counts", {});
  return named && length >= few && new Set(values).size === length ? filled("local.own.unique", {}) : null;
}

/** The column that is probably to be learned: one whose name says so, or the last that may be. */
export function usualTarget(columns: readonly Column[], rules: Rules): string {
  const possible = columns.filter((column) => learnable(column, rules)).map(({ name }) => name);
  const called = new RegExp(`^(?:${rules.targets})$`, "i");
  const among = [possible.filter((name) => called.test(name)), possible, columns.map(({ name }) => name)];
  return among.find((names) => names.length > 0)!.at(-1)!;
}

function learnable(column: Column, rules: Rules): boolean {
  const { limits } = rules;
  if (column.unclear !== null || column.missing.includes(true)) return false;
  if (column.texts.length > 0) {
    const known = new Set(column.cells).size;
    return known <= limits.categories && !(known > limits.classes && column.mixed);
  }
  return small(column, rules) || new Set(Float32Array.from(column.values)).size > 1;
}

/** Whether numbers look like classes. */
function small({ values }: Column, { limits }: Rules): boolean {
  return values.every((value) => Number.isInteger(value) && Math.abs(value) <= 100) && new Set(values).size <= limits.classes;
}

export function targetOf(column: Column, task: Task | null, rules: Rules): Target {
  checkClear(column);
  if (column.missing.includes(true)) refuse("local.own.target", { column: column.name });
  const chosen = task ?? (column.texts.length > 0 || small(column, rules) ? "classification" : "regression");
  const mixed = column.mixed && task === null && new Set(column.cells).size > rules.limits.classes;
  if (mixed || (chosen === "regression" && column.texts.length > 0)) {
    refuse("local.own.text", { column: column.name, cell: column.cells[column.texts[0]!]! });
  }
  if (chosen === "regression") return { y: column.values, classes: null };
  const fraction = column.texts.length > 0 ? -1 : column.values.findIndex((value) => !Number.isInteger(value));
  if (fraction >= 0) refuse("local.own.fraction", { column: column.name, cell: column.cells[fraction]! });
  const texts = column.texts.length > 0;
  const cells = texts ? column.cells : Array.from(column.values, (value) => String(value + 0));
  const classes = [...new Set(cells)].sort(texts ? undefined : (a, b) => Number(a) - Number(b));
  if (classes.length < 2) refuse("local.own.class", { column: column.name, name: classes[0]! });
  if (classes.length > rules.limits.categories) {
    refuse("local.own.classes", { column: column.name, count: classes.length, most: rules.limits.categories });
  }
  const places = new Map(classes.map((name, place) => [name, place]));
  return { y: Float64Array.from(cells, (cell) => places.get(cell)!), classes };
}

function checkClear(column: Column): void {
  if (column.unclear !== null) refuse("local.own.unclear", { column: column.name, cell: column.cells[column.unclear]! });
}

/** The examples of these columns, of which one is the target; `keep` are taken though they only tell the rows apart. */
export function examplesOf(
  columns: readonly Column[], target: string, task: Task | null, keep: ReadonlySet<string>, rules: Rules,
): Examples {
  const goal = targetOf(columns.find(({ name }) => name === target)!, task, rules);
  const given = columns.filter(({ name }) => name !== target);
  given.forEach(checkClear);
  const found = identifiers(given, rules);
  const only = given.length === 1 && found.size === 1 && given[0]!.texts.length > 0;
  const leftOut = found.size < given.length ? new Map([...found].filter(([name]) => !keep.has(name))) : new Map<string, Words>();
  const inputs = given.filter(({ name }) => !leftOut.has(name));
  if (!inputs.length) refuse("local.own.alone", { column: target });
  if (only) refuse("local.own.categories", { column: given[0]!.name, count: new Set(given[0]!.there).size, most: rules.limits.categories });
  const rows = goal.y.length;
  const parts = inputs.map((column) => written(column, rules));
  const features = parts.flatMap((part) => part.features);
  if (features.length > rules.limits.features) {
    refuse("local.own.features", { count: features.length, most: rules.limits.features });
  }
  if (rows * features.length > 4 * rules.limits.cells) refuse("local.own.features", { count: features.length, most: rules.limits.features });
  const x = new Float32Array(rows * features.length);
  let at = 0;
  for (const { features: own, numbers } of parts) {
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < own.length; k++) x[row * features.length + at + k] = numbers(row, k);
    }
    at += own.length;
  }
  return { features, x, rows, target: goal, leftOut };
}

function written(column: Column, { limits }: Rules): { features: Feature[]; numbers: (row: number, k: number) => number } {
  const { name, cells, missing, values } = column;
  if (column.mixed) refuse("local.own.text", { column: name, cell: cells[column.texts[0]!]! });
  if (column.numeric) return { features: [{ name, category: null }], numbers: (row) => values[row]! };
  const categories = [...new Set(column.there)].sort();
  if (categories.length > limits.categories) {
    refuse("local.own.categories", { column: name, count: categories.length, most: limits.categories });
  }
  return {
    features: categories.map((category) => ({ name, category })),
    numbers: (row, k) => (missing[row] ? NaN : Number(cells[row] === categories[k])),
  };
}
