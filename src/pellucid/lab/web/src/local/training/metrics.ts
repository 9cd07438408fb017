// What people read beside the loss, as Python's training/metrics.py: sums over examples, and one quotient at the end, so
// that an epoch of unequal batches comes out right. What cannot be summed, and what the file carries as a formula, is
// computed of all the predictions of an epoch.

import type { Program } from "../../formula/document.ts";
import { run } from "../../formula/evaluate.ts";

/** How the outputs are read, and what is counted: Python's lab/serve/document.py writes it. */
export interface Measures {
  /** The path of the output, under which a step gives its predictions. */
  readonly prediction: string;
  /** Under which names a step of training, and a run, say which steps of a sequence are there; null where all are. */
  readonly mask: readonly [string, string | null] | null;
  readonly names: readonly string[];
  /** Yes is above it, where there is one unit. */
  readonly threshold: number;
  /** Whether every unit answers for itself. */
  readonly multilabel: boolean;
  /** How many units there are. */
  readonly units: number;
}

/** Those metrics that are formulas, by name: of "each" example from "p" and "y". */
export type Formulas = ReadonlyMap<string, Program>;

type Reals = ArrayLike<number>;

/** So many examples, or steps that are there: what is true of them, and what was said. */
interface Rows {
  readonly count: number;
  readonly y: Reals;
  readonly p: Reals;
}

export interface Tally {
  /** How often the loss counts in that of many batches. */
  readonly count: number;
  /** Of every metric its sums; null where it takes all the rows. */
  readonly sums: readonly (readonly number[] | null)[];
  /** Null where no metric takes them, or they were too many to be kept. */
  rows: Rows | null;
}

type Sums = (y: Reals, p: Reals, reading: Measures) => number[];
type Whole = (rows: Rows, reading: Measures) => number;
interface Measure {
  readonly sums?: Sums;
  readonly finish?: (total: readonly number[]) => number;
  readonly whole?: Whole;
}

/** What a batch of so many examples counts. */
export function tallied(measures: Measures, batch: number, y: Reals, p: Reals, mask: Reals | null): Tally {
  const rows = mask ? there(y, p, mask) : { count: batch, y, p };
  const sums = measures.names.map((name) => measure(name)?.sums?.(rows.y, rows.p, measures) ?? null);
  // They lie in memory that the next step writes to.
  const kept = sums.includes(null) ? { ...rows, y: Float64Array.from(rows.y), p: Float64Array.from(rows.p) } : null;
  return { count: rows.count, sums, rows: kept };
}

/** The bytes of the rows that are kept. */
export function bytesOf({ rows }: Tally): number {
  return rows ? 8 * (rows.y.length + rows.p.length) : 0;
}

/** The values of all the batches together, by name; without those whose rows are no longer there. */
export function finished(measures: Measures, formulas: Formulas, tallies: readonly Tally[]): Record<string, number> {
  const quotient = ([sum, count]: readonly number[]): number => sum! / count!;
  const rows = tallies.every((tally) => tally.rows) ? together(tallies.map((tally) => tally.rows!)) : null;
  const values = measures.names.map((name, k): [string, number] | null => {
    const { finish = quotient, whole, sums } = measure(name) ?? {};
    if (sums) return [name, finish(total(tallies.map((tally) => tally.sums[k]!)))];
    const formula = formulas.get(name);
    if (!rows || !(whole ?? formula)) return null;
    return [name, whole ? whole(rows, measures) : meanOf(formula!, rows, measures)];
  });
  return Object.fromEntries(values.filter((value) => value !== null));
}

function total(all: readonly (readonly number[])[]): number[] {
  return all[0]!.map((_, place) => all.reduce((sum, one) => sum + one[place]!, 0));
}

/** The steps that are there, in one row. */
function there(y: Reals, p: Reals, mask: Reals): Rows {
  const steps = Array.from({ length: mask.length }, (_, k) => k).filter((k) => mask[k]! > 0);
  const taken = (from: Reals): Float64Array => {
    const size = from.length / mask.length;
    return Float64Array.from({ length: steps.length * size }, (_, k) => from[steps[Math.floor(k / size)]! * size + (k % size)]!);
  };
  return { count: steps.length, y: taken(y), p: taken(p) };
}

