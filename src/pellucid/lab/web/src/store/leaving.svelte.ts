// The question that stands before steps of a training are lost: for another task, or by one change more than are kept.

import type { Description, State, Words } from "../model/wire/protocol";

/** What would be lost, and what would be opened. */
export interface Loss {
  /** Of the training on show; null where networks before a change would be lost. */
  title: Words | null;
  steps: number;
  branches: number;
  /** Of the task to open, where its name is known. */
  next: Words | null;
}

/** The steps that opening another task would lose: of all branches, and of the networks that a change can be taken back to. */
export function stepsOf({ kept }: Description, { branches, first = 0 }: State): number {
  return branches.reduce((sum, { at, last }) => sum + Math.max(0, last - Math.max(at, first)), kept ?? 0);
}

export class Leaving {
  #asked = $state.raw<Loss | null>(null);
  #resolve: ((leave: boolean) => void) | null = null;

  get asked(): Loss | null {
    return this.#asked;
  }

  /** Whether a person wants to lose what is on show. Where nothing would be lost, nobody is asked. */
  ask(description: Description, state: State, next: Words | null): Promise<boolean> {
    const steps = description.can.train ? stepsOf(description, state) : 0;
    return this.#ask({ title: description.title, steps, branches: state.branches.length, next });
  }

  /** Whether a person wants to change the network all the same, where that ends some that could be returned to. */
  askChange(description: Description | null): Promise<boolean> {
    return this.#ask({ title: null, steps: description?.ending ?? 0, branches: 1, next: null });
  }

  #ask(loss: Loss): Promise<boolean> {
    if (loss.steps === 0) return Promise.resolve(true);
    this.answer(false);
    this.#asked = loss;
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  answer(leave: boolean): void {
    const resolve = this.#resolve;
    [this.#asked, this.#resolve] = [null, null];
    resolve?.(leave);
  }
}
