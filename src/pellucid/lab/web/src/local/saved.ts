// Reads what a saved file carries: the document that Python's lab/serve/document.py writes. Nothing in it is trusted.

import { fromBase64 } from "../formula/base64.ts";
import { readProgram } from "../formula/document.ts";
import type { Program } from "../formula/document.ts";
import type { Stored } from "../formula/evaluate.ts";
import type { CurveText } from "../formula/explain.ts";
import type { Phrases } from "../formula/words.ts";
import { readLessons, type Lesson } from "../model/lesson/lessons.ts";
import type {
  Confusion, Description, Finding, Flow, Forecast, History, Latent, Methods, Path, Words,
} from "../model/wire/protocol.ts";
import type { Rule } from "./ledger/updates.ts";
import { refuse } from "./refusal.ts";
import { readSite } from "./site.ts";
import type { Site } from "./site.ts";
import type { Formulas, Measures } from "./training/metrics.ts";
import type { Resting } from "./training/settling.ts";

/** Numbers of the document; whole ones are marked, for they number classes, symbols, …. */
export interface Table extends Stored {
  readonly whole: boolean;
}

export interface Kept {
  readonly x: Table;
  /** Null where each example is its own target. */
  readonly y: Table | null;
  readonly labels: readonly (string | null)[] | null;
  /** Of a series of prices, those whose changes each example has. */
  readonly prices: Table | null;
}

/** How a text becomes numbers: Python's lab/text_reader.py. */
export interface Reading {
  readonly by: string;
  readonly lower: boolean;
  readonly strip: boolean;
  readonly unknown: number;
  /** Null in files that do not say it: a line break, or what is not known. */
  readonly filler: number | null;
  readonly fromStart: boolean;
}

export interface Training {
  readonly program: Program;
  readonly texts: Saved["texts"];
  readonly seed: number;
  /** The one that an update is explained with. */
  readonly rate: number;
  /** The same step as the engine's own code. */
  readonly module: Uint8Array<ArrayBuffer> | null;
  /** What is measured beside the loss; null in files of before of a network whose steps are masked. */
  readonly measures: Measures | null;
  readonly formulas: Formulas;
  /** Whether the file has all examples to judge by. */
  readonly judges: boolean;
  readonly rule: Rule;
}

/** What no training changes of a diagnosis, and its words: Python's. */
export interface Standing {
  /** Of each kind of finding what is wrong, what shows it, and what helps. */
  readonly words: Readonly<Record<string, readonly [Words, Words, Words]>>;
  readonly signs: Readonly<Record<string, Words>>;
  readonly causes: Readonly<Record<string, Words>>;
  readonly order: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** About the data. */
  readonly given: readonly Finding[];
  /** The loss of a constant answer, without the penalties. */
  readonly constant: number | null;
  /** L1 and L2 by parameter. */
  readonly penalties: Readonly<Record<Path, readonly [number, number]>>;
  readonly trainable: readonly Path[];
}

export interface Saved {
  readonly description: Description;
  readonly input: string;
  readonly target: string;
  readonly program: Program;
  /** The same as it is in a step of training, where that differs. */
  readonly measuring: Program | null;
  readonly texts: Readonly<Record<string, readonly [string, string]>>;
  readonly phrases: Phrases;
  readonly parameters: ReadonlyMap<Path, Table>;
  /** Those that the training began with, if it can be begun anew. */
  readonly initial: ReadonlyMap<Path, Table> | null;
  readonly examples: ReadonlyMap<string, Kept>;
  readonly curves: Readonly<Record<Path, CurveText>>;
  /** One step of training, of a network that is small enough for a browser. */
  readonly training: Training | null;
  /** By what a run that is played rests; null plays on and on. */
  readonly settling: Resting | null;
  readonly history: History;
  /** Whether of its losses only some are there, which stand for those around them. */
  readonly thinned: boolean;
  readonly flow: Flow[];
  readonly findings: Finding[];
  readonly diagnosis: Standing | null;
  readonly reach: Methods["reach"]["result"]["layers"];
  readonly confusion: Readonly<Record<string, Confusion | null>>;
  readonly latent: Latent | null;
  readonly forecast: Forecast | null;
  readonly text: Reading | null;
  readonly image: Table | null;
  readonly code: string;
  readonly lessons: readonly Lesson[];
  /** Whether what takes many examples was measured when it was saved. */
  readonly measured: boolean;
  /** The other tasks of its folder. */
  readonly site: Site | null;
}

