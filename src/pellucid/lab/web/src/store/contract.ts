// What the components and the store agree on.

import type { Language } from "../model/wire/protocol";
import type { LabStore } from "./lab-store.svelte";

/** What lies over the page, or beside it: only one at a time. */
export type Panel = "gallery" | "wrong" | "code" | "help" | "own" | "lessons" | "change" | "anew" | "data" | null;

export type Store = LabStore;

/** Where the link stands: the address bar, or for a widget a variable. */
export interface Address {
  read(): string;
  /** `push` makes an entry that the back button returns to. */
  write(hash: string, push: boolean): void;
  /** Calls on each change that `write` did not make. `ours`: an entry of this page's own making, gone back to. */
  on(listener: (hash: string, ours: boolean) => void): () => void;
  whole(hash: string): string;
}

/** What is remembered from visit to visit; a place where nothing may be kept forgets, and says nothing. */
export interface Memory {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

export interface Options {
  address?: Address;
  memory?: Memory;
  language?: Language;
  theme?: "light" | "dark";
}
