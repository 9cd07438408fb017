// What the network gives for an example, by the names of its units.

import type { Description, Numbers } from "../wire/protocol";
import { shown } from "./symbols.ts";

export interface Output {
  readonly unit: number;
  readonly name: string;
  readonly value: number;
}

/** The names of the output's units: of classes, or of symbols where one of them is predicted. */
export function outputNames({ classes, vocabulary, views }: Pick<Description, "classes" | "vocabulary" | "views">): readonly string[] | null {
  return classes ?? (views.includes("text") ? vocabulary : null);
}

/** The units of the output, of a sequence those of its last step; of no picture. */
export function outputs(description: Description, { shape, data }: Numbers): Output[] {
  if (shape.length < 1 || shape.length > 2 || description.sample === "image" && shape.length > 1) return [];
  const width = shape.at(-1)!;
  if (data.length < width) return [];
  const last = Array.from(data.subarray(data.length - width));
  const names = outputNames(description);
  const fits = names !== null && names.length === width;
  // A single probability is that of the second of two classes, a single quantity what was to be learned.
  const second = names?.length === 2 ? names[1] : null;
  const target = width === 1 ? (second ?? description.table?.target) : null;
  return last.map((value, unit) => ({ unit, value, name: fits ? said(names[unit]!) : (target ?? String(unit)) }));
}

/** The largest of them, the largest first; a single one says yes or no by itself. */
export function leading(all: readonly Output[], count: number): Output[] {
  return all.toSorted((a, b) => b.value - a.value || a.unit - b.unit).slice(0, count);
}

/** Blanks, ends of lines and padding have signs of their own. */
export function said(text: string): string {
  return text === "" ? shown(text) : text.trim() === "" ? [...text].map(shown).join("") : text;
}
