// Time: which steps a branch has, and how two branches differ.

import type { Branch, Flow, History, Moment } from "../wire/protocol";

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
  const byStep = new Map<number, Flow>();
  for (const part of lineage(branches, id)) {
    // At the step where a branch leaves, what was measured before is not of what it changed there.
    for (const one of flow[part.id] ?? []) if (one.step < part.until || part.id === id) byStep.set(one.step, one);
  }
  return [...byStep.values()].sort((a, b) => a.step - b.step);
}

/** What was measured of a moment: at its very step; while steps run on, the last that was measured before it. */
export function flowOf(
  flow: Record<number, Flow[]>, branches: readonly Branch[], moment: Moment, playing: boolean,
): Flow | null {
  const latest = flowAlong(flow, branches, moment.branch).findLast((one) => one.step <= moment.step);
  return latest !== undefined && (playing || latest.step === moment.step) ? latest : null;
}

export interface Difference {
  row: "last" | "mean" | "lowest";
  /** Of "last" the step, else how many. */
  count: number;
  a: number;
  b: number;
}

/** The step after which two branches go ways of their own: the last that both took as one. */
export function parting(branches: readonly Branch[], a: number, b: number): number {
  const [one, other] = [lineage(branches, a), lineage(branches, b)];
  return one.reduce((max, part) => {
    const shared = other.find(({ id }) => id === part.id);
    return shared === undefined ? max : Math.max(max, Math.min(part.until, shared.until));
  }, 0);
}

/** How the loss of two branches differs over the steps that both took, each on its own way. */
export function differences(
  history: Record<number, History>, branches: readonly Branch[], a: number, b: number, window = 100,
): Difference[] {
  const end = Math.min(...[a, b].map((id) => branches.find((one) => one.id === id)?.last ?? 0));
  const pairs: { step: number; a: number; b: number }[] = [];
  for (let step = parting(branches, a, b) + 1; step <= end; step++) {
    const [p, q] = [lossAt(history, branches, a, step), lossAt(history, branches, b, step)];
    if (p !== null && q !== null) pairs.push({ step, a: p, b: q });
  }
  const last = pairs.at(-1);
  if (last === undefined) return [];
  const rows: Difference[] = [{ row: "last", count: last.step, a: last.a, b: last.b }];
  const lately = pairs.slice(-window);
  const mean = (of: "a" | "b") => lately.reduce((sum, pair) => sum + pair[of], 0) / lately.length;
  if (lately.length > 1) rows.push({ row: "mean", count: lately.length, a: mean("a"), b: mean("b") });
  const low = (of: "a" | "b") => pairs.reduce((min, pair) => (pair[of] < min ? pair[of] : min), Infinity);
  const [p, q] = [low("a"), low("b")];
  if (Number.isFinite(p) && Number.isFinite(q)) rows.push({ row: "lowest", count: pairs.length, a: p, b: q });
  return rows;
}

/** A learning rate on a slider: its logarithm, in steps of a hundredth. */
export const rateSlider = {
  min: -6,
  max: 1,
  position: (rate: number) => Math.min(1, Math.max(-6, Math.log10(Math.max(rate, 1e-12)))),
  rate: (position: number) => Number((10 ** position).toPrecision(2)),
};
