// Refusals of a saved file.

import { Refusal } from "../model/wire/exchange.ts";
import type { Words } from "../model/wire/protocol.ts";
import { local } from "../strings/local.ts";

/** Ends a request with a sentence of the table, in both languages. */
export function refuse(key: keyof typeof local, values: Record<string, string | number> = {}): never {
  throw new Refusal(filled(key, values));
}

/** A sentence of the table with its values. */
export function filled(key: keyof typeof local, values: Record<string, string | number>): Words {
  return completed(local[key], values);
}

/** A sentence that the file carries, with its values. */
export function completed(words: Words, values: Record<string, string | number>): Words {
  const fill = (text: string): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
  return { en: fill(words.en), zh: fill(words.zh) };
}
