import { describe, expect, it } from "vitest";

import { joined } from "../../src/model/time/history";
import type { Branch, History } from "../../src/model/wire/protocol";
import { columnSamples, thin } from "../../src/model/time/thin";
import { differences, flowAlong, flowOf, lineage, lossAt, rateSlider, parting } from "../../src/model/time/time";

const piece = (from: number, loss: number[], branch = 0): History => ({ branch, from, loss: Float64Array.from(loss), epochs: [] });

describe("a history that grows", () => {
  it("takes pieces one after another, over and inside each other", () => {
    let whole = joined(undefined, piece(1, [1, 2, 3]))!;
    whole = joined(whole, piece(4, [4, 5]))!;
    expect([...whole.loss]).toEqual([1, 2, 3, 4, 5]);
    expect([...joined(whole, piece(4, [4, 5, 6]))!.loss]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...joined(whole, piece(2, [9]))!.loss]).toEqual([1, 9, 3, 4, 5]);
    expect([...joined(whole, piece(6, []))!.loss]).toHaveLength(5);
    expect(joined(whole, piece(7, [7]))).toBeNull();
  });
  it("takes one that begins before what is known", () => {
    expect([...joined(piece(4, [4, 5]), piece(1, [1, 2, 3]))!.loss]).toEqual([1, 2, 3, 4, 5]);
    expect([...joined(piece(4, [4, 5]), piece(1, [1, 2, 3, 8]))!.loss]).toEqual([1, 2, 3, 8, 5]);
    expect([...joined(piece(9, [4, 5]), piece(1, [1]))!.loss]).toEqual([1]);
  });
  it("leaves what was handed out before as it was", () => {
    let whole = joined(piece(1, [1]), piece(2, [2]))!;
    const before = whole;
    whole = joined(whole, piece(3, [3]))!;
    expect([...before.loss]).toEqual([1, 2]);
    expect([...whole.loss]).toEqual([1, 2, 3]);
    // Two futures of one past do not write into each other.
    const a = joined(before, piece(3, [7, 7]))!;
    expect([...whole.loss]).toEqual([1, 2, 3]);
    expect([...a.loss]).toEqual([1, 2, 7, 7]);
  });
  it("keeps each epoch once", () => {
    const epoch = (n: number) => ({ epoch: n, step: 10 * n, metrics: { accuracy: n } });
    const a = { ...piece(1, Array(12).fill(0)), epochs: [epoch(1)] };
    const b = { ...piece(10, Array(12).fill(0)), epochs: [epoch(1), epoch(2)] };
    expect(joined(a, b)!.epochs.map((one) => one.epoch)).toEqual([1, 2]);
  });
  it("appends to a million steps at the cost of what is new", () => {
    let whole = joined(undefined, { ...piece(1, []), loss: new Float64Array(1e6) })!;
    whole = joined(whole, piece(1e6 + 1, [1]))!;
    for (let k = 0; k < 1000; k++) whole = joined(whole, piece(1e6 + 2 + k, [k]))!;
    expect(whole.loss.length).toBe(1e6 + 1001);
  });
});

describe("thinning", () => {
  it("leaves a short curve alone, with gaps where it has nothing", () => {
    const out = thin([{ from: 2, values: Float64Array.from([5, NaN, 7]) }], 0, 6, 10);
    expect(out.x).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(out.y).toEqual([[null, null, 5, null, 7, null, null]]);
  });
  it("keeps every extreme of a long one, and their order", () => {
    const values = Float64Array.from({ length: 100_000 }, (_, k) => Math.sin(k / 1000));
    values[54_321] = 9;
    values[54_322] = -9;
    const { x, y } = thin([{ from: 1, values }], 0, 100_000, 200);
    expect(x).toHaveLength(400);
    expect(x.every((value, k) => k === 0 || value > x[k - 1]!)).toBe(true);
    const at = y[0]!.indexOf(9);
    expect(y[0]![at + 1]).toBe(-9);
    expect(Math.abs(x[at]! - 54_322)).toBeLessThan(501);
  });
  it("has some points a pixel, of a million steps", () => {
    const values = Float64Array.from({ length: 1e6 }, (_, k) => 1 / (k + 1));
    expect(thin([{ from: 1, values }], 0, 1e6, 800).y[0]!.length).toBeLessThan(4000);
  });
  it("has nothing to show of nothing", () => {
    expect(thin([], 0, 10, 5).y).toEqual([]);
  });

  it("begins a branch at the step where it left", () => {
    const values = Float64Array.from([3, 2, 1]);
    expect(thin([{ from: 3, values, before: 4 }], 0, 5, 10).y).toEqual([[null, null, 4, 3, 2, 1]]);
    const late = { from: 51, values: Float64Array.from({ length: 50 }, (_, k) => k), before: 7 };
    const [line] = thin([late], 0, 100, 10).y;
    expect(line!.slice(0, 10).every((value) => value === null)).toBe(true);
    expect(line![10]).toBe(7);
    expect(thin([{ from: 1, values: new Float64Array() }], 0, -1, 5).x).toEqual([]);
  });
  it("finds for each column the sample that was taken in it, and leaves a gap where none was", () => {
    expect([...columnSamples([0, 50, 55, 90], 100, 10)]).toEqual([0, -1, -1, -1, -1, 2, -1, -1, -1, 3]);
    expect([...columnSamples([3, 2022], 2022, 5)], "two of two thousand").toEqual([0, -1, -1, -1, 1]);
    expect([...columnSamples([], 100, 3)]).toEqual([-1, -1, -1]);
  });
  it("gives a step that is wider than a column all of its width", () => {
    expect([...columnSamples([0, 1, 2, 3, 4], 4, 8)]).toEqual([0, 1, 1, 2, 2, 3, 3, 4]);
    expect([...columnSamples([0, 1, 3, 4], 4, 8)]).toEqual([0, 1, 1, -1, -1, 2, 2, 3]);
    for (const [last, columns] of [[10, 640], [37, 640], [640, 640], [639, 640]] as const) {
      const every = Array.from({ length: last + 1 }, (_, step) => step);
      expect([...columnSamples(every, last, columns)].every((k, x) => Math.abs(k - (x * last) / columns) <= 1)).toBe(true);
    }
  });
});

