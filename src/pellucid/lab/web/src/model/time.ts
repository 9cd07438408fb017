// Time: which steps a branch has, and how two branches differ.

import type { Branch, Flow, History, Moment } from "./protocol";

/** The branch and those it left, the oldest first, each with the last step that counts for the branch. */
export function lineage(branches: readonly Branch[], id: number): { id: number; until: number }[] {
  const out: { id: number; until: number }[] = [];
  let branch = branches.find((one) => one.id === id);
  let until = branch?.last ?? 0;
  while (branch !== undefined && !out.some((one) => one.id === branch!.id)) {
    out.unshift({ id: branch.id, until });
    until = Math.min(until, branch.at);
    const parent: number | null = branch.parent;
    branch = parent === null ? undefined : branches.find((one) => one.id === parent);
  }
  return out;
}

/** The loss of a step, looked for in the branch and then in those it left. */
export function lossAt(
  history: Record<number, History>, branches: readonly Branch[], id: number, step: number,
): number | null {
  for (const part of lineage(branches, id).reverse()) {
    const piece = history[part.id];
    const value = step <= part.until || part.id === id ? piece?.loss[step - piece.from] : undefined;
    if (value !== undefined) return value;
  }
  return null;
}

/** The steps at which gradients were measured along a branch, with those before it left, by step. */
export function flowAlong(flow: Record<number, Flow[]>, branches: readonly Branch[], id: number): Flow[] {
  const found = new Map<number, Flow>();
  for (const part of lineage(branches, id)) {
    // At the step where a branch leaves, what was measured before is not of what it changed there.
    for (const one of flow[part.id] ?? []) if (one.step < part.until || part.id === id) found.set(one.step, one);
  }
  return [...found.values()].sort((a, b) => a.step - b.step);
}

/** What was measured of a moment: at its very step; while steps run on, the last that was measured before it. */
export function flowOf(
  flow: Record<number, Flow[]>, branches: readonly Branch[], moment: Moment, playing: boolean,
): Flow | null {
  const found = flowAlong(flow, branches, moment.branch).findLast((one) => one.step <= moment.step);
  return found !== undefined && (playing || found.step === moment.step) ? found : null;
}

export interface Difference {
  row: "last" | "mean" | "lowest";
  /** Of "last" the step, of "mean" how many. */
  count: number;
  a: number;
  b: number;
}

/** How the loss of two branches differs over the steps that both have. */
export function differences(
  history: Record<number, History>, branches: readonly Branch[], a: number, b: number, window = 100,
): Difference[] {
  const end = Math.min(...[a, b].map((id) => branches.find((one) => one.id === id)?.last ?? 0));
  const rows: Difference[] = [];
  const last = [lossAt(history, branches, a, end), lossAt(history, branches, b, end)];
  if (last[0] === null || last[1] === null) return rows;
  rows.push({ row: "last", count: end, a: last[0]!, b: last[1]! });
  const sums = [0, 0];
  let count = 0;
  for (let step = Math.max(1, end - window + 1); step <= end; step++) {
    const [p, q] = [lossAt(history, branches, a, step), lossAt(history, branches, b, step)];
    if (p === null || q === null) continue;
    sums[0]! += p;
    sums[1]! += q;
    count++;
  }
  if (count > 1) rows.push({ row: "mean", count, a: sums[0]! / count, b: sums[1]! / count });
  const low = [a, b].map((id) => lowest(history, branches, id, end));
  if (low.every(Number.isFinite)) rows.push({ row: "lowest", count: end, a: low[0]!, b: low[1]! });
  return rows;
}

function lowest(history: Record<number, History>, branches: readonly Branch[], id: number, end: number): number {
  let least = Infinity;
  for (const part of lineage(branches, id)) {
    const piece = history[part.id];
    if (piece === undefined) continue;
    const count = Math.min(piece.loss.length, Math.min(part.until, end) - piece.from + 1);
    for (let k = 0; k < count; k++) if (piece.loss[k]! < least) least = piece.loss[k]!;
  }
  return least;
}

/** A learning rate on a slider: its logarithm, in steps of a hundredth. */
export const rateSlider = {
  min: -6,
  max: 1,
  position: (rate: number) => Math.min(1, Math.max(-6, Math.log10(Math.max(rate, 1e-12)))),
  rate: (position: number) => Number((10 ** position).toPrecision(2)),
};
