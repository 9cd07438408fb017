// The views by kind and by task, over a small network of each kind.

import { fireEvent, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Convolution, Description, Example, Explanation, Layer, Live, Methods, Picture, View } from "../../src/model/wire/protocol";
import Kind from "../../src/view/kinds/layers/Kind.svelte";
import TaskView from "../../src/view/kinds/tasks/TaskView.svelte";
import { description as small, explanation as sum, picture, value } from "../fake";
import { cleanup, settled, show, stand, withoutCanvas } from "../stand";

type Answers = Parameters<typeof stand>[0];

beforeEach(withoutCanvas);
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const layer = (path: string, kind: string, shape: number[], rest: Partial<Layer> = {}): Layer => ({
  path, kind, parents: [], shape, draw: shape.length === 3 ? "maps" : shape.length === 2 ? "steps" : "units",
  activation: null, values: [value(path, shape, shape.map((_, k) => `a${k}`))], parameters: [], options: {}, formula: "",
  ...rest,
});
const input = layer("input_1", "Input", [4, 4, 1]);

/** A lab that has these layers and values. */
async function lab(
  layers: Layer[], values: Record<string, Picture>, answers: Answers = {}, about: Partial<Description> = {},
  example: Partial<Example> = {},
) {
  const description: Description = { ...small, layers, ...about };
  const live = (name: string): Live => ({ input: name, branch: 0, step: 7, loss: 1, values });
  return stand({
    describe: () => description,
    watch: ({ input }) => live(input),
    example: ({ name }) => ({ name, x: picture([4, 4, 1], (k) => k / 16), y: 1, label: "b", symbols: null, ...example }),
    ...answers,
  });
}

const explanationOf = (path: string, index: number[], rest: Partial<Explanation> = {}): Explanation => ({
  ...sum(0, 0), path, index: [0, ...index], value: 1.5, terms: [], candidates: [], outside: 0, rest: { count: 0, sum: 0 }, ...rest,
});

