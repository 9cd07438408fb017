// The lab in a notebook's kernel: questions by `model.send`, answers and events as frames in the buffers of custom
// messages.

import { CLOSED, Exchange } from "./model/exchange";
import { decode } from "./model/frames";

/** What of anywidget's model is used. */
export interface Model {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
}

export class WidgetLab extends Exchange {
  #model: Model;
  #listen: (content: unknown, buffers: DataView[]) => void;

  constructor(model: Model) {
    // Every view of one widget shares a model, so each answer comes to all: views count from numbers far apart.
    super(1 + Math.floor(Math.random() * 2 ** 30));
    this.#model = model;
    this.#listen = (_content, buffers) => {
      for (const buffer of buffers ?? []) this.heard(decode(buffer));
    };
    model.on("msg:custom", this.#listen);
  }

  protected send(message: { id: number; method: string; params: unknown }): void {
    this.#model.send(message);
  }

  close(): void {
    this.#model.off("msg:custom", this.#listen);
    this.fail(CLOSED);
  }
}
