// Symbols of a text, and which are likeliest.

export interface Piece {
  readonly symbol: string;
  readonly place: number;
  /** How many stand there one after the other: of padding at the end only one is drawn. */
  readonly count: number;
}

/** The symbols of a text as they are drawn. */
export function pieces(symbols: readonly string[]): Piece[] {
  const end = symbols.findLastIndex((symbol) => symbol !== "") + 1;
  const all = symbols.slice(0, end).map((symbol, place) => ({ symbol, place, count: 1 }));
  return end < symbols.length ? [...all, { symbol: "", place: end, count: symbols.length - end }] : all;
}

/** Whether the symbols of a text are words, which have blanks between them. */
export function spaced(symbols: readonly string[]): boolean {
  return symbols.some((symbol) => [...symbol].length > 1);
}

/** The largest values with their places, the largest first. */
export function ranked(values: ArrayLike<number>, max: number): { place: number; value: number }[] {
  return Array.from(values, (value, place) => ({ place, value }))
    .sort((a, b) => b.value - a.value || a.place - b.place)
    .slice(0, max);
}

const SEEN: Record<string, string> = { "": "·", " ": "␣", "\n": "⏎", "\t": "⇥" };

/** A symbol so that it can be seen; that of nothing, padding, is a dot. */
export function shown(symbol: string): string {
  return SEEN[symbol] ?? symbol;
}
