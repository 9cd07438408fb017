// What the page knows: one object that all components read. Only methods of it change it.
// SKELETON: the interface is fixed, the author of the shell fills it in.

import type { Place } from "./model/place";
import type {
  Action, Description, Example, Flow, Lab, Language, Live, Path, Picture, State, Task, History,
} from "./model/protocol";

export interface Store {
  readonly lab: Lab;
  readonly description: Description | null;
  readonly state: State | null;
  readonly tasks: Task[];
  readonly place: Place;
  readonly example: Example | null;
  /** The values of the watched example by path; each component asks for its own by `want`. */
  readonly live: Live | null;
  /** By branch. */
  readonly history: Record<number, History>;
  readonly flow: Record<number, Flow[]>;
  readonly language: Language;
  readonly theme: "light" | "dark";
  /** The last refusal, in words, until it is dismissed. */
  readonly message: string | null;

  /** Keep these paths live while a component stands: call in $effect and return what it gives. */
  want(paths: Path[], limit?: number): () => void;
  /** The live value of a path, if it is there. */
  value(path: Path): Picture | undefined;
  /** Go to a place; what is left out of it stays: go({path, index}) keeps the example. */
  go(place: Partial<Place>): void;
  /** One depth out. */
  out(): void;
  choose(input: string): Promise<void>;
  control(action: Action): Promise<void>;
  open(task: string): Promise<void>;
  setLanguage(language: Language): void;
  setTheme(theme: "light" | "dark"): void;
  /** Show a refusal. */
  says(message: string | null): void;
}
