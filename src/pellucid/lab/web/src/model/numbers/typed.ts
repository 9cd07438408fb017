// Numbers that people type.

/** With either minus, and a point or a comma before the decimals. */
export function decimal(text: string): number {
  return Number(text.replace("−", "-").replace(",", "."));
}

/** An integer from `min` to `max`; `min` where there is nothing between. */
export function whole(value: unknown, min: number, max: number): number {
  return Math.max(min, Math.min(max, Math.trunc(Number(value)) || 0));
}
