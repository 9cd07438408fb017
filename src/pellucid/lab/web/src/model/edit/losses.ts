// The losses of two runs on one pair of axes.

import { lossAt } from "../time/time";
import type { History, State } from "../wire/protocol";

export interface Point {
  step: number;
  loss: number;
}

/** The losses on the way to the present step, at no more places than can be seen. */
export function course(history: Record<number, History>, state: State | null, most: number): Point[] {
  if (state === null || state.step < 1) return [];
  const count = Math.min(most, state.step);
  const steps = new Set(Array.from({ length: count }, (_, k) => Math.round(1 + (k * (state.step - 1)) / Math.max(1, count - 1))));
  return [...steps].flatMap((step) => {
    const loss = lossAt(history, state.branches, state.branch, step);
    return loss === null || !Number.isFinite(loss) ? [] : [{ step, loss }];
  });
}
