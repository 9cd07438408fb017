import { describe, expect, it } from "vitest";
import {
  bare,
  element,
  located,
  gradientOf,
  isGradient,
  neighbour,
  off,
  saturated,
  spot,
  explainable,
  updated,
  written,
} from "../../src/model/place/elements";
import { chosenFrom, gather } from "../../src/model/arithmetic/gather";
import { numberAt } from "../../src/model/numbers/panels";
import { explanation, layers, pixel, weight } from "../fake";

describe("elements", () => {
  it("have a path, a gradient, a layer", () => {
    expect(bare("d(dense_1.kernel)")).toBe("dense_1.kernel");
    expect(gradientOf("dense_1")).toBe("d(dense_1)");
    expect(gradientOf("d(dense_1)")).toBe("d(dense_1)");
    expect(isGradient("dense_1")).toBe(false);
    expect(located("d(dense_1.kernel)", layers)).toMatchObject({ parameter: true, layer: { path: "dense_1" } });
    expect(located("dense_1.sum", layers)?.parameter).toBe(false);
    expect(located("loss", layers)).toBeUndefined();
  });
  it("stand without the example's axis", () => {
    expect(spot("flatten_1", [0, 5], layers)).toEqual([5]);
    expect(spot("d(dense_1.sum)", [0, 2], layers)).toEqual([2]);
    expect(spot("dense_1.kernel", [5, 2], layers)).toEqual([5, 2]);
    expect(spot("d(dense_1.kernel)", [5, 2], layers)).toEqual([5, 2]);
    expect(spot("loss.l", [0], layers)).toEqual([]);
    expect(spot("loss", [], layers)).toEqual([]);
  });
  it("have an update, and what an optimiser keeps of them", () => {
    expect(updated("dense_1.kernel")).toBe("dense_1.kernel′");
    expect(bare("dense_1.kernel:first_moment′")).toBe("dense_1.kernel");
    expect(spot("dense_1.kernel:first_moment′", [5, 2], layers)).toEqual([5, 2]);
    expect(explainable("dense_1.kernel′", layers) && explainable("loss.l", layers) && explainable("d(loss)", layers)).toBe(true);
    expect(explainable("learning_rate", layers)).toBe(false);
  });
  it("of the last step keep their place in its batch, and lead on within it", () => {
    expect(isGradient("d(dense_1.sum)′")).toBe(true);
    expect(bare("d(dense_1.sum)′")).toBe("dense_1.sum");
    expect(gradientOf("dense_1.sum′")).toBe("d(dense_1.sum)′");
    expect(gradientOf("dense_1.kernel:first_moment′")).toBe("d(dense_1.kernel)′");
    expect(spot("d(dense_1.sum)′", [7, 2], layers)).toEqual([7, 2]);
    expect(located("d(dense_1.kernel)′", layers)).toMatchObject({ parameter: true, layer: { path: "dense_1" } });
  });
  it("are called by what they are", () => {
    expect(element({ shape: [3] }, "units", [2])).toEqual({ kind: "unit", unit: 2 });
    expect(element({ shape: [8, 8, 4] }, "maps", [4, 5, 3])).toEqual({ kind: "filter", filter: 3, row: 4, column: 5 });
    expect(element({ shape: [9, 4] }, "steps", [5, 3])).toEqual({ kind: "time", time: 5, unit: 3 });
    expect(element({ shape: [16, 3] }, "units", [5, 2])).toEqual({ kind: "index", index: "5,2" });
    expect(element({ shape: [] }, null, [])).toEqual({ kind: "whole" });
    expect(written("dense_1.kernel", [5, 2])).toBe("dense_1.kernel[5,2]");
    expect(written("loss", [])).toBe("loss");
  });
  it("have neighbours", () => {
    expect(neighbour([3, 2], [0, 1], 1)).toEqual([1, 0]);
    expect(neighbour([3, 2], [1, 0], -1)).toEqual([0, 1]);
    expect(neighbour([3, 2], [2, 1], 1)).toBeNull();
    expect(neighbour([3], [0], -1)).toBeNull();
  });
  it("may be saturated or off", () => {
    expect([
      saturated("sigmoid", 0.999),
      saturated("sigmoid", 0.5),
      saturated("tanh", -0.99),
      saturated("relu", 5),
    ]).toEqual([true, false, true, false]);
    expect([off("relu", 0), off("relu", 0.1), off("tanh", 0)]).toEqual([true, false, false]);
  });
});

describe("gather", () => {
  it("lays inputs, weights and products as the picture that was flattened", () => {
    const [inputs, weights, terms] = gather(explanation(2), layers);
    expect(inputs).toMatchObject({ path: "flatten_1", what: "source", parameter: false, numbers: { shape: [4, 4] } });
    expect(weights).toMatchObject({ path: "dense_1.kernel", parameter: true, numbers: { shape: [4, 4] } });
    expect(terms?.what).toBe("terms");
    expect(numberAt(inputs!.numbers, [1, 2])).toBeCloseTo(pixel(6));
    expect(numberAt(weights!.numbers, [1, 2])).toBeCloseTo(weight(6, 2));
    expect(numberAt(terms!.numbers, [1, 2])).toBeCloseTo(pixel(6) * weight(6, 2));
    expect(weights!.at.get("1,2")?.index).toEqual([6, 2]);
    const term = terms!.at.get("1,2")!.term;
    expect(explanation(2).terms[term]?.sources[1]?.index).toEqual([6, 2]);
  });
  it("leaves blank what was folded", () => {
    const [inputs] = gather(explanation(2, 5), layers);
    expect([...inputs!.numbers.data].filter((v) => !Number.isNaN(v))).toHaveLength(5);
  });
  it("lays the candidates of a maximum where they are, the winner marked", () => {
    const source = (i: number, j: number) => ({ path: "input_1", index: [0, i, j, 0], value: 4 * i + j });
    const all = [source(2, 0), source(2, 1), source(3, 0), source(3, 1)];
    const term = { value: 13, text: "", numbers: "", sources: [source(3, 1)] };
    const found = chosenFrom({ ...explanation(0), candidates: all, terms: [term] }, layers);
    expect([found?.numbers.shape, [...found!.numbers.data], found?.winner]).toEqual([
      [2, 2],
      [8, 9, 12, 13],
      [1, 1],
    ]);
    expect(chosenFrom(explanation(0), layers)).toBeNull();
  });
  it("gives nothing for one number", () => {
    expect(gather(explanation(2, 1), layers)).toEqual([]);
  });
});
