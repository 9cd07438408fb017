// What the components and the store agree on.

import type { Place } from "../model/place/place";
import type {
  Action, Description, Example, Flow, History, Lab, Language, Live, Path, Picture, State, Task, Words,
} from "../model/wire/protocol";
import type { Key, Values } from "../strings";

/** What lies over the page, or beside it: only one at a time. */
export type Panel = "gallery" | "wrong" | "code" | "help" | "own" | null;

export interface Store {
  readonly lab: Lab;
  readonly description: Description | null;
  readonly state: State | null;
  readonly tasks: Task[];
  readonly place: Place;
  readonly example: Example | null;
  /** Whether the example has one: without it there is no loss, and no gradient. */
  readonly hasTarget: boolean;
  /** The values of the watched example by path; each component asks for its own by `want`. */
  readonly live: Live | null;
  /** By branch. */
  readonly history: Record<number, History>;
  readonly flow: Record<number, Flow[]>;
  readonly language: Language;
  readonly theme: "light" | "dark";
  /** The last refusal, in words, until it is dismissed. */
  readonly message: string | null;
  readonly connected: boolean;
  readonly panel: Panel;
  /** An action of which the answer has not come yet. */
  readonly busy: boolean;

  /** Keep these paths live while a component stands: call in $effect and return what it gives. */
  want(paths: Path[], limit?: number): () => void;
  /** The live value of a path, if it is there. */
  value(path: Path): Picture | undefined;
  /** Go to a place; what is left out of it stays: go({path, index}) keeps the example. */
  go(place: Partial<Place>): void;
  /** The link that `go` would follow, for an <a>. */
  link(place: Partial<Place>): string;
  /** Go where a link leads. */
  follow(link: string): void;
  /** One depth out. */
  out(): void;
  choose(input: string): Promise<void>;
  /** Take up an example that the person gave, and go to it. */
  own(given: { x: number[]; y?: number } | { text: string; y?: number }): Promise<void>;
  control(action: Action): Promise<void>;
  open(task: string): Promise<void>;
  setLanguage(language: Language): void;
  setTheme(theme: "light" | "dark"): void;
  /** Show a refusal. */
  notify(message: unknown): void;
  show(panel: Panel): void;
  /** A text of the tables, in the person's language. */
  say(key: Key, values?: Values): string;
  /** What an error says, in the person's language. */
  reason(error: unknown): string;
  /** Words that came with the data. */
  translate(words: Words): string;
  /** A link that brings another person here, with the step, the branch and the weights where they are few. */
  share(): Promise<string>;
}

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
