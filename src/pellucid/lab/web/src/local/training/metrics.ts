// What people read beside the loss, as Python's training/metrics.py: sums over examples, and one quotient at the end, so
// that an epoch of unequal batches comes out right.

/** How the outputs are read, and what is counted: Python's lab/serve/document.py writes it. */
export interface Measures {
  /** The path of the output, under which a step gives its predictions. */
  readonly prediction: string;
  readonly names: readonly string[];
  /** Yes is above it, where there is one unit. */
  readonly threshold: number;
  /** Whether every unit answers for itself. */
  readonly multilabel: boolean;
  /** How many units there are. */
  readonly units: number;
}

/** Of every metric its sums. */
export type Tally = readonly (readonly number[])[];
type Reals = ArrayLike<number>;
type Sums = (y: Reals, p: Reals, reading: Measures) => number[];
interface Measure {
  readonly sums: Sums;
  readonly finish?: (total: readonly number[]) => number;
}

/** The sums of a batch. */
export function tallied(measures: Measures, y: Reals, p: Reals): Tally {
  return measures.names.map((name) => measure(name)!.sums(y, p, measures));
}

/** What was counted in several batches. */
export function added(a: Tally, b: Tally): Tally {
  return a.map((sums, k) => sums.map((sum, j) => sum + b[k]![j]!));
}

/** The values by name. */
export function finished({ names }: Measures, tally: Tally): Record<string, number> {
  const quotient = ([sum, count]: readonly number[]): number => sum! / count!;
  return Object.fromEntries(names.map((name, k) => [name, (measure(name)!.finish ?? quotient)(tally[k]!)]));
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

/** The targets in the shape of the outputs: labels as one-hot rows. */
function distances(error: (distance: number) => number): Sums {
  return (y, p, { units }) => {
    const labels = y.length < p.length;
    let sum = 0;
    for (let k = 0; k < p.length; k++) {
      const truth = labels ? Number(y[Math.floor(k / units)] === k % units) : y[k]!;
      sum += error(p[k]! - truth);
    }
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

const squares = distances((d) => d * d);
const MEASURES: Readonly<Record<string, Measure>> = {
  accuracy: { sums: accuracy },
  precision: { sums: counts, finish: ofCounts((hit, alarm) => hit + alarm) },
  recall: { sums: counts, finish: ofCounts((hit, _, miss) => hit + miss) },
  f1: { sums: counts, finish: ofCounts((hit, alarm, miss) => hit + (alarm + miss) / 2) },
  mse: { sums: squares },
  rmse: { sums: squares, finish: ([sum, count]) => Math.sqrt(sum! / count!) },
  mae: { sums: distances(Math.abs) },
};
