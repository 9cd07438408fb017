import { fireEvent, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { show as written } from "../../src/model/numbers/numbers";
import Arithmetic from "../../src/view/arithmetic/Arithmetic.svelte";
import { explanation } from "../fake";
import { cleanup, example, explain, settled, show, stand, withoutCanvas } from "../stand";

beforeEach(withoutCanvas);
afterEach(cleanup);

const UNIT = { path: "dense_1.sum", index: [2] };
const texts = (selector: string) => [...document.querySelectorAll(selector)].map((e) => e.textContent?.trim());

describe("the arithmetic", () => {
  it("shows value, formula, sentence and the heaviest terms, and the rest in one line", async () => {
    const { store } = await stand();
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    const whole = explanation(2);
    expect(document.querySelector("output")?.textContent).toBe(written(whole.value));
    expect(screen.getByRole("math", { name: whole.formula })).toBeTruthy();
    expect(screen.getByText("A sum of 16 terms.")).toBeTruthy();
    expect(document.querySelectorAll("li a.value")).toHaveLength(12);
    expect(texts("li.rest .what")[0]).toContain("4 more");
    expect(texts("li.total .what")[0]).toContain("is the value");
    const sizes = whole.terms.map((t) => Math.abs(t.value));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });

  it("makes every number a link to its source, and every term one to itself", async () => {
    const { store } = await stand();
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    const [x, w] = explanation(2).terms[0]!.sources;
    expect(
      screen.getByRole("link", { name: `flatten_1[${x!.index[1]}] = ${written(x!.value)}` }).getAttribute("href"),
    ).toContain(`#/flatten_1/unit/${x!.index[1]}`);
    expect(
      screen.getByRole("link", { name: `dense_1.kernel[${w!.index}] = ${written(w!.value)}` }).getAttribute("href"),
    ).toContain(`#/dense_1.kernel/index/${w!.index}`);
    expect(document.querySelector("li a.value")?.getAttribute("href")).toContain("#/dense_1.sum/index/2/term/0");
  });

  it("asks for more terms when asked to", async () => {
    const { lab, store } = await stand();
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    await fireEvent.click(screen.getByRole("button", { name: "Show more" }));
    await settled(30);
    expect(document.querySelectorAll("li a.value")).toHaveLength(16);
    expect(document.querySelector("li.rest")).toBeNull();
    expect(lab.of("explain").at(-1)).toMatchObject({ limit: 48 });
  });

  it("says by how much a sum differs from the value", async () => {
    const { store } = await stand({ explain: (q) => ({ ...explain(q), value: explanation(2).value + 0.01 }) });
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    expect(texts("li.total .what")[0]).toContain("but for 0.01");
  });

  it("goes backward by the chain rule, and forward again", async () => {
    const { lab, store } = await stand();
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    await fireEvent.click(screen.getByRole("button", { name: "Backward" }));
    await settled(30);
    expect(lab.of("explain").at(-1)).toMatchObject({ path: "d(dense_1.sum)", index: [2] });
    expect(document.querySelector("output")?.textContent).toBe("0.125");
    store.go({ path: "d(dense_1.kernel)", index: [3, 1] });
    await settled(30);
    expect(screen.getByRole("button", { name: "Backward" }).getAttribute("aria-pressed")).toBe("true");
    expect(lab.of("explain").at(-1)).toMatchObject({ path: "d(dense_1.kernel)", index: [3, 1] });
  });

  it("asks what the network should have said where there is no target", async () => {
    const { lab, store } = await stand({
      example: ({ name }) => ({ ...example, name, y: null }),
      own: () => ({ ...example, name: "own:1" }),
    });
    store.go(UNIT);
    show(store, Arithmetic);
    await fireEvent.click(screen.getByRole("button", { name: "Backward" }));
    await settled(30);
    expect(lab.of("explain").some((q) => (q as { path: string }).path.startsWith("d("))).toBe(false);
    await fireEvent.change(screen.getByRole("combobox"), { target: { value: "2" } });
    await fireEvent.click(screen.getByRole("button", { name: "Take it" }));
    expect(lab.of("own")[0]).toMatchObject({ y: 2 });
    expect((lab.of("own")[0] as { x: number[] }).x).toHaveLength(16);
  });

  it("shows for a learned number what one step makes of it", async () => {
    const { lab, store } = await stand();
    store.go({ path: "dense_1.kernel", index: [3, 1] });
    show(store, Arithmetic);
    await settled(30);
    expect(screen.getByText(/A learned number/)).toBeTruthy();
    expect(lab.of("explain").map((q) => (q as { path: string }).path)).toEqual(["dense_1.kernel′"]);
  });

  it("marks the winner of a maximum", async () => {
    const source = (i: number) => ({ path: "flatten_1", index: [0, i], value: i });
    const { store } = await stand({
      explain: (q) => ({
        ...explain(q),
        candidates: [source(1), source(5), source(2)],
        terms: [{ value: 5, text: "x[0,5]", numbers: "5", sources: [source(5)] }],
        rest: { count: 0, sum: 0 },
        value: 5,
      }),
    });
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    expect(texts(".candidates li.won")).toEqual(["5 chosen"]);
    expect(texts(".candidates li")).toHaveLength(3);
  });

  it("draws the activation and its derivative with the point, and says when it is saturated", async () => {
    const grid = Float64Array.from({ length: 41 }, (_, i) => (i - 20) / 4);
    const { store } = await stand({
      curve: () => ({
        function: "tanh",
        formula: "a = tanh(z)",
        derivative: "a′ = 1 − a²",
        x: grid,
        y: grid.map(Math.tanh),
        slope: grid.map((z) => 1 - Math.tanh(z) ** 2),
        at: { x: 3, y: Math.tanh(3), slope: 1 - Math.tanh(3) ** 2 },
        state: "saturated",
      }),
    });
    store.go({ path: "dense_1", index: [0] });
    show(store, Arithmetic);
    await settled(40);
    expect(screen.getByRole("img", { name: "tanh at 3 gives 0.9951; its slope there is 0.009866." })).toBeTruthy();
    expect(screen.getByText(/^Saturated/)).toBeTruthy();
    expect(document.querySelectorAll("circle")).toHaveLength(2);
  });

  it("is alive: another step is asked for anew, an overtaken answer dropped", async () => {
    const waiting: ((value: ReturnType<typeof explain>) => void)[] = [];
    let slow = false;
    const { lab, store } = await stand({
      explain: (q) => (slow ? new Promise((resolve) => waiting.push(resolve)) : explain(q)),
    });
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    const before = lab.of("explain").length;
    lab.emit("live", { ...store.live!, step: 8 });
    await settled(300);
    expect(lab.of("explain").length).toBe(before + 1);
    slow = true;
    lab.emit("live", { ...store.live!, step: 9 });
    await settled(300);
    store.go({ path: "dense_1.sum", index: [0] });
    await settled(10);
    expect(waiting).toHaveLength(2);
    waiting[1]!({ ...explanation(0), value: 42 });
    waiting[0]!({ ...explanation(2), value: 13 });
    await settled(10);
    expect(document.querySelector("output")?.textContent).toBe("42");
  });

  it("speaks Chinese", async () => {
    const { store } = await stand();
    store.setLanguage("zh");
    store.go(UNIT);
    show(store, Arithmetic);
    await settled(30);
    expect(screen.getByText("16 项之和。")).toBeTruthy();
    expect(screen.getByRole("button", { name: "反向" })).toBeTruthy();
  });
});
