// Questions and answers over a line that carries messages: what a WebSocket and a notebook have in common.

import type { Events, Lab, Methods, Words } from "./protocol";

/** A refusal that the page itself makes, in both languages. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly words: Words;

  constructor(words: Words) {
    super(words.en);
    this.words = words;
  }
}

export const LOST = {
  en: "The connection to Pellucid was lost before the answer came; the page asks again as soon as it is back.",
  zh: "在收到答复之前与 Pellucid 的连接断开了；连接恢复后页面会重新询问。",
} satisfies Words;

export const AWAY = {
  en: "There is no connection to Pellucid at the moment, so nothing was done: do it again when it is back.",
  zh: "目前没有与 Pellucid 的连接，因此未执行任何操作：请在连接恢复后重试。",
} satisfies Words;

export const CLOSED = {
  en: "This page has been closed; open it again to go on.",
  zh: "此页面已关闭；请重新打开以继续。",
} satisfies Words;

type Listeners = { [E in keyof Events]: Set<(value: Events[E]) => void> };

interface Waiting {
  resolve: (value: never) => void;
  reject: (reason: Error) => void;
}

/** A lab at the other end of a line; the children say how a question is sent. */
export abstract class Exchange implements Lab {
  #next: number;
  #waiting = new Map<number, Waiting>();
  #listeners: Listeners = {
    described: new Set(), state: new Set(), history: new Set(), live: new Set(), flow: new Set(), connected: new Set(),
  };

  constructor(first = 1) {
    this.#next = first;
  }

  protected abstract send(message: { id: number; method: string; params: unknown }): void;
  abstract close(): void;

  request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      try {
        this.send({ id, method, params });
      } catch (reason) {
        this.#waiting.delete(id);
        reject(reason instanceof Error ? reason : new Error(String(reason)));
      }
    });
  }

  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    this.#listeners[event].add(listener);
    return () => void this.#listeners[event].delete(listener);
  }

  protected tell<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of [...this.#listeners[event]]) listener(value);
  }

  /** A message that came. One that answers nothing asked here is another tab's, or too late: it is dropped. */
  protected heard(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    const said = message as { id?: number; result?: unknown; error?: unknown; event?: string; value?: unknown };
    if (typeof said.event === "string") {
      if (said.event in this.#listeners) this.tell(said.event as keyof Events, said.value as never);
      return;
    }
    const waiting = said.id === undefined ? undefined : this.#waiting.get(said.id);
    if (waiting === undefined) return;
    this.#waiting.delete(said.id!);
    if ("error" in said) waiting.reject(new Error(String(said.error)));
    else waiting.resolve(said.result as never);
  }

  /** No answer will come to these questions any more. */
  protected fail(words: Words, ids?: Iterable<number>): void {
    for (const id of [...(ids ?? this.#waiting.keys())]) {
      this.#waiting.get(id)?.reject(new Refusal(words));
      this.#waiting.delete(id);
    }
  }
}
