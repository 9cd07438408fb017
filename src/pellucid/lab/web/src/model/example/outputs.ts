// What the network gives for an example, by the names of its units.

import type { Description, Numbers } from "../wire/protocol";
import { shown } from "./symbols";

export interface Output {
  readonly unit: number;
  readonly name: string;
  readonly value: number;
}

/** The units of the output, of a sequence those of its last step; of no picture. */
export function outputs(description: Description, { shape, data }: Numbers): Output[] {
  if (shape.length < 1 || shape.length > 2 || description.sample === "image" && shape.length > 1) return [];
  const width = shape.at(-1)!;
  if (data.length < width) return [];
  const last = Array.from(data.subarray(data.length - width));
  const names = description.classes ?? description.vocabulary;
  const fits = names !== null && names.length === width;
  // A single quantity is what was to be learned.
  const target = width === 1 ? description.table?.target : null;
  return last.map((value, unit) => ({ unit, value, name: fits ? said(names[unit]!) : (target ?? String(unit)) }));
}

/** The largest of them, the largest first; a single one says yes or no by itself. */
export function leading(all: readonly Output[], count: number): Output[] {
  return all.toSorted((a, b) => b.value - a.value || a.unit - b.unit).slice(0, count);
}

/** Blanks and ends of lines have signs of their own. */
export function said(text: string): string {
  return text.trim() === "" ? [...text].map(shown).join("") : text;
}