type Data = Record<string, unknown>;

const KINDS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array } as const;
const NUMBERS: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity };

export function readSaved(given: unknown): Saved {
  const data = record(revived(given), "the document");
  if (data["format"] !== "pellucid.lab" || data["version"] !== 1) damaged("not pellucid.lab, version 1");
  const formulas = record(data["formulas"], "formulas");
  const program = programOf(formulas["program"]);
  const training = data["training"] ? record(data["training"], "training") : null;
  const description = record(data["description"], "description") as unknown as Description;
  for (const key of ["layers", "sets", "views"] as const) list(description[key], `description.${key}`);
  record(description.state, "description.state");
  record(description.can, "description.can");
  const parameters = tables(data["parameters"], "parameters");
  const initial = training && data["initial"] ? tables(data["initial"], "initial") : null;
  for (const [path, { shape }] of initial ?? []) {
    if (String(parameters.get(path)?.shape) !== String(shape)) damaged("initial");
  }
  const examples = entries(data["examples"], "examples").map(([name, value]) => [name, kept(value, name)] as const);
  const phrases = record(data["phrases"], "phrases");
  for (const key of Object.keys(phrases)) record(phrases[key], `phrases.${key}`);
  const text = data["text"] ? record(data["text"], "text") : null;
  return {
    description, program, phrases: phrases as unknown as Phrases,
    input: String(data["input"]), target: String(data["target"]),
    texts: record(formulas["texts"], "formulas.texts") as Saved["texts"],
    parameters, initial, examples: new Map(examples),
    curves: record(data["curves"], "curves") as unknown as Saved["curves"],
    training: training && {
      program: programOf(training["program"]), seed: Number(training["seed"]), rate: Number(training["learning_rate"]),
      texts: record(training["texts"], "training.texts") as Saved["texts"],
      ...measured(training["measures"]),
      judges: training["judges"] === true, rule: { name: "", ...record(training["rule"] ?? {}, "training.rule") },
      module: training["module"] instanceof Uint8Array ? (training["module"] as Uint8Array<ArrayBuffer>) : null,
    },
    settling: data["settling"] ? resting(data["settling"]) : null,
    history: history(data["history"]),
    thinned: Number(record(data["history"], "history")["every"]) > 1,
    flow: list(data["flow"], "flow") as Flow[],
    findings: list(data["findings"], "findings") as Finding[],
    measuring: data["measuring"] ? programOf(data["measuring"]) : null,
    diagnosis: data["diagnosis"] ? standing(data["diagnosis"]) : null,
    reach: list(data["reach"], "reach") as Saved["reach"],
    confusion: record(data["confusion"], "confusion") as unknown as Saved["confusion"],
    latent: data["latent"] ? (record(data["latent"], "latent") as unknown as Latent) : null,
    forecast: data["forecast"] ? (record(data["forecast"], "forecast") as unknown as Forecast) : null,
    text: text && {
      by: String(text["by"]), lower: text["lower"] === true, strip: text["strip"] === true,
      unknown: Number(text["unknown"] ?? 0), filler: typeof text["filler"] === "number" ? text["filler"] : null,
      fromStart: text["from_start"] === true,
    },
    image: data["image"] ? table(data["image"]) : null,
    code: typeof data["code"] === "string" ? data["code"] : "",
    lessons: readLessons(data["lessons"]) ?? damaged("lessons"),
    measured: data["measured"] !== false,
    site: readSite(data["site"]),
  };
}

function damaged(why: string): never {
  refuse("local.damaged", { why });
}

