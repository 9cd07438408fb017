import { fireEvent, screen } from "@testing-library/svelte";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { plan } from "../../src/model/network/drawn";
import { percent, show as written } from "../../src/model/numbers/numbers";
import Focus from "../../src/view/focus/Focus.svelte";
import NetworkMap from "../../src/view/network/NetworkMap.svelte";
import Arithmetic from "../../src/view/arithmetic/Arithmetic.svelte";
import type { Explanation, Methods } from "../../src/model/wire/protocol";
import { description, explanation, layers, live, picture, value } from "../fake";
import { cleanup, settled, show, stand, withoutCanvas } from "../stand";

beforeEach(withoutCanvas);
afterEach(cleanup);

const crumbs = () =>
  [...document.querySelectorAll("nav ol a")].map((a) => [a.textContent, a.getAttribute("href")?.split("?")[0]]);

async function serious(): Promise<string[]> {
  const found = await axe.run(document.body, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  return found.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
}

describe("the distribution of numbers", () => {
  const column = (step: number, counts: number[], low = -1, high = 1) => ({
    step, low, high, mean: 0, std: 0.5, counts: Int32Array.from(counts), lost: 0,
  });
  const histograms = ({ path, unit = null }: Methods["histograms"]["params"]) => ({
    path, unit, examples: path.endsWith("kernel") ? 0 : 64, missing: 3, branch: 0, step: 7,
    columns: [column(0, [1, 2]), column(5, [0, 3], -2, 2), column(7, [4, 6])],
  });

  it("is counted only when it is opened, says which steps were measured, and leads to them", async () => {
    const { lab, store } = await stand({ histograms });
    store.go({ path: "dense_1" });
    show(store, Focus);
    await settled(60);
    expect(lab.of("histograms")).toEqual([]);
    await fireEvent.click(screen.getByRole("button", { name: "Distribution" }));
    await settled(60);
    expect(lab.of("histograms")).toEqual([{ path: "dense_1", unit: null }]);
    expect(screen.getByText(/10 numbers, on 64 training examples/)).toBeTruthy();
    expect(screen.getByRole("img", { name: /Histogram at step 7, from −1 to 1/ })).toBeTruthy();
    expect(screen.getByText(/3 steps up to 7 were measured; the others are hatched.*3 more/s)).toBeTruthy();
    expect(await serious()).toEqual([]);
    for (const table of screen.getAllByRole("button", { name: /As table/ })) await fireEvent.click(table);
    const rows = screen.getAllByRole("row").map((row) => row.textContent!.replace(/\s+/g, " ").trim());
    expect(rows).toContain("−104 (40 %)");
    await fireEvent.click(screen.getByRole("button", { name: "5" }));
    expect(lab.of("control")).toEqual([{ do: "seek", step: 5 }]);
    await fireEvent.change(screen.getByRole("combobox", { name: "Distribution of" }), { target: { value: "d(dense_1.kernel)" } });
    await settled(60);
    expect(lab.of("histograms").at(-1)).toEqual({ path: "d(dense_1.kernel)", unit: null });
  });

  it("of a unit is of its numbers alone", async () => {
    const { lab, store } = await stand({ histograms });
    store.go({ path: "dense_1.kernel", index: [5, 2] });
    show(store, Focus);
    await settled(60);
    await fireEvent.click(screen.getByRole("button", { name: "Distribution" }));
    await settled(60);
    expect(lab.of("histograms")).toEqual([{ path: "dense_1.kernel", unit: 2 }]);
    expect(screen.getByText(/^10 numbers\./)).toBeTruthy();
  });
});

describe("what the network says, and why", () => {
  const outputs = (most: number): number[] => [0, 1, 2].map((k) => (k === most ? 0.8 : 0.1));
  const attribute = ({ unit }: Methods["attribute"]["params"]) => ({
    path: "dense_1.sum", index: [unit], output: 1, baseline: 0, missing: 0, branch: 0, step: 7,
    scores: { shape: [4, 4, 1], data: new Float32Array(16).fill(1) },
  });
  const pressed = (): string => screen.getByRole("button", { name: /: /, pressed: true }).textContent!.trim()[0]!;

  it("waits for its turn where another class comes to lead, and says of which it is", async () => {
    const { lab, store } = await stand({ attribute });
    lab.emit("state", { ...description.state, playing: true });
    show(store, Focus);
    await settled(400);
    const asked = lab.of("attribute").length;
    const before = pressed();
    for (let step = 8; step < 12; step++) {
      const values = { dense_1: { ...picture([3], (k) => outputs(step % 3)[k]!), full: [3] } };
      lab.emit("live", { ...live, step, values });
      await settled(30);
    }
    expect(lab.of("attribute").length).toBe(asked);
    expect(pressed()).toBe(before);
    await fireEvent.click(screen.getAllByRole("button", { name: /: /, pressed: false })[0]!);
    await settled(200);
    expect(lab.of("attribute").length).toBe(asked + 1);
  });
});

describe("why a weight is what it is", () => {
  const weight = { path: "dense_1.kernel", index: [5, 2] };
  const update: Explanation = {
    ...explanation(0, 0), path: "dense_1.kernel′", index: [5, 2], value: 0.75, rest: { count: 0, sum: 0 },
    terms: [{
      value: 0.5, text: "w[5,2]", numbers: "0.5", sources: [{ path: "dense_1.kernel", index: [5, 2], value: 0.5, given: true }],
    }, {
      value: 0.25, text: "g[5,2]", numbers: "0.25", sources: [{ path: "d(dense_1.kernel)′", index: [5, 2], value: 0.25 }],
    }],
  };
  const train = { describe: () => ({ ...description, can: { ...description.can, train: true } }) };

  it("is a curve over the kept steps, before and after the one shown, and a click goes to any of them", async () => {
    const { lab, store } = await stand({
      ...train, explain: () => update,
      course: ({ path, index }) => ({
        path, index, branch: 0, step: 7, steps: Int32Array.of(0, 4, 7), values: Float64Array.of(1, 3, 1.5),
        later: { steps: Int32Array.of(9), values: Float64Array.of(2.5) },
      }),
    });
    store.go(weight);
    show(store, Focus);
    await settled(150);
    const chart = screen.getByRole("img", { name: /^dense_1.kernel/ });
    expect(chart.querySelectorAll(".kept")).toHaveLength(4);
    expect(chart.querySelector(".later")!.getAttribute("d")).toContain("L");
    chart.getBoundingClientRect = () => ({ left: 0, width: 300 }) as DOMRect;
    await fireEvent.click(chart, { clientX: 290 });
    await fireEvent.click(screen.getAllByRole("button", { name: /As table/ })[0]!);
    const table = screen.getByRole("table", { name: /^dense_1.kernel/ });
    const rows = [...table.querySelectorAll("tbody tr")].map((row) => row.textContent!.replace(/\s+/g, " ").trim());
    expect(rows).toEqual(["01", "43+0.5", "71.5−0.5", "92.5+0.5"]);
    expect(await serious()).toEqual([]);
    await fireEvent.click(screen.getByRole("button", { name: "4" }));
    expect(lab.of("control")).toEqual([{ do: "seek", step: 9 }, { do: "seek", step: 4 }]);
  });

  it("is the last step, of which the batch's own numbers lead on", async () => {
    const { lab, store } = await stand({ ...train, explain: () => update });
    store.go(weight);
    show(store, Arithmetic);
    await settled(120);
    expect(lab.of("explain").at(-1)).toMatchObject({ path: "dense_1.kernel′", index: [5, 2] });
    expect(screen.getByRole("link", { name: "d(dense_1.kernel)′[5,2] = 0.25" }).getAttribute("href")).toContain(
      encodeURI("#/d(dense_1.kernel)′"),
    );
    expect(screen.queryByRole("link", { name: /^dense_1.kernel\[5,2\] = 0.5/ }), "it was given to the step").toBeNull();
    store.go({ path: "d(dense_1.kernel)′", index: [5, 2] });
    await settled(120);
    expect(lab.of("explain").at(-1), "and not of the example").toMatchObject({ path: "d(dense_1.kernel)′", index: [5, 2] });
  });

  it("is no step's before the first", async () => {
    const refusal = "no step was taken yet";
    const { store } = await stand({ ...train, explain: () => Promise.reject(new Error(refusal)) });
    store.go(weight);
    show(store, Arithmetic);
    await settled(120);
    expect(screen.getByText(refusal)).toBeTruthy();
  });

  it("shows what a person made of it since", async () => {
    const kernel = { ...live.values["dense_1.kernel"]!, data: live.values["dense_1.kernel"]!.data.map(() => 3) };
    const values = { ...live.values, "dense_1.kernel": kernel };
    const { store } = await stand({ ...train, explain: () => update, watch: ({ input }) => ({ ...live, input, values }) });
    store.go(weight);
    show(store, Arithmetic);
    await settled(120);
    expect(screen.getByText("Since then it was set to 3 by hand.")).toBeTruthy();
  });
});

describe("the depths of focus", () => {
  it("begin with the network as a table", async () => {
    const { store } = await stand();
    show(store, Focus);
    await settled(30);
    expect(crumbs()).toEqual([["network", "#/"]]);
    const row = screen.getByRole("row", { name: /^dense_1/ });
    expect(row.textContent).toContain("51");
    expect(row.textContent).toContain("0.25 ± 0.5");
    expect(screen.getByRole("link", { name: "dense_1" }).getAttribute("href")).toContain("#/dense_1");
    expect(await serious()).toEqual([]);
  });

  it("go into a layer: formula, values, what is learned and its gradients", async () => {
    const { store } = await stand();
    store.go({ path: "dense_1" });
    show(store, Focus);
    await settled(120);
    expect(crumbs().at(-1)).toEqual(["dense_1", "#/dense_1"]);
    expect(screen.getByRole("math", { name: /^y\[n,o\]/ })).toBeTruthy();
    const paths = [...document.querySelectorAll(".value .head a")].map((a) => a.textContent);
    expect(paths).toEqual([
      "dense_1",
      "d(dense_1)",
      "dense_1.sum",
      "d(dense_1.sum)",
      "dense_1.kernel",
      "d(dense_1.kernel)",
      "dense_1.bias",
      "d(dense_1.bias)",
    ]);
    // The classes name the last layer's units; each bar is a link.
    expect(screen.getByRole("link", { name: "b dense_1[1] = 0" }).getAttribute("href")).toContain("#/dense_1/unit/1");
    expect(await serious()).toEqual([]);
  });

  it("go into a unit: its value, its gradient, what comes in through which weights", async () => {
    const { store } = await stand();
    store.go({ path: "dense_1", index: [2] });
    show(store, Focus);
    await settled(200);
    expect(crumbs().at(-1)).toEqual(["unit 2", "#/dense_1/unit/2"]);
    expect(await screen.findByText("What comes in")).toBeTruthy();
    expect(screen.getByText("Through which weights")).toBeTruthy();
    expect(screen.getByRole("link", { name: "d(dense_1)[2] = 0.125" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "Previous element" }).getAttribute("href")).toContain("#/dense_1/unit/1");
    expect(await serious()).toEqual([]);
  });

  it("go into a connection, and into its product", async () => {
    const { store } = await stand();
    store.go({ path: "dense_1.sum", index: [2], term: 1 });
    show(store, Focus);
    await settled(120);
    expect(crumbs().map(([text]) => text)).toEqual(["network", "dense_1", "dense_1.sum[2]", "term 1"]);
    const [x, w] = explanation(2).terms[1]!.sources;
    const names = [...document.querySelectorAll(".chain a.path")].map((a) => a.textContent);
    expect(names).toEqual([`flatten_1[${x!.index[1]}]`, `dense_1.kernel[${w!.index}]`, "dense_1.sum[2]"]);
    expect([...document.querySelectorAll(".slope a")].map((a) => a.getAttribute("aria-label"))).toContain(
      `d(dense_1.kernel)[${w!.index}] = 0.125`,
    );
    expect(screen.getByRole("link", { name: "Take the term apart" }).getAttribute("href")).toContain("/term/1/product");
    expect(await serious()).toEqual([]);

    store.go({ path: "dense_1.sum", index: [2], term: 1, product: true });
    await settled(250);
    const cells = [...document.querySelectorAll(".product .number")].map((td) => td.textContent?.trim());
    expect(cells).toEqual([written(x!.value), written(w!.value), written(explanation(2).terms[1]!.value)]);
    const all = explanation(2).terms.reduce((sum, t) => sum + Math.abs(t.value), 0);
    const fraction = percent(Math.abs(explanation(2).terms[1]!.value) / all);
    expect(document.querySelector(".fraction")?.textContent).toContain(`${fraction} of the sizes of all terms`);
    expect(document.querySelector(".fraction")?.textContent).toMatch(/−?[\d.]+ % of the value/);
    expect(await serious()).toEqual([]);
  });

  it("go one depth out again", async () => {
    const { store } = await stand();
    store.go({ path: "dense_1.sum", index: [2], term: 1 });
    show(store, Focus);
    await fireEvent.click(screen.getByRole("button", { name: "One depth out" }));
    expect(store.place).toMatchObject({ path: "dense_1.sum", index: [2], term: null });
  });

  it("say what is not there", async () => {
    const { store } = await stand();
    store.go({ path: "dense_7", index: [2] });
    show(store, Focus);
    await settled();
    expect(screen.getByText(/has no “dense_7”/)).toBeTruthy();
  });
});

describe("the drawn network", () => {
  it("names each layer, and goes to a unit by keyboard", async () => {
    const { lab, store } = await stand();
    show(store, NetworkMap);
    await settled(200);
    expect(
      ["input_1", "flatten_1", "dense_1"].map(
        (name) => screen.getByRole("link", { name }).getAttribute("href")?.split("?")[0],
      ),
    ).toEqual(["#/input_1", "#/flatten_1", "#/dense_1"]);
    const units = screen.getByRole("button", { name: /^dense_1, 3/ });
    units.focus();
    await fireEvent.keyDown(units, { key: "ArrowRight" });
    await fireEvent.keyDown(units, { key: "ArrowRight" });
    expect(
      document.querySelector("[aria-live]") &&
        [...document.querySelectorAll("[aria-live]")].some((e) => e.textContent === "dense_1[1] = 0"),
    ).toBe(true);
    await fireEvent.click(units, { detail: 0 });
    expect(store.place).toMatchObject({ path: "dense_1", index: [1] });
    expect(lab.of("watch").length).toBeGreaterThan(0);
    expect(await serious()).toEqual([]);
  });

  it("has in each unit a picture of the plane beside the boundary, and where that is chosen", async () => {
    const { lab, store } = await stand({
      describe: () => ({ ...description, views: ["boundary"] }),
      boundary: () => ({
        grid: { shape: [2, 2, 3], data: new Float32Array(12) }, x: [-1, 1], y: [-1, 1], step: 12, branch: 0,
        points: { shape: [0, 2], data: new Float32Array() }, labels: new Int32Array(),
        units: { dense_1: { shape: [2, 2, 3], data: new Float32Array(12) } },
      }),
    });
    store.go({ view: "boundary" });
    show(store, NetworkMap);
    await settled(200);
    expect(lab.of("boundary")).toContainEqual({ size: 24, units: true });
    expect(screen.getByRole("button", { name: "plane" }).getAttribute("aria-pressed")).toBe("true");
    await fireEvent.click(screen.getByRole("button", { name: "values" }));
    expect(screen.getByRole("button", { name: "plane" }).getAttribute("aria-pressed")).toBe("false");
    store.go({ path: null, view: null });
    await fireEvent.click(screen.getByRole("button", { name: "plane" }));
    expect(screen.getByRole("button", { name: "plane" }).getAttribute("aria-pressed")).toBe("true");
    expect(await serious()).toEqual([]);
  });

  it("is a table for those who cannot see it", async () => {
    const { store } = await stand();
    show(store, NetworkMap);
    await settled(200);
    await fireEvent.click(screen.getByRole("button", { name: "as tables" }));
    await settled(30);
    const cell = screen.getByRole("button", { name: "dense_1[2] = 0.5" });
    await fireEvent.click(cell);
    expect(store.place).toMatchObject({ path: "dense_1", index: [2] });
    expect(await serious()).toEqual([]);
  });

  it("plans networks of any size at once, a bottleneck narrower than what is around it", () => {
    const dense = (path: string, units: number, parent: string) => ({
      ...layers[2]!,
      path,
      parents: [parent],
      shape: [units],
      values: [value(path, [units], ["o"])],
    });
    const input = { ...layers[0]!, shape: [784], draw: "units" as const };
    const many = [
      input,
      dense("a", 1024, "input_1"),
      dense("b", 32, "a"),
      dense("c", 2, "b"),
      dense("d", 32, "c"),
      dense("e", 784, "d"),
    ];
    const found = plan(many, 280);
    const width = (path: string) => found.drawn.get(path)!.width;
    expect(width("c")).toBeLessThan(width("b"));
    expect(width("b")).toBeLessThanOrEqual(width("a"));
    expect(Math.max(...found.layout.nodes.map((n) => n.x + n.width))).toBeLessThanOrEqual(280.5);
    expect(found.drawn.get("b")!.form).toBe("units");
    expect(found.drawn.get("a")!.form).toBe("picture");
  });
});
