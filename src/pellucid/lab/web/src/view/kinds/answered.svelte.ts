// An answer of the lab that a view shows: asked when the view is in sight, again at each moment that is shown, and shown
// calmly where it is refused. Unlike common/fresh.svelte.ts, where another question overtakes the one that is out, here
// it waits, as a view's answer may take seconds of the machine that trains, and until it is answered the last answer stands.

import { untrack } from "svelte";
import type { Store } from "../../store/contract";
import { latest } from "./latest";

export interface Answered<Q, A> {
  readonly value: A | null;
  /** What `value` answers. */
  readonly question: Q | null;
  /** Why there is no newer answer, in words. */
  readonly refusal: string | null;
}

export interface How<Q> {
  /** Whether the view is in sight; out of it nothing is asked, and what is known stays. */
  seen?: () => boolean;
  /** Whether the answer changes while the network trains. */
  moments?: boolean;
  /** What distinguishes one question from another, where the whole question is too long to compare. */
  key?: (question: Q) => string;
}

/** Call while a component is set up. `question` is read as a signal; null asks nothing and forgets. */
export function answered<Q, A>(
  store: Store,
  question: () => Q | null,
  ask: (question: Q) => Promise<A>,
  { seen = () => true, moments = true, key = (q) => JSON.stringify(q) }: How<Q> = {},
): Answered<Q, A> {
  let value = $state.raw<A | null>(null);
  let known = $state.raw<Q | null>(null);
  let refusal = $state.raw<string | null>(null);
  let about: string | null = null;
  let asked = "";

  const pace = latest(
    ask,
    (answer: A, q: Q) => {
      if (about === null) return;
      [value, known, refusal] = [answer, q, null];
    },
    (error: unknown, q: Q) => {
      if (about === key(q)) refusal = store.reason(error);
    },
    (took) => store.repeats.rest(took),
  );
  $effect(() => pace.close);
  const asking = $derived(question() !== null && seen());
  $effect(() => (asking ? store.repeats.enter() : undefined));

  const moment = $derived(moments ? `${store.live?.branch} ${store.live?.step}` : "");
  $effect(() => {
    const q = question();
    const now = q === null ? null : key(q);
    const whole = `${now} ${moment}`;
    const visible = seen();
    untrack(() => {
      if (q === null) {
        pace.rest();
        [value, known, refusal, about, asked] = [null, null, null, null, ""];
      } else if (!visible) {
        pace.rest();
        asked = "";
      } else if (whole !== asked) {
        const again = now === about;
        [about, asked] = [now, whole];
        // At rest nothing is taken from the training, and what stands there is of another step.
        pace.put(q, again && store.state?.playing === true);
      }
    });
  });

  return {
    get value() {
      return value;
    },
    get question() {
      return known;
    },
    get refusal() {
      return refusal;
    },
  };
}
