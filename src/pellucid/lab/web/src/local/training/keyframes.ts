// What there was at some steps, evenly over all of them: each time there are too many, every other is dropped.

const MOST = 48;

export class Keyframes<T> {
  readonly first: number;
  /** Of how many steps one is kept. */
  every: number;
  private limit: number;
  private readonly kept = new Map<number, T>();

  constructor(first: number, { every = 1, most = MOST }: { every?: number; most?: number } = {}) {
    this.first = first;
    this.every = every;
    this.limit = bounded(most);
  }

  get all(): [number, T][] {
    return [...this.kept];
  }

  /** At most so many are kept. */
  get most(): number {
    return this.limit;
  }

  set most(most: number) {
    this.limit = bounded(most);
    this.thin();
  }

  /** Keeps a step if it is one of those that are kept. */
  keep(step: number, made: () => T): void {
    if ((step - this.first) % this.every) return;
    this.kept.set(step, made());
    this.thin();
  }

  get(step: number): T | undefined {
    return this.kept.get(step);
  }

  /** The last kept step that is no later; -Infinity where there is none. */
  latest(step: number): number {
    return [...this.kept.keys()].reduce((last, kept) => (kept <= step ? Math.max(last, kept) : last), -Infinity);
  }

  private thin(): void {
    while (this.kept.size > this.limit) {
      this.every *= 2;
      for (const other of this.kept.keys()) if ((other - this.first) % this.every) this.kept.delete(other);
    }
  }
}

function bounded(most: number): number {
  return Math.max(2, Math.min(MOST, Math.floor(most)));
}
