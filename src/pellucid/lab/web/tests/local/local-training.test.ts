import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Answer, Request } from "../../src/local/training/steps";
import { Trainer } from "../../src/local/training/trainer";

/** A trainer of whose steps only the pace counts. */
function trainer() {
  const description = { state: { step: 0, learning_rate: 0.1, branches: [{ id: 0, last: 0 }] }, training: { batch_size: 1 } };
  const saved = { description, parameters: new Map(), training: { program: { inputs: new Map() } }, history: { from: 1, loss: [], epochs: [] } };
  const made = new Trainer(saved as never, { count: () => 4 } as never, { state() {}, history() {}, moved() {}, forgot() {} });
  const taken = vi.fn();
  const advance = async ({ count }: Request): Promise<Answer> => {
    taken();
    const losses = new Array<number>(Math.min(count, 1)).fill(1);
    return { losses, tallies: [], judged: [], state: {}, before: {}, kept: [], stopped: false };
  };
  Object.assign(made, { steps: { beside: true, advance, close() {} } });
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
    made.act({ do: "play" });
    await vi.advanceTimersByTimeAsync(2000);
    expect(taken.mock.calls.length).toBeGreaterThan(30);
    expect(taken.mock.calls.length).toBeLessThan(50);
    expect(made.state.step).toBe(taken.mock.calls.length);
    made.close();
    await vi.advanceTimersByTimeAsync(200);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("training beside the page", () => {
  const SHOWN = 40;

  /** What is asked of those that take the steps, and when the page shows something, which takes a while. */
  async function played(ms: number) {
    const [order, times]: [string[], number[]] = [[], []];
    const { made } = trainer();
    const advance = async ({ time }: Request): Promise<Answer> => {
      order.push("asked");
      times.push(time);
      await new Promise((resolve) => setTimeout(resolve, time));
      return { losses: [1], tallies: [], judged: [], state: {}, before: {}, kept: [], stopped: false };
    };
    const moved = () => {
      order.push("shown");
      vi.advanceTimersByTime(SHOWN);
    };
    Object.assign(made, { steps: { beside: true, advance, close() {} }, listener: { state() {}, history() {}, moved, forgot() {} } });
    made.act({ do: "play" });
    await vi.advanceTimersByTimeAsync(ms);
    made.close();
    return { order, times };
  }

  it("has been told what comes next before the page shows anything", async () => {
    const { order } = await played(1000);
    expect(order.slice(0, 5)).toEqual(["asked", "asked", "shown", "asked", "shown"]);
  });

  it("goes on for ten times as long as the page takes to show where it is", async () => {
    const { times } = await played(3000);
    expect(times.slice(0, 2)).toEqual([100, 100]);
    expect(Math.min(...times.slice(2))).toBeGreaterThanOrEqual(10 * SHOWN);
  });
});

describe("beginning anew in a saved file", () => {
  const table = (value: number) => ({ shape: [1], data: Float32Array.of(value), whole: false });
  const saved = (initial: Map<string, unknown> | null) => ({
    description: {
      state: { branch: 0, step: 2, learning_rate: 0.1, loss: 0.5, metrics: { accuracy: 1 }, measured: 2, branches: [{ id: 0, last: 2 }] },
      training: { batch_size: 1 },
    },
    parameters: new Map([["w", table(5)]]), initial,
    training: { program: { inputs: new Map() }, rate: 0.3 },
    history: { branch: 0, from: 1, loss: Float64Array.of(2, 0.5), epochs: [{ step: 2, epoch: 1, metrics: {} }] },
  });
  const made = (initial: Map<string, unknown> | null) =>
    new Trainer(saved(initial) as never, { count: () => 4 } as never, { state() {}, history() {}, moved() {}, forgot() {} });

  it("goes back to the untrained parameters, and forgets what was recorded", () => {
    const trainer = made(new Map([["w", table(1)]]));
    expect([trainer.first, trainer.anew, trainer.history(0, 1).loss.length]).toEqual([2, false, 2]);
    const state = trainer.act({ do: "reset" });
    expect(state).toMatchObject({ step: 0, first: 0, epoch: 0, loss: null, metrics: {}, measured: null, learning_rate: 0.3 });
    expect([trainer.anew, trainer.moved, trainer.parameters.get("w")!.data[0]]).toEqual([true, true, 1]);
    expect(trainer.history(0, 1)).toMatchObject({ from: 1, epochs: [] });
    expect(trainer.history(0, 1).loss).toHaveLength(0);
  });
  it("goes back to what was saved where the file has no others", () => {
    const state = made(null).act({ do: "reset" });
    expect(state).toMatchObject({ step: 2, first: 2, loss: 0.5, metrics: { accuracy: 1 } });
  });
});
