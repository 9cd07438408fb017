// What the person has chosen for the page, and what is said to the person.

import type { Language, Words } from "../model/wire/protocol";
import { say, strings, type Key, type Values } from "../strings";
import { remember, remembered, STANDARD, type Arrangement } from "../model/place/panes";
import type { Memory, Options } from "./contract";

const forgetful: Memory = { get: () => null, set: () => undefined };

export class Preferences {
  #language = $state.raw<Language>("en");
  #theme = $state.raw<"light" | "dark">("light");
  #message = $state.raw<string | null>(null);
  #panes = $state.raw<Arrangement>(STANDARD);
  #memory: Memory;

  constructor(options: Options) {
    this.#memory = options.memory ?? forgetful;
    const language = this.#memory.get("language");
    this.#language = language === "en" || language === "zh" ? language : (options.language ?? "en");
    const theme = this.#memory.get("theme");
    this.#theme = theme === "light" || theme === "dark" ? theme : (options.theme ?? "light");
    this.#panes = remembered(this.#memory);
  }

  get language() { return this.#language; }
  get theme() { return this.#theme; }
  get message() { return this.#message; }
  get panes() { return this.#panes; }

  setLanguage(language: Language): void {
    this.#language = language;
    this.#memory.set("language", language);
  }

  setTheme(theme: "light" | "dark"): void {
    this.#theme = theme;
    this.#memory.set("theme", theme);
  }

  /** Give the panes their sizes, for this visit and the next. */
  arrange(panes: Arrangement): void {
    this.#panes = panes;
    remember(this.#memory, panes);
  }

  /** Show a message, or an error in the person's language; null dismisses it. */
  notify(message: unknown): void {
    this.#message = message === null || message === undefined ? null : this.reason(message);
  }

  /** What an error says, in the person's language if it knows it. */
  reason(error: unknown): string {
    const words = (error as { words?: Words }).words;
    return words?.[this.#language] ?? (error instanceof Error ? error.message : String(error));
  }

  say(key: Key, values?: Values): string {
    return say(this.#language, key, values);
  }

  /** "val_accuracy" is the accuracy over the test examples; a metric of one's own has its own name. */
  metric(name: string): string {
    const bare = name.replace(/^val_/, "");
    const key = `metric.${bare}`;
    const metric = key in strings ? this.say(key as Key) : bare;
    return bare === name ? metric : this.say("metric.test", { metric });
  }

  translate(words: Words): string {
    return words[this.#language];
  }
}
