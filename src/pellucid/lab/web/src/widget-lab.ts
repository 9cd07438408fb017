// The lab in a notebook's kernel: questions by `model.send`, answers and events as frames in the buffers of custom
// messages.

import { CLOSED, Exchange, Refusal, type Message } from "./model/wire/exchange";
import { decode } from "./model/wire/frames";
import { gettext } from "./strings/gettext.ts";

const GONE = gettext(
  "The kernel that this lab belongs to has ended or was restarted: run the cell again.",
);

/** What of anywidget's model is used. */
export interface Model {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  on(event: "comm_live_update", listener: () => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "comm_live_update", listener: () => void): void;
}

export class WidgetLab extends Exchange {
  #model: Model;
  #listen: (content: unknown, buffers: DataView[]) => void;
  #end = () => this.#gone();
  readonly lost = GONE;
  readonly learns = true;

  constructor(model: Model) {
    // Every view of one widget shares a model, so each answer comes to all: views count from numbers far apart.
    super(1 + Math.floor(Math.random() * 2 ** 30));
    this.#model = model;
    this.#listen = (_content, buffers) => {
      for (const buffer of buffers ?? []) this.receive(decode(buffer));
    };
    model.on("msg:custom", this.#listen);
    model.on("comm_live_update", this.#end);
  }

  protected send(message: Message): void {
    try {
      this.#model.send(message);
    } catch {
      this.#gone();
      throw new Refusal(GONE);
    }
  }

  close(): void {
    this.#model.off("msg:custom", this.#listen);
    this.#model.off("comm_live_update", this.#end);
    this.fail(CLOSED);
  }

  /** The other end is gone, and will not come back: a kernel that was started again knows nothing of this lab. */
  #gone(): void {
    this.fail(GONE);
    this.emit("connected", false);
  }
}
