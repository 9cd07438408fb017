// Questions and answers over a line that carries messages: what a WebSocket and a notebook have in common.

import { gettext } from "../../strings/gettext.ts";
import type { Events, Lab, Methods, Words } from "./protocol";

/** A refusal of the page itself or of who answers it, in both languages. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly words: Words;

  constructor(words: Words) {
    super(words.en);
    this.words = words;
  }
}

export const LOST = gettext(
  "The connection to Pellucid was lost before the answer came; the page asks again as soon as it is back.",
);

export const AWAY = gettext(
  "There is no connection to Pellucid at the moment, so nothing was done: do it again when it is back.",
);

export const CLOSED = gettext(
  "This page has been closed; open it again to go on.",
);

export const TOO_LARGE = gettext(
  "That is more than Pellucid takes at once (8 MiB): send less.",
);
/** How many bytes a message may have; the server closes the line on more. */
export const LARGEST_MESSAGE = 8 * 2 ** 20;
/** Questions that are out at once. The other end refuses more than 64, which several views may share. */
export const MAX_OUT = 16;

type Listeners = { [E in keyof Events]: Set<(value: Events[E]) => void> };

interface Waiting {
  resolve: (value: never) => void;
  reject: (reason: Error) => void;
}

export interface Message {
  id: number;
  method: string;
  params: unknown;
}

/** A lab at the other end of a line; the children say how a question is sent. */
export abstract class Exchange implements Lab {
  #next: number;
  #waiting = new Map<number, Waiting>();
  /** Sent, and not answered yet. */
  #out = new Set<number>();
  /** Asked, and sent as soon as others are answered. */
  #held: Message[] = [];
  #listeners: Listeners = {
    described: new Set(), state: new Set(), history: new Set(), live: new Set(), flow: new Set(), connected: new Set(),
  };

  constructor(first = 1) {
    this.#next = first;
  }

  protected abstract send(message: Message): void;
  abstract close(): void;

  request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#held.push({ id, method, params });
      this.#pass();
    });
  }

  /** Send what may go out, in the order in which it was asked. */
  #pass(): void {
    while (this.#held.length > 0 && this.#out.size < MAX_OUT) {
      const message = this.#held.shift()!;
      if (!this.#waiting.has(message.id)) continue;
      this.#out.add(message.id);
      try {
        this.send(message);
      } catch (reason) {
        this.#settled(message.id)?.reject(reason instanceof Error ? reason : new Error(String(reason)));
      }
    }
  }

  #settled(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#out.delete(id);
    return waiting;
  }

  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    this.#listeners[event].add(listener);
    return () => void this.#listeners[event].delete(listener);
  }

  protected emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of [...this.#listeners[event]]) listener(value);
  }

  /** A message that came. One that answers nothing asked here is another tab's, or too late: it is dropped. */
  protected receive(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    const reply = message as { id?: number; result?: unknown; error?: unknown; event?: string; value?: unknown };
    if (typeof reply.event === "string") {
      if (reply.event in this.#listeners) this.emit(reply.event as keyof Events, reply.value as never);
      return;
    }
    const waiting = reply.id === undefined ? undefined : this.#settled(reply.id);
    if (waiting === undefined) return;
    if ("error" in reply) waiting.reject(new Refusal(reply.error as Words));
    else waiting.resolve(reply.result as never);
    this.#pass();
  }

  /** No answer will come to these questions any more. */
  protected fail(words: Words, ids?: Iterable<number>): void {
    for (const id of [...(ids ?? this.#waiting.keys())]) this.#settled(id)?.reject(new Refusal(words));
    this.#pass();
  }
}
