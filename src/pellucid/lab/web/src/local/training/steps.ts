// Steps of training, asked for some at a time: of the engine's own code, in a worker where there can be one, else of the
// formulas.

import { Compiled } from "./compiled.ts";
import type { Measures, Tally } from "./metrics.ts";
import type { Course } from "./order.ts";

export type Reals = Float32Array | Float64Array;
/** Parameters and slots by name. */
export type State = Readonly<Record<string, Reals>>;

/** Examples by the module's names of an example and of its target. */
export type Inputs = Readonly<Record<string, ArrayLike<number>>>;

/** What is learned from, and what is measured of it. */
export interface Lesson extends Course {
  readonly module: Uint8Array<ArrayBuffer>;
  readonly inputs: Inputs;
  readonly target: string;
  readonly measures: Measures | null;
  /** What every epoch ends with: a look at others, so many. */
  readonly judged: { readonly inputs: Inputs; readonly count: number } | null;
}

export interface Request {
  /** So many steps were taken; `state` is what they led to, null where it is what the last answer ended with. */
  readonly step: number;
  readonly state: State | null;
  /** At most so many more, for so many milliseconds, but one at least. */
  readonly count: number;
  readonly time: number;
  /** The learning rates of the next steps, and of all after these. */
  readonly rates: readonly number[];
  readonly rate: number;
  /** Of how many steps the state is kept, at most so many states. */
  readonly every: number;
  readonly most: number;
  /** The step at which the slots begin. */
  readonly first: number;
  /** The epochs that ended up to here have been measured. */
  readonly measured: number;
}

/** The loss of many examples, and what was counted in their batches. */
export interface Judged {
  readonly loss: number;
  readonly tallies: readonly Tally[];
}

export interface Answer {
  readonly losses: number[];
  /** What is counted in each step. */
  readonly tallies: (Tally | null)[];
  /** Of the epochs that ended a look at the examples to judge by, by step. */
  readonly judged: [number, Judged][];
  readonly state: State;
  /** What the last step began with. */
  readonly before: State;
  readonly kept: [number, State][];
  /** The step after those would have given a loss or a parameter that is not finite. */
  readonly stopped: boolean;
}

export interface Steps {
  /** Whether they are taken beside the page, which has all its time to itself then. */
  readonly beside: boolean;
  readonly advance: (asked: Request) => Promise<Answer>;
  readonly close: () => void;
}

/** What a worker is told, first a lesson, then requests; and what it says. */
export type Told = { lesson: Lesson } | { request: Request };
export type Said = { answer: Answer | null } | { failed: string };

/** The engine's own steps, where this browser runs them; `worker` begins one, where it may. */
export async function compiledSteps(lesson: Lesson, worker: (() => Worker) | null): Promise<Steps | null> {
  try {
    if (worker) return await Elsewhere.of(lesson, worker());
  } catch {
    // Not every browser lets a page from a disk have a worker.
  }
  try {
    const compiled = await Compiled.of(lesson);
    return { beside: false, advance: async (asked) => (await breath(), compiled.advance(asked)), close: () => undefined };
  } catch {
    return null; // without WebAssembly, or without its SIMD
  }
}

/** A moment for the page to draw and to listen. */
export function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

class Elsewhere implements Steps {
  readonly beside = true;
  private readonly worker: Worker;
  /** Those who wait, in the order in which they asked. */
  private readonly waiting: { resolve: (answer: Answer | null) => void; reject: (error: Error) => void }[] = [];

  private constructor(worker: Worker) {
    this.worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Said>) => {
      const first = this.waiting.shift();
      if ("failed" in data) first?.reject(new Error(data.failed));
      else first?.resolve(data.answer);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.waiting.splice(0).forEach(({ reject }) => reject(new Error(event.message)));
    };
  }

  static async of(lesson: Lesson, worker: Worker): Promise<Elsewhere> {
    const there = new Elsewhere(worker);
    try {
      await there.tell({ lesson });
      return there;
    } catch (error) {
      there.close();
      throw error;
    }
  }

  async advance(request: Request): Promise<Answer> {
    return (await this.tell({ request }))!;
  }

  close(): void {
    this.worker.terminate();
  }

  private tell(told: Told): Promise<Answer | null> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(told);
    });
  }
}
