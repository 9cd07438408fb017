// In which order examples are learned from: that of Python's `pellucid.batches`, so that a training that is begun anew
// in the page repeats Python's.

import { raw } from "../../formula/random.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";

/** How training goes through the examples: what a batch is made of depends on the step alone. */
export interface Course {
  readonly count: number;
  readonly batch: number;
  readonly seed: number;
}

/** That of a file's training. */
export function courseOf({ description, training }: Saved, samples: Samples): Course {
  return { count: samples.count("train"), batch: description.training?.batch_size ?? 32, seed: training?.seed ?? 0 };
}

export class Order {
  readonly perEpoch: number;
  private readonly course: Course;
  private known: { epoch: number; places: Int32Array } | null = null;

  constructor(course: Course) {
    this.course = course;
    this.perEpoch = Math.max(1, Math.ceil(course.count / course.batch));
  }

  /** How many examples the step after so many has. */
  sizeOf(step: number): number {
    const { count, batch } = this.course;
    return Math.min(batch, count - (step % this.perEpoch) * batch);
  }

  /** The places of the examples of the step after so many. */
  batch(step: number): Int32Array {
    const { count, batch, seed } = this.course;
    const epoch = Math.floor(step / this.perEpoch);
    if (this.known?.epoch !== epoch) this.known = { epoch, places: shuffled(count, seed, epoch) };
    const from = (step % this.perEpoch) * batch;
    return this.known.places.subarray(from, from + batch);
  }
}

/** The order of the examples in an epoch, which is Python's. */
function shuffled(count: number, seed: number, epoch: number): Int32Array {
  const words = raw(count, [seed, epoch]);
  const places = Int32Array.from({ length: count }, (_, k) => k);
  return places.sort((a, b) => words[a]![0] - words[b]![0] || words[a]![1] - words[b]![1] || a - b);
}
