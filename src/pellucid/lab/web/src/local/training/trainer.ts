// Training in the browser, from where the file was saved. A step depends on its number and on what was before alone, so
// that every step taken can be returned to, exactly; a change at one begins a branch. As Python's lab/time/timeline.py.

import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import type { Action, Course as Curve, History, Path, State as Where, Words } from "../../model/wire/protocol.ts";
import { local } from "../../strings/local.ts";
import type { Fault, Moment } from "../health/examined.ts";
import type { Measurable } from "../health/gauging.ts";
import { filled, refuse } from "../refusal.ts";
import type { Samples } from "../samples.ts";
import type { Saved, Table } from "../saved.ts";
import { Branch } from "./branches.ts";
import { changed } from "./changes.ts";
import type { Change } from "./changes.ts";
import { Evaluated, plain, shaped } from "./evaluated.ts";
import type { Weights } from "./evaluated.ts";
import { bytesOf, finished } from "./metrics.ts";
import type { Tally } from "./metrics.ts";
import { courseOf, Order } from "./order.ts";
import type { Course } from "./order.ts";
import { Settling } from "./settling.ts";
import { compiledSteps } from "./steps.ts";
import type { Answer, Judged, Lesson, Reals, State, Steps } from "./steps.ts";

/** Milliseconds that training goes on by itself before it tells, at least and at most. */
const SLICE = 30;
const NOTIFY_PERIOD = 100;
const LONGEST = 1000;
/** The part of the time that bringing the views up to date may take. */
const SHOWING = 0.1;
const MAX_STEPS = 100_000;
/** Bytes of the states that can be returned to, and of the predictions of which whole epochs are measured. */
const MEMORY = 1 << 27;
const ROWS = 1 << 26;
const [MIN_BRANCHES, MAX_BRANCHES] = [8, 100];

export interface Listener {
  state: (state: Where) => void;
  history: (history: History) => void;
  /** The parameters changed. */
  moved: () => void;
  /** All branches are forgotten. */
  forgot: () => void;
}

/** A step that was taken again: its number, from 1, or null after the last; what it read, and what it made. */
export interface Retaken {
  readonly number: number | null;
  readonly rate: number;
  readonly first: number;
  readonly weights: Weights;
  readonly made: Weights;
}