function programOf(value: unknown): Program {
  try {
    return readProgram(value);
  } catch (error) {
    damaged(error instanceof Error ? error.message : String(error));
  }
}

function record(value: unknown, where: string): Data {
  if (typeof value !== "object" || value === null || Array.isArray(value)) damaged(where);
  return value as Data;
}

function entries(value: unknown, where: string): [string, unknown][] {
  return Object.entries(record(value, where));
}

function tables(value: unknown, where: string): Map<Path, Table> {
  return new Map(entries(value, where).map(([path, item]) => [path, table(item)]));
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) damaged(where);
  return value;
}

/** The document with its arrays as arrays, and its numbers that JSON has no word for. */
function revived(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return value; // of a document that was made here
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  const what = (value as Data)["$"];
  if (typeof what === "string" && what in NUMBERS) return NUMBERS[what];
  if (Array.isArray(what)) {
    const [kind, text] = what as unknown[];
    if (typeof kind !== "string" || !(kind in KINDS) || typeof text !== "string") damaged("an array");
    const bytes = fromBase64(text);
    const array = KINDS[kind as keyof typeof KINDS];
    if (bytes.length % array.BYTES_PER_ELEMENT) damaged("an array");
    return new array(bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revived(item)]));
}

function table(value: unknown): Table {
  const data = record(value, "an array");
  const shape = list(data["shape"], "an array's shape") as number[];
  const numbers = data["numbers"];
  const { over } = data;
  const known = Object.values(KINDS).some((kind) => numbers instanceof kind);
  if (!known || (numbers as Float32Array).length !== shape.reduce((a, b) => a * b, 1)) damaged("an array's shape");
  if (typeof over === "number") {
    return { shape, data: Float32Array.from(numbers as Uint8Array, (v) => v / over), whole: false };
  }
  if (numbers instanceof Float32Array || numbers instanceof Float64Array) return { shape, data: numbers, whole: false };
  return { shape, data: Float64Array.from(numbers as Int32Array), whole: true };
}

function kept(value: unknown, name: string): Kept {
  const data = record(value, name);
  const labels = data["labels"] ? (list(data["labels"], `${name}.labels`) as (string | null)[]) : null;
  const [y, prices] = [data["y"] ? table(data["y"]) : null, data["prices"] ? table(data["prices"]) : null];
  return { x: table(data["x"]), y, labels, prices };
}

/** The metrics; the formulas among them by themselves, as only the page evaluates them. */
function measured(value: unknown): Pick<Training, "measures" | "formulas"> {
  if (!value) return { measures: null, formulas: new Map() };
  const { formulas, ...measures } = record(value, "training.measures");
  const programs = entries(formulas ?? {}, "training.measures.formulas").map(([name, program]) => [name, programOf(program)] as const);
  return { measures: { mask: null, ...measures } as unknown as Measures, formulas: new Map(programs) };
}

function resting(value: unknown): Resting {
  const data = record(value, "settling");
  for (const key of ["steps", "window", "every", "fall"]) if (!(Number(data[key]) >= 0)) damaged(`settling.${key}`);
  record(data["words"], "settling.words");
  return data as unknown as Resting;
}

function standing(value: unknown): Standing {
  const data = record(value, "diagnosis");
  for (const key of ["words", "signs", "causes", "limits", "penalties"]) record(data[key], `diagnosis.${key}`);
  for (const key of ["order", "given", "trainable"]) list(data[key], `diagnosis.${key}`);
  return data as unknown as Standing;
}

/** Of a long history the loss of every second, third, … step is there, which stands for those around it. */
function history(value: unknown): History {
  const { every, steps, ...data } = record(value, "history");
  const thin = data["loss"];
  if (!(thin instanceof Float64Array) || typeof every !== "number" || typeof steps !== "number") damaged("history");
  const loss = Float64Array.from({ length: steps }, (_, k) => thin[Math.floor(k / every)]!);
  return { ...data, loss } as unknown as History;
}
