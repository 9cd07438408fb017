// Axes and the affine indices over them, with the names that the formula gave: `(i·s + u·d − p)/q`.
// The same as Python's pellucid/formula/axes.py.

/** Two axes are the same only if they are the same object. An extent of null is the batch's. */
export interface Axis {
  readonly name: string;
  readonly extent: number | null;
  readonly bound: Coefficient | null;
}

/** An integer and its name; `minus` is the sign written before the name. */
export interface Coefficient {
  readonly value: number;
  readonly name: string;
  readonly minus: boolean;
  readonly high: number | null;
}

export type IndexTerm = readonly [Axis, Coefficient];

/** (Σ coefficient·axis + offset) / divisor; where it does not divide, the read that it indexes is outside. */
export interface Affine {
  readonly terms: readonly IndexTerm[];
  readonly offset: readonly Coefficient[];
  readonly divisor: Coefficient;
}

export function whole(value: number): Coefficient {
  return { value, name: "", minus: false, high: null };
}

export const ONE = whole(1);

export function same(a: Coefficient, b: Coefficient): boolean {
  return a.value === b.value && a.name === b.name && a.minus === b.minus && a.high === b.high;
}

function negated(c: Coefficient): Coefficient {
  return { ...c, value: -c.value, minus: c.name !== "" && !c.minus };
}

export function negative(c: Coefficient): boolean {
  return c.name ? c.minus : c.value < 0;
}

function text(c: Coefficient): string {
  return c.name || String(Math.abs(c.value));
}

export function times(a: Coefficient, b: Coefficient): Coefficient {
  for (const [one, two] of [[a, b], [b, a]] as const) {
    if (!one.name && Math.abs(one.value) === 1) return one.value === 1 ? two : negated(two);
  }
  const value = a.value * b.value;
  if (!a.name && !b.name) return whole(value);
  const [first, second] = a.name ? [a, b] : [b, a];
  // 2·s, whichever came first
  const name = second.name ? `${text(first)}·${text(second)}` : `${text(second)}·${text(first)}`;
  return { value, name, minus: negative(a) !== negative(b), high: null };
}

export function fixed(value: number): Affine {
  return { terms: [], offset: value ? [whole(value)] : [], divisor: ONE };
}

export function along(axis: Axis): Affine {
  return { terms: [[axis, ONE]], offset: [], divisor: ONE };
}

export function constantOf(index: Affine): number {
  let total = 0;
  for (const c of index.offset) total += c.value;
  return total;
}

/** The axis, if the index is nothing but an axis. */
export function bare(index: Affine): Axis | null {
  const [first, ...more] = index.terms;
  if (!first || more.length || index.offset.length || !same(index.divisor, ONE)) return null;
  return same(first[1], ONE) ? first[0] : null;
}

/** The axis, if the index has the value of one axis, however it is written. */
export function plain(index: Affine): Axis | null {
  const [first, ...more] = index.terms;
  if (!first || more.length || constantOf(index) || index.divisor.value !== 1) return null;
  return first[1].value === 1 ? first[0] : null;
}

export function scaled(index: Affine, by: Coefficient): Affine {
  if (index.divisor.value === by.value && index.divisor.name === by.name) return { ...index, divisor: ONE };
  if (index.divisor.value !== 1 && by.value % index.divisor.value === 0) {
    return scaled({ ...index, divisor: ONE }, whole(by.value / index.divisor.value));
  }
  return {
    terms: index.terms.map(([a, c]) => [a, times(c, by)] as const),
    offset: index.offset.map((c) => times(c, by)),
    divisor: index.divisor,
  };
}

export function plus(a: Affine, b: Affine): Affine {
  if (a.divisor.value !== 1 || b.divisor.value !== 1) {
    const left = { ...a, divisor: ONE };
    const right = { ...b, divisor: ONE };
    if (a.divisor.value === b.divisor.value) return { ...plus(left, right), divisor: a.divisor };
    const total = plus(scaled(left, b.divisor), scaled(right, a.divisor));
    return { ...total, divisor: times(a.divisor, b.divisor) };
  }
  return {
    terms: mergedTerms([...a.terms, ...b.terms]),
    offset: mergedOffsets([...a.offset, ...b.offset]),
    divisor: a.divisor.name ? a.divisor : b.divisor,
  };
}

export function over(index: Affine, divisor: Coefficient): Affine {
  if (divisor.value < 0) {
    return over(scaled(index, whole(-1)), divisor.minus ? negated(divisor) : whole(-divisor.value));
  }
  if (divisor.value === 1 && !divisor.name) return index;
  return { ...index, divisor: times(index.divisor, divisor) };
}

/** The index with axes replaced by indices. */
export function substituted(index: Affine, values: ReadonlyMap<Axis, Affine>): Affine {
  if (!index.terms.some(([axis]) => values.has(axis))) return index;
  let total: Affine = { terms: [], offset: index.offset, divisor: ONE };
  // In the order of the terms, so that i·s + u·d − p stays readable after i has been replaced.
  for (const [axis, c] of [...index.terms].reverse()) {
    const value = values.get(axis);
    total = plus(value ? scaled(value, c) : { terms: [[axis, c]], offset: [], divisor: ONE }, total);
  }
  return over(total, index.divisor);
}

/** Smallest and largest value before division over all values of the axes; null with a batch axis. */
export function bounds(index: Affine): [number, number] | null {
  let low = constantOf(index);
  let high = low;
  for (const [axis, c] of index.terms) {
    if (axis.extent === null) return null;
    const reach = c.value * (axis.extent - 1);
    low += Math.min(0, reach);
    high += Math.max(0, reach);
  }
  return [low, high];
}

/** Whether the index always exists in an axis of this extent. */
export function within(index: Affine, extent: number | null): boolean {
  const axis = plain(index);
  if (axis && axis.extent === extent) return true;
  const reach = bounds(index);
  if (!reach || extent === null || index.divisor.value !== 1) return false;
  return reach[0] >= 0 && reach[1] < extent;
}

function mergedTerms(terms: readonly IndexTerm[]): IndexTerm[] {
  const merged = new Map<Axis, Coefficient>();
  for (const [axis, c] of terms) {
    const before = merged.get(axis);
    merged.set(axis, before ? whole(before.value + c.value) : c);
  }
  return [...merged].filter(([, c]) => c.value !== 0);
}

/** Named offsets that cancel, and numbers added up: p − p goes, p stays. */
function mergedOffsets(offsets: readonly Coefficient[]): Coefficient[] {
  const named: Coefficient[] = [];
  let number = 0;
  for (const c of offsets) {
    if (!c.name) {
      number += c.value;
      continue;
    }
    const opposite = named.findIndex(
      (o) => o.name === c.name && o.value === -c.value && negative(o) !== negative(c),
    );
    if (opposite >= 0) named.splice(opposite, 1);
    else named.push(c);
  }
  return number ? [...named, whole(number)] : named;
}
