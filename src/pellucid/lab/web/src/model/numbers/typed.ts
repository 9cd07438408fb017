// Numbers that people type.

/** With either minus, and a point or a comma before the decimals. */
export function decimal(text: string): number {
  return Number(text.replace("−", "-").replace(",", "."));
}

/** An integer from `least` to `most`; `least` where there is nothing between. */
export function whole(value: unknown, least: number, most: number): number {
  return Math.max(least, Math.min(most, Math.trunc(Number(value)) || 0));
}
