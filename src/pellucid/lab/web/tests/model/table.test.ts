import { describe, expect, it } from "vitest";

import { changesOf, after, forecast } from "../../src/model/example/prices";
import { columnName, entries, fields, numbersOf } from "../../src/model/example/table";

const column = (name: string, category: string | null = null) => ({ name, category, low: 0, high: 9, mean: 4 });
const columns = [column("age"), column("sex", "female"), column("sex", "male"), column("deck", "A"), column("fare")];

describe("a table", () => {
  it("has a field for each column, and one choice for its categories", () => {
    const made = fields(columns);
    expect(made.map((field) => [field.kind, field.name])).toEqual([
      ["number", "age"], ["choice", "sex"], ["choice", "deck"], ["number", "fare"],
    ]);
    expect(columns.map(columnName)).toEqual(["age", "sex: female", "sex: male", "deck: A", "fare"]);
  });

  it("gives back the numbers of an example, and the field that has none", () => {
    const made = fields(columns);
    const row = [22, 0, 1, 0, 7.25];
    expect(entries(made, row)).toEqual(["22", "male", "", "7.25"]);
    expect(numbersOf(made, entries(made, row))).toEqual(row);
    expect(numbersOf(made, ["−3", "female", "A", "1e2"])).toEqual([-3, 1, 0, 1, 100]);
    expect(numbersOf(made, ["22", "male", "", "much"])).toBe(made[3]);
    expect(numbersOf(made, ["", "male", "", "1"])).toBe(made[0]);
  });
});

describe("prices", () => {
  const scaling = { mean: 0.001, deviation: 0.02, logarithmic: true };
  it("become changes, and changes prices", () => {
    const prices = [100, 101, 99.5];
    const changes = changesOf(prices, scaling)!;
    expect(changes).toHaveLength(2);
    expect(after(prices[1]!, changes[1]!, scaling)).toBeCloseTo(99.5);
    expect(forecast(changes[1]!, scaling, 101)).toBe("99.50 (−1.49 %)");
    expect(forecast(changes[0]!, scaling, null)).toBe("+1.00 %");
    const degrees = { mean: 0.5, deviation: 2, logarithmic: false };
    expect(changesOf([-3, 0, -1], degrees)).toEqual([1.25, -0.75]);
    expect(after(-3, 1.25, degrees)).toBe(0);
    expect([forecast(1.25, degrees, -3), forecast(-0.75, degrees, null)]).toEqual(["0.00 (+3.00)", "−1.00"]);
    expect([changesOf([1], scaling), changesOf([1, 0], scaling), changesOf([1, NaN], scaling)]).toEqual([null, null, null]);
  });
});
