// Learns from a table of the person's own, without Python: what it holds, and the network that is begun with. As Python's
// lab/own_data, of plain tables alone; of all else it says what reads it.

import { fromBase64 } from "../../formula/base64.ts";
import type {
  Counted, DataChoices, DataColumn, Events, Lab, Methods, OwnData, Words,
} from "../../model/wire/protocol.ts";
import { Refusal } from "../../model/wire/exchange.ts";
import { filled, refuse } from "../refusal.ts";
import { begun } from "./beginning.ts";
import type { Begun, Templates } from "./beginning.ts";
import { columnsOf } from "./columns.ts";
import type { Column } from "./columns.ts";
import { divided } from "./division.ts";
import { examplesOf, identifiers, usualTarget } from "./examples.ts";
import type { Examples } from "./examples.ts";

/** Bytes of a file, and letters of a cell that are shown. */
const [LARGEST, SHOWN] = [32 << 20, 100];
const EVENTS = ["described", "state", "history", "live", "flow", "connected"] as const;

interface Understood {
  readonly answer: OwnData;
  readonly begun: Begun | null;
}

/** A lab that shows what it is given, or what was begun with here. */
export class Learning implements Lab {
  readonly learns = true;
  readonly plain = true;
  private lab: Lab;
  private ends: (() => void)[] = [];
  private files: { name: string; data: Uint8Array[] }[] = [];
  private columns: Map<string, Column> | null = null;
  private readonly templates: Templates;
  private readonly site: unknown;
  private readonly made: (document: unknown) => Lab;
  private readonly listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** `made` shows a document. */
  constructor(lab: Lab, document: { tables?: unknown; site?: unknown }, made: (document: unknown) => Lab) {
    [this.lab, this.templates, this.site, this.made] = [lab, document.tables as Templates, document.site, made];
    this.attach();
  }

