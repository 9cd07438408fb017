// An answer that stays true while training goes on: asked anew at each moment that is shown, one question at a time,
// the answers to what is no longer asked dropped. Unlike kinds/answered.svelte.ts, where another question waits for the
// one that is out, here it overtakes it, as the number that a person has gone to is to be explained at once.

import { untrack } from "svelte";
import type { Curve, Explanation, Moment, Path } from "../../model/wire/protocol";
import { plainly } from "../../model/arithmetic/segments";
import type { Store } from "../../store/contract";

export interface Fresh<A> {
  readonly value: A | null;
  /** Why there is no answer, in words. */
  readonly refusal: string | null;
}

export interface Question {
  path: Path;
  index: number[];
  limit?: number;
}

/** At least so much time between two questions of one place; training is not to wait for them. */
const PAUSE = 250;

/**
 * Call while a component is set up. `question` is read as a signal; `subject` says which part of a question makes the
 * old answer useless (a larger limit does not). With a `delay` others may ask first: answers come one by one.
 */
export function fresh<Q, A>(
  store: Store,
  question: () => Q | null,
  ask: (question: Q, input: string) => Promise<A>,
  subject: (question: Q) => unknown = (q) => q,
  pause = PAUSE,
  delay = 0,
): Fresh<A> {
  let value = $state.raw<A | null>(null);
  let refusal = $state.raw<string | null>(null);
  let wanted: { question: Q; input: string } | null = null;
  let about = "";
  let serial = 0;
  let busy = false;
  let stale = false;
  let last = -Infinity;
  let [ended, took] = [-Infinity, 0];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leave: (() => void) | null = null;

  async function run(): Promise<void> {
    timer = undefined;
    if (wanted === null) return;
    const mine = ++serial;
    busy = true;
    stale = false;
    last = performance.now();
    try {
      const answer = await ask(wanted.question, wanted.input);
      if (mine === serial) [value, refusal] = [answer, null];
    } catch (error) {
      if (mine === serial) [value, refusal] = [null, store.reason(error)];
    } finally {
      if (mine === serial) {
        ended = performance.now();
        took = ended - last;
        busy = false;
        if (stale) soon();
      }
    }
  }

  function soon(): void {
    // At rest nothing is taken from the training, and what stands there is of another step.
    const now = performance.now();
    const wait = store.state?.playing === false ? 0 : Math.max(pause - (now - last), store.repeats.rest(took) - (now - ended));
    if (busy) stale = true;
    else timer ??= setTimeout(() => void run(), Math.max(0, wait));
  }

  // Another question is asked at once; the same one at another moment, in its time.
  const key = $derived.by(() => {
    const q = question();
    const input = store.place.input;
    return q === null || input === null ? "" : JSON.stringify([q, input]);
  });
  $effect(() => {
    const now = key;
    untrack(() => {
      clearTimeout(timer);
      timer = undefined;
      const q = question();
      const input = store.place.input;
      if (now === "" || q === null || input === null) {
        [wanted, value, refusal, about] = [null, null, null, ""];
        serial++;
        busy = false;
        gone();
        return;
      }
      leave ??= store.repeats.enter();
      const next = JSON.stringify([subject(q), input]);
      if (next !== about) [value, refusal] = [null, null];
      about = next;
      wanted = { question: q, input };
      if (delay > 0) timer = setTimeout(() => void run(), delay);
      else void run();
    });
  });
  const moment = $derived(`${store.live?.branch} ${store.live?.step} ${store.live?.input}`);
  let before: string | null = null;
  $effect(() => {
    const now = moment;
    if (before !== null && before !== now) untrack(() => wanted && soon());
    before = now;
  });
  // Who waits for a training that has come to rest need not wait any longer.
  $effect(() => {
    if (store.state?.playing !== false || timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    untrack(soon);
  });
  function gone(): void {
    leave?.();
    leave = null;
  }
  $effect(() => () => {
    serial++;
    clearTimeout(timer);
    gone();
  });

  return {
    get value() {
      return value;
    },
    get refusal() {
      return refusal;
    },
  };
}

export function explained(store: Store, question: () => Question | null, pause = PAUSE, delay = 0): Fresh<Explanation & Moment> {
  return fresh(
    store,
    question,
    async (q, input) => {
      const explanation = await store.lab.request("explain", { input, path: q.path, index: q.index, limit: q.limit ?? 100 });
      const terms = explanation.terms.map((term) => ({ ...term, text: plainly(term.text), numbers: plainly(term.numbers) }));
      return { ...explanation, terms, formula: plainly(explanation.formula), substituted: plainly(explanation.substituted) };
    },
    (q) => [q.path, q.index],
    pause,
    delay,
  );
}

export function curved(store: Store, question: () => Question | null): Fresh<(Curve & Moment) | null> {
  return fresh(
    store,
    question,
    (q, input) => store.lab.request("curve", { input, path: q.path, index: q.index }),
    (q) => q,
    2 * PAUSE,
    20,
  );
}
