// Questions that are asked again and again while training goes on: one at a time, the newest last, stale answers dropped,
// and as long a rest between two as an answer took, several times over, so that the training keeps the machine.

const REST = 4;
const MOST_REST = 2000;

export function latest<Q, A>(
  ask: (question: Q) => Promise<A>,
): (question: Q, take: (answer: A) => void, refuse: (message: string) => void) => void {
  let busy = false;
  let waiting: (() => void) | null = null;

  function free(): void {
    busy = false;
    const next = waiting;
    waiting = null;
    next?.();
  }

  return function put(question, take, refuse): void {
    const run = (): void => {
      busy = true;
      const began = performance.now();
      ask(question)
        .then(take, (error: unknown) => refuse(error instanceof Error ? error.message : String(error)))
        .finally(() => setTimeout(free, Math.min(MOST_REST, REST * (performance.now() - began))));
    };
    if (busy) waiting = run;
    else run();
  };
}
