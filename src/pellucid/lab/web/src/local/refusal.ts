// Refusals of a saved file.

import { Refusal } from "../model/exchange.ts";
import type { Words } from "../model/protocol.ts";
import { local } from "../strings/local.ts";

/** Ends a request with a sentence of the table, in both languages. */
export function refuse(key: keyof typeof local, values: Record<string, string | number> = {}): never {
  const words: Words = local[key];
  const fill = (text: string): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
  throw new Refusal({ en: fill(words.en), zh: fill(words.zh) });
}
