// Prices and the scaled changes of their logarithms, which the network reads and forecasts.

import type { Scaling } from "../wire/protocol";

/** The scaled changes from each price to the next; null where there are too few, or one has no logarithm. */
export function changesOf(prices: readonly number[], { mean, deviation, logarithmic }: Scaling): number[] | null {
  if (prices.length < 2 || (logarithmic && prices.some((price) => !(price > 0)))) return null;
  return prices.slice(1).map((price, k) => {
    const before = prices[k]!;
    return ((logarithmic ? Math.log(price / before) : price - before) - mean) / deviation;
  });
}

/** The price after a scaled change. */
export function after(today: number, change: number, { mean, deviation, logarithmic }: Scaling): number {
  const by = mean + deviation * change;
  return logarithmic ? today * Math.exp(by) : today + by;
}

/** A price as prices are written. */
export function priced(price: number): string {
  return price.toFixed(2);
}

/** A scaled change as a person reads it: the price that it leads to from today's, and by how much that differs. */
export function forecast(change: number, scaling: Scaling, today: number | null): string {
  const [whole, unit] = scaling.logarithmic ? [100 * (after(1, change, scaling) - 1), " %"] : [after(0, change, scaling), ""];
  const by = `${whole < 0 ? "−" : "+"}${Math.abs(whole).toFixed(2)}${unit}`;
  return today === null ? by : `${priced(after(today, change, scaling))} (${by})`;
}
