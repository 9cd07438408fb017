// The lesson that is played: which, and at which of its steps. Both stand in the address.

import { bare, clamped, placeOf, type Lesson, type LessonAt } from "../model/lesson/lessons";
import type { Description, Lab } from "../model/wire/protocol";
import type { Routing } from "./routing.svelte";

export class Lessons {
  #all = $state.raw<Lesson[]>([]);
  #loading: Promise<void> | null = null;
  #begun = false;
  #lab: Lab;
  #routing: Routing;
  #description: () => Description | null;

  constructor(lab: Lab, routing: Routing, description: () => Description | null) {
    this.#lab = lab;
    this.#routing = routing;
    this.#description = description;
  }

  /** Those that may be begun here. */
  get all(): readonly Lesson[] {
    return this.#all;
  }

  /** The one that is played, of what is on show. */
  get playing(): Lesson | null {
    const { at } = this;
    const description = this.#description();
    if (at === null || description === null) return null;
    return this.#all.find((lesson) => lesson.name === at.name && (lesson.task ?? null) === description.task) ?? null;
  }

  /** The one that follows the one that is played, in the order in which they are offered. */
  get next(): Lesson | null {
    const { playing } = this;
    return playing === null ? null : (this.#all[this.#all.indexOf(playing) + 1] ?? null);
  }

  get at(): LessonAt | null {
    return this.#routing.lesson;
  }

  /** The number of the step, from 1. */
  get step(): number {
    return this.playing === null ? 0 : clamped(this.playing, this.at?.step ?? 1);
  }

  /** Ask for them, once; a lab of another version may know none. */
  load(): Promise<void> {
    this.#loading ??= this.#lab.request("lessons", {}).then((all) => void (this.#all = all), () => undefined);
    return this.#loading;
  }

  /** The lab of a network of one's own that has a lesson begins with it. */
  beginOwn(): void {
    const [only] = this.#all;
    const own = this.#description()?.task === null && this.#all.length === 1 && (only?.task ?? null) === null;
    if (!own || !this.#routing.fresh || this.#begun) return;
    this.#begun = true;
    this.#routing.lesson = { name: only!.name, step: 1 };
    this.#routing.write();
  }

  /** Those about what is on show. */
  get here(): readonly Lesson[] {
    const description = this.#description();
    return description === null ? [] : this.#all.filter((lesson) => (lesson.task ?? null) === description.task);
  }

  /** Whether the place is still to be brought to what the step is about: nothing but the lesson was asked for. */
  get due(): boolean {
    return bare(this.#routing.place) && this.playing !== null && placeOf(this.playing, this.step) !== null;
  }
}
