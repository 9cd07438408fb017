// Training by the formulas themselves: for browsers that do not run the engine's code, and to explain what a step did.

import { run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import { Order } from "./order.ts";
import type { Course } from "./order.ts";
import { stacked } from "../samples.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import { breath } from "./steps.ts";
import type { Answer, Reals, Request, State, Steps } from "./steps.ts";

/** Parameters and slots between two steps; never written to. */
export type Weights = ReadonlyMap<string, Stored>;

export class Evaluated implements Steps {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private readonly order: Order;
  private held: Weights | null = null;

  constructor(saved: Saved, samples: Samples, course: Course) {
    this.saved = saved;
    this.samples = samples;
    this.order = new Order(course);
  }

  async advance({ step, state, count, time, rates, rate, every, first }: Request): Promise<Answer> {
    await breath();
    const losses: number[] = [];
    const kept: [number, State][] = [];
    const end = performance.now() + time;
    let now = state ? this.shaped(state) : this.held!;
    let before = now;
    let stopped = false;
    for (let k = 0; k < count && (k === 0 || performance.now() < end); k++) {
      const made = this.taken(now, rates[k] ?? rate, step + k, first);
      stopped = !Number.isFinite(made.loss);
      if (stopped) break;
      [before, now] = [now, made.weights];
      losses.push(made.loss);
      if ((step + k + 1 - first) % every === 0) kept.push([step + k + 1, plain(now)]);
    }
    this.held = now;
    return { losses, state: plain(now), before: plain(before), kept, stopped };
  }

  close(): void {
    // There is nothing to end.
  }

  /** Every value of one step. */
  values(weights: Weights, rate: number, step: number, first: number): Map<Tensor, Stored> {
    const { program } = this.saved.training!;
    return run(program, this.feeds(weights, rate, step, first), { single: this.single });
  }

  private taken(weights: Weights, rate: number, step: number, first: number): { loss: number; weights: Weights } {
    const { program } = this.saved.training!;
    const given = this.feeds(weights, rate, step, first);
    const values = run(program, given, { wanted: [...program.outputs.values()], single: this.single });
    const after = (name: string): Stored | undefined => {
      const tensor = program.outputs.get(name);
      return tensor && values.get(tensor);
    };
    const made = new Map([...weights].map(([name, before]) => [name, after(name) ?? before]));
    return { loss: after("loss")!.data[0]!, weights: made };
  }

  /** What a step reads. Its slots begin at the first. */
  private feeds(weights: Weights, rate: number, step: number, first: number): Map<string, Stored> {
    const { program, seed } = this.saved.training!;
    const one = (value: number): Stored => ({ shape: [], data: Float64Array.of(value) });
    const batch = Array.from(this.order.batch(step), (place) => this.samples.get(`train:${place}`));
    const given: [string, Stored][] = [
      ...weights, ["learning_rate", one(rate)], ["step", one(step - first + 1)], ["seed", one(seed)],
      [this.saved.input, stacked(batch.map((s) => s.x))], [this.saved.target, stacked(batch.map((s) => s.y!))],
    ];
    return new Map(given.filter(([name]) => program.inputs.has(name)));
  }

  /** Whether the network counts in float32, as its parameters do. */
  get single(): boolean {
    return [...this.saved.parameters.values()].every(({ data }) => data instanceof Float32Array);
  }

  private shaped(state: State): Weights {
    return shaped(state, this.saved);
  }
}

export function plain(weights: Weights): State {
  return Object.fromEntries([...weights].map(([name, { data }]) => [name, data as Reals]));
}

/** Parameters and slots with their shapes, which are those of the formulas. */
export function shaped(state: State, saved: Saved): Weights {
  const inputs = saved.training!.program.inputs;
  const shape = (name: string): number[] => (
    saved.parameters.get(name)?.shape.slice() ?? inputs.get(name)!.axes.map((a) => a.extent ?? 1)
  );
  return new Map(Object.entries(state).map(([name, data]) => [name, { shape: shape(name), data }]));
}
