// Training in the browser: one line of steps that goes on from where the file was saved. A step depends on its number
// and on what was before alone, so that every step taken can be returned to, exactly.

import { run } from "../formula/evaluate.ts";
import type { Stored } from "../formula/evaluate.ts";
import type { Tensor } from "../formula/expressions.ts";
import { uniform } from "../formula/random.ts";
import type { Action, History, Path, State } from "../model/wire/protocol.ts";
import { local } from "../strings/local.ts";
import { refuse } from "./refusal.ts";
import { stacked } from "./samples.ts";
import type { Sample, Samples } from "./samples.ts";
import type { Saved, Table } from "./saved.ts";

const KEPT = 48;
const SLICE = 30;
const NOTIFY_PERIOD = 100;
const MAX_STEPS = 100_000;

/** Parameters and slots between two steps; never written to. */
type Weights = ReadonlyMap<string, Stored>;

export interface Listener {
  state: (state: State) => void;
  history: (history: History) => void;
  /** The parameters changed. */
  moved: () => void;
}

export class Trainer {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private readonly listener: Listener;
  /** The step that the line begins with: the file's, or 0 once begun anew. */
  first: number;
  /** What was recorded before the first step. */
  private past: History;
  private readonly count: number;
  private readonly perEpoch: number;
  private readonly original: Weights;
  private now: Weights;
  private step: number;
  /** Of every step after the first, the learning rate that it was taken with, and its loss. */
  private readonly rates: number[] = [];
  private readonly losses: number[] = [];
  private readonly kept = new Map<number, Weights>();
  private every = 1;
  private rate: number;
  private speed = 0;
  private pace = 0;
  private goal: number | null = null;
  private stopped = false;
  /** The next slice: there is one at most. */
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What the last step began with; null at the first. */
  private before: { weights: Weights; step: number; rate: number } | null = null;
  private order: { epoch: number; places: Int32Array } | null = null;

  constructor(saved: Saved, samples: Samples, listener: Listener) {
    this.saved = saved;
    this.samples = samples;
    this.listener = listener;
    const { state, training } = saved.description;
    this.count = samples.count("train");
    this.perEpoch = Math.max(1, Math.ceil(this.count / (training?.batch_size ?? 32)));
    this.first = this.step = state.step;
    this.past = saved.history;
    this.rate = state.learning_rate;
    this.original = this.now = this.begun(saved.parameters);
    this.kept.set(this.first, this.now);
  }

