// Questions that are asked again and again while training goes on. One at a time; of those that came meanwhile only the
// newest is asked. The same question at another moment waits for as long as `rest` says after its answer, so that the
// training keeps the machine; another question, which a person asked, waits only as long as the answer before it took.

const MAX_REST = 12_000;
/** After a refusal the same question is likely to be refused again. */
const REFUSED_REST = 4000;

export interface Latest<Q> {
  /** `again`: the question is the one before, at another moment. */
  put(question: Q, again?: boolean): void;
  /** Forget what waits; what is out is still answered. */
  rest(): void;
  /** For good: nothing more is asked, and no answer is taken. */
  close(): void;
}

export function latest<Q, A>(
  ask: (question: Q) => Promise<A>,
  take: (answer: A, question: Q) => void,
  refuse: (error: unknown, question: Q) => void,
  rest: (took: number) => number,
): Latest<Q> {
  let busy = false;
  let closed = false;
  let waiting: { question: Q } | null = null;
  let hurried = false;
  let free = 0;
  let soon = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function next(): void {
    clearTimeout(timer);
    if (busy || closed || waiting === null) return;
    const pause = (hurried ? soon : free) - performance.now();
    if (pause > 0) timer = setTimeout(next, pause);
    else void run(waiting.question);
  }

  async function run(question: Q): Promise<void> {
    [busy, waiting, hurried] = [true, null, false];
    const began = performance.now();
    let shortest = 0;
    try {
      const answer = await ask(question);
      if (!closed) take(answer, question);
    } catch (error) {
      shortest = REFUSED_REST;
      if (!closed) refuse(error, question);
    } finally {
      const now = performance.now();
      soon = now + Math.min(MAX_REST, now - began);
      free = now + Math.max(shortest, rest(now - began));
      busy = false;
      next();
    }
  }

  return {
    put(question, again = false) {
      waiting = { question };
      hurried ||= !again;
      next();
    },
    rest() {
      clearTimeout(timer);
      [waiting, hurried] = [null, false];
    },
    close() {
      clearTimeout(timer);
      [closed, waiting] = [true, null];
    },
  };
}
