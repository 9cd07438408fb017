// Training in the browser: one line of steps that goes on from where the file was saved. A step depends on its number
// and on what was before alone, so that every step taken can be returned to, exactly.

import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import type { Action, History, Path, State as Where } from "../../model/wire/protocol.ts";
import { local } from "../../strings/local.ts";
import { Evaluated, plain, shaped } from "./evaluated.ts";
import type { Weights } from "./evaluated.ts";
import type { Measurable } from "../health/gauging.ts";
import { Keyframes } from "./keyframes.ts";
import type { Course } from "./order.ts";
import { Order } from "./order.ts";
import { refuse } from "../refusal.ts";
import type { Samples } from "../samples.ts";
import type { Saved, Table } from "../saved.ts";
import { compiledSteps } from "./steps.ts";
import type { Answer, Lesson, Reals, State, Steps } from "./steps.ts";

/** Milliseconds that training goes on by itself before it tells, at least and at most. */
const SLICE = 30;
const NOTIFY_PERIOD = 100;
const LONGEST = 1000;
const MAX_STEPS = 100_000;
/** Bytes of the states that can be returned to. */
const MEMORY = 1 << 27;

export interface Listener {
  state: (state: Where) => void;
  history: (history: History) => void;
  /** The parameters changed. */
  moved: () => void;
  /** What came after a step is another line now. */
  forgot: (step: number) => void;
}

export class Trainer {
  private readonly saved: Saved;
  private readonly listener: Listener;
  /** The step that the line begins with: the file's, or 0 once begun anew. */
  first: number;
  /** What was recorded before the first step. */
  private past: History;
  private readonly course: Course;
  private readonly perEpoch: number;
  private readonly original: Weights;
  private now: Weights;
  private step: number;
  /** Of every step after the first, the learning rate that it was taken with, and its loss. */
  private readonly rates: number[] = [];
  private readonly losses: number[] = [];
  private kept: Keyframes<Weights>;
  private rate: number;
  private speed = 0;
  private pace = 0;
  private goal: number | null = null;
  private stopped = false;
  /** Counts the lines: what was measured of one is not of the next. */
  private lines = 0;
  /** Counts what begins and ends training: an answer to what was asked in an earlier turn is none. */
  private turn = 0;
  private readonly formulas: () => Evaluated;
  private readonly evaluated: Evaluated;
  private readonly beside: (() => Worker) | null;
  private steps: Promise<Steps> | null = null;
  /** Those of the steps that are compared with, which leave the training alone. */
  private aside: Promise<Steps> | null = null;
  /** The weights that the last answer ended with, which need not be told again. */
  private held: Weights | null = null;
  /** What the last step began with; null at the first. */
  private before: { weights: Weights; step: number; rate: number } | null = null;

  /** `worker` begins one beside the page. */
  constructor(saved: Saved, samples: Samples, listener: Listener, worker: (() => Worker) | null = null) {
    this.saved = saved;
    this.listener = listener;
    const { state, training } = saved.description;
    this.beside = worker;
    this.course = { count: samples.count("train"), batch: training?.batch_size ?? 32, seed: saved.training?.seed ?? 0 };
    this.perEpoch = new Order(this.course).perEpoch;
    this.formulas = () => new Evaluated(saved, samples, this.course);
    this.evaluated = this.formulas();
    this.first = this.step = state.step;
    this.past = saved.history;
    this.rate = state.learning_rate;
    this.original = this.now = this.begun(saved.parameters);
    this.kept = this.frames(this.now);
  }

  /** The parameters as they are now. */
  get parameters(): ReadonlyMap<Path, Table> {
    return this.tables(this.now);
  }

  private tables(weights: Weights): ReadonlyMap<Path, Table> {
    return new Map([...this.saved.parameters].map(([path, { whole }]) => [path, { ...weights.get(path)!, whole }]));
  }