  /** The parameters as they are now. */
  get parameters(): ReadonlyMap<Path, Table> {
    return new Map([...this.saved.parameters].map(([path, { whole }]) => [path, { ...this.now.get(path)!, whole }]));
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

  get state(): State {
    const { state } = this.saved.description;
    const last = this.first + this.losses.length;
    const at = this.step - this.first;
    const other = at > 0 || this.anew;
    return {
      ...state, step: this.step, first: this.first,
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

  act(action: Action): State {
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
  adopt(parameters: ReadonlyMap<Path, Table>): State {
    this.begin(this.begun(parameters));
    return this.notify();
  }

  close(): void {
    this.rest();
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
    this.kept.clear();
    this.kept.set(this.first, weights);
    this.forget(0);
    this.restore(this.first);
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
    for (const step of this.kept.keys()) if (step > this.first + steps) this.kept.delete(step);
    this.listener.history(this.history(this.past.from));
  }

  private go(goal: number): void {
    this.goal = this.stopped ? null : goal;
    if (this.goal !== null) this.timer ??= setTimeout(() => this.slice(performance.now(), this.step));
  }

  private rest(): void {
    this.goal = null;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Steps for a moment, then a breath for the page. `since` and `from` are when and where it was notified last. */
  private slice(since: number, from: number): void {
    const begun = performance.now();
    this.timer = undefined;
    let due = 1;
    while (this.goal !== null && this.step < this.goal && due > 0 && performance.now() - begun < SLICE) {
      this.take();
      due = this.speed ? ((performance.now() - since) / 1000) * this.speed - (this.step - from) : 1;
    }
    if (this.goal !== null && (this.step >= this.goal || this.stopped)) this.goal = null;
    const now = performance.now();
    if (this.goal === null || now - since >= NOTIFY_PERIOD) {
      this.pace = this.goal === null ? 0 : ((this.step - from) * 1000) / (now - since);
      this.listener.history({ ...this.history(from + 1), epochs: [] });
      this.listener.moved();
      this.notify();
      [since, from] = [now, this.step];
    }
    if (this.goal !== null) this.timer ??= setTimeout(() => this.slice(since, from), due > 0 ? 0 : 1000 / this.speed);
  }

  private notify(): State {
    const { state } = this;
    this.listener.state(state);
    return state;
  }

  /** One step; of steps that were taken before, the same again. */
  private take(): void {
    const at = this.step - this.first;
    const again = at < this.losses.length;
    const rate = again ? this.rates[at]! : this.rate;
    const before = { weights: this.now, step: this.step, rate };
    const { loss, weights } = this.computed(rate);
    if (!Number.isFinite(loss)) {
      this.stopped = true;
      return;
    }
    this.now = weights;
    this.before = before;
    this.step += 1;
    if (!again) {
      this.losses.push(loss);
      this.rates.push(rate);
    }
    this.keep();
  }

  private computed(rate: number): { loss: number; weights: Weights } {
    const { program } = this.saved.training!;
    const given = this.feeds(this.now, this.batch(this.step), rate, this.step);
    const values = run(program, given, { wanted: [...program.outputs.values()], single: this.single });
    const after = (name: string): Stored | undefined => {
      const tensor = program.outputs.get(name);
      return tensor && values.get(tensor);
    };
    const weights = new Map([...this.now].map(([name, before]) => [name, after(name) ?? before]));
    return { loss: after("loss")!.data[0]!, weights };
  }

  /** Every value of the step that led here: what an update is explained with. */
  update(): Map<Tensor, Stored> {
    if (this.before === null) refuse("local.first", { step: this.first });
    const { weights, step, rate } = this.before;
    const { program } = this.saved.training!;
    return run(program, this.feeds(weights, this.batch(step), rate, step), { single: this.single });
  }

  /** What a step reads. Its slots begin at the step at which the file was saved. */
  private feeds(weights: Weights, batch: readonly Sample[], rate: number, step: number): Map<string, Stored> {
    const { program, seed } = this.saved.training!;
    const one = (value: number): Stored => ({ shape: [], data: Float64Array.of(value) });
    const given: [string, Stored][] = [
      ...weights, ["learning_rate", one(rate)], ["step", one(step - this.first + 1)], ["seed", one(seed)],
      [this.saved.input, stacked(batch.map((s) => s.x))], [this.saved.target, stacked(batch.map((s) => s.y!))],
    ];
    return new Map(given.filter(([name]) => program.inputs.has(name)));
  }

  /** Whether the network counts in float32, as its parameters do. */
  get single(): boolean {
    return [...this.saved.parameters.values()].every(({ data }) => data instanceof Float32Array);
  }

  /** The examples of the step after so many. */
  private batch(step: number): Sample[] {
    const epoch = Math.floor(step / this.perEpoch);
    if (this.order?.epoch !== epoch) {
      this.order = { epoch, places: shuffled(this.count, this.saved.training!.seed, epoch) };
    }
    const size = this.saved.description.training?.batch_size ?? 32;
    const from = (step % this.perEpoch) * size;
    return Array.from(this.order.places.subarray(from, from + size), (place) => this.samples.get(`train:${place}`));
  }

  // Back and forth

  /** Keeps the weights of some steps, evenly over all; each time there are too many, every other is dropped. */
  private keep(): void {
    if ((this.step - this.first) % this.every) return;
    this.kept.set(this.step, this.now);
    if (this.kept.size <= KEPT) return;
    this.every *= 2;
    for (const step of this.kept.keys()) if ((step - this.first) % this.every) this.kept.delete(step);
  }

  private seek(step: number): void {
    if (step < this.first) refuse("local.past", { step: this.first });
    this.rest();
    this.stopped = false;
    // To the step before it at the latest: the step that leads there is a part of what there is to see.
    const latest = Math.max(this.first, step - 1);
    if (step < this.step) this.restore(Math.max(...[...this.kept.keys()].filter((kept) => kept <= latest)));
    if (step > this.step) this.go(step);
  }

  private restore(step: number): void {
    this.step = step;
    this.before = null;
    this.now = this.kept.get(step)!;
    this.listener.moved();
  }
}

/** The order of the examples in an epoch (Fisher and Yates). */
function shuffled(count: number, seed: number, epoch: number): Int32Array {
  const places = Int32Array.from({ length: count }, (_, k) => k);
  for (let k = count - 1; k > 0; k--) {
    const other = Math.floor(uniform(seed, 1, epoch, k) * (k + 1));
    [places[k], places[other]] = [places[other]!, places[k]!];
  }
  return places;
}