function together(all: readonly Rows[]): Rows {
  const joined = (parts: readonly Reals[]): Float64Array => {
    const data = new Float64Array(parts.reduce((size, part) => size + part.length, 0));
    let place = 0;
    for (const part of parts) {
      data.set(part, place);
      place += part.length;
    }
    return data;
  };
  return { count: all.reduce((sum, { count }) => sum + count, 0), y: joined(all.map(({ y }) => y)), p: joined(all.map(({ p }) => p)) };
}

/** Targets in the shape of the outputs: labels as one-hot rows. */
function like(y: Reals, p: Reals, units: number): Reals {
  return y.length < p.length ? Float64Array.from(p, (_, k) => Number(y[Math.floor(k / units)] === k % units)) : y;
}

/** The mean of what a formula gives for each. */
function meanOf(formula: Program, { count, y, p }: Rows, { units }: Measures): number {
  const shape = (name: string): number[] => formula.inputs.get(name)!.axes.map(({ extent }) => extent ?? count);
  const given = { p: Float64Array.from(p), y: Float64Array.from(like(y, p, units)) };
  const stored = Object.entries(given).filter(([name]) => formula.inputs.has(name)).map(([name, data]) => [name, { shape: shape(name), data }] as const);
  const each = formula.outputs.get("each")!;
  const { data } = run(formula, new Map(stored), { wanted: [each], single: false }).get(each)!;
  return Array.from(data).reduce((sum, value) => sum + value, 0) / data.length;
}

function measure(name: string): Measure | undefined {
  const top = /^top_(\d+)_accuracy$/.exec(name);
  return top ? { sums: topped(Number(top[1])) } : MEASURES[name];
}

/** What was true and what was said of each example, step or unit: a class, 1 or 0; −1 of a number that is none. */
function* decisions(y: Reals, p: Reals, { units, threshold, multilabel }: Measures): Generator<[number, number]> {
  if (multilabel || units === 1) {
    for (let k = 0; k < p.length; k++) yield [Number(y[k]! > 0.5), Number.isNaN(p[k]) ? -1 : Number(p[k]! > threshold)];
    return;
  }
  const rows = p.length / units;
  const labels = y.length === rows;
  for (let k = 0; k < rows; k++) yield [labels ? y[k]! : largest(y, k * units, units), largest(p, k * units, units)];
}

/** The place of the largest of some numbers, the first of equals; −1 where one is no number. */
function largest(values: Reals, from: number, count: number): number {
  let best = 0;
  for (let k = 0; k < count; k++) {
    if (Number.isNaN(values[from + k])) return -1;
    if (values[from + k]! > values[from + best]!) best = k;
  }
  return best;
}

const accuracy: Sums = (y, p, reading) => {
  let [hits, count] = [0, 0];
  for (const [truth, said] of decisions(y, p, reading)) {
    hits += Number(truth === said);
    count++;
  }
  return [hits, count];
};

function topped(most: number): Sums {
  return (y, p, { units }) => {
    const rows = p.length / units;
    let hits = 0;
    for (let k = 0; k < rows; k++) {
      const truth = y.length === rows ? y[k]! : largest(y, k * units, units);
      const own = p[k * units + truth]!;
      let ahead = 0;
      for (let j = 0; j < units; j++) {
        const other = p[k * units + j]!;
        if (Number.isNaN(other)) ahead += most;
        else if (other > own || (other === own && j < truth)) ahead++;
      }
      hits += Number(ahead < most);
    }
    return [hits, rows];
  };
}

function distances(error: (distance: number) => number): Sums {
  return (y, p, { units }) => {
    const truth = like(y, p, units);
    let sum = 0;
    for (let k = 0; k < p.length; k++) sum += error(p[k]! - truth[k]!);
    return [sum, p.length];
  };
}