  /** The parameters after a step, taken again beside the training. */
  async reached(step: number): Promise<ReadonlyMap<Path, Table>> {
    if (step === this.step) return this.parameters;
    if (step < this.first) refuse("local.past", { step: this.first });
    const last = this.first + this.losses.length;
    if (step > last) refuse("local.pair.last", { step, last });
    let at = this.kept.latest(step);
    const known = this.kept.get(at)!;
    if (at === step) return this.tables(known);
    const { rates, first, rate } = this;
    this.aside ??= this.begunSteps(this.formulas());
    let state: State = plain(known);
    while (at < step) {
      const steps = await this.aside;
      const request = { step: at, state, count: step - at, time: LONGEST, rates: rates.slice(at - first), rate, first };
      const answer = await steps.advance({ ...request, every: step + 1, most: 2 });
      if (!answer.losses.length) refuse("local.pair.last", { step, last: at });
      at += answer.losses.length;
      state = answer.state;
    }
    return this.tables(shaped(state, this.saved));
  }

  /** Whether the step that led here was taken in this file. */
  get stepped(): boolean {
    return this.before !== null;
  }

  get moved(): boolean {
    return this.now !== this.original;
  }

  /** Whether the line is another than that of the file, begun at its untrained parameters. */
  get anew(): boolean {
    return this.past !== this.saved.history;
  }

  get state(): Where {
    const { state } = this.saved.description;
    const last = this.first + this.losses.length;
    const at = this.step - this.first;
    const other = at > 0 || this.anew;
    return {
      ...state, run: (state.run ?? 0) + this.lines, step: this.step, first: this.first,
      epoch: this.moved ? Math.floor(this.step / this.perEpoch) : state.epoch,
      branches: state.branches.map((branch) => ({ ...branch, last })),
      playing: this.goal !== null, learning_rate: this.rate, speed: this.speed, pace: this.pace,
      metrics: other ? {} : state.metrics, // they are measured over all examples, which the file has not
      measured: other ? null : state.measured,
      loss: other ? (this.losses[at - 1] ?? null) : state.loss,
      stopped: this.stopped ? local["local.stopped"] : null,
    };
  }

  /** The losses from a step on, those of the file before those taken here. */
  history(from: number): History {
    const { past } = this;
    const loss = Float64Array.from([...past.loss.slice(0, Math.max(0, this.first - past.from + 1)), ...this.losses]);
    const start = Math.max(from, past.from);
    return {
      branch: past.branch, from: start, loss: loss.slice(start - past.from),
      epochs: past.epochs.filter((epoch) => epoch.step >= start && epoch.step <= this.first),
    };
  }

  act(action: Action): Where {
    switch (action.do) {
      case "play":
        this.go(Infinity);
        break;
      case "pause":
        this.rest();
        break;
      case "step":
        this.go(this.step + Math.min(action.count, MAX_STEPS));
        break;
      case "epoch":
        this.go((Math.floor(this.step / this.perEpoch) + 1) * this.perEpoch);
        break;
      case "seek":
        this.seek(action.step);
        break;
      case "reset":
        this.reset();
        break;
      case "rate":
        if (!(action.learning_rate > 0) || !Number.isFinite(action.learning_rate)) {
          refuse("local.rate", { rate: action.learning_rate });
        }
        this.rate = action.learning_rate;
        this.forget(this.step - this.first);
        break;
      case "speed":
        this.speed = Math.max(0, action.speed);
        break;
      default:
        refuse("local.branch");
    }
    return this.notify();
  }

  /** Other parameters in the place of those now; what was trained here is forgotten. */
  adopt(parameters: ReadonlyMap<Path, Table>): Where {
    this.begin(this.begun(parameters));
    return this.notify();
  }

  close(): void {
    this.rest();
    for (const begun of [this.steps, this.aside]) void begun?.then((steps) => steps.close());
  }

