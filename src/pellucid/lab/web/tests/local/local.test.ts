import { beforeEach, describe, expect, it } from "vitest";

import { toBase64 } from "../../src/formula/base64";
import { LocalLab } from "../../src/local";
import { Refusal } from "../../src/model/wire/exchange";

const packed = (shape: number[], ...data: number[]) => (
  { shape, numbers: { $: ["f4", toBase64(Float32Array.from(data))] } }
);
const along = (...axes: number[]) => axes.map((a) => ({ terms: [[a, 1]], offset: [], divisor: 1 }));
const value = (path: string, axes: string[], shape: number[], gradient = false) => ({ path, axes, shape, gradient });

/** y = relu(x·w), loss = (y − t)²: a network of one unit, as lab/serve/document.py writes it. */
function saved(): Record<string, unknown> {
  const scalar = { read: 3, indices: along(0) };
  const program = {
    format: "pellucid.formula", version: 1,
    axes: [{ name: "n", extent: "batch" }, { name: "i", extent: 2 }],
    tensors: [
      { name: "input_1", letter: "x", kind: "float", axes: [0, 1] },
      { name: "dense_1.kernel", letter: "w", kind: "float", axes: [1] },
      { name: "loss.t", letter: "t", kind: "float", axes: [0] },
      { name: "dense_1.sum", letter: "z", kind: "float", axes: [0] },
      { name: "dense_1", letter: "a", kind: "float", axes: [0] },
      { name: "loss", letter: "L", kind: "float", axes: [] },
    ],
    statements: [
      {
        target: 3, letters: [],
        expression: {
          reduction: "sum", axes: [1],
          body: { operation: "mul", args: [{ read: 0, indices: along(0, 1) }, { read: 1, indices: along(1) }] },
        },
      },
      { target: 4, letters: [], expression: { operation: "relu", args: [scalar] } },
      {
        target: 5, letters: [],
        expression: {
          reduction: "sum", axes: [0],
          body: {
            operation: "pow",
            args: [
              {
                operation: "add",
                args: [
                  { read: 4, indices: along(0) },
                  { operation: "mul", args: [{ constant: -1 }, { read: 2, indices: along(0) }] },
                ],
              },
              { constant: 2 },
            ],
          },
        },
      },
    ],
    outputs: { loss: 5, dense_1: 4 },
    stages: [0, 1, 2],
  };
  const sentence = { en: "{x}", zh: "{x}" };
  const layers = [
    { path: "input_1", values: [value("input_1", ["i"], [2])], parameters: [], shape: [2] },
    {
      path: "dense_1", shape: [1], values: [value("dense_1.sum", [], []), value("dense_1", [], [])],
      parameters: [value("dense_1.kernel", ["i"], [2])],
    },
  ];
  return {
    format: "pellucid.lab", version: 1,
    description: {
      layers, sets: [{ name: "train", count: 2 }], views: ["boundary"], sample: "points", classes: null,
      vocabulary: null, can: {}, training: null,
      state: { branch: 0, branches: [{ id: 0, last: 4 }], step: 4, learning_rate: 0.1, loss: null },
    },
    input: "input_1", target: "loss.t",
    formulas: { program, texts: { dense_1: ["a[n] = relu(z[n])", "a"] } },
    phrases: { on: sentence, off: sentence, sum: sentence, value: sentence, numbers: sentence },
    parameters: { "dense_1.kernel": packed([2], 2, -3) },
    examples: { train: { x: packed([2, 2], 1, 0.25, 0, 1), y: packed([2], 1, 0), labels: ["first", null] } },
    curves: { dense_1: { function: "relu", formula: "a = relu(z)", derivative: "a′ = [0 < a]" } },
    history: {
      branch: 0, from: 1, every: 2, steps: 3, loss: { $: ["f8", toBase64(Float64Array.of(4, 2))] },
      epochs: [{ epoch: 1, step: 2, metrics: { accuracy: { $: "nan" } } }],
    },
    flow: [], findings: [], reach: [], confusion: { train: null }, latent: null, forecast: null, text: null,
    picture: null,
    code: "",
  };
}

let lab: LocalLab;
beforeEach(() => {
  lab = new LocalLab(JSON.parse(JSON.stringify(saved())));
});

