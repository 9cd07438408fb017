import { describe, expect, it } from "vitest";

import { lined, plan, threaded } from "../../src/model/network/drawn";
import type { Layer } from "../../src/model/wire/protocol";

const layer = (path: string, units: number, parents: string[] = [], kind = "Dense"): Layer => ({
  path, kind, parents, shape: [units], draw: "units", activation: null, values: [], parameters: [], options: {}, formula: "",
});

describe("the lines between two layers", () => {
  it("are all of few weights, the strongest of many, and a band of too many", () => {
    const { drawn } = plan(
      [layer("in", 30, [], "Input"), layer("a", 32, ["in"]), layer("b", 100, ["a"]), layer("c", 400, ["b"])], 400,
    );
    const between = (from: string, to: string) => [
      lined(drawn.get(from), drawn.get(to)), threaded(drawn.get(from), drawn.get(to)),
    ];
    expect(between("in", "a")).toEqual([true, false]);
    expect(between("a", "b")).toEqual([false, true]);
    expect(between("b", "c")).toEqual([false, false]);
  });
});
