// Where the person is, and the link that says so.

import type { Place } from "../model/place/place";
import { format, HOME, outward, parse, type Link } from "../model/place/route";
import type { Description, State } from "../model/wire/protocol";
import type { Address } from "./contract";

const STEP_DELAY = 400;

export function fixedAddress(): Address {
  let at = "#/";
  return { read: () => at, write: (hash) => void (at = hash), on: () => () => undefined, whole: (hash) => hash };
}

export function same(a: Place, b: Place): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export class Routing {
  #place = $state.raw<Place>(HOME);
  #lesson = $state.raw<Link["lesson"]>(null);
  /** Whether the page was opened with no place, no lesson and nothing else that a link says. */
  readonly fresh: boolean;

  #address: Address;
  #current: () => { description: Description | null; state: State | null };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(address: Address, current: () => { description: Description | null; state: State | null }) {
    this.#address = address;
    this.#current = current;
    this.fresh = /^#?\/?$/.test(address.read());
  }

  get place() { return this.#place; }
  set place(place: Place) { this.#place = place; }
  /** The lesson that is played, and its step. */
  get lesson(): Link["lesson"] { return this.#lesson; }
  set lesson(lesson: Link["lesson"]) { this.#lesson = lesson; }

  /** The link that the page was opened with. */
  read(): Link {
    return parse(this.#address.read());
  }

  /** Bring the address to where the person is; `push` makes an entry that the back button returns to. */
  write(push = false): void {
    const { description, state } = this.#current();
    const still = state !== null && !state.playing && description?.can.train && state.step > 0;
    const place = { ...this.#place, step: still ? state.step : null };
    const branch = still && state.branch !== 0 ? state.branch : null;
    const link = { place, branch, task: description?.task ?? null, lesson: this.#lesson };
    this.#address.write(format(link, description?.layers), push);
  }

  /** Bring the address to a link before it is followed: where that leads to another file, it goes along. */
  announce(link: string): void {
    this.#address.write(link, true);
  }

  /** The step stands in the link only while it stands still. */
  settle(state: State): void {
    this.stop();
    if (!state.playing) this.#timer = setTimeout(() => this.write(), STEP_DELAY);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The place that a change of the present one leads to. */
  toward(place: Partial<Place>): Place {
    const next = { ...this.#place, step: null, ...place };
    // A shallower depth ends the deeper ones: go({path}) is the layer, whatever unit was in focus.
    if ("view" in place && place.view !== null) Object.assign(next, { path: null, index: null });
    else if ("path" in place) next.view = null;
    if ("path" in place && !("index" in place)) next.index = null;
    if (("path" in place || "index" in place) && !("term" in place)) next.term = null;
    if (next.index === null) next.term = null;
    if (next.term === null || !("product" in place)) next.product = next.term !== null && place.product === true;
    return next;
  }

  outward(): Partial<Place> {
    return outward(this.#place, this.#current().description?.layers);
  }

  link(place: Partial<Place>): string {
    const { description } = this.#current();
    const link = { place: this.toward(place), task: description?.task, lesson: this.#lesson };
    return format(link, description?.layers);
  }

  /** A link for another person, with the weights if they are few enough to be written in it. */
  share(weights: string | null): string {
    const { description, state } = this.#current();
    const place = { ...this.#place, step: weights === null ? (state?.step ?? null) : null };
    const branch = weights === null ? (state?.branch ?? null) : null;
    return this.#address.whole(
      format({ place, branch, weights, task: description?.task ?? null, lesson: this.#lesson }, description?.layers),
    );
  }
}
