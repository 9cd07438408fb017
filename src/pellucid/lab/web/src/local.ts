// The lab of a saved file: no server, no Python. The formulas that the file carries are evaluated here.

import type { Program } from "./formula/document.ts";
import { run } from "./formula/evaluate.ts";
import type { Stored } from "./formula/evaluate.ts";
import { curve, explain, tensorOf } from "./formula/explain.ts";
import type { Trace } from "./formula/explain.ts";
import type { Tensor } from "./formula/expressions.ts";
import { beside, compared } from "./local/compare.ts";
import { Gauging } from "./local/health/gauging.ts";
import type { Measured } from "./local/health/gauging.ts";
import { Health } from "./local/health/health.ts";
import { COLUMNS, evenly, histogram, ofUnit } from "./local/histograms.ts";
import { ledger } from "./local/ledger/ledger.ts";
import { packed, unpacked } from "./local/links.ts";
import { batchAxis, picture } from "./local/pictures.ts";
import { convolved } from "./local/plane.ts";
import { lossParts, ranked } from "./local/ranking.ts";
import { filled, refuse } from "./local/refusal.ts";
import { classOf, Samples, stacked } from "./local/samples.ts";
import type { Sample } from "./local/samples.ts";
import { readSaved } from "./local/saved.ts";
import type { Saved, Table } from "./local/saved.ts";
import { visit } from "./local/site.ts";
import { plain } from "./local/training/evaluated.ts";
import { Trainer } from "./local/training/trainer.ts";
import type { Retaken } from "./local/training/trainer.ts";
import { supposed } from "./local/what-if.ts";
import type { Now } from "./local/what-if.ts";
import { grown } from "./local/writing.ts";
import type {
  Boundary, Confusion, Description, Events, Explanation, Histograms, InputName, Lab, Latent, Live, Methods, Moment, Numbers, Path, Source, State,
} from "./model/wire/protocol.ts";

type Answer<M extends keyof Methods> = Methods[M]["result"] | Promise<Methods[M]["result"]>;
type Answers = { [M in keyof Methods]: (params: Methods[M]["params"]) => Answer<M> };
type Listeners = { [E in keyof Events]: Set<(value: Events[E]) => void> };

const KEPT = 8;
const POINTS = 1000;
/** Of a layer of more units none is drawn by itself. */
const FEW = 64;
const BATCH = 64;
const NAMES = 8;
const PRIME = "′";
const MAX_EXAMPLES = 1 << 20;
/** Parts of the way to an example whose slopes are looked at while it trains. */
const ROUGHLY = 24;

/** The tensor of a path; refused where there is none. */
function tensorAt(program: Program, path: Path): Tensor {
  if (!program.outputs.has(path) && !program.tensors.has(path)) refuse("local.value", { path });
  return tensorOf(program, path);
}

/** The name in a step of a path that ends in ′: of what the step made new that, of all else the name alone. */
function within({ program }: Trace, path: Path): Path {
  return program.outputs.has(path) || program.tensors.has(path) ? path : path.slice(0, -PRIME.length);
}

/** An explanation within a step: its places are the step's, and what was given to it leads nowhere on. */
function stepped({ program }: Trace, explanation: Explanation): Explanation {
  const primed = (path: Path): Path => (path.endsWith(PRIME) ? path : path + PRIME);
  const placed = (source: Source): Source => (
    // Of a parameter the outputs have the new value, by the same name.
    program.definitions.has(program.tensors.get(source.path) ?? tensorAt(program, source.path))
      ? { ...source, path: primed(source.path) }
      : { ...source, given: true }
  );
  return {
    ...explanation, path: primed(explanation.path), field: {}, candidates: explanation.candidates.map(placed),
    terms: explanation.terms.map((term) => ({ ...term, sources: term.sources.map(placed) })),
  };
}

/** Where an element lies in the data of an array. */
function placed(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((at, i, d) => at * shape[d]! + i, 0);
}

