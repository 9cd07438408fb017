import { describe, expect, it } from "vitest";

import { added, commonActivation, moved, named, read, removed, rewired, setOption, withActivation, written } from "../../src/model/edit/design";
import { course } from "../../src/model/edit/losses";
import type { Design, Kind } from "../../src/model/wire/protocol";
import { stillness } from "../fake-lab";

const dense = (units: number, activation: string) => ({ class: "Dense", options: { units, activation } });
const design: Design = {
  network: {
    layers: [{ class: "InputLayer", options: { shape: [2] } }, dense(4, "tanh"), dense(2, "softmax")],
    uses: [
      { layer: 0, path: "input_1", inputs: [] }, { layer: 1, path: "dense_1", inputs: ["input_1"] },
      { layer: 2, path: "dense_2", inputs: ["dense_1"] },
    ],
    inputs: ["input_1"], outputs: ["dense_2"], seed: 1, dtype: "float32", name: null,
  },
  optimizer: { name: "adam", learning_rate: 0.01 }, loss: null, batch_size: 8, noise: null,
};
const kind = (name: string, inputs: number): Kind => ({
  name, inputs,
  fields: [
    { name: "units", kind: "integer", start: 16, required: true, choices: null },
    { name: "use_bias", kind: "flag", start: true, required: false, choices: null },
  ],
});
const field = (what: Kind["fields"][number]["kind"]): Kind["fields"][number] => (
  { name: "f", kind: what, start: null, required: false, choices: null }
);
const chain = (one: Design) => one.network.uses.map((use) => `${one.network.layers[use.layer]?.class}<${use.inputs.join()}`);

describe("a design that is changed by hand", () => {
  it("gets a layer behind another, which those that read that one read", () => {
    const more = added(design, 1, kind("GRU", 1));
    expect(chain(more)).toEqual(["InputLayer<", "Dense<input_1", "GRU<dense_1", "Dense<new_1"]);
    expect(more.network.layers[3]?.options).toEqual({ units: 16 });
    expect(chain(design)).toHaveLength(3);
    const end = added(added(design, 2, kind("GRU", 1)), 3, kind("Add", 2));
    expect(end.network.outputs).toEqual(["new_2"]);
    expect(chain(end).at(-1)).toBe("Add<new_1,dense_2");
  });

  it("loses a layer, and is what it was where one is added and removed again", () => {
    expect(removed(added(design, 1, kind("GRU", 1)), 2)).toEqual(design);
    const less = removed(design, 2);
    expect(less.network.outputs).toEqual(["dense_1"]);
    expect(less.network.layers).toHaveLength(2);
    const shorter = removed(design, 1);
    expect(chain(shorter)).toEqual(["InputLayer<", "Dense<input_1"]);
    expect(removed(design, 0)).toBe(design);
  });

  it("has layers that change places, but the input is the first", () => {
    expect(moved(design, 1, 1).network.uses.map((use) => use.layer)).toEqual([0, 2, 1]);
    expect(moved(moved(design, 1, 1), 2, -1)).toEqual(design);
    for (const [place, by] of [[1, -1], [2, 1], [0, 1]] as const) expect(moved(design, place, by)).toBe(design);
    expect(rewired(design, 2, ["input_1"]).network.uses[2]?.inputs).toEqual(["input_1"]);
  });

  it("has one activation in all hidden layers, and keeps the output's", () => {
    expect(commonActivation(design)).toBe("tanh");
    const other = withActivation(design, "relu");
    expect(other.network.layers.map((one) => one.options["activation"])).toEqual([undefined, "relu", "softmax"]);
    expect(commonActivation(setOption(added(design, 1, kind("Dense", 1)), 3, "activation", "elu"))).toBeNull();
  });

  it("reads what a person writes, and leaves to Python what is no number", () => {
    expect(read(field("sizes"), "3", 1)).toBe(3);
    expect(read(field("sizes"), "3 × 5", 1)).toEqual([3, 5]);
    expect(read(field("integer"), "1e9", 1)).toBe(1e9);
    expect(read(field("number"), "abc", 1)).toBe("abc");
    expect(read(field("number"), " ", 1)).toBeNull();
    expect(read(field("penalty"), "0.1", { l1: 0.5, l2: 0 })).toEqual({ l1: 0.5, l2: 0.1 });
    expect(written(field("penalty"), { l1: 0, l2: 0.1 })).toBe("0.1");
    expect(written(field("sizes"), [3, 5])).toBe("3, 5");
    expect(named({ name: "leaky_relu", slope: 0.1 })).toBe("leaky_relu");
  });

  it("has losses to draw at no more places than are asked for", () => {
    const state = { ...stillness, step: 1000, branches: [{ ...stillness.branches[0]!, last: 1000 }] };
    const loss = Float64Array.from({ length: 1000 }, (_, k) => (k === 999 ? NaN : k));
    const points = course({ 0: { branch: 0, from: 1, loss, epochs: [] } }, state, 11);
    expect(points).toHaveLength(10);
    expect(points[0]).toEqual({ step: 1, loss: 0 });
    expect(course({}, null, 5)).toEqual([]);
  });
});