  /** From the untrained parameters on, if the file has them; else from those that it was saved with. */
  private reset(): void {
    const { initial, training, history } = this.saved;
    if (initial === null) return this.begin(this.original);
    this.first = 0;
    this.past = { branch: history.branch, from: 1, loss: new Float64Array(0), epochs: [] };
    this.rate = training!.rate;
    this.begin(this.begun(initial));
  }

  /** Back to the first step, with these weights. */
  private begin(weights: Weights): void {
    this.rest();
    this.kept = this.frames(weights);
    this.lines += 1;
    this.listener.forgot(-1);
    this.forget(0);
    this.restore(this.first);
  }

  private frames(weights: Weights): Keyframes<Weights> {
    const bytes = [...weights.values()].reduce((sum, { data }) => sum + data.byteLength, 1);
    const frames = new Keyframes<Weights>(this.first, { most: MEMORY / bytes });
    frames.keep(this.first, () => weights);
    return frames;
  }

  private begun(parameters: ReadonlyMap<Path, Table>): Weights {
    const weights = new Map<string, Stored>(parameters);
    for (const [name, tensor] of this.saved.training?.program.inputs ?? []) {
      if (!name.includes(":")) continue;
      const shape = tensor.axes.map((a) => a.extent ?? 1);
      const size = shape.reduce((a, b) => a * b, 1);
      const like = parameters.get(name.slice(0, name.indexOf(":")))?.data;
      const kind = like instanceof Float64Array ? Float64Array : Float32Array;
      weights.set(name, { shape, data: new kind(size) });
    }
    return weights;
  }

  /** Drops what comes after so many steps: it would be another line. */
  private forget(steps: number): void {
    this.stopped = false;
    if (steps >= this.losses.length) return;
    this.losses.length = this.rates.length = steps;
    this.kept.forget(this.first + steps);
    this.lines += 1;
    this.listener.forgot(this.first + steps);
    this.listener.history(this.history(this.past.from));
  }

  private go(goal: number): void {
    const playing = this.goal !== null;
    this.goal = this.stopped ? null : goal;
    if (this.goal !== null && !playing) void this.train(++this.turn);
  }

  private rest(): void {
    this.goal = null;
    this.turn += 1;
  }

  /** Steps until the goal is reached, some at a time; what follows is asked for before the page is told. */
  private async train(turn: number): Promise<void> {
    let [since, from, asking, round] = [performance.now(), this.step, performance.now(), 0];
    let asked: Promise<Answer> | null = null;
    while (this.goal !== null && turn === this.turn) {
      const due = this.speed ? ((performance.now() - since) / 1000) * this.speed - (this.step - from) : Infinity;
      if (due < 1 && !asked) await new Promise((resolve) => setTimeout(resolve, ((1 - due) * 1000) / this.speed));
      if (this.goal === null || turn !== this.turn) return;
      const answer = await (asked ?? this.ask(Math.max(1, Math.floor(due)), round));
      if (turn !== this.turn) return;
      this.apply(answer);
      const now = performance.now();
      [asking, round] = [now, now - asking];
      if (this.step >= this.goal || this.stopped) this.goal = null;
      asked = this.goal === null || this.speed ? null : this.ask(Infinity, round);
      if (this.goal !== null && now - since < NOTIFY_PERIOD) continue;
      this.pace = this.goal === null ? 0 : ((this.step - from) * 1000) / (now - since);
      this.listener.history({ ...this.history(from + 1), epochs: [] });
      this.listener.moved();
      this.notify();
      [since, from] = [now, this.step];
    }
  }