export class LocalLab implements Lab {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private readonly trainer: Trainer;
  private readonly gauging: Gauging | null;
  private near: Health | null = null;
  /** By example, and by ′ the step that led here. */
  private readonly traces = new Map<InputName, Trace>();
  private readonly idle = new Map<Path, readonly boolean[]>();
  private watched: Methods["watch"]["params"] | null = null;
  private readonly listeners: Listeners = {
    described: new Set(), state: new Set(), history: new Set(), live: new Set(), flow: new Set(), connected: new Set(),
  };

  /** `worker` begins one that trains beside the page, `gauge` one that measures. */
  constructor(document: unknown, worker: (() => Worker) | null = null, gauge: (() => Worker) | null = null) {
    this.saved = readSaved(document);
    this.samples = new Samples(this.saved);
    this.trainer = new Trainer(this.saved, this.samples, {
      state: (state) => {
        this.emit("state", state);
        this.measure();
      },
      history: (history) => this.emit("history", history),
      moved: () => this.moved(),
      forgot: () => this.gauging?.forget(),
    }, worker);
    this.gauging = gauge && this.saved.training && new Gauging(
      document, gauge,
      () => ({ playing: this.state.playing, ...this.trainer.measurable }),
      (flow) => this.emit("flow", flow),
    );
  }

