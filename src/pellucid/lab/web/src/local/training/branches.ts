// The tree of a training's branches: the loss and the learning rate of every step, the values of every epoch, and the
// states that were kept. As Python's lab/time/branches.py.

import type { Branch as Told, History, Words } from "../../model/wire/protocol.ts";
import type { Weights } from "./evaluated.ts";
import { Keyframes } from "./keyframes.ts";
import type { Tally } from "./metrics.ts";

type Epochs = History["epochs"];

/** A line of steps, which left its parent by a change; the first of all has none. */
export class Branch {
  readonly id: number;
  readonly parent: Branch | null;
  /** The step at which it begins. */
  readonly at: number;
  readonly change: Words | null;
  /** What it begins with. */
  readonly begin: Weights;
  /** The learning rate of the step after its last. */
  rate: number;
  /** Of every step in it, the learning rate that it was taken with, its loss, and what the metrics count. */
  readonly rates: number[] = [];
  readonly losses: number[] = [];
  readonly tallies: (Tally | null)[] = [];
  readonly epochs: Epochs = [];
  readonly kept: Keyframes<Weights>;
  /** The branch and those on the way to it, the oldest first. */
  readonly lineage: readonly Branch[];

  constructor(
    id: number, parent: Branch | null, at: number, change: Words | null, begin: Weights, rate: number, first: number, most: number,
  ) {
    [this.id, this.parent, this.at, this.change, this.begin, this.rate] = [id, parent, at, change, begin, rate];
    this.kept = new Keyframes<Weights>(first, { most });
    this.lineage = [...(parent?.lineage ?? []), this];
  }

  get last(): number {
    return this.at + this.losses.length;
  }

  /** The learning rate of the step after this one. */
  rateAfter(step: number): number {
    return this.rates[step - this.at] ?? this.rate;
  }

  /** The branch on the way to this one whose state it is after a step: where one leaves, it is the one that leaves. */
  owner(step: number): Branch {
    return this.lineage.findLast((branch) => branch.at <= step) ?? this.lineage[0]!;
  }

  /** The branch on the way to this one in which a step was taken. */
  taker(step: number): Branch {
    return this.lineage.findLast((branch) => branch.at < step) ?? this.lineage[0]!;
  }

  /** The branch that follows on the way to this one. */
  after(branch: Branch): Branch | null {
    return this.lineage[this.lineage.indexOf(branch) + 1] ?? null;
  }

  /** The last state that is kept on the way to a step, and in which branch. */
  nearest(step: number): { branch: Branch; step: number; weights: Weights } {
    const branch = this.owner(step);
    const kept = branch.kept.latest(step);
    return kept >= branch.at
      ? { branch, step: kept, weights: branch.kept.get(kept)! }
      : { branch, step: branch.at, weights: branch.begin };
  }

  /** The states that are kept on the way to a step, by step. */
  along(step: number): { branch: Branch; step: number; weights: Weights }[] {
    return this.lineage.flatMap((branch, k) => {
      const end = this.lineage[k + 1]?.at ?? Infinity; // there it is what the next begins with
      const kept = branch.kept.all.filter(([at]) => at > branch.at && at < end && at <= step).sort(([a], [b]) => a - b);
      const begin = branch.at <= step ? [[branch.at, branch.begin] as const] : [];
      return [...begin, ...kept].map(([at, weights]) => ({ branch, step: at, weights }));
    });
  }

  /** The epochs that had ended with a step on the way to this branch. */
  epochsUntil(step: number): Epochs {
    return this.lineage.flatMap((branch, k) => {
      const end = Math.min(step, this.lineage[k + 1]?.at ?? Infinity);
      return branch.epochs.filter((epoch) => epoch.step <= end);
    });
  }

  /** The last of them. */
  epochAt(step: number): Epochs[number] | undefined {
    for (let branch: Branch | null = this.taker(step); branch; step = Math.min(step, branch.at), branch = branch.parent) {
      const epoch = branch.epochs.findLast((one) => one.step <= step);
      if (epoch) return epoch;
    }
    return undefined;
  }

  get told(): Told {
    const { id, parent, at, change, last } = this;
    return { id, parent: parent?.id ?? null, at: parent ? at : 0, last, change };
  }
}
