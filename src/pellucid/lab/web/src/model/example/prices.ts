// Prices and the scaled changes of their logarithms, which the network reads and forecasts.

import type { Scaling } from "../wire/protocol";

/** The scaled changes from each price to the next; null where there are too few, or one is not above 0. */
export function changesOf(prices: readonly number[], { mean, deviation }: Scaling): number[] | null {
  if (prices.length < 2 || prices.some((price) => !(price > 0))) return null;
  return prices.slice(1).map((price, k) => (Math.log(price / prices[k]!) - mean) / deviation);
}

/** By what factor the price changes. */
export function factorOf(change: number, { mean, deviation }: Scaling): number {
  return Math.exp(mean + deviation * change);
}

/** A price as prices are written. */
export function priced(price: number): string {
  return price.toFixed(2);
}

/** A scaled change as a person reads it: the price that it leads to from today's, and by how much that differs. */
export function forecast(change: number, scaling: Scaling, today: number | null): string {
  const factor = factorOf(change, scaling);
  const percent = 100 * (factor - 1);
  const by = `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(2)} %`;
  return today === null ? by : `${priced(today * factor)} (${by})`;
}
