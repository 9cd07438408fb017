// Training by the engine's own code: a WebAssembly module, as Python's interchange/object_file writes it, with a step of
// training for each number of examples that a batch may have. It says itself where in its memory everything lies.

import { Keyframes } from "./keyframes.ts";
import { Order } from "./order.ts";
import type { Answer, Lesson, Reals, Request, State } from "./steps.ts";

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
    if (asked.state) for (const [name, data] of Object.entries(this.kept)) data.set(asked.state[name]!);
    this.one(this.about.state["seed"]!)[0] = this.lesson.seed | 0;
    const frames = new Keyframes<State>(asked.first, asked);
    const losses: number[] = [];
    const end = performance.now() + asked.time;
    let before = this.copied();
    let stopped = false;
    for (let k = 0; k < asked.count && (k === 0 || performance.now() < end); k++) {
      this.copied(before);
      const loss = this.take(asked.step + k, asked.rates[k] ?? asked.rate, asked.first);
      if (!Number.isFinite(loss)) {
        for (const [name, data] of Object.entries(this.kept)) data.set(before[name]!);
        stopped = true;
        break;
      }
      losses.push(loss);
      frames.keep(asked.step + k + 1, () => this.copied());
    }
    return { losses, state: this.copied(), before, kept: frames.all, stopped };
  }

  private take(step: number, rate: number, first: number): number {
    const places = this.order.batch(step);
    const [name, { inputs, outputs }] = this.called(places.length);
    for (const [input, all] of Object.entries(this.lesson.inputs)) gather(all, places, this.array(inputs[input]!));
    this.one(this.about.state["step"]!)[0] = step - first;
    if (this.functions[name]!(rate) !== 0) throw new RangeError(`step ${step}: a number names no element`);
    return this.array(outputs["loss"]!)[0]!;
  }

  /** The function for so many examples. */
  private called(count: number): [string, { inputs: Places; outputs: Places }] {
    const fits = ([, { inputs }]: [string, { inputs: Places }]): boolean => (
      Object.keys(this.lesson.inputs).every((name) => inputs[name]?.shape[0] === count)
    );
    const found = Object.entries(this.about.functions).find(fits);
    if (!found) throw new RangeError(`the module has no step of ${count} examples`);
    return found;
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

/** Rows of all examples, one behind the other. */
function gather(all: ArrayLike<number>, places: Int32Array, into: Reals | Int32Array): void {
  const size = into.length / places.length;
  for (let k = 0; k < places.length; k++) {
    const from = places[k]! * size;
    for (let i = 0; i < size; i++) into[k * size + i] = all[from + i]!;
  }
}
