// Symbols of a text, and which are likeliest.

/** The largest values with their places, the largest first. */
export function ranked(values: ArrayLike<number>, max: number): { place: number; value: number }[] {
  return Array.from(values, (value, place) => ({ place, value }))
    .sort((a, b) => b.value - a.value || a.place - b.place)
    .slice(0, max);
}

const SEEN: Record<string, string> = { " ": "␣", "\n": "⏎", "\t": "⇥" };

/** A symbol so that it can be seen. */
export function shown(symbol: string): string {
  return SEEN[symbol] ?? symbol;
}
