// When the flow of the gradients is measured: of the moment that is shown, and at rest of the steps that are kept. What
// a person asks about a moment's health is answered beside the page too.

import type { Finding, Flow, Path } from "../../model/wire/protocol.ts";
import type { Table } from "../saved.ts";
import type { State } from "../training/steps.ts";
import type { Attributed } from "../what-if.ts";
import type { Moment } from "./examined.ts";
import type { Weighed } from "./gauge.ts";
import type { Reach } from "./temporal.ts";

export type Asked =
  | { document: unknown } | { column: Weighed } | { reach: Weighed } | { diagnosis: Moment } | { shares: Taken }
  | { attributed: { parameters: State; x: Table; unit: number; most?: number | undefined } };
export type Measured =
  | { column: Flow["layers"] } | { reach: readonly Reach[] } | { diagnosis: readonly Finding[] }
  | { shares: { parts: Float64Array; rest: number } } | { attributed: Attributed } | { failed: string };

/** A step, of which what each example adds to the gradient of an element is asked for. */
export interface Taken {
  readonly path: Path;
  readonly index: readonly number[];
  readonly number: number;
  readonly rate: number;
  readonly first: number;
  readonly state: State;
}

/** Parameters at a step of a branch. */
export interface Measurable {
  readonly branch: number;
  readonly step: number;
  readonly weighed: () => Weighed;
}

interface Source {
  readonly playing: boolean;
  readonly now: Measurable;
  /** The steps that are kept on the way there. */
  readonly kept: readonly Measurable[];
  /** Whether a step of a branch is on it. */
  readonly onWay: (branch: number, step: number) => boolean;
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
  /** By branch and step. */
  private columns = new Map<string, Flow>();
  /** What is being measured; null in its place once it is forgotten. */
  private asked: { of: { step: number; branch: number } | null } | null = null;
  private since = -Infinity;
  private took = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Those who wait for an answer, in the order in which they asked. */
  private readonly waiting: ((measured: Measured) => void)[] = [];

  /** `document` is what the worker reads the network and its examples from. */
  constructor(document: unknown, worker: () => Worker, source: () => Source, emit: (flow: Flow) => void) {
    this.document = document;
    this.begin = worker;
    this.source = source;
    this.emit = emit;
  }

  /** What was measured of a branch, by step. */
  of(branch: number): Flow[] {
    return [...this.columns.values()].filter((one) => one.branch === branch).sort((a, b) => a.step - b.step);
  }

  /** There is another moment, or none runs any more. */
  wake(): void {
    if (this.broken || this.asked !== null) return;
    const wait = this.source().playing ? this.since + Math.max(PERIOD, this.took / FRACTION) - performance.now() : 0;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.next(), Math.max(0, wait));
  }

  /** All that was measured, for the training was begun anew. */
  forget(): void {
    this.columns.clear();
    if (this.asked !== null) this.asked.of = null;
  }

  close(): void {
    clearTimeout(this.timer);
    this.end("closed");
    this.worker?.terminate();
  }

  /** The answer of a worker; null where there is none. */
  async ask(asked: Asked): Promise<Measured | null> {
    if (this.broken) return null;
    try {
      return await this.tell(asked);
    } catch {
      this.end("no worker"); // not every browser lets a page from a disk have a worker
      return null;
    }
  }

  private end(why: string): void {
    this.broken = true;
    this.waiting.splice(0).forEach((resolve) => resolve({ failed: why }));
  }

  private next(): void {
    if (this.broken || this.asked !== null) return;
    const source = this.source();
    const { now, playing } = source;
    const wanted = !this.known(now) ? now : playing ? null : this.farthest(source);
    if (wanted === null) return;
    this.asked = { of: { step: wanted.step, branch: wanted.branch } };
    this.since = performance.now();
    void this.ask({ column: wanted.weighed() }).then((measured) => {
      if (measured !== null) this.take(measured);
    });
  }

  /** Of the steps that are kept the one farthest from all that were measured; null where they are close enough. */
  private farthest({ kept, now, onWay }: Source): Measurable | null {
    const known = [...this.columns.values()].filter(({ branch, step }) => onWay(branch, step)).map(({ step }) => step);
    if (this.columns.size >= MOST) return null;
    const far = (step: number): number => Math.min(...known.map((one) => Math.abs(one - step)));
    const best = kept.reduce<Measurable | null>((a, b) => (a !== null && far(a.step) >= far(b.step) ? a : b), null);
    return best !== null && 2 * far(best.step) > now.step / MOST ? best : null;
  }

  private known({ branch, step }: { branch: number; step: number }): boolean {
    return this.columns.has(`${branch}:${step}`);
  }

  private begun(): Worker {
    const worker = this.begin();
    worker.onmessage = ({ data }: MessageEvent<Measured>) => this.waiting.shift()?.(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.end(event.message);
    };
    worker.postMessage({ document: this.document } satisfies Asked);
    return worker;
  }

  private tell(asked: Asked): Promise<Measured> {
    this.worker ??= this.begun();
    return new Promise((resolve, reject) => {
      this.waiting.push(resolve);
      try {
        this.worker!.postMessage(asked);
      } catch (error) {
        this.waiting.pop();
        reject(error as Error);
      }
    });
  }

  private take(measured: Measured): void {
    const { of } = this.asked!;
    this.asked = null;
    this.took = performance.now() - this.since;
    if (!("column" in measured)) {
      this.end("failed");
      return;
    }
    if (of !== null) {
      const flow = { ...of, layers: measured.column };
      this.columns.set(`${of.branch}:${of.step}`, flow);
      this.emit(flow);
    }
    this.wake();
  }
}
