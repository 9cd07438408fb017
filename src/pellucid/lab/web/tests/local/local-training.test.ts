import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Trainer } from "../../src/local/training";

/** A trainer of whose steps only the pace counts. */
function trainer() {
  const description = { state: { step: 0, learning_rate: 0.1, branches: [{ id: 0, last: 0 }] }, training: { batch_size: 1 } };
  const saved = { description, parameters: new Map(), training: { program: { inputs: new Map() } }, history: { from: 1, loss: [], epochs: [] } };
  const made = new Trainer(saved as never, { count: () => 4 } as never, { state() {}, history() {}, moved() {} });
  const taken = vi.fn();
  Object.assign(made, { take: () => { taken(); (made as unknown as { step: number }).step += 1; } });
  return { made, taken };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("playing in a saved file", () => {
  it("goes at one pace, however often it was begun", async () => {
    const { made, taken } = trainer();
    made.act({ do: "speed", speed: 20 });
    for (let k = 0; k < 3; k++) {
      made.act({ do: "play" });
      made.act({ do: "play" });
      made.act({ do: "pause" });
    }
    expect(vi.getTimerCount()).toBe(0);
    made.act({ do: "play" });
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(taken.mock.calls.length).toBeGreaterThan(30);
    expect(taken.mock.calls.length).toBeLessThan(50);
    expect(vi.getTimerCount()).toBe(1);
    made.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