describe("branches", () => {
  const branches: Branch[] = [
    { id: 0, parent: null, at: 0, last: 6, change: null },
    { id: 1, parent: 0, at: 3, last: 7, change: null },
    { id: 2, parent: 1, at: 2, last: 5, change: null },
  ];
  const history = { 0: piece(1, [1, 2, 3, 4, 5, 6]), 1: piece(4, [14, 15, 16, 17], 1), 2: piece(3, [23, 24, 25], 2) };
  it("come from one another", () => {
    expect(lineage(branches, 0)).toEqual([{ id: 0, until: 6 }]);
    expect(lineage(branches, 1)).toEqual([{ id: 0, until: 3 }, { id: 1, until: 7 }]);
    expect(lineage(branches, 2)).toEqual([{ id: 0, until: 2 }, { id: 1, until: 2 }, { id: 2, until: 5 }]);
    expect(lineage(branches, 9)).toEqual([]);
  });
  it("have the loss of those they left", () => {
    expect([1, 3, 4, 7].map((step) => lossAt(history, branches, 1, step))).toEqual([1, 3, 14, 17]);
    expect([2, 3].map((step) => lossAt(history, branches, 2, step))).toEqual([2, 23]);
    expect(lossAt(history, branches, 0, 8)).toBeNull();
  });
  it("are compared over the steps that both have", () => {
    expect(differences(history, branches, 1, 0, 2)).toEqual([
      { row: "last", count: 6, a: 16, b: 6 },
      { row: "mean", count: 2, a: 15.5, b: 5.5 },
      { row: "lowest", count: 3, a: 14, b: 4 },
    ]);
    expect(differences(history, branches, 1, 0)[1], "three steps apart, however many are asked for").toEqual(
      { row: "mean", count: 3, a: 15, b: 5 },
    );
    expect(differences({}, branches, 0, 1)).toEqual([]);
  });
  it("have nothing to compare before both went on", () => {
    const young = [...branches, { id: 3, parent: 0, at: 6, last: 6, change: null }, { id: 4, parent: 0, at: 5, last: 8, change: null }];
    const known = { ...history, 3: piece(7, [], 3), 4: piece(6, [1, 1, 1], 4) };
    expect(differences(known, young, 3, 0)).toEqual([]);
    expect(differences(known, young, 3, 4).map(({ row, count }) => [row, count])).toEqual([["last", 6], ["lowest", 1]]);
    expect([parting(young, 1, 0), parting(young, 1, 2), parting(young, 3, 4), parting(young, 2, 3)]).toEqual([3, 2, 5, 2]);
  });
  it("have the gradients of those they left", () => {
    const flow = (branch: number, step: number) => ({ branch, step, layers: [] });
    const measured = { 0: [flow(0, 0), flow(0, 2), flow(0, 3), flow(0, 5)], 1: [flow(1, 2), flow(1, 6)] };
    const along = flowAlong(measured, branches, 1);
    expect(along.map((one) => [one.branch, one.step]), "what the change did is not in the parent's own").toEqual(
      [[0, 0], [1, 2], [1, 6]],
    );
    const of = (step: number, playing: boolean) => flowOf(measured, branches, { branch: 1, step }, playing)?.step ?? null;
    expect([0, 2, 3, 5, 6, 9].map((step) => of(step, false)), "at rest of this very step").toEqual([0, 2, null, null, 6, null]);
    expect([0, 1, 3, 9].map((step) => of(step, true)), "else never of a later one").toEqual([0, 0, 2, 6]);
    expect(flowOf({}, branches, { branch: 1, step: 3 }, true)).toBeNull();
  });
});

describe("the slider of the learning rate", () => {
  it("is a logarithm, and gives round numbers", () => {
    expect(rateSlider.rate(-2)).toBe(0.01);
    expect(rateSlider.rate(-2.5)).toBe(0.0032);
    expect(rateSlider.position(0.1)).toBeCloseTo(-1);
    expect(rateSlider.position(0)).toBe(-6);
  });
});
