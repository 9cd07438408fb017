// Every word that a person reads, in both languages. Components say nothing of their own.

import type { Language, Words } from "../model/wire/protocol";
import { compare } from "./compare";
import { data } from "./data";
import { edit } from "./edit";
import { focus } from "./focus";
import { kinds } from "./kinds";
import { lesson } from "./lesson";
import { local } from "./local";
import { metrics } from "./metrics";
import { shell } from "./shell";

export const strings = { ...shell, ...focus, ...kinds, ...local, ...lesson, ...metrics, ...compare, ...edit, ...data };

export type Key = keyof typeof strings;
export type Values = Record<string, string | number>;

/**
 * Put values in the place of "{name}", and of "{name:step|steps}" the word that goes with that many. A name that has no value
 * stays as it is, so that it is seen.
 */
export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    if (!(name in values)) return whole;
    const value = String(values[name]);
    return one === undefined ? value : (value === "1" ? one : many)!;
  });
}

export function say(language: Language, key: Key, values?: Values): string {
  const words: Words | undefined = strings[key];
  return words === undefined ? key : fill(words[language], values);
}