describe("a convolution", () => {
  const conv = layer("conv2d_1", "Conv2D", [3, 3, 2], {
    parents: ["input_1"], activation: "relu",
    values: [value("conv2d_1.sum", [3, 3, 2], ["i", "j", "f"]), value("conv2d_1", [3, 3, 2], ["i", "j", "f"])],
    parameters: [value("conv2d_1.kernel", [2, 2, 1, 2], ["u", "v", "c", "f"]), value("conv2d_1.bias", [2], ["f"])],
    options: { dilation: [1, 1], pad_before: [0, 0], pad_after: [0, 0] },
  });
  const explain = ({ path, index }: Methods["explain"]["params"]): Explanation => {
    const [i = 0, j = 0, f = 0] = index;
    return explanationOf(path, index, {
      terms: [0, 1, 2, 3].map((k) => {
        const [u, v] = [Math.floor(k / 2), k % 2];
        return {
          value: 0.5 * k, text: "", numbers: "",
          sources: [
            { path: "input_1", index: [0, i + u, j + v, 0], value: k + 10 },
            { path: "conv2d_1.kernel", index: [u, v, 0, f], value: k / 4 },
          ],
        };
      }).concat([{ value: 0.25, text: "", numbers: "", sources: [{ path: "conv2d_1.bias", index: [f], value: 0.25 }] }]),
      outside: 2,
    });
  };
  const values = {
    input_1: picture([4, 4, 1], (k) => k), conv2d_1: picture([3, 3, 2], () => 1), "conv2d_1.sum": picture([3, 3, 2], (k) => k),
  };

  it("shows what the window reads, through which weights, and what they add", async () => {
    const { lab: fake, store } = await lab([input, conv], values, { explain });
    show(store, Kind, { layer: conv });
    await settled(80);
    expect(fake.of("explain").at(-1)).toMatchObject({ path: "conv2d_1.sum", index: [0, 0, 0] });
    const [window, kernel, products] = ["window", "kernel", "products"].map((name) => screen.getByRole("table", { name }));
    expect([...window!.querySelectorAll("a")].map((a) => a.textContent)).toEqual(["10", "11", "12", "13"]);
    expect(window!.querySelector("a")!.getAttribute("href")).toContain("#/input_1/filter/0/at/0,0");
    expect(kernel!.querySelectorAll("a")[1]!.getAttribute("href")).toContain("#/conv2d_1.kernel/index/0,1,0,0");
    expect(products!.querySelectorAll("a")[3]!.getAttribute("href")).toContain("#/conv2d_1.sum/index/0,0,0/term/3/product");
    expect(screen.getByText(/and the bias 0.25/)).toBeTruthy();
    expect(screen.getByText(/2 places read nothing/)).toBeTruthy();
  });

  it("moves by the slider, by the keys on the output, and to another filter", async () => {
    const { lab: fake, store } = await lab([input, conv], values, { explain });
    show(store, Kind, { layer: conv });
    await settled(80);
    await fireEvent.input(screen.getByRole("slider"), { target: { value: 4 } });
    await settled(30);
    expect(fake.of("explain").at(-1)).toMatchObject({ index: [1, 1, 0] });
    await fireEvent.keyDown(screen.getByRole("button", { name: /conv2d_1\.sum \[1, 1\]/ }), { key: "ArrowRight" });
    await settled(30);
    expect(fake.of("explain").at(-1)).toMatchObject({ index: [1, 2, 0] });
    await fireEvent.input(screen.getByRole("spinbutton", { name: "Filter" }), { target: { value: 1 } });
    await settled(30);
    expect(fake.of("explain").at(-1)).toMatchObject({ index: [1, 2, 1] });
    expect(screen.getByText("conv2d_1.sum[1,2,1] = 1.5")).toBeTruthy();
  });

  it("slides by itself, and stops", async () => {
    const { store } = await lab([input, conv], values, { explain });
    show(store, Kind, { layer: conv });
    await settled(50);
    vi.useFakeTimers();
    await fireEvent.click(screen.getByRole("button", { name: "Slide" }));
    await vi.advanceTimersByTimeAsync(1100);
    expect(screen.getByText("Place 3 of 9")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Stop" }));
    await vi.advanceTimersByTimeAsync(3000);
    expect(screen.getByText("Place 3 of 9")).toBeTruthy();
    vi.useRealTimers();
  });

  it("does not draw a map that has not come, but says its arithmetic", async () => {
    const part = { ...picture([3, 3, 1], () => 1), full: [3, 3, 2] };
    const { store } = await lab([input, conv], { ...values, "conv2d_1.sum": part }, { explain });
    show(store, Kind, { layer: conv });
    await settled(50);
    await fireEvent.input(screen.getByRole("spinbutton", { name: "Filter" }), { target: { value: 1 } });
    await settled(50);
    expect(screen.getByText(/So large a value/)).toBeTruthy();
    expect(screen.getByText("conv2d_1.sum[0,0,1] = 1.5")).toBeTruthy();
  });

  it("says a refusal where it stands, and not over the page", async () => {
    const { store } = await lab([input, conv], values, {
      explain: () => {
        throw new Error("there is no arithmetic in this file");
      },
    });
    show(store, Kind, { layer: conv });
    await settled(50);
    expect(screen.getByText("there is no arithmetic in this file")).toBeTruthy();
    expect(store.message).toBeNull();
  });

  it("of a pooling window marks the winner", async () => {
    const pool = layer("max_pool2d_1", "MaxPool2D", [2, 2, 1], { parents: ["input_1"] });
    const { store } = await lab([input, pool], { input_1: values.input_1, max_pool2d_1: picture([2, 2, 1], () => 7) }, {
      explain: ({ path, index }) => explanationOf(path, index, {
        value: 7,
        candidates: [3, 7].map((v, k) => ({ path: "input_1", index: [0, 0, k, 0], value: v })),
      }),
    });
    show(store, Kind, { layer: pool });
    await settled(50);
    const cells = screen.getByRole("table", { name: "window" }).querySelectorAll("td");
    expect([...cells].map((cell) => cell.className.includes("winner"))).toEqual([false, true]);
    expect(screen.queryByRole("table", { name: "kernel" })).toBeNull();
  });

  it("along a sequence has all channels in its window", async () => {
    const series = layer("input_1", "Input", [5, 2]);
    const conv1 = layer("conv1d_1", "Conv1D", [4, 1], {
      parents: ["input_1"], parameters: [value("conv1d_1.kernel", [2, 2, 1], ["u", "c", "f"])],
    });
    const { lab: fake, store } = await lab([series, conv1], { input_1: picture([5, 2], (k) => k), conv1d_1: picture([4, 1], () => 1) }, {
      explain: ({ path, index }) => explanationOf(path, index, {
        terms: [0, 1, 2, 3].map((k) => ({
          value: k, text: "", numbers: "",
          sources: [
            { path: "input_1", index: [0, (index[0] ?? 0) + Math.floor(k / 2), k % 2], value: k },
            { path: "conv1d_1.kernel", index: [Math.floor(k / 2), k % 2, 0], value: 1 },
          ],
        })),
      }),
    });
    show(store, Kind, { layer: conv1 });
    await settled(50);
    expect(fake.of("explain").at(-1)).toMatchObject({ index: [0, 0] });
    const rows = [...screen.getByRole("table", { name: "window" }).querySelectorAll("tr")];
    expect(rows.map((row) => [...row.querySelectorAll("td")].map((c) => c.textContent!.trim()))).toEqual([["0", "2"], ["1", "3"]]);
  });
});

describe("softmax", () => {
  const soft = layer("dense_2", "Dense", [3], {
    activation: "softmax",
    values: ["dense_2.sum", "dense_2.e", "dense_2"].map((path) => value(path, [3], ["o"])),
  });
  const values = {
    "dense_2.sum": picture([3], (k) => k - 1), "dense_2.e": picture([3], (k) => Math.exp(k - 2)), dense_2: picture([3], (k) => [0.09, 0.245, 0.665][k]!),
  };
  const explain = ({ path, index }: Methods["explain"]["params"]): Explanation =>
    explanationOf(path, index, { substituted: path === "dense_2" ? "1/1.503 = 0.665" : "exp(1 − stop(1)) = 1" });

  it("has z, e to the z, their sum and the share, each a link", async () => {
    const { store } = await lab([input, soft], values, { explain });
    show(store, Kind, { layer: soft });
    await settled(60);
    const row = screen.getByRole("row", { name: /^c / });
    expect([...row.querySelectorAll("a")].map((a) => [a.textContent, a.getAttribute("href")?.split("?")[0]])).toEqual([
      ["1", "#/dense_2.sum/index/2"], ["1", "#/dense_2.e/index/2"], ["0.665", "#/dense_2/unit/2"],
    ]);
    expect(screen.getByRole("row", { name: /^Σ/ }).textContent).toContain("1.503");
    expect(screen.getByText("target").closest("tr")!.textContent).toContain("b");
    expect(screen.getByText("1/1.503 = 0.665")).toBeTruthy();
  });

  it("shows the arithmetic of the unit that is chosen", async () => {
    const { lab: fake, store } = await lab([input, soft], values, { explain });
    show(store, Kind, { layer: soft });
    await settled(60);
    await fireEvent.click(screen.getByRole("button", { name: "a" }));
    await settled(30);
    expect(fake.of("explain").at(-1)).toMatchObject({ path: "dense_2", index: [0] });
  });

  it("needs no target", async () => {
    const { store } = await lab([input, soft], values, { explain }, {}, { y: null, label: null });
    show(store, Kind, { layer: soft });
    await settled(60);
    expect(screen.queryByText("target")).toBeNull();
    expect(screen.getAllByRole("row")).toHaveLength(5);
  });

  it("of many units shows the largest first, and all when asked", async () => {
    const wide = layer("dense_2", "Dense", [40], { activation: "softmax" });
    const { store } = await lab([input, wide], { dense_2: picture([40], (k) => k / 780) }, { explain }, { classes: null });
    show(store, Kind, { layer: wide });
    await settled(60);
    expect(screen.getAllByRole("row")).toHaveLength(1 + 16 + 1);
    expect(screen.getAllByRole("row")[1]!.textContent).toContain("39");
    await fireEvent.click(screen.getByRole("button", { name: "The 40 largest" }));
    expect(screen.getAllByRole("row")).toHaveLength(1 + 40);
  });
});

describe("a recurrent layer", () => {
  const text = layer("input_1", "Input", [4], { draw: "steps" });
  const lstm = layer("lstm_1", "LSTM", [4, 2], {
    parents: ["input_1"],
    values: ["gate.input", "gate.forget", "gate.cell", "gate.output", "cell", "state"]
      .map((name) => value(`lstm_1.${name}`, [4, 2], ["t", "j"]))
      .concat(value("lstm_1", [4, 2], ["t", "j"])),
    formula: "i[n,t,j] = σ(z)\nf[n,t,j] = σ(z)\ng[n,t,j] = tanh(z)\no[n,t,j] = σ(z)\nc[n,t,j] = f·c\nh[n,t,j] = o·tanh(c)",
  });
  const values = Object.fromEntries(lstm.values.map((v) => [v.path, picture([4, 2], (k) => k / 10)]));
  const about = { sample: "text" as const, vocabulary: ["a", "b", "c"], classes: null };
  const symbols = ["h", "e", "y", "\n"];
  const reach = () => ({ layers: [{ path: "lstm_1", norms: [1, 0.1, 0.01, 0.001] }, { path: "lstm_10", norms: [5, 4] }] });

  it("is a chain of its steps: the symbol in, the state handed on", async () => {
    const { store } = await lab([text, lstm], values, { reach }, about, { symbols });
    show(store, Kind, { layer: lstm });
    await settled(60);
    const steps = screen.getByRole("list", { name: /times near/ }).querySelectorAll("li");
    expect(steps).toHaveLength(4);
    expect(steps[3]!.className).toContain("chosen");
    expect([...steps[3]!.querySelectorAll("a")].map((a) => a.getAttribute("href")?.split("?")[0])).toEqual([
      "#/lstm_1.cell/index/3,0", "#/lstm_1.state/index/3,0", "#/input_1/index/3",
    ]);
    expect(steps[3]!.textContent).toContain("⏎");
    expect(steps[0]!.textContent).toContain("0");
  });

  it("has every gate by its letter, at every step, for any unit", async () => {
    const { store } = await lab([text, lstm], values, { reach }, about, { symbols });
    const { container } = show(store, Kind, { layer: lstm });
    await settled(60);
    const rows = [...container.querySelectorAll("table tbody tr")].slice(0, 6);
    expect(rows.map((row) => row.querySelector("th b")!.textContent)).toEqual(["i", "f", "g", "o", "c", "h"]);
    expect([...rows[0]!.querySelectorAll("td a")].map((a) => a.textContent)).toEqual(["0", "0.2", "0.4", "0.6"]);
    await fireEvent.input(screen.getByRole("spinbutton", { name: "Unit" }), { target: { value: 1 } });
    const cells = [...container.querySelectorAll("table tbody tr")][0]!.querySelectorAll("td a");
    expect([...cells].map((a) => a.textContent)).toEqual(["0.1", "0.3", "0.5", "0.7"]);
    expect(cells[2]!.getAttribute("href")).toContain("#/lstm_1.gate.input/index/2,1");
  });

  it("says how far back its own gradient reaches, and no other layer's", async () => {
    const { store } = await lab([text, lstm], values, { reach }, about, { symbols });
    show(store, Kind, { layer: lstm });
    await settled(60);
    expect(screen.getAllByRole("img", { name: /: 0: / }).map((e) => e.getAttribute("aria-label"))).toEqual(["lstm_1: 0: 1, 3: 0.001"]);
  });

  it("of one step has one", async () => {
    const one = { ...lstm, shape: [1, 2], values: lstm.values.map((v) => ({ ...v, shape: [1, 2] })) };
    const short = Object.fromEntries(one.values.map((v) => [v.path, picture([1, 2], (k) => k)]));
    const { store } = await lab([text, one], short, { reach: () => ({ layers: [{ path: "lstm_1", norms: [0.5] }] }) }, about, { symbols: ["h"] });
    const { container } = show(store, Kind, { layer: one });
    await settled(60);
    expect(container.querySelectorAll(".chain li")).toHaveLength(1);
    expect(screen.getByText(/There is no gradient to follow back/)).toBeTruthy();
  });
});

/** A view of a task. */
async function task(view: View, answers: Answers, about: Partial<Description> = {}, example: Partial<Example> = {}, more: Layer[] = []) {
  const output = layer("dense_1", "Dense", [2], { parents: ["input_1"], activation: "softmax" });
  const found = await lab([input, ...(more.length ? more : [output])], { dense_1: picture([2], (k) => [0.25, 0.75][k]!) }, answers, { views: [view], ...about }, example);
  const page = show(found.store, TaskView, { view });
  await settled(60);
  return { ...found, ...page };
}

describe("the decision boundary", () => {
  const boundary = () => ({
    grid: picture([3, 3, 2], (k) => (k % 2 ? 0.3 : 0.7)), x: [-1, 1] as [number, number], y: [-2, 2] as [number, number],
    points: picture([2, 2], () => 0), labels: Int32Array.from([0, 1]),
  });

  it("is steered by keys, and sends the point under the cross", async () => {
    const { lab: fake } = await task("boundary", { boundary }, { sample: "points" });
    expect(fake.of("boundary")).toEqual([{ size: 64 }]);
    const plane = screen.getByRole("button", { name: /Send the point 0, 0/ });
    await fireEvent.keyDown(plane, { key: "ArrowRight" });
    await fireEvent.keyDown(plane, { key: "ArrowUp" });
    await fireEvent.click(plane, { detail: 0 });
    await settled(30);
    const sent = fake.of("own").at(-1) as { x: number[] };
    expect(sent.x[0]).toBeCloseTo(0.05);
    expect(sent.x[1]).toBeCloseTo(0.1);
    expect(screen.getAllByText(/class a: 0.7/).length).toBeGreaterThan(0);
  });

  it("says the same as a table", async () => {
    await task("boundary", { boundary });
    await fireEvent.click(screen.getByRole("button", { name: /As table/ }));
    expect(screen.getAllByRole("cell", { name: "class a: 0.7" })).toHaveLength(81);
  });

  it("of a network without classes is its number", async () => {
    await task("boundary", { boundary: () => ({ ...boundary(), targets: Float32Array.from([1, 2]) }) }, { classes: null });
    expect(screen.getByRole("heading", { name: "Over the plane" })).toBeTruthy();
    expect(screen.getByRole("spinbutton", { name: "Output" })).toBeTruthy();
  });

  it("asks nothing for another task's view in the answer of the first", async () => {
    let answer: (found: ReturnType<typeof boundary>) => void = () => undefined;
    const { lab: fake, store } = await task("boundary", { boundary: () => new Promise((done) => (answer = done)) }, { task: "spirals" });
    fake.emit("described", { ...store.description!, task: "sigmoids" });
    await settled(80);
    const before = fake.of("boundary").length;
    expect(before).toBe(2);
    answer(boundary());
    await settled(20);
    expect(fake.of("boundary")).toHaveLength(before);
  });
});

describe("examples by loss", () => {
  const ranking = ({ set, highest = true, truth = null, said = null, count = 20 }: Methods["ranking"]["params"]) => {
    const all = [[3, 1, 0], [2, 0, 0], [0.5, 1, 1]].map(([loss, t, s], k) => ({
      example: { name: `${set}:${k}`, x: picture([4, 4, 1], (i) => i / 16), y: t!, label: "b", symbols: null },
      loss: loss!, truth: t!, said: s!, answer: { shape: [3], data: Float32Array.of(0.5, 0.25, 0.25) },
    })).filter((one) => (truth === null || one.truth === truth) && (said === null || one.said === said));
    const sorted = highest ? all : all.toReversed();
    return {
      set, judged: 3, count: 40, matching: all.length, mean: 1.5, penalty: 0.5, examples: sorted.slice(0, count), branch: 0, step: 7,
    };
  };
  const names = () => screen.getAllByRole("row").slice(1).map((row) => row.textContent!.match(/(test|train):\d/)![0]);

  it("are listed with what they should be, what the network says and their loss, and lead to the example", async () => {
    const { lab: fake, store } = await task("examples", { ranking });
    expect(names()).toEqual(["test:0", "test:1", "test:2"]);
    expect(screen.getByText(/3 of the 40 examples.*mean loss is 1.5/).textContent).toContain("With the penalty of 0.5 on the weights the loss is 2.");
    expect(screen.getAllByRole("row")[1]!.textContent).toMatch(/test:0\s*b\s*a \(50 %\)\s*3/);
    await fireEvent.click(screen.getByRole("button", { name: "Lowest loss" }));
    await settled(30);
    expect(names()).toEqual(["test:2", "test:1", "test:0"]);
    await fireEvent.change(screen.getByLabelText("should be"), { target: { value: screen.getAllByRole("option", { name: "b" })[0]!.getAttribute("value") ?? "1" } });
    await settled(30);
    expect(fake.of("ranking").at(-1)).toMatchObject({ highest: false, truth: 1, said: null });
    expect(names()).toEqual(["test:2", "test:0"]);
    await fireEvent.click(screen.getByRole("button", { name: /test:0/ }));
    await settled(20);
    expect(store.place).toMatchObject({ input: "test:0", view: null, path: null });
  });

  it("are those of a cell of the confusion matrix", async () => {
    const { lab: fake } = await task("confusion", {
      ranking, confusion: ({ set }) => ({
        set, classes: ["a", "b"], counts: { shape: [2, 2], data: Int32Array.from([5, 2, 0, 3]) }, examples: { "0,1": ["test:4"], "1,1": ["test:2"] },
      }),
    });
    expect(fake.of("ranking")).toEqual([]);
    await fireEvent.click(screen.getByRole("button", { name: "b said to be b: 3" }));
    await settled(40);
    expect(fake.of("ranking")).toEqual([{ set: "test", highest: true, truth: 1, said: 1, from: 0, count: 20 }]);
    expect(screen.getByRole("region", { name: "b said to be b, by loss" })).toBeTruthy();
  });
});

describe("the confusion matrix", () => {
  const confusion = ({ set }: Methods["confusion"]["params"]) => ({
    set, classes: ["a", "b"], counts: { shape: [2, 2], data: Int32Array.from([5, 2, 0, 3]) },
    examples: { "0,1": ["test:4", "test:9"], "0,0": ["test:0"], "1,1": ["test:1"] },
  });

  it("counts, and leads to one example after the other", async () => {
    const { store } = await task("confusion", { confusion });
    expect(screen.getByText("8 of 10 right: 80.0 %")).toBeTruthy();
    const cell = screen.getByRole("button", { name: "a said to be b: 2" });
    await fireEvent.click(cell);
    expect(store.place.input).toBe("test:4");
    await fireEvent.click(cell);
    expect(store.place.input).toBe("test:9");
    await fireEvent.click(cell);
    expect(store.place.input).toBe("test:4");
  });

  it("asks for the other examples when asked to", async () => {
    const { lab: fake } = await task("confusion", { confusion }, { sets: [{ name: "train", count: 9 }, { name: "test", count: 9 }] });
    expect(fake.of("confusion")).toEqual([{ set: "test" }]);
    await fireEvent.click(screen.getByRole("button", { name: "training examples" }));
    await settled(30);
    expect(fake.of("confusion").at(-1)).toEqual({ set: "train" });
  });

  it("of very many classes lists the most frequent mistakes", async () => {
    const many = Array.from({ length: 30 }, (_, k) => `c${k}`);
    await task("confusion", {
      confusion: ({ set }) => ({
        set, classes: many, counts: { shape: [30, 30], data: Int32Array.from({ length: 900 }, (_, k) => (k === 1 ? 7 : k % 31 ? 0 : 1)) },
        examples: { "0,1": ["test:4"] },
      }),
    });
    expect(screen.getAllByRole("row")).toHaveLength(2);
    expect(screen.getByRole("button", { name: "c0 said to be c1: 7" })).toBeTruthy();
  });

  it("rests while the network trains, and is quiet about refusals", async () => {
    const { lab: fake, store } = await task("confusion", {
      confusion: () => {
        throw new Error("This file does not carry that.");
      },
    });
    fake.emit("state", { ...store.state!, playing: true });
    for (let step = 8; step < 20; step++) {
      fake.emit("live", { ...store.live!, step });
      await settled(5);
    }
    expect(fake.of("confusion")).toHaveLength(1);
    fake.emit("state", { ...store.state!, playing: false, step: 20 });
    fake.emit("live", { ...store.live!, step: 20 });
    await settled(20);
    expect(fake.of("confusion"), "at rest it is asked again at once").toHaveLength(2);
    expect(screen.getByText("This file does not carry that.")).toBeTruthy();
    expect(store.message).toBeNull();
  });

  it("asks nothing while it is not in sight", async () => {
    let seen: (entries: { isIntersecting: boolean }[]) => void = () => undefined;
    vi.stubGlobal("IntersectionObserver", class {
      constructor(listener: typeof seen) {
        seen = listener;
      }
      observe(): void {}
      disconnect(): void {}
    });
    const { lab: fake } = await task("confusion", { confusion });
    expect(fake.of("confusion")).toHaveLength(0);
    seen([{ isIntersecting: true }]);
    await settled(30);
    expect(fake.of("confusion")).toHaveLength(1);
  });
});

describe("the latent space", () => {
  const latent = () => ({
    path: "dense_1", points: picture([2, 2], (k) => [0, 0, 4, 2][k]!), centre: Float32Array.from([1, 1]),
    directions: picture([2, 2], (k) => [1, 0, 0, 1][k]!), labels: Int32Array.from([3, 7]), names: ["test:0", "test:1"],
  });
  const decode = () => picture([4, 4, 1], () => 0.5);

  it("decodes the code under the ring, which keys move", async () => {
    const { lab: fake, store } = await task("latent", { latent, decode });
    expect(fake.of("decode").at(-1)).toEqual({ path: "dense_1", code: [1, 1] });
    const ring = screen.getByRole("button", { name: /The code to decode, at 0, 0/ });
    await fireEvent.keyDown(ring, { key: "ArrowRight" });
    await settled(30);
    const { code } = fake.of("decode").at(-1) as { code: number[] };
    expect(code[0]).toBeCloseTo(1 + 4.8 / 40);
    for (let k = 0; k < 50; k++) await fireEvent.keyDown(ring, { key: k % 2 ? "ArrowUp" : "ArrowRight" });
    await fireEvent.keyDown(ring, { key: "Enter" });
    expect(store.place.input).toBe("test:1");
    expect(screen.getByRole("list", { name: "class" }).textContent).toMatch(/3.*7/s);
  });

  it("shows what goes in beside what comes out", async () => {
    await task("latent", { latent, decode });
    expect(screen.getByRole("img", { name: "input" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "dense_1" }).getAttribute("href")).toContain("#/dense_1");
  });
});

describe("a kernel over a picture", () => {
  const convolve = ({ kernel, stride, padding, at }: Methods["convolve"]["params"]): Convolution => {
    const n = Math.floor((4 + 2 * padding - kernel.length) / stride) + 1;
    const answer: Convolution = { image: picture([4, 4], (k) => k / 16), output: picture([n, n], (k) => k - 1) };
    if (at) {
      answer.window = {
        value: 42, outside: 3,
        terms: [{ value: 2, text: "", numbers: "", sources: [{ path: "x", index: [0, 1, 1, 0], value: 0.5 }, { path: "k", index: [1, 1, 0, 0], value: 4 }] }],
      };
    }
    return answer;
  };

  it("asks for the output, and for the arithmetic of a place", async () => {
    const { lab: fake } = await task("convolve", { convolve });
    const asked = fake.of("convolve") as Methods["convolve"]["params"][];
    expect(asked[0]).toMatchObject({ image: null, stride: 1, padding: 1, dilation: 1 });
    expect(asked[0]!.at).toBeUndefined();
    expect(asked.at(-1)!.at).toEqual([2, 2]);
    expect(screen.getByText(/= the sum of the products = 42/)).toBeTruthy();
    expect(screen.getByRole("table", { name: "window" }).textContent).toContain("0.5");
    expect(screen.getByRole("table", { name: "products" }).textContent).toContain("2");
    await fireEvent.input(screen.getByRole("slider"), { target: { value: 2 } });
    await settled(30);
    expect((fake.of("convolve").at(-1) as Methods["convolve"]["params"]).at).toEqual([0, 1]);
  });

  it("takes any stride, any weight, any known kernel, any size", async () => {
    const { lab: fake } = await task("convolve", { convolve });
    for (const [text, taken] of [["999", 16], ["0", 1], ["1.5", 1], ["", 1]] as const) {
      const stride = screen.getByLabelText("Stride");
      await fireEvent.input(stride, { target: { value: text } });
      expect(screen.getByRole("alert").textContent).toBe(`Expected an integer from 1 to 16: ${taken} is taken.`);
      expect(stride.getAttribute("aria-invalid")).toBe("true");
      await fireEvent.input(stride, { target: { value: "1" } });
      expect(screen.queryByRole("alert")).toBeNull();
    }
    const last = () => fake.of("convolve").at(-1) as Methods["convolve"]["params"];
    await fireEvent.input(screen.getByRole("spinbutton", { name: "Stride" }), { target: { value: 2 } });
    await settled(30);
    expect([last().stride, last().at]).toEqual([2, [1, 1]]);
    await fireEvent.input(screen.getByRole("spinbutton", { name: "Weight in row 2, column 2" }), { target: { value: 5 } });
    await settled(30);
    expect(last().kernel[1]).toEqual([-1, 5, -1]);
    await fireEvent.click(screen.getByRole("button", { name: "sharpen" }));
    await settled(30);
    expect(last().kernel[0]).toEqual([0, -1, 0]);
    await fireEvent.change(screen.getByRole("combobox", { name: "Size" }), { target: { value: "5" } });
    await settled(30);
    expect(last().kernel).toHaveLength(5);
    expect(last().kernel[2]).toEqual([0, -1, 5, -1, 0]);
  });

  it("says what cannot be, and keeps what was", async () => {
    const { store } = await task("convolve", {
      convolve: (params) => {
        if (params.dilation > 1) throw new Error("the kernel reaches beyond the picture");
        return convolve(params);
      },
    });
    await fireEvent.input(screen.getByRole("spinbutton", { name: "Dilation" }), { target: { value: 9 } });
    await settled(30);
    expect(screen.getByText("the kernel reaches beyond the picture")).toBeTruthy();
    expect(screen.getByText(/output 4 × 4/)).toBeTruthy();
    expect(store.message).toBeNull();
  });
});

describe("a text", () => {
  const steps = layer("dense_1", "Dense", [2, 3], { parents: ["input_1"], activation: "softmax" });
  const about = { sample: "text" as const, vocabulary: ["a", "b", " "], classes: null };

  it("ranks the next symbols after each that was read, each a link", async () => {
    const { store } = await task("text", {
      watch: ({ input: name }) => ({
        input: name, branch: 0, step: 1, loss: 1, values: { dense_1: picture([2, 3], (k) => [0.2, 0.7, 0.1, 0.5, 0.1, 0.4][k]!) },
      }),
    }, about, { symbols: ["b", "a"], y: { shape: [2], data: Int32Array.from([0, 2]) } }, [steps]);
    const links = () => screen.getAllByRole("listitem").map((li) => li.textContent!.replace(/\s+/g, " ").trim());
    expect(links()).toEqual(["a 0.5", "␣ 0.4 actual", "b 0.1"]);
    expect(screen.getAllByRole("link")[0]!.getAttribute("href")).toContain("#/dense_1/time/1/unit/0");
    await fireEvent.click(screen.getByRole("button", { name: /After “b”/ }));
    expect(links()[0]).toBe("b 0.7");
    expect(store.message).toBeNull();
  });

  it("continues the text, and shows a refusal in its place", async () => {
    let refused = false;
    const { lab: fake } = await task("text", {
      generate: ({ text }) => {
        if (refused) throw new Error("it cannot write");
        return { text: `${text}ba` };
      },
    }, about, { symbols: ["b", "a"] }, [steps]);
    await fireEvent.click(screen.getByRole("button", { name: "Write on" }));
    await settled(20);
    expect(fake.of("generate")[0]).toEqual({ text: "ba", count: 80, temperature: 0.5, seed: 0 });
    expect(document.querySelector("pre")!.textContent).toBe("baba");
    refused = true;
    await fireEvent.click(screen.getByRole("button", { name: "Write on" }));
    await settled(20);
    expect(screen.getByText("it cannot write")).toBeTruthy();
  });
});

describe("a forecast", () => {
  const forecast = () => ({
    days: ["d0", "d1", "d2"], names: ["test:0", "test:1", "test:2"], truth: Float64Array.from([1, 2, 3]),
    network: Float64Array.from([1.5, 2.5, 3.5]), today: Float64Array.from([0, 1, 2]), errors: { network: 0.5, today: 1 },
  });

  it("holds the forecast against the actual value, day by day", async () => {
    const { store } = await task("forecast", { forecast }, { sample: "series", classes: null });
    expect(screen.getByRole("row", { name: /actual/ }).textContent).toContain("1");
    expect(screen.getByText(/the smaller one/)).toBeTruthy();
    await fireEvent.keyDown(screen.getByRole("button", { name: /d0: actual 1/ }), { key: "ArrowRight" });
    expect(store.place.input).toBe("test:1");
    await settled(30);
    expect(screen.getByRole("row", { name: /the network/ }).textContent).toContain("2.5");
  });
});

describe("the comparison", () => {
  it("has the gradients of every layer, and the way to the other task", async () => {
    const { lab: fake, store } = await task("compare", {
      flow: () => [{ branch: 0, step: 3, layers: [{ path: "dense_1", activation: 1, gradient: 0.004, dead: null, saturated: null, ratio: null }] }],
    }, { beside: "spirals", can: { ...small.can, gallery: true } });
    await settled(30);
    expect(screen.getByRole("link", { name: /dense_1/ }).textContent).toContain("0.004");
    await fireEvent.click(screen.getByRole("button", { name: /Open “The spirals”/ }));
    expect(fake.of("open"), "its steps would be lost").toEqual([]);
    store.leaving.answer(true);
    await settled();
    expect(fake.of("open")).toEqual([{ task: "spirals" }]);
    expect(store.message).toBeNull();
  });
});
