// When a run that is played comes to rest by itself, as Python's lab/time/settling.py, which gives the numbers and words.

import { show } from "../../model/numbers/numbers.ts";
import type { Words } from "../../model/wire/protocol.ts";
import { completed } from "../refusal.ts";

/** By what a run rests. */
export interface Resting {
  /** After so many it has learned what there is to learn. */
  readonly steps: number;
  /** So many steps are held against those before. */
  readonly window: number;
  /** Of so many steps the losses are looked at once. */
  readonly every: number;
  /** By less than this fraction of what it was at first a loss hardly falls. */
  readonly fall: number;
  readonly words: Words;
}

export class Settling {
  private readonly rule: Resting | null;
  private next: number | null = null;

  constructor(rule: Resting | null) {
    this.rule = rule;
    this.begin();
  }

  /** From a step at which something was changed, or from the beginning. */
  begin(step = 0): void {
    this.next = this.rule && Math.max(this.rule.steps, step > 0 ? step + 2 * this.rule.window : 0);
  }

  /** Somebody wants to go on all the same. */
  insist(): void {
    this.next = null;
  }

  /** Whether the losses are worth a look at this step. */
  due(step: number): boolean {
    return this.next !== null && step >= this.next;
  }

  /** Of the losses of all steps so far: what to say where the last ones hardly fall, or null. */
  judge(losses: Float64Array): Words | null {
    const { window: count, every, fall, words } = this.rule!;
    this.next = losses.length + every;
    if (losses.length < 2 * count) return null;
    const [first, before, last] = [[0, count], [-2 * count, -count], [-count]].map(([from, to]) => mean(losses.slice(from, to)));
    if (before! - last! > fall * Math.abs(first!)) return null;
    return completed(words, { count, last: show(last!), before: show(before!) });
  }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