/** Hits, false alarms and misses, of the one yes or no, or of each class. */
const counts: Sums = (y, p, reading) => {
  const { units, multilabel } = reading;
  const yes = multilabel || units === 1;
  const made = new Array<number>(3 * units).fill(0);
  let place = 0;
  for (const [truth, said] of decisions(y, p, reading)) {
    const unit = place++ % units;
    if (yes) {
      if (truth === 1 && said === 1) made[unit]!++;
      else if (said === 1) made[units + unit]!++;
      else if (truth === 1) made[2 * units + unit]!++;
    } else if (truth === said) made[truth]!++;
    else {
      if (said >= 0) made[units + said]!++;
      made[2 * units + truth]!++;
    }
  }
  return made;
};

/** The mean over the classes that occur; 0/0 counts as 0. */
function ofCounts(under: (hit: number, alarm: number, miss: number) => number): (total: readonly number[]) => number {
  return (total) => {
    const units = total.length / 3;
    const there = Array.from({ length: units }, (_, k) => [total[k]!, total[units + k]!, total[2 * units + k]!] as const)
      .filter((three) => three.some((n) => n > 0));
    const parts = there.map(([hit, alarm, miss]) => hit / Math.max(under(hit, alarm, miss), 0.5));
    return parts.length ? parts.reduce((a, b) => a + b, 0) / parts.length : 0;
  };
}

/** 1 − Σ(y − p)² / Σ(y − mean)², the mean over the outputs; of targets that are all equal 1 if hit, else 0. */
const determination: Whole = ({ count, y, p }, { units }) => {
  const truth = like(y, p, units);
  const outputs = p.length / count;
  let sum = 0;
  for (let j = 0; j < outputs; j++) {
    let mean = 0;
    for (let k = j; k < p.length; k += outputs) mean += truth[k]! / count;
    let [rest, spread] = [0, 0];
    for (let k = j; k < p.length; k += outputs) {
      rest += (truth[k]! - p[k]!) ** 2;
      spread += (truth[k]! - mean) ** 2;
    }
    sum += spread > 0 ? 1 - rest / spread : Number(rest === 0) + 0 * rest;
  }
  return sum / outputs;
};

/** The area under the ROC curve, the mean over the classes of which there are some and not all. */
const area: Whole = ({ y, p }, { units }) => {
  const truth = like(y, p, units);
  const areas: number[] = [];
  for (let j = 0; j < units; j++) {
    const scores: number[] = [];
    const yes: boolean[] = [];
    for (let k = j; k < p.length; k += units) {
      if (Number.isNaN(p[k])) return NaN;
      scores.push(p[k]!);
      yes.push(truth[k]! > 0.5);
    }
    const positive = yes.filter(Boolean).length;
    if (positive > 0 && positive < yes.length) areas.push(areaOf(scores, yes, positive));
  }
  return areas.length ? areas.reduce((a, b) => a + b, 0) / areas.length : NaN;
};

/** How often one that is above one that is not, by their ranks; equal scores share their mean rank. */
function areaOf(scores: readonly number[], yes: readonly boolean[], positive: number): number {
  const order = scores.map((_, k) => k).sort((a, b) => scores[a]! - scores[b]!);
  let ranks = 0;
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++;
    for (let k = from; k < to; k++) if (yes[order[k]!]) ranks += (from + 1 + to) / 2;
  }
  return (ranks - (positive * (positive + 1)) / 2) / (positive * (yes.length - positive));
}

const squares = distances((d) => d * d);
const MEASURES: Readonly<Record<string, Measure>> = {
  accuracy: { sums: accuracy },
  precision: { sums: counts, finish: ofCounts((hit, alarm) => hit + alarm) },
  recall: { sums: counts, finish: ofCounts((hit, _, miss) => hit + miss) },
  f1: { sums: counts, finish: ofCounts((hit, alarm, miss) => hit + (alarm + miss) / 2) },
  mse: { sums: squares },
  rmse: { sums: squares, finish: ([sum, count]) => Math.sqrt(sum! / count!) },
  mae: { sums: distances(Math.abs) },
  auc: { whole: area },
  r2: { whole: determination },
};
