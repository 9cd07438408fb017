import { expect, test } from "vitest";
import { patch } from "../../src/model/arithmetic/patch";
import type { Explanation, Source, Term } from "../../src/model/wire/protocol";

const at = (path: string, index: number[], value = 1): Source => ({ path, index, value });
const term = (value: number, ...sources: Source[]): Term => ({ value, text: "", numbers: "", sources });
const explanation = (terms: Term[], candidates: Source[] = []): Explanation => ({
  path: "conv2d_1.sum", index: [0, 0, 0, 0], value: 0, formula: "", substituted: "", latex: "",
  sentence: { en: "", zh: "" }, terms, rest: { count: 0, sum: 0 }, outside: 2, candidates, field: {},
});

test("a dilated window has gaps, and its bias stands apart", () => {
  const found = patch(explanation([
    term(0.5, at("input_1", [0, 2, 5, 0]), at("k", [1, 1, 0, 0], 0.5)),
    term(0.1, at("bias", [0])),
    term(-0.25, at("input_1", [0, 0, 3, 0]), at("k", [0, 0, 0, 0], -0.25)),
  ]), "input_1");
  expect(found?.rows).toEqual([0, 2]);
  expect(found?.columns).toEqual([3, 5]);
  expect(found?.others).toHaveLength(1);
  expect(found?.outside).toBe(2);
  expect(found?.cells.map((c) => [c.row, c.column, c.value, c.weight?.value, c.term])).toEqual([
    [2, 5, 0.5, 0.5, 0], [0, 3, -0.25, -0.25, 2],
  ]);
});

test("of a maximum the candidates are the window", () => {
  const found = patch(explanation([], [at("a", [0, 1, 1, 2], 3), at("a", [0, 1, 2, 2], 5)]), "a");
  expect(found?.channels).toEqual([2]);
  expect(found?.cells.map((c) => c.value)).toEqual([3, 5]);
  expect(found?.cells.every((c) => c.weight === null && c.term === null)).toBe(true);
});

test("a sequence has one column", () => {
  const found = patch(explanation([term(1, at("x", [0, 4, 2]), at("k", [1, 2, 0]))]), "x");
  expect([found?.rows, found?.columns, found?.channels]).toEqual([[4], [0], [2]]);
});

test("an explanation that reads nothing of the map has no window", () => {
  expect(patch(explanation([term(1, at("bias", [0]))]), "input_1")).toBeNull();
});
