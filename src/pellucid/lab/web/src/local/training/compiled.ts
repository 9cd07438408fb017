// Training by the engine's own code: a WebAssembly module, as Python's interchange/object_file writes it, with a step of
// training for each number of examples that a batch may have. It says itself where in its memory everything lies.

import { Keyframes } from "./keyframes.ts";
import { tallied } from "./metrics.ts";
import type { Tally } from "./metrics.ts";
import { Order } from "./order.ts";
import type { Answer, Judged, Lesson, Reals, Request, State } from "./steps.ts";

interface Place {
  readonly offset: number;
  readonly shape: readonly number[];
  readonly dtype: string;
}
type Places = Readonly<Record<string, Place>>;
interface About {
  readonly functions: Readonly<Record<string, { inputs: Places; outputs: Places }>>;
  readonly parameters: Places;
  readonly state: Places;
}

const SECTION = "pellucid";
const [TRAIN, EVALUATE] = ["train", "evaluate"];
/** How many are judged by at once. */
const JUDGED = 64;
const KINDS = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

export class Compiled {
  private readonly lesson: Lesson;
  private readonly about: About;
  private readonly memory: WebAssembly.Memory;
  private readonly functions: Readonly<Record<string, (rate: number) => number>>;
  private readonly order: Order;
  /** Views of the parameters and of what the optimiser keeps. */
  private readonly kept: Readonly<Record<string, Reals>>;

  private constructor(lesson: Lesson, module: WebAssembly.Module, instance: WebAssembly.Instance) {
    this.lesson = lesson;
    const [section] = WebAssembly.Module.customSections(module, SECTION);
    this.about = JSON.parse(new TextDecoder().decode(section)) as About;
    const { memory, ...functions } = instance.exports;
    this.memory = memory as WebAssembly.Memory;
    this.functions = functions as Compiled["functions"];
    this.order = new Order(lesson);
    const { parameters, state } = this.about;
    const fields = Object.entries({ ...parameters, ...state }).filter(([name]) => name !== "step" && name !== "seed");
    this.kept = Object.fromEntries(fields.map(([name, place]) => [name, this.array(place) as Reals]));
  }

  static async of(lesson: Lesson): Promise<Compiled> {
    const module = await WebAssembly.compile(lesson.module);
    return new Compiled(lesson, module, await WebAssembly.instantiate(module));
  }

  advance(asked: Request): Answer {
    if (asked.state) this.put(asked.state);
    this.one(this.about.state["seed"]!)[0] = this.lesson.seed | 0;
    const begin = this.copied();
    const answer = this.steps(asked, false);
    if (finite(answer.state) && finite(answer.before)) return answer;
    // Some parameter is no longer finite, which a loss need not show: the same again, to the last step before that.
    this.put(begin);
    return this.steps({ ...asked, count: answer.losses.length + 1, time: Infinity }, true);
  }

  private steps(asked: Request, careful: boolean): Answer {
    const frames = new Keyframes<State>(asked.first, asked);
    const [losses, tallies, judged]: [number[], Answer["tallies"], Answer["judged"]] = [[], [], []];
    const end = performance.now() + asked.time;
    let [before, last] = [this.copied(), this.copied()];
    let stopped = false;
    for (let k = 0; k < asked.count && (k === 0 || performance.now() < end); k++) {
      [before, last] = [this.copied(last), before];
      const step = asked.step + k + 1;
      const [loss, tally] = this.take(step - 1, asked.rates[k] ?? asked.rate, asked.first);
      if (!Number.isFinite(loss) || (careful && !finite(this.kept))) {
        this.put(before);
        if (k > 0) before = last; // the last step that was taken began with that
        stopped = true;
        break;
      }
      losses.push(loss);
      tallies.push(tally);
      frames.keep(step, () => this.copied());
      if (step % this.order.perEpoch === 0 && step > asked.measured && this.lesson.judged) judged.push([step, this.judge()]);
    }
    return { losses, tallies, judged, state: this.copied(), before, kept: frames.all, stopped };
  }

  private take(step: number, rate: number, first: number): [loss: number, tally: Tally | null] {
    const { inputs: all } = this.lesson;
    const places = this.order.batch(step);
    const [name, { inputs, outputs }] = this.called(TRAIN, places.length);
    for (const [input, values] of Object.entries(all)) gather(values, places, this.array(inputs[input]!));
    this.one(this.about.state["step"]!)[0] = step - first;
    if (this.functions[name]!(rate) !== 0) throw new RangeError(`step ${step}: a number names no element`);
    return [this.array(outputs["loss"]!)[0]!, this.tallied(places.length, inputs, outputs)];
  }

  /** What is counted in a batch of so many. */
  private tallied(count: number, inputs: Places, outputs: Places): Tally | null {
    const { target, measures } = this.lesson;
    const [said, mask] = [measures && outputs[measures.prediction], measures?.mask && outputs[measures.mask[0]]];
    return measures && said
      ? tallied(measures, count, this.array(inputs[target]!), this.array(said), mask ? this.array(mask) : null) : null;
  }

  /** A look at the examples to judge by. */
  private judge(): Judged {
    const { inputs: all, count } = this.lesson.judged!;
    let [sum, counted]: [number, number] = [0, 0];
    const tallies: Tally[] = [];
    for (let from = 0, size; from < count; from += size) {
      size = Math.min(JUDGED, count - from);
      const [name, { inputs, outputs }] = this.called(EVALUATE, size);
      const places = Int32Array.from({ length: size }, (_, k) => from + k);
      for (const [input, values] of Object.entries(all)) gather(values, places, this.array(inputs[input]!));
      if (this.functions[name]!(0) !== 0) throw new RangeError("a number names no element");
      const tally = this.tallied(size, inputs, outputs);
      const often = tally?.count ?? size;
      sum += this.array(outputs["loss"]!)[0]! * often;
      counted += often;
      if (tally) tallies.push(tally);
    }
    return { loss: sum / counted, tallies };
  }

  /** The function of a kind for so many examples. */
  private called(kind: string, count: number): [string, { inputs: Places; outputs: Places }] {
    const name = `${kind}_${count}`;
    const found = this.about.functions[name];
    if (!found) throw new RangeError(`the module has no ${name}`);
    return [name, found];
  }

  private put(state: State): void {
    for (const [name, data] of Object.entries(this.kept)) data.set(state[name]!);
  }

  private copied(into: Record<string, Reals> = {}): Record<string, Reals> {
    for (const [name, data] of Object.entries(this.kept)) {
      if (into[name]) into[name].set(data);
      else into[name] = data.slice();
    }
    return into;
  }

  private one(place: Place): Int32Array {
    return this.array(place) as Int32Array;
  }

  private array({ offset, shape, dtype }: Place): Reals | Int32Array {
    const kind = KINDS[dtype as keyof typeof KINDS];
    return new kind(this.memory.buffer as ArrayBuffer, offset, shape.reduce((a, b) => a * b, 1));
  }
}

/** Whether all numbers are: one that is not shows in the sum, and if that is too large, number by number. */
function finite(state: State): boolean {
  return Object.values(state).every((data) => {
    let sum = 0;
    for (let k = 0; k < data.length; k++) sum += data[k]!;
    return Number.isFinite(sum) || data.every(Number.isFinite);
  });
}

/** Rows of all examples, one behind the other. */
function gather(all: ArrayLike<number>, places: Int32Array, into: Reals | Int32Array): void {
  const size = into.length / places.length;
  for (let k = 0; k < places.length; k++) {
    const from = places[k]! * size;
    for (let i = 0; i < size; i++) into[k * size + i] = all[from + i]!;
  }
}