describe("a saved lab", () => {
  it("says what was only true when it was saved, once its weights are others", async () => {
    lab = new LocalLab({ ...(saved() as object), code: "net.fit(x, y)" });
    await expect(lab.request("code", {})).resolves.toBe("net.fit(x, y)");
    await expect(lab.request("diagnose", {})).resolves.toEqual({ findings: [], branch: 0, step: 4 });
    const state = await lab.request("adopt", { weights: await lab.request("weights", {}) });
    expect(state).toMatchObject({ step: 4, first: 4 });
    await expect(lab.request("code", {})).resolves.toMatch(/^# Up to step 4, .*\n# .*\n\nnet\.fit/);
    await expect(lab.request("diagnose", {})).rejects.toThrow("go back to step 4");
  });

  it("shows examples and values", async () => {
    const [first, second] = await lab.request("examples", { set: "train", from: 0, count: 10 });
    expect([first?.name, first?.label, first?.y, second?.y]).toEqual(["train:0", "first", 1, 0]);
    const paths = ["dense_1.sum", "dense_1", "nowhere"].map((path) => ({ path, limit: 10 }));
    const live = await lab.request("watch", { input: "train:0", paths });
    expect(live).toMatchObject({ input: "train:0", branch: 0, step: 4, loss: 0.0625 });
    expect(Object.keys(live.values)).toEqual(["dense_1.sum", "dense_1"]);
    expect([...live.values["dense_1"]!.data]).toEqual([1.25]);
  });

  it("explains, with the example's place put in", async () => {
    const found = await lab.request("explain", { input: "train:1", path: "dense_1.sum", index: [] });
    expect([found.index, found.value, found.terms[0]?.text]).toEqual([[0], -3, "input_1[0,1]·dense_1.kernel[1]"]);
    const unit = await lab.request("explain", { input: "train:1", path: "dense_1", index: [] });
    expect([unit.formula, unit.sentence.en]).toEqual(["a[n] = relu(z[n])", "−3"]);
  });

  it("draws curves: a unit that is off on this example only is not dead", async () => {
    const curve = await lab.request("curve", { input: "train:1", path: "dense_1", index: [] });
    expect(curve).toMatchObject({ function: "relu", at: { x: -3, y: 0, slope: 0 }, state: null });
    expect(curve!.x.length).toBe(201);
    expect(await lab.request("curve", { input: "train:1", path: "dense_1.sum", index: [] })).toBeNull();
  });

  it("takes an example of one's own, with or without a target", async () => {
    const own = await lab.request("own", { x: [1, 1] });
    expect([own.name, own.y]).toEqual(["own:1", null]);
    const ask = (path: string) => lab.request("explain", { input: "own:1", path, index: [] });
    expect((await ask("dense_1.sum")).value).toBe(-1);
    await expect(ask("loss")).rejects.toThrow("own:1 has no target");
    expect((await lab.request("own", { x: [1, 1], y: 2 })).y).toBe(2);
    await expect(lab.request("own", { x: [1] })).rejects.toThrow("got 1");
  });

  it("draws the boundary from the greatest y down", async () => {
    const { grid, x, y, points } = await lab.request("boundary", { size: 3 });
    expect([grid.data.length, points.shape, x[0] < 0, y[1] > 1]).toEqual([9, [2, 2], true, true]);
    expect(grid.data[8]).toBeGreaterThan(grid.data[0]!); // at the lower right x·2 − y·3 is largest
    const { units } = await lab.request("boundary", { size: 3, units: true });
    expect([...units!["input_1"]!.data.slice(0, 2)]).toEqual([Math.fround(x[0]), Math.fround(y[1])]);
  });

  it("gives its history, thinned as it was", async () => {
    const history = await lab.request("history", { branch: 0, from: 1 });
    expect([...history.loss]).toEqual([4, 4, 2]);
    expect(history.epochs[0]!.metrics["accuracy"]).toBeNaN();
    expect((await lab.request("history", { branch: 0, from: 3 })).loss).toHaveLength(1);
  });

  it("takes the parameters of a link, and notifies whoever watches", async () => {
    await lab.request("watch", { input: "train:0", paths: [{ path: "dense_1.sum", limit: 1 }] });
    let seen = NaN;
    lab.on("live", (live) => (seen = live.values["dense_1.sum"]!.data[0]!));
    const text = await lab.request("weights", {});
    const other = toBase64(Float32Array.of(1, 1)).replace(/=+$/, "");
    await lab.request("adopt", { weights: text.replace(/\..*/, `.${other}`) });
    expect(seen).toBe(1.25);
    await expect(lab.request("adopt", { weights: `x.${other}` })).rejects.toThrow("another network");
  });

  it.each([
    ["control", { do: "play" }, "cannot train"],
    ["open", { task: "digits" }, "pellucid lab"],
    ["save", {}, "already"],
    ["code", {}, "does not carry"],
    ["confusion", { set: "train" }, "does not carry"],
    ["explain", { input: "train:9", path: "dense_1", index: [] }, "no example"],
    ["explain", { input: "train:0", path: "dense_2", index: [] }, "no value"],
    ["explain", { input: "train:0", path: "dense_1", index: [7, 7] }, "nothing at 7, 7"],
    ["explain", { input: "train:0", path: "dense_1.kernel", index: [0] }, "was given"],
    ["explain", { input: "train:0", path: "dense_1.kernel′", index: [0] }, "does not train"],
  ] as const)("refuses %s in both languages", async (method, params, said) => {
    const refusal = await lab.request(method, params as never).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect((refusal as Refusal).words.en).toContain(said);
    expect((refusal as Refusal).words.zh).toMatch(/\p{Script=Han}/u);
  });
});

describe("a damaged file", () => {
  it.each([
    ["no object", () => 3],
    ["another version", () => ({ ...saved(), version: 2 })],
    ["no formulas", () => ({ ...saved(), formulas: {} })],
    ["an array cut short", () => ({ ...saved(), parameters: { w: { ...packed([2], 1, 2), shape: [3] } } })],
    ["numbers of no kind", () => ({ ...saved(), parameters: { w: { shape: [1], numbers: { $: ["x", "AAAA"] } } } })],
  ])("is refused: %s", (_, make) => {
    expect(() => new LocalLab(make())).toThrow(/damaged/);
  });
});
