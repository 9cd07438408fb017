// When the flow of the gradients is measured: of the moment that is shown, and at rest of the steps that are kept.

import type { Flow } from "../../model/wire/protocol.ts";
import type { State } from "../training/steps.ts";

export type Asked = { document: unknown } | { parameters: State };
export interface Measured {
  readonly layers: Flow["layers"] | null;
}

/** Parameters at a step. */
export interface Measurable {
  readonly step: number;
  readonly parameters: () => State;
}

interface Source {
  readonly branch: number;
  readonly playing: boolean;
  readonly now: Measurable;
  /** The steps that are kept. */
  readonly kept: readonly Measurable[];
}

/** The part of the time that measuring may take from a training that runs. */
const FRACTION = 0.1;
const PERIOD = 500;
const MOST = 600;

export class Gauging {
  private readonly source: () => Source;
  private readonly emit: (flow: Flow) => void;
  private readonly begin: () => Worker;
  private readonly document: unknown;
  private worker: Worker | null = null;
  private broken = false;
  private columns = new Map<number, Flow>();
  private asked: { step: number; branch: number } | null = null;
  private since = -Infinity;
  private took = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `document` is what the worker reads the network and its examples from. */
  constructor(document: unknown, worker: () => Worker, source: () => Source, emit: (flow: Flow) => void) {
    this.document = document;
    this.begin = worker;
    this.source = source;
    this.emit = emit;
  }

  /** What was measured, by step. */
  get all(): Flow[] {
    return [...this.columns.values()].sort((a, b) => a.step - b.step);
  }

  /** There is another moment, or none runs any more. */
  wake(): void {
    if (this.broken || this.asked !== null) return;
    const wait = this.source().playing ? this.since + Math.max(PERIOD, this.took / FRACTION) - performance.now() : 0;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.next(), Math.max(0, wait));
  }

  /** What comes after a step is another line now. */
  forget(step: number): void {
    for (const known of this.columns.keys()) if (known > step) this.columns.delete(known);
    if (this.asked !== null && this.asked.step > step) this.asked.step = NaN;
  }

  close(): void {
    clearTimeout(this.timer);
    this.broken = true;
    this.worker?.terminate();
  }

  private next(): void {
    if (this.broken || this.asked !== null) return;
    const { now, kept, playing, branch } = this.source();
    const wanted = !this.columns.has(now.step) ? now : playing ? null : this.farthest(kept, now.step);
    if (wanted === null) return;
    this.asked = { step: wanted.step, branch };
    this.since = performance.now();
    try {
      this.worker ??= this.begun();
      this.tell({ parameters: wanted.parameters() });
    } catch {
      this.broken = true; // not every browser lets a page from a disk have a worker
    }
  }

  /** Of the steps that are kept the one farthest from all that were measured; null where they are close enough. */
  private farthest(kept: readonly Measurable[], last: number): Measurable | null {
    const known = [...this.columns.keys()];
    if (known.length >= MOST) return null;
    const far = (step: number): number => Math.min(...known.map((one) => Math.abs(one - step)));
    const best = kept.filter(({ step }) => step <= last)
      .reduce<Measurable | null>((a, b) => (a !== null && far(a.step) >= far(b.step) ? a : b), null);
    return best !== null && 2 * far(best.step) > last / MOST ? best : null;
  }

  private begun(): Worker {
    const worker = this.begin();
    worker.onmessage = ({ data }: MessageEvent<Measured>) => this.take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.broken = true;
    };
    worker.postMessage({ document: this.document } satisfies Asked);
    return worker;
  }

  private tell(asked: Asked): void {
    this.worker!.postMessage(asked);
  }

  private take({ layers }: Measured): void {
    const { step, branch } = this.asked!;
    this.asked = null;
    this.took = performance.now() - this.since;
    if (layers === null) {
      this.broken = true;
      return;
    }
    if (!Number.isNaN(step)) {
      const flow = { branch, step, layers };
      this.columns.set(step, flow);
      this.emit(flow);
    }
    this.wake();
  }
}
