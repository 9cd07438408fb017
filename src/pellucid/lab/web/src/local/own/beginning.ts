// The document of a network that learns a table of the person's own: Python's, with the numbers of features and of classes
// in their places.

import { readProgram } from "../../formula/document.ts";
import { run } from "../../formula/evaluate.ts";
import type { Description, Words } from "../../model/wire/protocol.ts";
import { statistics } from "./division.ts";
import type { Part } from "./division.ts";
import type { Examples, Rules, Task } from "./examples.ts";

type Data = Record<string, unknown>;

/** A document with open numbers, as Python's lab/serve/table_templates.py writes it. */
export interface Template {
  readonly document: Data;
  readonly layers: readonly string[];
  readonly open: Readonly<Record<Open, number>>;
  readonly numbers: readonly (readonly [number, Open, readonly number[]])[];
  readonly initial: Readonly<Record<string, unknown>>;
  readonly statistics: Readonly<Record<"x" | "y", readonly [string, string] | null>>;
  readonly paths: readonly string[];
  readonly two: { readonly sample: Description["sample"]; readonly views: Description["views"] };
}
type Open = "features" | "classes";

export interface Templates extends Rules {
  readonly phrases: Data;
  readonly tables: Readonly<Record<Task, Template>>;
}

export interface Begun {
  readonly document: Data;
  /** The layers, each as Python has it, and how many numbers they learn and keep. */
  readonly layers: string[];
  readonly parameters: number;
}

/** What is begun with. */
export function begun(
  templates: Templates, name: string, target: string, examples: Examples, { learned, test }: Record<"learned" | "test", Part>,
): Begun {
  const { classes } = examples.target;
  const template = templates.tables[classes ? "classification" : "regression"];
  const sizes = { features: examples.features.length, classes: classes?.length ?? 0 };
  const filled = closed(template, sizes);
  const document = filled(template.document) as Data & { description: Description; diagnosis: { trainable: string[] } };
  const parameters = begin(filled(template.initial) as Data);
  measured(parameters, template, learned, sizes.features);
  const { description } = document;
  const shapes = new Map(description.layers.flatMap((layer) => layer.parameters).map(({ path, shape }) => [path, product(shape)]));
  const learnt = document.diagnosis.trainable.reduce((sum, path) => sum + shapes.get(path)!, 0);
  const batch = Math.min(description.training!.batch_size, learned.count);
  const stem = name.replace(/\.[^.]+$/, "");
  const title: Words = { en: stem, zh: stem };
  return {
    layers: filled(template.layers) as string[],
    parameters: [...shapes.values()].reduce((a, b) => a + b, 0),
    document: {
      ...document, phrases: templates.phrases, parameters,
      description: {
        ...description, title, parameters: learnt, classes: classes && [...classes],
        ...(sizes.features === 2 ? template.two : {}),
        can: { ...description.can, data: true, gallery: true },
        sets: [{ name: "train", count: learned.count }, { name: "test", count: test.count }],
        table: sizes.features > templates.limits.columns ? null : {
          columns: columns(examples, learned), paths: [...template.paths], target,
        },
        training: { ...description.training!, batch_size: batch, steps_per_epoch: Math.ceil(learned.count / batch) },
        state: { ...description.state, run: Math.floor(Math.random() * 2 ** 52) },
      },
      examples: { train: told(learned, sizes), test: told(test, sizes) },
      confusion: classes ? { train: table("train", classes), test: table("test", classes) } : {},
    },
  };
}

/** Puts the numbers that are open in their places. */
function closed(template: Template, sizes: Readonly<Record<Open, number>>): (value: unknown) => unknown {
  const { open, numbers } = template;
  const put = new Map<unknown, number>([[open.features, sizes.features], [open.classes, sizes.classes]]);
  for (const [number, which, values] of numbers) put.set(number, values[sizes[which] - 1] ?? number);
  const marks = new RegExp(`\\b(?:${open.features}|${open.classes})\\b`, "g");
  const walk = (value: unknown): unknown => {
    if (typeof value === "number") return put.get(value) ?? value;
    if (typeof value === "string") return value.replace(marks, (mark) => String(put.get(Number(mark))));
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]));
  };
  return walk;
}

/** The first values of what is learned, by their formulas. */
function begin(initial: Data): Record<string, { shape: number[]; numbers: Float32Array }> {
  return Object.fromEntries(Object.entries(initial).map(([path, given]) => {
    const program = readProgram(given);
    const value = program.outputs.get("value")!;
    const { shape, data } = run(program, new Map(), { wanted: [value], single: false }).get(value)!;
    return [path, { shape: [...shape], numbers: Float32Array.from(data) }];
  }));
}

/** What is measured of the examples to learn from: the scale of the inputs, and of a quantity that is learned. */
function measured(parameters: Data, { statistics: paths }: Template, { x, y }: Part, width: number): void {
  const put = (names: readonly [string, string] | null, data: ArrayLike<number>, columnsOf: number): void => {
    if (!names) return;
    const { mean, deviation } = statistics(data, columnsOf);
    parameters[names[0]] = { shape: [columnsOf], numbers: mean };
    parameters[names[1]] = { shape: [columnsOf], numbers: deviation };
  };
  put(paths.x, x, width);
  put(paths.y, Float32Array.from(y), 1);
}

function told({ count, x, y }: Part, { features, classes }: Readonly<Record<Open, number>>): Data {
  const goal = classes ? { shape: [count], numbers: Int32Array.from(y) } : { shape: [count, 1], numbers: Float32Array.from(y) };
  return { x: { shape: [count, features], numbers: x }, y: goal, labels: null, prices: null };
}

/** Nothing was counted yet: the page does that itself. */
function table(set: string, classes: readonly string[]): Data {
  const count = classes.length;
  return { set, classes: [...classes], counts: { shape: [count, count], data: new Int32Array(count * count) }, examples: {} };
}

function columns({ features }: Examples, { count, x }: Part): NonNullable<Description["table"]>["columns"] {
  return features.map(({ name, category }, k) => {
    let [low, high, sum, truths] = [Infinity, -Infinity, 0, true];
    for (let row = 0; row < count; row++) {
      const value = x[row * features.length + k]!;
      [low, high, sum, truths] = [Math.min(low, value), Math.max(high, value), sum + value, truths && (value === 0 || value === 1)];
    }
    // Where a mean stands for what is missing it is a number, as in Python.
    const told = category === null || truths ? { name, category } : { name: `${name}=${category}`, category: null };
    return { ...told, low, high, mean: sum / count };
  });
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
