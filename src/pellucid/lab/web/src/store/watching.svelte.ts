// The values of the watched example, kept live: what every layer gives, and what the components ask for.

import type { Description, InputName, Live, Path } from "../model/wire/protocol";

// Of every layer's output at least so many numbers are kept live: enough to draw it small.
const OUTPUT_LIMIT = 4096;
// The server takes no more at once; what a component asked for comes last, and so is kept.
const MAX_PATHS = 256;
const DELAY = 40;

/** What is asked of the lab; undefined when it was refused. */
type Ask = (question: { input: InputName; paths: { path: Path; limit: number }[] }) => Promise<Live | undefined>;

export class Watching {
  #live = $state.raw<Live | null>(null);

  #ask: Ask;
  #subject: () => { description: Description | null; input: InputName | null };
  #wants = new Map<symbol, { paths: Path[]; limit: number }>();
  #watched = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ask: Ask, subject: () => { description: Description | null; input: InputName | null }) {
    this.#ask = ask;
    this.#subject = subject;
  }

  get live() { return this.#live; }

  /** Keep these paths live until what comes back is called. */
  want(paths: Path[], limit: number): () => void {
    const key = Symbol();
    this.#wants.set(key, { paths, limit });
    this.soon();
    return () => {
      this.#wants.delete(key);
      this.soon();
    };
  }

  see(live: Live): void {
    if (live.input !== this.#subject().input) return;
    // A page that is hidden gets no frames; what came last is all that counts.
    this.#live = live;
  }

  /** Show nothing until the next answer. */
  clear(): void {
    this.#live = null;
  }

  /** Ask again, even if nothing else is wanted than before. */
  renew(): void {
    this.#watched = "";
  }

  soon(delay = DELAY): void {
    this.stop();
    this.#timer = setTimeout(() => void this.#watch(), delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #watch(): Promise<void> {
    const { description, input } = this.#subject();
    if (description === null || input === null) return;
    const limits = new Map<Path, number>(description.layers.map((layer) => [layer.path, OUTPUT_LIMIT]));
    for (const { paths, limit } of this.#wants.values()) {
      for (const path of paths) limits.set(path, Math.max(limit, limits.get(path) ?? 0));
    }
    const paths = [...limits].slice(-MAX_PATHS)
      .map(([path, limit]) => ({ path, limit }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const asked = JSON.stringify([input, paths]);
    if (asked === this.#watched) return;
    this.#watched = asked;
    const live = await this.#ask({ input, paths });
    // An answer that another question has overtaken says nothing about the present.
    if (live !== undefined && asked === this.#watched) this.see(live);
    else if (live === undefined && asked === this.#watched) this.#watched = "";
  }
}