  /** Some steps more; of steps that were taken before, the same again. If the page took so long for the last round, it
   * takes about that much for the next, and meanwhile there is time to train. */
  private async ask(count: number, round: number): Promise<Answer> {
    this.steps ??= this.begunSteps(this.evaluated);
    const steps = await this.steps;
    const at = this.step - this.first;
    const { now, held } = this;
    this.held = null;
    const time = steps === this.evaluated ? SLICE : Math.min(Math.max(NOTIFY_PERIOD, 0.9 * round), LONGEST);
    const request = {
      step: this.step, state: held === now ? null : plain(now), count: Math.min(count, this.goal! - this.step), time,
      rates: this.rates.slice(at), rate: this.rate, every: this.kept.every, most: this.kept.most, first: this.first,
    };
    try {
      return await steps.advance(request);
    } catch {
      // The engine's code does not do it: the formulas go on from here.
      steps.close();
      this.steps = Promise.resolve(this.evaluated);
      return await this.evaluated.advance({ ...request, state: plain(now), time: SLICE });
    }
  }

  private async begunSteps(formulas: Steps): Promise<Steps> {
    const lesson = this.lesson();
    return (lesson && (await compiledSteps(lesson, this.beside))) ?? formulas;
  }

  private lesson(): Lesson | null {
    const { training, examples, input, target } = this.saved;
    const kept = examples.get("train");
    if (!training?.module || !kept) return null;
    const inputs = { [input]: kept.x.data, [target]: (kept.y ?? kept.x).data };
    return { ...this.course, module: training.module, inputs };
  }

  private apply({ losses, state, before, kept, stopped }: Answer): void {
    const at = this.step - this.first;
    const known = this.losses.length - at;
    this.losses.push(...losses.slice(known));
    while (this.rates.length < this.losses.length) this.rates.push(this.rate);
    this.stopped = stopped;
    if (losses.length === 0) return;
    this.step += losses.length;
    this.now = this.held = shaped(state, this.saved);
    const rate = this.rates[this.step - this.first - 1]!;
    this.before = { weights: shaped(before, this.saved), step: this.step - 1, rate };
    for (const [step, weights] of kept) this.kept.keep(step, () => shaped(weights, this.saved));
  }

  private notify(): Where {
    const { state } = this;
    this.listener.state(state);
    return state;
  }

  /** Every value of the step that led here: what an update is explained with. */
  update(): Map<Tensor, Stored> {
    if (this.before === null) refuse("local.first", { step: this.first });
    const { weights, step, rate } = this.before;
    return this.evaluated.values(weights, rate, step, this.first);
  }

  /** Whether the network counts in float32, as its parameters do. */
  get single(): boolean {
    return this.evaluated.single;
  }

  /** What one element of a parameter was at the steps that are kept, the last of them the present one. */
  courseOf(path: Path, place: number): { steps: Int32Array; values: Float64Array } {
    const all = [...this.kept.all, [this.step, this.now] as const].filter(([step]) => step <= this.step);
    const values = new Map(all.sort(([a], [b]) => a - b).map(([step, weights]) => [step, weights.get(path)!.data[place]!]));
    return { steps: Int32Array.from(values.keys()), values: Float64Array.from(values.values()) };
  }

  /** The parameters now, and at the steps that are kept. */
  get measurable(): { now: Measurable; kept: Measurable[] } {
    const of = (step: number, weights: Weights): Measurable => ({
      step, parameters: () => Object.fromEntries([...this.saved.parameters.keys()].map((path) => [path, weights.get(path)!.data as Reals])),
    });
    return { now: of(this.step, this.now), kept: this.kept.all.map(([step, weights]) => of(step, weights)) };
  }

  // Back and forth

  private seek(step: number): void {
    if (step < this.first) refuse("local.past", { step: this.first });
    this.rest();
    this.stopped = false;
    // To the step before it at the latest: the step that leads there is a part of what there is to see.
    const latest = Math.max(this.first, step - 1);
    if (step < this.step) this.restore(this.kept.latest(latest));
    if (step > this.step) this.go(step);
  }

  private restore(step: number): void {
    this.step = step;
    this.before = null;
    this.now = this.kept.get(step)!;
    this.listener.moved();
  }
}
