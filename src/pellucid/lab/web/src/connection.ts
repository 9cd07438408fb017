// The lab at the other end of a WebSocket. When the line breaks, it is taken up again, and what was watched is watched.

import { AWAY, CLOSED, Exchange, LARGEST_MESSAGE, LOST, Refusal, TOO_LARGE, type Message } from "./model/wire/exchange";
import { decode } from "./model/wire/frames";

const FIRST_DELAY = 250;
const LAST_DELAY = 8000;
/** What changes something: done late, and maybe by another server, it would not be what the person meant. */
const DOING = new Set(["control", "open", "adopt", "edit", "revise", "pair", "upload", "learn"]);

/** "ws" beside the page, with the page's token. */
export function socketAddress(href: string): string {
  const page = new URL(href);
  const socket = new URL("ws", page);
  socket.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  socket.hash = "";
  const token = page.searchParams.get("token");
  socket.search = token === null ? "" : `?token=${encodeURIComponent(token)}`;
  return socket.href;
}

type Make = (address: string) => WebSocket;

export class WebSocketLab extends Exchange {
  readonly learns = true;
  #address: string;
  #make: Make;
  #socket: WebSocket | null = null;
  /** Asked, but not sent yet: the line is being made. */
  #queue: { id: number; text: string }[] = [];
  #sent = new Set<number>();
  #delay = FIRST_DELAY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #opened = false;
  #watch: { method: "watch"; params: unknown } | null = null;

  constructor(address: string, make: Make = (to) => new WebSocket(to)) {
    super();
    this.#address = address;
    this.#make = make;
    this.#connect();
  }

  protected send(message: Message): void {
    const text = JSON.stringify(message);
    if (new TextEncoder().encode(text).length > LARGEST_MESSAGE) throw new Refusal(TOO_LARGE);
    if (this.#closed) {
      // After the promise has been handed out: a refusal is an answer too.
      queueMicrotask(() => this.fail(CLOSED, [message.id]));
      return;
    }
    if (message.method === "watch") this.#watch = { method: "watch", params: message.params };
    if (this.#socket?.readyState === 1) {
      this.#sent.add(message.id);
      this.#socket.send(text);
    } else if (this.#opened && DOING.has(message.method)) {
      queueMicrotask(() => this.fail(AWAY, [message.id]));
    } else {
      this.#queue.push({ id: message.id, text });
    }
  }

  /** A line of its own to the network that is trained beside this one. */
  second(): WebSocketLab {
    return new WebSocketLab(`${this.#address}${this.#address.includes("?") ? "&" : "?"}second=1`, this.#make);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.fail(CLOSED);
  }

  #connect(): void {
    const socket = this.#make(this.#address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      this.#delay = FIRST_DELAY;
      const again = this.#opened;
      this.#opened = true;
      const queue = this.#queue;
      this.#queue = [];
      // The new line knows nothing of what this page watches. Nobody waits for the answer: the events count.
      const watched = queue.some(({ text }) => text.includes('"method":"watch"'));
      if (again && this.#watch !== null && !watched) socket.send(JSON.stringify({ id: 0, ...this.#watch }));
      for (const { id, text } of queue) {
        this.#sent.add(id);
        socket.send(text);
      }
      this.emit("connected", true);
    };
    socket.onmessage = (event: MessageEvent) => {
      if (typeof event.data === "string") return;
      const message = decode(event.data) as { id?: number };
      if (message.id !== undefined) this.#sent.delete(message.id);
      this.receive(message);
    };
    socket.onclose = () => {
      if (this.#socket !== socket || this.#closed) return;
      this.#socket = null;
      // What was sent may have been done: it is not sent twice.
      this.fail(LOST, this.#sent);
      this.#sent.clear();
      this.emit("connected", false);
      this.#timer = setTimeout(() => this.#connect(), this.#delay * (0.75 + 0.5 * Math.random()));
      this.#delay = Math.min(2 * this.#delay, LAST_DELAY);
    };
  }
}
