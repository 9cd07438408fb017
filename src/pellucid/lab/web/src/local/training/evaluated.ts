// Training by the formulas themselves: for browsers that do not run the engine's code, and to explain what a step did.

import { run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import { tallied } from "./metrics.ts";
import type { Tally } from "./metrics.ts";
import { Order } from "./order.ts";
import type { Course } from "./order.ts";
import { stacked } from "../samples.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import { breath } from "./steps.ts";
import type { Answer, Judged, Reals, Request, State, Steps } from "./steps.ts";

const BATCH = 64;
/** Of a training by the formulas, a look at all the examples to judge by may take one part in so many. */
const REST = 10;

/** Parameters and slots between two steps; never written to. */
export type Weights = ReadonlyMap<string, Stored>;

export class Evaluated implements Steps {
  readonly beside = false;
  private readonly saved: Saved;
  private readonly samples: Samples;
  private readonly order: Order;
  private held: Weights | null = null;
  /** When the examples to judge by were last looked at, and how long that took, in milliseconds. */
  private judgedAt = -Infinity;
  private judging = 0;

  constructor(saved: Saved, samples: Samples, course: Course) {
    this.saved = saved;
    this.samples = samples;
    this.order = new Order(course);
  }

  async advance({ step, state, count, time, rates, rate, every, first, measured }: Request): Promise<Answer> {
    await breath();
    const [losses, tallies, judged]: [number[], Answer["tallies"], Answer["judged"]] = [[], [], []];
    const kept: [number, State][] = [];
    const end = performance.now() + time;
    let now = state ? this.shaped(state) : this.held!;
    let before = now;
    let stopped = false;
    for (let k = 0; k < count && (k === 0 || performance.now() < end); k++) {
      const made = this.taken(now, rates[k] ?? rate, step + k, first);
      stopped = !Number.isFinite(made.loss) || ![...made.weights.values()].every(({ data }) => data.every(Number.isFinite));
      if (stopped) break;
      [before, now] = [now, made.weights];
      losses.push(made.loss);
      tallies.push(made.tally);
      const taken = step + k + 1;
      if ((taken - first) % every === 0) kept.push([taken, plain(now)]);
      if (taken % this.order.perEpoch === 0 && taken > measured) {
        const values = await this.judge(now);
        if (values !== null) judged.push([taken, values]);
      }
    }
    this.held = now;
    return { losses, tallies, judged, state: plain(now), before: plain(before), kept, stopped };
  }

  /** A look at the examples to judge by, if the last one was long enough ago for what it takes. */
  private async judge(weights: Weights): Promise<Judged | null> {
    const { saved, samples } = this;
    const { measures, judges } = saved.training!;
    const begin = performance.now();
    if (!judges || begin - this.judgedAt < REST * this.judging) return null;
    const count = samples.count("test");
    const tensor = (path: string | undefined): Tensor | undefined => (
      path === undefined ? undefined : saved.program.outputs.get(path) ?? saved.program.tensors.get(path)
    );
    const [loss, output, mask] = ["loss", measures?.prediction.replace(/\.prediction$/, ""), measures?.mask?.[1] ?? undefined].map(tensor);
    if (measures?.mask && !mask) return null;
    let [sum, counted]: [number, number] = [0, 0];
    const tallies: Tally[] = [];
    for (let from = 0; from < count; from += BATCH) {
      const some = Array.from({ length: Math.min(BATCH, count - from) }, (_, k) => samples.get(`test:${from + k}`));
      const target = stacked(some.map((s) => s.y!));
      const given = new Map<string, Stored>([
        ...[...weights].filter(([name]) => saved.parameters.has(name)),
        [saved.input, stacked(some.map((s) => s.x))], [saved.target, target],
      ]);
      const wanted = [loss, output, mask].filter((tensor) => tensor !== undefined);
      const values = run(saved.program, given, { wanted, single: this.single });
      const tally = measures && output
        ? tallied(measures, some.length, target.data, values.get(output)!.data, mask ? values.get(mask)!.data : null) : null;
      const often = tally?.count ?? some.length;
      sum += values.get(loss!)!.data[0]! * often;
      counted += often;
      if (tally) tallies.push(tally);
      await breath();
    }
    [this.judgedAt, this.judging] = [performance.now(), performance.now() - begin];
    return { loss: sum / counted, tallies };
  }

  close(): void {
    // There is nothing to end.
  }

  /** Every value of one step. */
  values(weights: Weights, rate: number, step: number, first: number): Map<Tensor, Stored> {
    const { program } = this.saved.training!;
    return run(program, this.feeds(weights, rate, step, first), { single: this.single });
  }

  private taken(weights: Weights, rate: number, step: number, first: number): { loss: number; weights: Weights; tally: Tally | null } {
    const { program, measures } = this.saved.training!;
    const given = this.feeds(weights, rate, step, first);
    const values = run(program, given, { wanted: [...program.outputs.values()], single: this.single });
    const after = (name: string): Stored | undefined => {
      const tensor = program.outputs.get(name);
      return tensor && values.get(tensor);
    };
    const made = new Map([...weights].map(([name, before]) => [name, after(name) ?? before]));
    const [said, mask] = [measures && after(measures.prediction), measures?.mask && after(measures.mask[0])];
    const target = given.get(this.saved.target)!;
    const tally = measures && said ? tallied(measures, target.shape[0]!, target.data, said.data, mask ? mask.data : null) : null;
    return { loss: after("loss")!.data[0]!, weights: made, tally };
  }

  /** What a step reads. Its slots begin at the first. */
  feeds(weights: Weights, rate: number, step: number, first: number): Map<string, Stored> {
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