  async request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const answers: Partial<Record<keyof Methods, (given: never) => unknown>> = {
      upload: (given: Methods["upload"]["params"]) => this.take(given),
      data: ({ choices }: Methods["data"]["params"]) => this.understood(choices).answer,
      learn: ({ choices }: Methods["learn"]["params"]) => this.begin(choices),
    };
    const answer = answers[method];
    return answer ? (answer(params as never) as Methods[M]["result"]) : this.lab.request(method, params);
  }

  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all.add(listener as (value: never) => void));
    return () => all.delete(listener as (value: never) => void);
  }

  close(): void {
    this.ends.forEach((end) => end());
    this.lab.close();
  }

  private attach(): void {
    this.ends = EVENTS.map((event) => this.lab.on(event, (value) => {
      this.listeners.get(event)?.forEach((listener) => listener(value as never));
    }));
  }

  private take({ files, more }: Methods["upload"]["params"]): Methods["upload"]["result"] {
    if (!more) [this.files, this.columns] = [[], null];
    for (const { name, data, continues } of files) {
      const last = this.files.at(-1);
      if (continues && last) last.data.push(fromBase64(data));
      else this.files.push({ name, data: [fromBase64(data)] });
    }
    const bytes = this.files.reduce((sum, file) => sum + file.data.reduce((size, part) => size + part.length, 0), 0);
    if (bytes > LARGEST) {
      this.files = [];
      refuse("local.own.bytes", { size: LARGEST >> 20 });
    }
    return { files: this.files.length, bytes };
  }

  private get name(): string {
    return this.files[0]?.name.split("/").at(-1) ?? "";
  }

  private read(): Map<string, Column> {
    const [file] = this.files;
    const table = this.files.length === 1 && file && !/\.(txt|text|md|rst|log|png|jpe?g|gif|bmp|webp|tiff?|zip|gz|parquet|xlsx?)$/i.test(file.name);
    if (!table) refuse("local.own.one", { count: this.files.length, names: this.files.slice(0, 3).map(({ name }) => name).join(", ") });
    const whole = new Uint8Array(file.data.reduce((size, part) => size + part.length, 0));
    file.data.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    return columnsOf(whole, this.name, this.templates.missing, this.templates.limits.cells);
  }

  private understood(choices: DataChoices): Understood {
    this.columns ??= this.read();
    const { templates, columns } = this;
    const all = [...columns.values()];
    if (all.length < 2) refuse("local.own.series", { file: this.name });
    const target = choices.target ?? usualTarget(all, templates);
    const used = choices.columns ?? {};
    const empty = all.filter((column) => column.empty && column.name !== target).map(({ name }) => name);
    const drop = new Set(all.map(({ name }) => name).filter((name) => (
      name !== target && (used[name] ?? (empty.includes(name) ? "leave" : "take")) === "leave"
    )));
    const keep = new Set(Object.entries(used).filter(([, use]) => use === "take").map(([name]) => name));
    const taken = all.filter(({ name }) => !drop.has(name));
    const left = identifiers(taken.filter(({ name }) => name !== target), templates);
    keep.forEach((name) => left.delete(name));
    let [examples, fault, made]: [Examples | null, Words | null, Begun | null] = [null, null, null];
    let [learn, test] = [0, 0];
    try {
      const odd = Object.entries(used).find(([name, use]) => use === "words" && columns.has(name));
      if (odd) refuse("local.own.words", { column: odd[0] });
      if (choices.decimal || choices.encoding || choices.date_format) refuse("local.own.writing");
      if (!columns.has(target)) refuse("local.own.missing", { column: target });
      examples = examplesOf(taken, target, choices.task ?? null, keep, templates);
      const parts = divided(examples, templates);
      made = begun(templates, this.name, target, examples, parts);
      [learn, test] = [parts.learned.count, parts.test.count];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      fault = error.words;
    }
    const { limits } = templates;
    const answer: OwnData = {
      name: this.name, kind: "table", kinds: ["table"], learn, test, targets: null, images: [], excerpt: null, fault,
      choices: {
        columns: {}, decimal: null, encoding: null, date_format: null, length: null, by: null, size: null, channels: null,
        ...choices, kind: "table", target,
        task: examples ? (examples.target.classes ? "classification" : "regression") : (choices.task ?? null),
      },
      columns: all.map((column) => this.told(column, { target, drop, left })),
      rows: Array.from({ length: Math.min(limits.rows, all[0]!.cells.length) }, (_, row) => all.map(({ cells }) => cells[row]!.slice(0, SHOWN))),
      classes: examples && counted(examples), notes: examples ? notes(examples) : [],
      layers: made?.layers ?? [], parameters: made?.parameters ?? 0,
    };
    return { answer, begun: made };
  }

  /** A column, and what becomes of it. */
  private told(column: Column, how: { target: string; drop: ReadonlySet<string>; left: ReadonlyMap<string, Words> }): DataColumn {
    const { name, missing, values } = column;
    const { limits } = this.templates;
    const there = column.there;
    const different = new Set(there).size;
    const why = how.left.get(name);
    const odd = column.unclear ?? (column.mixed ? column.texts[0]! : null);
    const kind = column.empty ? "empty" as const
      : odd !== null ? "mixed" as const
      : why ? (column.texts.length > 0 ? "text" as const : "identifier" as const)
      : column.numeric ? "number" as const
      : different > limits.categories ? "text" as const : "category" as const;
    const numbers = kind === "number" || column.texts.length === 0 ? [...values].filter(Number.isFinite) : [];
    const counts = new Map<string, number>();
    if (kind === "category") for (const cell of there) counts.set(cell, (counts.get(cell) ?? 0) + 1);
    const unread = (): Words => filled(column.unclear === null ? "local.own.text" : "local.own.unclear", { column: name, cell: column.cells[odd!]! });
    return {
      name, kind, missing: missing.filter(Boolean).length, different,
      use: name === how.target ? "target" : how.drop.has(name) || why ? "leave" : "take",
      why: column.empty ? filled("local.own.nothing", {}) : kind === "mixed" ? unread() : (why ?? null),
      low: numbers.length ? numbers.reduce((a, b) => Math.min(a, b)) : null,
      high: numbers.length ? numbers.reduce((a, b) => Math.max(a, b)) : null,
      most: [...counts].sort(([, a], [, b]) => b - a).slice(0, limits.most).map(([text, count]) => ({ name: text.slice(0, SHOWN), count })),
    };
  }

  private begin(choices: DataChoices): Promise<Methods["learn"]["result"]> {
    const { answer, begun: made } = this.understood(choices);
    if (!made) throw new Refusal(answer.fault!);
    const document = { ...made.document, site: this.site };
    this.close();
    this.lab = this.made(document);
    this.attach();
    return this.lab.request("describe", {});
  }
}

function counted({ target: { y, classes } }: Examples): Counted[] | null {
  return classes && classes.map((name, place) => ({ name, count: y.filter((one) => one === place).length }));
}

/** What was done to the lines that may surprise. */
function notes({ x, rows, features, target: { y, classes } }: Examples): Words[] {
  const width = features.length;
  const gaps = Array.from({ length: rows }, (_, row) => x.subarray(row * width, (row + 1) * width).some(Number.isNaN)).filter(Boolean).length;
  const said: Words[] = gaps ? [filled("local.own.filled", { count: gaps })] : [];
  if (classes) {
    const most = Math.max(...classes.map((_, place) => y.filter((one) => one === place).length));
    if ((rows - most) * 20 < rows) said.push(filled("local.own.rare", { count: rows - most }));
  }
  return said;
}