export class Trainer {
  private readonly saved: Saved;
  private readonly listener: Listener;
  private readonly course: Course;
  private readonly order: Order;
  private readonly original: Weights;
  /** The step that the first branch begins with: the file's, or 0 once begun anew. */
  first: number;
  /** What was recorded before the first step. */
  private past: History;
  private branches: Branch[] = [];
  /** The one in which the training is; `owner` is that on the way to it to which the present step belongs. */
  private branch: Branch;
  private owner: Branch;
  private now: Weights;
  private step: number;
  /** So many steps a second are taken while it is played; 0 is as many as there can be. */
  private speed: number;
  private pace = 0;
  private goal: number | null = null;
  private stopped: Words | null = null;
  private readonly settling: Settling;
  private settled: Words | null = null;
  private fault: Fault | null = null;
  /** Counts the beginnings: what was measured of one is not of the next. */
  private runs = 0;
  /** Counts what begins and ends training: an answer to what was asked in an earlier turn is none. */
  private turn = 0;
  private readonly formulas: () => Evaluated;
  private readonly evaluated: Evaluated;
  /** Those that keep predictions, the oldest first, and their bytes. */
  private readonly tallied: Tally[] = [];
  private rows = 0;
  private readonly beside: (() => Worker) | null;
  /** Once they have begun themselves: who waits for a promise asks only after all that the page has to do now. */
  private steps: Steps | Promise<Steps> | null = null;
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
    this.beside = worker;
    this.course = courseOf(saved, samples);
    this.order = new Order(this.course);
    this.formulas = () => new Evaluated(saved, samples, this.course);
    this.evaluated = this.formulas();
    const { state } = saved.description;
    this.first = this.step = state.step;
    this.speed = state.speed ?? 0;
    // What is played here plays on for a while, whatever was learned before.
    this.settling = new Settling(saved.settling);
    this.settling.begin(state.step);
    this.past = saved.history;
    this.original = this.now = this.begun(saved.parameters);
    this.branch = this.owner = this.root(state.learning_rate);
  }

  /** The parameters as they are now. */
  get parameters(): ReadonlyMap<Path, Table> {
    return this.tables(this.now);
  }

  private tables(weights: Weights): ReadonlyMap<Path, Table> {
    return new Map([...this.saved.parameters].map(([path, { whole }]) => [path, { ...weights.get(path)!, whole }]));
  }

  /** The parameters after a step of a branch, taken again beside the training; by default after its last. */
  async reached(id: number, wanted?: number): Promise<{ step: number; parameters: ReadonlyMap<Path, Table> }> {
    const branch = this.known(id);
    const step = wanted ?? branch.last;
    if (branch === this.branch && step === this.step) return { step, parameters: this.parameters };
    if (step < this.first) refuse("local.past", { step: this.first });
    if (step > branch.last) refuse("local.pair.last", { step, last: branch.last });
    return { step, parameters: this.tables(await this.weightsAt(branch, step)) };
  }

  private async weightsAt(branch: Branch, step: number): Promise<Weights> {
    let { step: at, weights } = branch.nearest(step);
    while (at < step) [at, weights] = await this.again(branch, at, weights, step);
    const left = branch.owner(step);
    return left.at === step ? left.begin : weights;
  }

  /** Steps of a branch from a state on, taken again beside the training: no farther than to `end`, or to where a branch
   * leaves the way. */
  private async again(branch: Branch, at: number, weights: Weights, end: number): Promise<[number, Weights]> {
    const { first } = this;
    const owner = branch.owner(at);
    const stop = Math.min(end, branch.after(owner)?.at ?? Infinity);
    this.aside ??= this.begunSteps(this.formulas());
    const steps = await this.aside;
    const answer = await steps.advance({
      step: at, state: plain(owner.at === at ? owner.begin : weights), count: stop - at, time: LONGEST,
      rates: owner.rates.slice(at - owner.at), rate: owner.rate, first, every: end + 1, most: 2, measured: Infinity,
    });
    if (!answer.losses.length) refuse("local.pair.last", { step: end, last: at });
    return [at + answer.losses.length, shaped(answer.state, this.saved)];
  }

  /** The steps of a branch from one to another, taken again one by one: each with what it reads and makes; at the end
   * what they led to. */
  async *retaken(id: number, from: number, last: number): AsyncGenerator<Retaken> {
    const { runs } = this;
    const branch = this.known(id);
    let weights = await this.weightsAt(branch, from);
    for (let at = from; at < last; at++) {
      if (runs !== this.runs) refuse("local.ledger.gone");
      const [, made] = await this.again(branch, at, weights, at + 1);
      yield { number: at + 1, rate: branch.owner(at).rateAfter(at), first: this.first, weights, made };
      const next = branch.owner(at + 1);
      weights = next.at === at + 1 ? next.begin : made;
    }
    yield { number: null, rate: 0, first: this.first, weights, made: weights };
  }

  /** Whether the step that led here was taken in this file. */
  get stepped(): boolean {
    return this.before !== null;
  }

  get moved(): boolean {
    return this.now !== this.original;
  }

  /** Whether the steps are others than those of the file, begun at its untrained parameters. */
  get anew(): boolean {
    return this.past !== this.saved.history;
  }

  private get rate(): number {
    return this.owner.rateAfter(this.step);
  }

  get state(): Where {
    const { state } = this.saved.description;
    const other = this.step > this.first || this.anew;
    const taker = this.branch.taker(this.step);
    const epoch = this.branch.epochAt(this.step) ?? this.past.epochs.findLast(({ step }) => step <= this.first);
    return {
      ...state, run: (state.run ?? 0) + this.runs, branch: this.branch.id, step: this.step, first: this.first,
      epoch: this.moved ? Math.floor(this.step / this.order.perEpoch) : state.epoch,
      branches: this.branches.map((branch) => branch.told),
      playing: this.goal !== null, learning_rate: this.rate, speed: this.speed, pace: this.pace,
      metrics: other ? (epoch?.metrics ?? {}) : state.metrics,
      measured: other ? (epoch?.step ?? null) : (state.measured ?? null),
      loss: other ? (taker.losses[this.step - taker.at - 1] ?? null) : state.loss,
      stopped: this.stopped, settled: this.settled,
    };
  }

  /** The epochs that had ended with the present step. */
  get epochs(): History["epochs"] {
    return [...this.past.epochs.filter(({ step }) => step <= this.first), ...this.branch.epochsUntil(this.step)];
  }

  /** The losses of a branch from a step on; in the first those of the file before those taken here. */
  history(id: number, from: number): History {
    const branch = this.known(id);
    const { past } = this;
    const before = branch.parent ? [] : past.loss.slice(0, Math.max(0, this.first - past.from + 1));
    const begin = branch.parent ? branch.at + 1 : past.from;
    const start = Math.max(from, begin);
    const epochs = [...(branch.parent ? [] : past.epochs.filter(({ step }) => step <= this.first)), ...branch.epochs];
    const kept = branch.losses.slice(Math.max(0, start - begin - before.length));
    const loss = Float64Array.from([...before.slice(Math.max(0, start - begin)), ...kept]);
    return { branch: id, from: start, loss, epochs: epochs.filter(({ step }) => step >= start) };
  }

  act(action: Action): Where {
    switch (action.do) {
      case "play":
        if (this.settled) this.settling.insist();
        this.go(Infinity);
        break;
      case "pause":
        this.rest();
        break;
      case "step":
        this.go(this.step + Math.min(action.count, MAX_STEPS));
        break;
      case "epoch":
        this.go((Math.floor(this.step / this.order.perEpoch) + 1) * this.order.perEpoch);
        break;
      case "seek":
        this.seek(this.branch, action.step);
        break;
      case "switch": {
        const branch = this.known(action.branch);
        this.seek(branch, branch.last);
        break;
      }
      case "branch":
        this.fork(changed(action.change, this.saved.parameters));
        break;
      case "reset":
        this.reset();
        break;
      case "rate":
        this.set(action.learning_rate);
        break;
      case "speed":
        this.speed = Math.max(0, action.speed);
        break;
    }
    return this.notify();
  }

  /** A branch that begins here with other parameters. */
  adopt(parameters: ReadonlyMap<Path, Table>): Where {
    this.fork({ words: local["local.adopted"], rate: null, applied: (weights) => new Map([...weights, ...parameters]) });
    return this.notify();
  }

  close(): void {
    this.rest();
    for (const begun of [this.steps, this.aside]) void Promise.resolve(begun).then((steps) => steps?.close());
  }

  // Branches

  private known(id: number): Branch {
    return this.branches.find((branch) => branch.id === id) ?? refuse("local.branch", { id });
  }

  /** The first branch, which begins with the parameters now. */
  private root(rate: number): Branch {
    const { branch } = this.saved.description.state;
    const root = new Branch(branch, null, this.first, null, this.now, rate, this.first, this.affordable);
    this.branches = [root];
    return root;
  }

  /** How many states there is memory for. */
  private get affordable(): number {
    return MEMORY / [...this.now.values()].reduce((sum, { data }) => sum + data.byteLength, 1);
  }

  /** Leave the present step by a change, for a branch of its own; who plays on plays on there. */
  private fork({ words, rate, applied }: Change): void {
    const most = Math.max(MIN_BRANCHES, Math.min(MAX_BRANCHES, Math.floor(this.affordable / 3)));
    if (this.branches.length >= most) refuse("local.branches", { count: most });
    const playing = this.goal === Infinity;
    this.rest();
    const id = this.branches.reduce((last, branch) => Math.max(last, branch.id), 0) + 1;
    const begin = applied(this.now);
    const child = new Branch(id, this.owner, this.step, words, begin, rate ?? this.rate, this.first, this.affordable);
    this.branches.push(child);
    for (const branch of this.branches) branch.kept.most = this.affordable / this.branches.length;
    this.branch = child;
    this.enter(child);
    this.changed();
    this.listener.moved();
    if (playing) this.go(Infinity);
  }

  /** Something is other than it was: that takes time to show. */
  private changed(): void {
    this.settled = null;
    this.settling.begin(this.step);
  }

  private enter(branch: Branch): void {
    this.owner = branch;
    this.now = branch.begin;
    this.stopped = this.fault = null;
  }

  /** Branches that left the way at this step. */
  private arrive(): void {
    for (let next = this.branch.after(this.owner); next?.at === this.step; next = this.branch.after(this.owner)) {
      this.enter(next);
    }
  }

  /** Another learning rate from here on; where later steps were taken already, that is a branch. */
  private set(rate: number): void {
    if (!(rate > 0) || !Number.isFinite(rate)) refuse("local.rate", { rate });
    if (rate === this.rate) return;
    if (this.owner !== this.branch || this.step < this.branch.last) return this.fork(changed({ learning_rate: rate }, this.saved.parameters));
    const playing = this.goal === Infinity;
    this.rest(); // what is on its way is taken with the rate before
    this.branch.rate = rate;
    this.stopped = this.fault = null;
    this.changed();
    if (playing) this.go(Infinity);
  }

  /** From the untrained parameters on, if the file has them; else from those that it was saved with. */
  private reset(): void {
    const { initial, training, history, description } = this.saved;
    this.rest();
    if (initial !== null) {
      this.first = 0;
      this.past = { branch: history.branch, from: 1, loss: new Float64Array(0), epochs: [] };
    }
    this.now = initial === null ? this.original : this.begun(initial);
    this.step = this.first;
    this.before = this.stopped = this.settled = this.fault = null;
    this.settling.begin(this.first);
    this.runs += 1;
    this.branch = this.owner = this.root(initial === null ? description.state.learning_rate : training!.rate);
    this.listener.forgot();
    this.listener.history(this.history(this.branch.id, 1));
    this.listener.moved();
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

  // Steps

  private go(goal: number): void {
    const playing = this.goal !== null;
    this.settled = null;
    this.goal = this.stopped ? null : goal;
    if (this.goal !== null && !playing) void this.train(++this.turn);
  }

  private rest(): void {
    this.goal = null;
    this.turn += 1;
  }

  /** Steps until the goal is reached, some at a time; what follows is asked for before the page is told. */
  private async train(turn: number): Promise<void> {
    let [since, from, period] = [performance.now(), this.step, NOTIFY_PERIOD];
    let asked: Promise<Answer> | null = null;
    while (this.goal !== null && turn === this.turn) {
      const limited = this.speed > 0 && this.goal === Infinity;
      const due = limited ? ((performance.now() - since) / 1000) * this.speed - (this.step - from) : Infinity;
      if (due < 1 && !asked) await new Promise((resolve) => setTimeout(resolve, ((1 - due) * 1000) / this.speed));
      if (this.goal === null || turn !== this.turn) return;
      const { owner } = this;
      const answer = await (asked ?? this.ask(Math.max(1, Math.floor(due)), period));
      if (turn !== this.turn) return;
      this.apply(answer);
      const now = performance.now();
      if (this.step >= this.goal || this.stopped || this.rests()) this.goal = null;
      asked = this.goal === null || limited ? null : this.ask(Infinity, period);
      if (this.goal !== null && owner === this.owner && now - since < NOTIFY_PERIOD) continue;
      this.pace = this.goal === null ? 0 : ((this.step - from) * 1000) / (now - since);
      this.listener.history(this.history(owner.id, from + 1));
      this.listener.moved();
      this.notify();
      [since, from] = [now, this.step];
      if (!asked || this.steps instanceof Promise || !this.steps?.beside) continue;
      await Promise.resolve(); // the views are brought up to date first
      period = Math.min(Math.max(NOTIFY_PERIOD, (performance.now() - now) / SHOWING), LONGEST);
    }
  }

  /** Whether a run that is played has little more to show. */
  private rests(): boolean {
    if (this.goal !== Infinity || !this.settling.due(this.step)) return false;
    this.settled = this.settling.judge(this.losses);
    return this.settled !== null;
  }

  /** The losses of all steps on the way here; of a long past those that stand for them. */
  private get losses(): Float64Array {
    const { lineage } = this.branch;
    const taken = lineage.map(({ at, losses }, k) => losses.slice(0, Math.min(this.step, lineage[k + 1]?.at ?? Infinity) - at));
    return Float64Array.from([this.past.loss.subarray(0, Math.max(0, this.first - this.past.from + 1)), ...taken].flatMap((part) => [...part]));
  }

  /** Some steps more; of steps that were taken before, the same again: beside the page for about so long. */
  private async ask(count: number, period: number): Promise<Answer> {
    this.steps ??= this.begunSteps(this.evaluated).then((begun) => (this.steps = begun));
    const steps = this.steps instanceof Promise ? await this.steps : this.steps;
    const { now, held, owner, step } = this;
    this.held = null;
    const time = steps.beside ? period : SLICE;
    const end = Math.min(this.goal!, this.branch.after(owner)?.at ?? Infinity);
    const request = {
      step, state: held === now ? null : plain(now), count: Math.min(count, end - step), time,
      rates: owner.rates.slice(step - owner.at), rate: owner.rate, first: this.first,
      every: owner.kept.every, most: owner.kept.most, measured: owner.epochs.at(-1)?.step ?? owner.at,
    };
    try {
      return await steps.advance(request);
    } catch {
      // The engine's code does not do it: the formulas go on from here.
      steps.close();
      this.steps = this.evaluated;
      return await this.evaluated.advance({ ...request, state: plain(now), time: SLICE });
    }
  }

  private async begunSteps(formulas: Steps): Promise<Steps> {
    const lesson = this.lesson();
    return (lesson && (await compiledSteps(lesson, this.beside))) ?? formulas;
  }

  private lesson(): Lesson | null {
    const { training, examples, input, target } = this.saved;
    const [kept, test] = [examples.get("train"), examples.get("test")];
    if (!training?.module || !kept) return null;
    const inputs = ({ x, y }: typeof kept): Lesson["inputs"] => ({ [input]: x.data, [target]: (y ?? x).data });
    return {
      ...this.course, module: training.module, inputs: inputs(kept), target, measures: training.measures,
      judged: training.judges && test ? { inputs: inputs(test), count: test.x.shape[0]! } : null,
    };
  }

  private apply(answer: Answer): void {
    const { losses, tallies, state, before, kept, stopped } = answer;
    const { owner } = this;
    const at = this.step - owner.at;
    const known = owner.losses.length - at;
    const differs = losses.findIndex((loss, k) => k < known && loss !== owner.losses[at + k]);
    if (differs >= 0) {
      this.stopped = filled("local.replay", { step: this.step + differs + 1 });
      return;
    }
    for (let k = Math.max(0, known); k < losses.length; k++) {
      owner.losses.push(losses[k]!);
      owner.tallies.push(this.remembered(tallies[k] ?? null));
      owner.rates.push(owner.rate);
    }
    if (losses.length) {
      const from = this.step;
      this.step += losses.length;
      this.now = this.held = shaped(state, this.saved);
      this.before = { weights: shaped(before, this.saved), step: this.step - 1, rate: owner.rateAfter(this.step - 1) };
      for (const [step, weights] of kept) owner.kept.keep(step, () => shaped(weights, this.saved));
      this.endEpochs(from, new Map(answer.judged));
    }
    if (stopped) {
      this.stopped = local["local.stopped"];
      this.fault = { state: plain(this.now), step: this.step, rate: this.rate, first: this.first };
    }
    this.arrive();
  }

  /** A tally; where predictions are kept for too many steps, the oldest are given up. */
  private remembered(tally: Tally | null): Tally | null {
    if (!tally?.rows) return tally;
    this.tallied.push(tally);
    this.rows += bytesOf(tally);
    while (this.rows > ROWS) {
      const oldest = this.tallied.shift()!;
      this.rows -= bytesOf(oldest);
      oldest.rows = null;
    }
    return tally;
  }

  /** The values of the epochs that ended after a step, unless they are known. */
  private endEpochs(from: number, judged: ReadonlyMap<number, Judged>): void {
    const { owner, order: { perEpoch }, saved: { training } } = this;
    const told = ({ loss, tallies }: Judged): Record<string, number> => (
      { loss, ...(training?.measures ? finished(training.measures, training.formulas, tallies) : {}) }
    );
    const since = Math.max(from, owner.epochs.at(-1)?.step ?? 0);
    for (let step = (Math.floor(since / perEpoch) + 1) * perEpoch; step <= this.step; step += perEpoch) {
      const look = judged.get(step);
      const values = Object.entries(look ? told(look) : {}).map(([name, value]) => [`val_${name}`, value]);
      const metrics = { ...this.epochOf(step), ...(Object.fromEntries(values) as Record<string, number>) };
      owner.epochs.push({ epoch: step / perEpoch, step, metrics });
    }
  }

  /** The mean loss of the epoch that ends with a step, and its metrics where all its steps were taken here. */
  private epochOf(last: number): Record<string, number> {
    const { order, saved: { training, thinned } } = this;
    const measures = training?.measures;
    let [sum, count]: [number, number] = [0, 0];
    const tallies: (Tally | null)[] = [];
    for (let step = last - order.perEpoch + 1; step <= last; step++) {
      const branch = this.owner.taker(step);
      const here = step > this.first;
      const loss = here ? branch.losses[step - branch.at - 1] : thinned ? undefined : this.past.loss[step - this.past.from];
      const tally = here ? branch.tallies[step - branch.at - 1]! : null;
      // How many steps of its sequences are there is known of what was taken here alone.
      const size = tally?.count ?? (measures?.mask ? NaN : order.sizeOf(step - 1));
      sum += (loss ?? NaN) * size;
      count += size;
      tallies.push(tally);
    }
    const whole = tallies.filter((tally) => tally !== null);
    return {
      ...(Number.isFinite(sum) ? { loss: sum / count } : {}),
      ...(measures && whole.length === tallies.length ? finished(measures, training.formulas, whole) : {}),
    };
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

  // What was, and what it was like

  /** What one element of a parameter was at the steps that are kept, the last of them the present one. */
  courseOf(path: Path, place: number): Pick<Curve, "steps" | "values" | "later"> {
    const along = (all: { step: number; weights: Weights }[]) => {
      const values = new Map(all.map(({ step, weights }) => [step, weights.get(path)!.data[place]!]));
      return { steps: Int32Array.from(values.keys()), values: Float64Array.from(values.values()) };
    };
    const later = this.branch.along(Infinity).filter(({ step }) => step > this.step);
    return { ...along([...this.branch.along(this.step), { step: this.step, weights: this.now }]), later: along(later) };
  }

  /** A whole parameter at the steps that are kept before the present one. */
  keptOf(path: Path): { step: number; data: ArrayLike<number> }[] {
    const all = this.branch.along(this.step).filter(({ step }) => step < this.step);
    return all.map(({ step, weights }) => ({ step, data: weights.get(path)!.data }));
  }

  /** The parameters now, and at the steps that are kept on the way here. */
  get measurable(): { now: Measurable; kept: Measurable[]; onWay: (branch: number, step: number) => boolean } {
    const of = (branch: Branch, step: number, weights: Weights, before?: Weights): Measurable => ({
      branch: branch.id, step,
      weighed: () => ({ step, parameters: this.weights(weights), before: before ? this.weights(before) : null }),
    });
    return {
      now: of(this.owner, this.step, this.now, this.before?.weights),
      kept: this.branch.along(this.step).map(({ branch, step, weights }) => of(branch, step, weights)),
      onWay: (branch, step) => step <= this.step && this.branch.owner(step).id === branch,
    };
  }

  private weights(weights: Weights): State {
    return Object.fromEntries([...this.saved.parameters.keys()].map((path) => [path, weights.get(path)!.data as Reals]));
  }

  /** What a diagnosis of this moment is made of. */
  get examinable(): Moment {
    const { initial, parameters, description } = this.saved;
    const start = this.step === 0 ? null : (initial ?? (description.state.step === 0 ? parameters : null));
    return {
      now: this.measurable.now.weighed(), start: start && this.weights(start), epochs: this.epochs, rate: this.rate,
      fault: this.fault,
    };
  }

  /** Whether what was said of the file when it was saved is true of this moment. */
  get asSaved(): boolean {
    return !this.moved && !this.fault && this.rate === this.saved.description.state.learning_rate;
  }

  // Back and forth

  private seek(branch: Branch, step: number): void {
    if (step < this.first) refuse("local.past", { step: this.first });
    this.rest();
    this.stopped = this.settled = this.fault = null;
    if (branch === this.branch && step === this.step) return;
    // To the step before it at the latest: the step that leads there is a part of what there is to see.
    const near = branch.nearest(Math.max(this.first, step - 1));
    if (branch !== this.branch || this.step > step || this.step < near.step) {
      this.branch = branch;
      [this.owner, this.step, this.now, this.before] = [near.branch, near.step, near.weights, null];
      this.arrive();
      this.listener.moved();
    }
    if (step > this.step) this.go(step);
  }
}
