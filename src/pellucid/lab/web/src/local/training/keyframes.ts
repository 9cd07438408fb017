// What there was at some steps, evenly over all of them: each time there are too many, every other is dropped.

const MOST = 48;

export class Keyframes<T> {
  readonly first: number;
  /** Of how many steps one is kept. */
  every: number;
  readonly most: number;
  private readonly kept = new Map<number, T>();

  constructor(first: number, { every = 1, most = MOST }: { every?: number; most?: number } = {}) {
    this.first = first;
    this.every = every;
    this.most = Math.max(2, Math.min(MOST, Math.floor(most)));
  }

  get all(): [number, T][] {
    return [...this.kept];
  }

  /** Keeps a step if it is one of those that are kept. */
  keep(step: number, made: () => T): void {
    if ((step - this.first) % this.every) return;
    this.kept.set(step, made());
    while (this.kept.size > this.most) {
      this.every *= 2;
      for (const other of this.kept.keys()) if ((other - this.first) % this.every) this.kept.delete(other);
    }
  }

  get(step: number): T | undefined {
    return this.kept.get(step);
  }

  /** The last kept step that is no later. */
  latest(step: number): number {
    return Math.max(...[...this.kept.keys()].filter((kept) => kept <= step));
  }

  /** Drops what comes later. */
  forget(step: number): void {
    for (const kept of this.kept.keys()) if (kept > step) this.kept.delete(kept);
  }
}
