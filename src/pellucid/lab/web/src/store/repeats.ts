// What views ask again at every moment while a network trains: all of them together, however many are open, take a
// tenth of the time, and a view whose answers are quick shows more of them than one whose answers take long. A training
// that is played slowly, to be looked at, leaves half of the time.

const [FRACTION, SLOWLY] = [0.1, 0.5];
/** A view that takes seconds is asked again after so many milliseconds at the latest. */
const LONGEST = 30_000;

export class Repeats {
  #views = new Set<symbol>();
  #slow: () => boolean;

  /** `slow`: whether the training waits between its steps. */
  constructor(slow: () => boolean) {
    this.#slow = slow;
  }

  /** Another view asks again and again, until what comes back is called. */
  enter(): () => void {
    const view = Symbol();
    this.#views.add(view);
    return () => void this.#views.delete(view);
  }

  /** How long a view rests after an answer that took so long. */
  rest(took: number): number {
    return Math.min(LONGEST, took * (Math.max(1, this.#views.size) / (this.#slow() ? SLOWLY : FRACTION) - 1));
  }
}
