// What the page asks the lab, and what it answers: one interface, whoever answers it. The page asks a server over a WebSocket, the widget
// asks its kernel, a saved file asks the formulas that it carries.
//
// `declared.ts` is generated from Python's declarations (lab/protocol); here is what a schema cannot say.

import type { Description, Events as Sent, Example, Methods, OwnData } from "./declared";

export type * from "./declared";

/** A value's path, as in Python; lab/protocol/answers.py says more. */
export type Path = string;
/** An example by name: "train:3", "test:17", or "own:1" for one that the person gave. */
export type InputName = Example["name"];
export type Sample = Description["sample"];
export type View = Description["views"][number];
export type DataKind = OwnData["kind"];
export type Language = "en" | "zh";
export type Words = Record<Language, string>;

export interface Events extends Sent {
  /** The connection came, or went. */
  connected: boolean;
}

/** Whoever answers. A refusal rejects with an Error whose message is for the person. */
export interface Lab {
  request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]>;
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void;
  close(): void;
  /** The other end of a network that is trained beside this one; not where there is one line alone. */
  second?(): Lab;
  /** What to say once the connection is gone, where it will not come back by itself. */
  readonly lost?: Words;
  /** Whether it learns from files of the person's own, also while nothing is open. */
  readonly learns?: boolean;
  /** Whether it does so without Python, from plain tables alone; what was on show before is gone then. */
  readonly plain?: boolean;
}
