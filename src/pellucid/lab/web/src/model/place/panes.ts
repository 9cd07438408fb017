// How the panes share the window: weights beside each other and above the time, and which of them are folded away.

import { PANES, type Pane } from "./framing";

/** Where it is remembered. */
interface Memory {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

export type Weights = Readonly<Record<Pane, number>>;

export interface Arrangement {
  /** Side by side: the network, the focus and the arithmetic; the time has this many of a hundred below them. */
  weights: Weights;
  folded: readonly Pane[];
}

export const STANDARD: Arrangement = { weights: { network: 28, focus: 40, arithmetic: 32, time: 29 }, folded: [] };

/** What stands between two neighbours: the one whose share grows to the right or downwards, and the one that folds. */
export interface Divider {
  first: Pane;
  second: Pane;
  folds: Pane;
  /** How the two stand to each other. */
  across: "beside" | "below";
}

/** No pane becomes smaller than this fraction of the two, unless it is folded. */
export const [SMALLEST, STEP] = [0.15, 0.03];

const KEY = "panes";

function number(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value < 1000;
}

/** What was remembered; anything else than an arrangement is forgotten. */
export function remembered(memory: Memory): Arrangement {
  try {
    const { weights, folded } = JSON.parse(memory.get(KEY) ?? "null") as Arrangement;
    if (!PANES.every((pane) => number(weights[pane])) || weights.time >= 100) return STANDARD;
    return { weights, folded: PANES.filter((pane) => pane !== "focus" && folded.includes(pane)) };
  } catch {
    return STANDARD;
  }
}

export function remember(memory: Memory, arrangement: Arrangement): void {
  memory.set(KEY, JSON.stringify(arrangement));
}

/** The fraction that the first of two neighbours has of both. */
export function fraction({ weights }: Arrangement, { first, second }: Divider): number {
  if (second === "time") return 1 - weights.time / 100;
  return weights[first] / (weights[first] + weights[second]);
}

/** The arrangement in which the first of two neighbours has this fraction of both; what was folded comes back. */
export function moved(arrangement: Arrangement, divider: Divider, to: number): Arrangement {
  const share = Math.min(1 - SMALLEST, Math.max(SMALLEST, to));
  const { first, second, folds } = divider;
  const weights = { ...arrangement.weights };
  if (second === "time") weights.time = 100 * (1 - share);
  else {
    const both = weights[first] + weights[second];
    [weights[first], weights[second]] = [share * both, (1 - share) * both];
  }
  return { weights, folded: arrangement.folded.filter((pane) => pane !== folds) };
}

export function toggled({ weights, folded }: Arrangement, pane: Pane): Arrangement {
  return { weights, folded: folded.includes(pane) ? folded.filter((one) => one !== pane) : [...folded, pane] };
}

export interface Grid {
  template: string;
  dividers: readonly Divider[];
}

const BAR = "12px";
const track = (weight: number, least = "0"): string => `minmax(${least}, ${+weight.toFixed(3)}fr)`;
/** Unless somebody wants it otherwise, the rows of the time are in view in a low window too. */
const LOWEST = "204px";

/** The grid of what is shown. `stacked`: the arithmetic below the focus, where three do not fit side by side. */
export function grid({ weights, folded }: Arrangement, shown: readonly Pane[], stacked: boolean): Grid {
  const size = (pane: Pane): string => (folded.includes(pane) ? "0px" : track(weights[pane]));
  const above = shown.filter((pane) => pane !== "time");
  const dividers: Divider[] = [];
  const divide = (first: Pane, second: Pane, across: Divider["across"]): string => {
    dividers.push({ first, second, folds: second === "focus" ? first : second, across });
    return named(first, second);
  };
  let columns: string[];
  let rows: { names: string[]; size: string }[];
  if (stacked && above.length === 3) {
    const beside = divide("network", "focus", "beside");
    const below = divide("focus", "arithmetic", "below");
    const right = track(weights.focus + weights.arithmetic);
    columns = [size("network"), BAR, right];
    // Beside one column of two rows the network is broader than as one of three.
    if (!folded.includes("network")) columns[0] = track(weights.network * 1.7);
    rows = [
      { names: ["network", beside, "focus"], size: size("focus") },
      { names: ["network", beside, below], size: BAR },
      { names: ["network", beside, "arithmetic"], size: size("arithmetic") },
    ];
  } else {
    columns = above.flatMap((pane, k) => (k === 0 ? [size(pane)] : [BAR, size(pane)]));
    const names = above.flatMap((pane, k) => (k === 0 ? [pane] : [divide(above[k - 1]!, pane, "beside"), pane]));
    rows = [{ names, size: track(100) }];
  }
  if (shown.includes("time")) {
    const across = (name: string): string[] => (columns.length > 0 ? columns.map(() => name) : [name]);
    if (above.length === 0) return { template: `"time" minmax(0, 1fr) / minmax(0, 1fr)`, dividers };
    const whole = rows.length === 1 ? 1 : weights.focus + (folded.includes("arithmetic") ? 0 : weights.arithmetic);
    if (rows.length === 1) rows[0]!.size = track(100 - (folded.includes("time") ? 0 : weights.time));
    const name = divide(above[0]!, "time", "below");
    rows.push({ names: across(name), size: BAR });
    const least = weights.time === STANDARD.weights.time ? LOWEST : "0";
    const time = rows.length === 2 ? weights.time : (whole * weights.time) / (100 - weights.time);
    rows.push({ names: across("time"), size: folded.includes("time") ? "0px" : track(time, least) });
  }
  const lines = rows.map(({ names, size: tall }) => `"${names.join(" ")}" ${tall}`);
  return { template: `${lines.join(" ")} / ${columns.join(" ")}`, dividers };
}

/** The area of a divider in the grid. */
export function named(first: Pane, second: Pane): string {
  return `${first}-${second}`;
}