  async request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    return this.answers[method](params);
  }

  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    this.listeners[event].add(listener);
    return () => this.listeners[event].delete(listener);
  }

  close(): void {
    this.trainer.close();
    this.gauging?.close();
    Object.values(this.listeners).forEach((set) => set.clear());
  }

  private readonly answers: Answers = {
    tasks: () => [...(this.saved.site?.tasks ?? [])],
    lessons: () => [...this.saved.lessons],
    open: ({ task }) => (task === this.saved.description.task ? this.description : visit(this.saved.site, task)),
    describe: () => this.description,
    watch: (params) => {
      this.watched = params;
      return this.live(params);
    },
    examples: ({ set, from, count }) => this.listed(set, from, count),
    example: ({ name }) => this.samples.shown(this.samples.get(name)),
    own: (params) => this.samples.shown(this.samples.add(params)),
    explain: ({ input, path, index, limit }) => {
      if (path.endsWith(PRIME)) {
        const trace = this.trace(PRIME);
        const name = within(trace, path);
        return { ...stepped(trace, explain(trace, name, this.place(trace, name, index), limit)), ...this.moment };
      }
      const trace = this.traceOf(input, path);
      return { ...explain(trace, path, this.place(trace, path, index), limit), ...this.moment };
    },
    curve: (params) => this.curve(params),
    suppose: (params) => ({ ...this.suppose(params), ...this.moment }),
    attribute: (params) => this.attribute(params),
    beside: async ({ input, other, path, limit }) => {
      const [a, b, then] = await this.both(input, other, path);
      return { ...beside(this.description, a, b, then, path, limit), ...this.moment };
    },
    compare: async ({ input, other, path, index, limit }) => {
      const [a, b, then] = await this.both(input, other, path);
      if ([a, b].some((run) => !run.values.has(tensorAt(run.program, path)))) refuse("local.pair.target");
      const place = this.place(b, path, index);
      return { ...compared(a, b, then, path, place, new Set(this.parameters.keys()), limit ?? 100), ...this.moment };
    },
    course: ({ path, index }) => {
      const parameter = this.parameters.get(path);
      const fits = parameter?.shape.length === index.length && index.every((i, d) => i < parameter.shape[d]!);
      if (!parameter || !fits) refuse("local.element", { path, index: index.join(", ") });
      return { path, index, ...this.trainer.courseOf(path, placed(parameter.shape, index)), ...this.moment };
    },
    histograms: (params) => ({ ...this.histograms(params), ...this.moment }),
    ledger: (params) => this.ledger(params),
    control: (action) => (this.saved.training ? this.trainer.act(action) : refuse("local.train")),
    history: ({ branch, from }) => this.history(branch, from),
    flow: ({ branch }) => [
      ...(this.trainer.anew ? [] : this.saved.flow.filter((column) => column.branch === branch)), ...(this.gauging?.of(branch) ?? []),
    ],
    diagnose: () => this.diagnosis(),
    code: () => this.code() || refuse("local.absent"),
    boundary: ({ size, units }) => ({ ...this.boundary(size, units ?? false), ...this.moment }),
    confusion: ({ set }) => ({ ...this.confusion(set), ...this.moment }),
    ranking: (params) => ({ ...this.ranking(params), ...this.moment }),
    latent: () => ({ ...this.latent(), ...this.moment }),
    decode: ({ path, code }) => ({ ...this.decode(path, code), ...this.moment }),
    convolve: (params) => convolved(params, this.saved.image),
    generate: async (params) => {
      const { moment } = this;
      return { ...(await grown(params, this.samples, this.saved, (x) => this.output([x]))), ...moment };
    },
    forecast: () => ({ ...(this.asSaved(this.saved.forecast) ?? refuse("local.absent")), ...this.moment }),
    reach: () => this.reach(),
    weights: () => packed(this.parameters),
    adopt: ({ weights }) => this.trainer.adopt(unpacked(weights, this.saved.parameters)),
    editor: () => refuse("local.edit"),
    consider: () => refuse("local.edit"),
    edit: () => refuse("local.edit"),
    revise: () => refuse("local.edit"),
    pair: () => refuse("local.edit"),
    upload: () => refuse("local.data"),
    data: () => refuse("local.data"),
    learn: () => refuse("local.data"),
    save: () => refuse("local.save"),
  };

  private get program(): Program {
    return this.saved.program;
  }

  private get description(): Description {
    return { ...this.saved.description, state: this.state };
  }

  private get state(): State {
    return this.trainer.state;
  }

  private get moment(): Moment {
    const { branch, step } = this.state;
    return { branch, step };
  }

  /** What was computed when the file was saved, as long as its weights are those. */
  private asSaved<T>(saved: T): T {
    if (this.trainer.anew) refuse("local.anew");
    return this.trainer.moved ? refuse("local.then", { step: this.trainer.first }) : saved;
  }

  /** Whether what was measured when the file was saved is of this moment. */
  private get unmoved(): boolean {
    return this.saved.measured && !this.trainer.moved;
  }

  private get parameters(): ReadonlyMap<Path, Table> {
    return this.trainer.parameters;
  }

  private emit<E extends keyof Events>(event: E, value: Events[E]): void {
    this.listeners[event].forEach((listener) => listener(value));
  }

  /** Other parameters: what was computed with those before is forgotten, and whoever watches is notified. */
  private moved(): void {
    this.traces.clear();
    this.idle.clear();
    if (this.watched) this.emit("live", this.live(this.watched));
    this.measure();
  }

  /** Where it trains, the size of the gradients too; a file that is only looked at has that of its moment. */
  private measure(): void {
    if (!this.unmoved) this.gauging?.wake();
  }

  /** What led to the file; what was trained in it is no Python. */
  private code(): string {
    const { code } = this.saved;
    if (!code || !this.trainer.moved) return code;
    const { en, zh } = filled("local.code", { step: this.saved.description.state.step });
    return `# ${en}\n# ${zh}\n\n${code}`;
  }

  // One example

  /** The run of an example, with its target all gradients; or the step that led here, with its whole batch. */
  private trace(key: InputName | typeof PRIME): Trace {
    const trace = this.traces.get(key) ?? (key === PRIME ? this.updated() : this.traced(key));
    this.traces.delete(key); // the newest last
    this.traces.set(key, trace);
    if (this.traces.size > KEPT) this.traces.delete(this.traces.keys().next().value!);
    return trace;
  }

  private traced(name: InputName, parameters = this.parameters): Trace {
    const { x, y } = this.samples.get(name);
    const given = this.feeds([x], parameters);
    if (y) given.set(this.saved.target, stacked([y]));
    const { phrases, texts, input, program } = this.saved;
    const values = run(program, given, { single: this.trainer.single });
    return { program, values, batch: 1, inputs: [input], texts, phrases };
  }

  private updated(): Trace {
    const { training, phrases, input } = this.saved;
    if (!training) refuse("local.update");
    const { program, texts } = training;
    const values = this.trainer.update();
    const batch = values.get(tensorAt(program, input))?.shape[0] ?? 1;
    return { program, values, batch, inputs: [input], texts, phrases };
  }

  /** The run that this one is compared with, this one, and the moment of the other. */
  private async both(input: InputName, other: Methods["beside"]["params"]["other"], path: Path): Promise<[Trace, Trace, Moment]> {
    if (path.endsWith(PRIME)) refuse("local.pair.step");
    const name = other.input ?? input;
    if (other.step === undefined && other.branch === undefined) return [this.trace(name), this.trace(input), this.moment];
    const branch = other.branch ?? this.state.branch;
    const { step, parameters } = await this.trainer.reached(branch, other.step);
    return [this.traced(name, parameters), this.trace(input), { branch, step }];
  }

  private feeds(x: readonly Table[], parameters = this.parameters): Map<string, Stored> {
    return new Map<string, Stored>([...parameters, [this.saved.input, stacked(x)]]);
  }

  /** The run in which there is such a value. */
  private traceOf(name: InputName, path: Path): Trace {
    const trace = this.trace(path.endsWith(PRIME) ? PRIME : name);
    const tensor = tensorAt(trace.program, path);
    if (!trace.values.has(tensor)) refuse("local.target", { name });
    if (!trace.program.definitions.has(tensor)) refuse("local.given", { path });
    return trace;
  }

  private tensor(path: Path): Tensor {
    return tensorAt(this.program, path);
  }

  /** An index with the example's place put in. */
  private place(trace: Trace, path: Path, index: readonly number[]): number[] {
    const tensor = tensorAt(trace.program, path);
    const { shape } = trace.values.get(tensor)!;
    const at = batchAxis(tensor);
    const whole = at >= 0 && index.length === shape.length - 1 ? index.toSpliced(at, 0, 0) : [...index];
    const fits = whole.length === shape.length && whole.every((i, d) => Number.isInteger(i) && i >= 0 && i < shape[d]!);
    if (!fits) {
      const there = shape.filter((_, d) => d !== at);
      refuse("local.index", { path, shape: there.join(" × ") || "1", index: index.join(", ") });
    }
    return whole;
  }

  private live({ input, paths }: Methods["watch"]["params"]): Live {
    const { values } = this.trace(input);
    const shown: Live["values"] = {};
    for (const { path, limit } of paths) {
      const primed = path.endsWith(PRIME);
      if (primed && !this.trainer.stepped) continue;
      const source = this.trace(primed ? PRIME : input);
      const name = primed ? within(source, path) : path;
      const tensor = source.program.outputs.get(name) ?? source.program.tensors.get(name);
      const value = tensor && source.values.get(tensor);
      if (value) shown[path] = picture(tensor, value, limit);
    }
    const loss = this.program.outputs.get("loss");
    return { input, ...this.moment, loss: (loss && values.get(loss)?.data[0]) ?? null, values: shown };
  }

  private get now(): Now {
    return { saved: this.saved, parameters: this.parameters, single: this.trainer.single };
  }

  private suppose({ input, path, index, value, whole }: Methods["suppose"]["params"]): ReturnType<typeof supposed> {
    if (path.startsWith("d(") || path === "loss") refuse("local.learned", { path });
    const trace = this.trace(input);
    const tensor = tensorAt(trace.program, path);
    const shape = trace.values.get(tensor)?.shape ?? refuse("local.target", { name: input });
    const place = this.place(trace, path, index);
    const ends = whole ? Array.from({ length: shape.at(-1) ?? 1 }, (_, last) => last) : [place.at(-1) ?? 0];
    const places = ends.map((last) => placed(shape, shape.length ? [...place.slice(0, -1), last] : []));
    return supposed(this.now, this.samples.get(input), path, { tensor, places, value });
  }

  private curve({ input, path, index }: Methods["curve"]["params"]): Methods["curve"]["result"] {
    if (path.endsWith(PRIME)) return null;
    const trace = this.traceOf(input, path);
    const text = this.saved.curves[path];
    const place = this.place(trace, path, index);
    const there = text ? curve(trace, path, place, text) : null;
    if (!there) return null;
    const idle = there.state !== "dead" || this.idleUnits(path)[place.at(-1)!];
    return { ...there, state: idle ? there.state : null, ...this.moment };
  }

  /** Which units, along the last axis, are 0 everywhere on every example of a batch. */
  private idleUnits(path: Path): readonly boolean[] {
    let idle = this.idle.get(path);
    if (!idle) {
      const tensor = this.tensor(path);
      const x = this.samples.spread("train", BATCH).map((s) => s.x);
      const { shape, data } = run(this.program, this.feeds(x), { wanted: [tensor] }).get(tensor)!;
      const units = shape.at(-1) ?? 1;
      idle = Array.from({ length: units }, (_, unit) => data.every((v, k) => k % units !== unit || v <= 0));
      this.idle.set(path, idle);
    }
    return idle;
  }

  private listed(set: string, from: number, count: number): Methods["examples"]["result"] {
    const size = this.saved.examples.get(set)?.x.shape.slice(1).reduce((a, b) => a * b, 1) ?? 1;
    const first = Math.max(0, from);
    const affordable = Math.max(1, Math.min(count, Math.floor(MAX_EXAMPLES / Math.max(1, size))));
    const last = Math.min(first + affordable, this.samples.count(set));
    const places = Array.from({ length: Math.max(0, last - first) }, (_, k) => first + k);
    return places.map((place) => this.samples.shown(this.samples.get(`${set}:${place}`)));
  }

  private history(branch: number, from: number): Methods["history"]["result"] {
    return this.trainer.history(branch, from);
  }

  // Its health

  /** What is wrong: what Python said when the file was saved, or what its rules say of this moment. */
  private async diagnosis(): Promise<Methods["diagnose"]["result"]> {
    const { moment, trainer: { asSaved, examinable } } = this;
    if (asSaved && this.saved.measured) return { findings: this.saved.findings, ...moment };
    if (!this.saved.diagnosis) return { findings: this.asSaved(this.saved.findings), ...moment };
    const measured = await this.health({ diagnosis: examinable });
    return { findings: "diagnosis" in measured ? [...measured.diagnosis] : [], ...moment };
  }

  private async reach(): Promise<Methods["reach"]["result"]> {
    const { moment, trainer } = this;
    if (this.unmoved) return { layers: this.saved.reach, ...moment };
    const measured = await this.health({ reach: trainer.measurable.now.weighed() });
    const found = "reach" in measured ? measured.reach : [];
    return { layers: found.map(({ path, norms }) => ({ path: path.replace(/\.state$/, ""), norms: [...norms] })), ...moment };
  }

  /** It takes many runs of the network: beside the page, which would hold up the training meanwhile. Hundreds, that is
   * seconds, until it is exact; while it trains it is cut short, and what that leaves out is said. */
  private async attribute({ input, unit }: Methods["attribute"]["params"]): Promise<Methods["attribute"]["result"]> {
    const { moment, trainer } = this;
    const most = this.state.playing ? ROUGHLY : undefined;
    const { parameters } = trainer.measurable.now.weighed();
    const measured = await this.health({ attributed: { parameters, x: this.samples.get(input).x, unit, most } });
    return { ...("attributed" in measured ? measured.attributed : refuse("local.absent")), ...moment };
  }

  /** Which examples moved a weight: by the engine's steps and the formulas' gradients. */
  private async ledger(params: Methods["ledger"]["params"]): Promise<Methods["ledger"]["result"]> {
    const { saved, samples, trainer } = this;
    const { path, index } = params;
    const shape = this.parameters.get(path)?.shape;
    if (shape?.length !== index.length || !index.every((i, d) => i < shape[d]!)) {
      refuse("local.element", { path, index: index.join(", ") });
    }
    const shared = async ({ number, rate, first, weights }: Retaken): Promise<{ parts: Float64Array; rest: number }> => {
      const measured = await this.health({ shares: { path, index, number: number!, rate, first, state: plain(weights) } });
      return "shares" in measured ? measured.shares : refuse("local.ledger");
    };
    return ledger(saved, samples, trainer, params, shared);
  }

  /** Measured beside the page where that is possible. */
  private async health(asked: Parameters<Health["answer"]>[0]): Promise<Measured> {
    const there = await this.gauging?.ask(asked);
    if (there && !("failed" in there)) return there;
    this.near ??= new Health(this.saved, this.samples);
    return this.near.answer(asked);
  }

  // Many examples

  /** The network's output for a batch. */
  private output(x: readonly Table[]): Stored {
    const last = this.saved.description.layers.at(-1)!;
    const tensor = this.tensor(last.path);
    const values = run(this.program, this.feeds(x), { wanted: [tensor], single: this.trainer.single });
    return values.get(tensor)!;
  }

  private boundary(given: number, units: boolean): Boundary {
    const size = Math.max(2, Math.min(Math.trunc(given), 400));
    const examples = this.samples.spread("train", POINTS);
    if (examples[0]?.x.data.length !== 2) refuse("local.absent");
    const span = (k: number): [number, number] => {
      const values = examples.map(({ x }) => x.data[k]!);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const margin = Math.max(0.15 * (high - low), 1e-3);
      return [low - margin, high + margin];
    };
    const [x, y] = [span(0), span(1)];
    const at = ([low, high]: [number, number], k: number): number => low + ((high - low) * k) / (size - 1);
    const plane = Array.from({ length: size * size }, (_, place): Table => ({
      shape: [2], data: Float32Array.of(at(x, place % size), at(y, size - 1 - Math.floor(place / size))), whole: false,
    }));
    const { data, shape } = this.output(plane);
    const few = units ? this.saved.description.layers.filter((l) => l.shape.length === 1 && l.shape[0]! <= FEW) : [];
    const wide = new Map(few.filter((layer) => layer.kind !== "Input").map((layer) => [layer.path, this.tensor(layer.path)]));
    const values = run(this.program, this.feeds(plane), { wanted: [...wide.values()], single: this.trainer.single });
    const over = (path: Path): ArrayLike<number> => {
      const tensor = wide.get(path);
      return tensor === undefined ? plane.flatMap((p) => [...p.data]) : values.get(tensor)!.data;
    };
    const { classes } = this.saved.description;
    const label = ({ y: target }: Sample): number => (classes && target ? classOf(target) : 0);
    const wanted = classes ? null : Float32Array.from(examples, ({ y: target }) => target?.data[0] ?? NaN);
    return {
      x, y, grid: { shape: [size, size, shape.at(-1)!], data: Float32Array.from(data) },
      points: { shape: [examples.length, 2], data: Float32Array.from(examples.flatMap((e) => [...e.x.data])) },
      labels: Int32Array.from(examples.map(label)),
      targets: wanted,
      ...(units && {
        units: Object.fromEntries(
          few.map(({ path, shape: [count = 1] }) => [path, { shape: [size, size, count], data: Float32Array.from(over(path)) }]),
        ),
      }),
    };
  }

  private decode(path: Path, code: readonly number[]): Numbers {
    const cut = this.tensor(path);
    const end = this.tensor(this.saved.description.layers.at(-1)!.path);
    const shape = [1, ...cut.axes.slice(1).map((a) => a.extent ?? 1)];
    const expected = shape.reduce((a, b) => a * b, 1);
    if (code.length !== expected || !code.every(Number.isFinite)) {
      refuse("local.numbers", { count: code.length, expected });
    }
    const given = new Map<string, Stored>([...this.parameters, [cut.name, { shape, data: Float32Array.from(code) }]]);
    const made = run(this.program, given, { wanted: [end], single: this.trainer.single }).get(end);
    if (!made) refuse("local.absent");
    return { shape: made.shape.slice(1), data: Float32Array.from(made.data) };
  }

  /** As the file was saved, over all examples there were; once trained on, over those of the file. */
  private confusion(set: "train" | "test"): Confusion {
    const saved = this.saved.confusion[set];
    if (!saved) refuse("local.absent");
    if (this.unmoved) return saved;
    const samples = this.samples.spread(set, POINTS);
    const { data, shape } = this.output(samples.map((s) => s.x));
    const units = shape.at(-1)!;
    const count = saved.classes.length;
    const counts = new Int32Array(count * count);
    const examples: Confusion["examples"] = {};
    samples.forEach(({ name, y }, k) => {
      const said = data.slice(k * units, (k + 1) * units);
      const chosen = units > 1 ? said.indexOf(Math.max(...said)) : Number(said[0]! > this.border);
      const row = classOf(y!);
      counts[row * count + chosen]! += 1;
      const cell = (examples[`${row},${chosen}`] ??= []);
      if (cell.length < NAMES) cell.push(name);
    });
    return { ...saved, counts: { shape: [count, count], data: counts }, examples };
  }

  /** Of parameters at every step that is kept; of all else, which takes a run over many examples, at this one. */
  private histograms({ path, unit = null }: Methods["histograms"]["params"]): Histograms {
    const { step } = this.state;
    const parameter = this.parameters.get(path);
    const cut = ({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }): ArrayLike<number> => {
      if (unit !== null && (!shape.length || unit >= shape.at(-1)!)) refuse("local.index", { path, shape: shape.join(" × "), index: unit });
      return ofUnit(data, shape.at(-1) ?? 1, unit);
    };
    if (parameter) {
      const before = evenly(this.trainer.keptOf(path), COLUMNS);
      const columns = before.map((one) => histogram(cut({ shape: parameter.shape, data: one.data }), one.step));
      return { path, unit, examples: 0, columns: [...columns, histogram(cut(parameter), step)], missing: 0 };
    }
    const tensor = this.tensor(path);
    const batch = this.samples.spread("train", BATCH).filter(({ y }) => y !== null);
    const given = this.feeds(batch.map(({ x }) => x));
    if (batch.length) given.set(this.saved.target, stacked(batch.map(({ y }) => y!)));
    const value = run(this.program, given, { wanted: [tensor], single: this.trainer.single }).get(tensor) ?? refuse("local.absent");
    return { path, unit, examples: batch.length, columns: [histogram(cut(value), step)], missing: 0 };
  }

  private ranking(asked: Methods["ranking"]["params"]): ReturnType<typeof ranked> {
    const { program } = this;
    const tensors = { ...lossParts(program, this.saved.target), output: this.tensor(this.saved.description.layers.at(-1)!.path) };
    const judge = (batch: readonly Sample[]): ReadonlyMap<Tensor, Stored> => {
      const given = this.feeds(batch.map(({ x }) => x));
      given.set(this.saved.target, stacked(batch.map(({ y }) => y!)));
      const { each, mean, penalty, output } = tensors;
      const wanted = [each, mean, output, ...(penalty ? [penalty] : [])];
      return run(program, given, { wanted, single: this.trainer.single });
    };
    const classes = this.saved.description.classes && { border: this.border };
    return ranked(asked, this.samples, POINTS, tensors, judge, classes);
  }

  /** Above what a single unit says yes: its sum is a logit where no activation follows. */
  private get border(): number {
    return [null, "linear"].includes(this.saved.description.layers.at(-1)!.activation) ? 0 : 0.5;
  }

  /** The codes in the plane of the file. */
  private latent(): Latent {
    const saved = this.saved.latent;
    if (!saved) refuse("local.absent");
    if (!this.trainer.moved) return saved;
    const tensor = this.tensor(saved.path);
    const x = saved.names.map((name) => this.samples.get(name).x);
    const { data } = run(this.program, this.feeds(x), { wanted: [tensor], single: this.trainer.single }).get(tensor)!;
    const { centre, directions } = saved;
    const width = centre.length;
    const points = Float32Array.from({ length: 2 * x.length }, (_, place) => {
      const [row, which] = [Math.floor(place / 2), place % 2];
      const along = Array.from(directions.data.subarray(which * width, (which + 1) * width));
      return along.reduce((sum, d, k) => sum + (data[row * width + k]! - centre[k]!) * d, 0);
    });
    return { ...saved, points: { shape: [x.length, 2], data: points } };
  }
}
