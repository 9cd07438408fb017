import { cleanup, fireEvent, render, screen, within } from "@testing-library/svelte";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import type { Editor, Explanation, State } from "../../src/model/wire/protocol";
import { LabStore } from "../../src/store/lab-store.svelte";
import { description, FakeLab, picture, settled, stillness } from "../fake-lab";

// What jsdom lacks and the page asks for: measures, a canvas, dialogs.
beforeAll(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {}, addListener() {} }));
  vi.stubGlobal("ResizeObserver", class { observe() {} unobserve() {} disconnect() {} });
  vi.stubGlobal("Path2D", class {});
  HTMLCanvasElement.prototype.getContext = (() => null) as never;
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
});
const explanation = (path: string, index: number[]): Explanation => ({
  path, index: [0, ...index], value: 1, formula: "a = b", substituted: "1", latex: "", sentence: { en: "It is.", zh: "是。" },
  terms: [], rest: { count: 0, sum: 0 }, outside: 0, candidates: [], field: {},
});
beforeEach(() => localStorage.clear());
afterEach(cleanup);

async function page(lab = new FakeLab()) {
  // Only now, after the stubs: the curve's library asks for its measures when it is loaded.
  const { default: App } = await import("../../src/view/App.svelte");
  const store = new LabStore(lab);
  const { container, unmount } = render(App, { store });
  await settled(60);
  return { lab, store, container: container as HTMLElement, unmount };
}
const button = (name: string | RegExp) => screen.getByRole("button", { name });

describe("the page", () => {
  it("shows the gallery where nothing is open, and opens what is clicked", async () => {
    const { lab, store, container } = await page(new FakeLab({ describe: () => Promise.reject(new Error("nothing is open")) }));
    expect(screen.getByText("Gallery of small tasks")).toBeTruthy();
    await fireEvent.click(button(/The digits/));
    await settled(20);
    expect(lab.of("open")).toEqual([{ task: "digits" }]);
    expect(store.description?.task).toBe("digits");
    expect(container.querySelector("header .title")!.textContent).toBe("The digits");
  });

  it("shows what the network says, and what it should say", async () => {
    const { lab, container } = await page();
    const said = container.querySelector(".prediction") as HTMLElement;
    expect(said.textContent).toContain("b");
    expect(said.textContent).toContain("70 %");
    expect(said.querySelector(".right")).toBeTruthy();
    lab.emit("live", { input: "test:0", branch: 0, step: 1, loss: null, values: { dense_1: picture([0.9, 0.05, 0.05]) } });
    await settled();
    expect(said.querySelector(".wrong")).toBeTruthy();
  });

  it("explains nothing in a pane that is folded", async () => {
    const wide = vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(1200);
    const { lab, store } = await page(new FakeLab({ explain: ({ path, index }) => explanation(path, index) }));
    store.go({ path: "dense_1", index: [1] });
    await settled(60);
    const pane = screen.getByRole("region", { name: "Arithmetic" });
    expect(pane.textContent).toContain("It is.");
    store.arrange({ ...store.panes, folded: ["arithmetic"] });
    await settled(60);
    expect(pane.textContent!.trim()).toBe("");
    store.go({ path: null });
    const asked = lab.of("explain").length;
    lab.emit("live", { input: "test:0", branch: 0, step: 1, loss: 1, values: {} });
    await settled(60);
    expect(lab.of("explain").length).toBe(asked);
    store.arrange({ ...store.panes, folded: [] });
    await settled(60);
    expect(pane.textContent!.trim()).not.toBe("");
    wide.mockRestore();
  });

  it("chooses examples: the next, the one before the first, one by its number, one of the list", async () => {
    const { store } = await page();
    await fireEvent.click(button("Next example"));
    expect(store.place.input).toBe("test:1");
    await fireEvent.click(button("Previous example"));
    await fireEvent.click(button("Previous example"));
    expect(store.place.input).toBe("test:29");
    const number = screen.getByRole("spinbutton", { name: /Number of the example/ });
    await fireEvent.change(number, { target: { value: "7" } });
    expect(store.place.input).toBe("test:7");
    await fireEvent.change(number, { target: { value: "300" } });
    expect((number as HTMLInputElement).value).toBe("7");
    await fireEvent.click(button(/^Choose an example/));
    await settled(5);
    await fireEvent.click(button(/^Example test:3,/));
    expect(store.place.input).toBe("test:3");
    expect(screen.queryByRole("button", { name: /^Example test:3,/ })).toBeNull();
    await fireEvent.change(screen.getByRole("combobox", { name: "Data set" }), { target: { value: "train" } });
    expect(store.place.input).toBe("train:0");
  });

  it("plays, pauses, steps and sets the learning rate", async () => {
    const { lab } = await page();
    await fireEvent.click(button("Play"));
    await settled();
    await fireEvent.click(button("Pause"));
    await fireEvent.click(button("Batch"));
    await fireEvent.click(button("Epoch"));
    const rate = screen.getByRole("textbox", { name: "Learning rate" });
    await fireEvent.change(rate, { target: { value: "0.5" } });
    await fireEvent.change(rate, { target: { value: "fast" } });
    expect(rate.getAttribute("aria-invalid")).toBe("true");
    await settled();
    expect(lab.of("control")).toEqual([
      { do: "play" }, { do: "pause" }, { do: "step", count: 1 }, { do: "epoch" }, { do: "rate", learning_rate: 0.5 },
    ]);
  });

  it.each(["NaN", "-1", "abc", "0", ""])("says in words that %o is no learning rate", async (text) => {
    const { lab } = await page();
    const rate = screen.getByRole("textbox", { name: "Learning rate" });
    await fireEvent.change(rate, { target: { value: text } });
    const said = screen.getByRole("alert");
    expect(said.textContent).toBe(`Expected a learning rate above 0, such as 0.01, got “${text}”: it stays 0.01.`);
    expect(rate.getAttribute("aria-describedby")).toBe(said.id);
    await fireEvent.change(rate, { target: { value: "0,25" } });
    expect(screen.queryByRole("alert")).toBeNull();
    expect(lab.of("control")).toEqual([{ do: "rate", learning_rate: 0.25 }]);
  });

  it("asks before another task takes the place of a training, and gives the focus back", async () => {
    const { lab, store } = await page();
    lab.emit("state", { ...stillness, step: 5, branches: [{ ...stillness.branches[0]!, last: 1200 }] });
    await fireEvent.click(button("Gallery"));
    await fireEvent.click(button(/The digits/));
    await settled(20);
    const asked = screen.getByRole("dialog", { name: "Leave this training?" });
    expect(asked.textContent).toMatch(/1\s200 steps of “Spirals” will be lost\./);
    expect(lab.of("open")).toEqual([]);
    await fireEvent.click(within(asked).getByRole("button", { name: "Keep them" }));
    await settled(20);
    expect([store.description?.task, store.panel]).toEqual(["spirals", "gallery"]);
    await fireEvent.click(button(/The digits/));
    await settled(20);
    await fireEvent.click(button("Open “The digits”"));
    await settled(20);
    expect(lab.of("open")).toEqual([{ task: "digits" }]);
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  const editor: Editor = {
    design: {
      network: {
        layers: [{ class: "InputLayer", options: { shape: [2] } }, { class: "Dense", options: { units: 3 } }],
        uses: [{ layer: 0, path: "input_1", inputs: [] }, { layer: 1, path: "dense_1", inputs: ["input_1"] }],
        inputs: ["input_1"], outputs: ["dense_1"], seed: 1, dtype: "float32", name: null,
      },
      optimizer: { name: "sgd", learning_rate: 0.1 }, loss: null, batch_size: 8, noise: null,
    },
    layers: [], optimizers: [{ name: "sgd", fields: [], inputs: 0 }], losses: [], noise: false, undo: 0, redo: 0,
  };

  it("leaves what is being changed as it is while the network trains", async () => {
    const lab = new FakeLab({ editor: () => editor, consider: () => ({ fault: null, shapes: [[2], [3]], parameters: 9 }) });
    const plain = lab.answers.describe!;
    lab.answers.describe = async (params) => {
      const known = await plain(params);
      return { ...known, can: { ...known.can, edit: true } };
    };
    await page(lab);
    lab.emit("state", { ...stillness, run: 1, playing: true, step: 1 });
    await fireEvent.click(button("Change"));
    await settled(20);
    const batch = screen.getByRole("textbox", { name: "Batch size" });
    await fireEvent.change(batch, { target: { value: "5" } });
    for (const step of [2, 3]) {
      lab.emit("state", { ...stillness, run: 1, playing: true, step });
      await settled(20);
    }
    expect((screen.getByRole("textbox", { name: "Batch size" }) as HTMLInputElement).value).toBe("5");
    expect(lab.of("editor"), "asked once").toHaveLength(1);
    lab.emit("state", { ...stillness, run: 2 });
    await settled(20);
    expect(lab.of("editor"), "another network has other layers").toHaveLength(2);
  });

  it("asks before a change ends networks that could be returned to", async () => {
    const lab = new FakeLab({ edit: () => ({ fault: null, description: null }) });
    const plain = lab.answers.describe!;
    lab.answers.describe = async (params) => ({ ...(await plain(params)), ending: 1 });
    const { store } = await page(lab);
    const asked = store.edit(editor.design);
    await settled(5);
    const question = screen.getByRole("dialog", { name: "Lose these networks?" });
    expect(question.textContent).toContain("1 step of networks that can be returned to now will be lost");
    await fireEvent.click(within(question).getByRole("button", { name: "Keep them" }));
    expect(await asked).toBeUndefined();
    expect(lab.of("edit")).toEqual([]);
    const again = store.edit(editor.design);
    await settled(5);
    await fireEvent.click(button("Change it all the same"));
    expect(await again).toBeNull();
    expect(lab.of("edit")).toHaveLength(1);
  });

  it("says that it is prepared, and that it has settled, with the way on", async () => {
    const { lab } = await page();
    lab.emit("state", { ...stillness, playing: true, preparing: true });
    await settled(400);
    expect(screen.getAllByRole("status").some((one) => one.textContent?.includes("compiled for its first step"))).toBe(true);
    lab.emit("state", { ...stillness, step: 9, preparing: false, settled: { en: "It hardly falls.", zh: "几乎不降。" } });
    await settled();
    expect(screen.getAllByRole("status").some((one) => one.textContent?.includes("compiled"))).toBe(false);
    expect(screen.getByText("It hardly falls.")).toBeTruthy();
    await fireEvent.click(button("Continue"));
    expect(lab.of("control")).toEqual([{ do: "play" }]);
  });

  it("leaves the buttons alone while the numbers run", async () => {
    const { lab, container } = await page();
    lab.emit("state", { ...stillness, playing: true, step: 1 });
    await settled();
    const seen: MutationRecord[] = [];
    const watch = new MutationObserver((records) => seen.push(...records));
    for (const part of ["header", ".row", ".settings", ".right"]) {
      watch.observe(container.querySelector(part)!, { subtree: true, childList: true, attributes: true });
    }
    for (let step = 2; step < 30; step++) {
      const state: State = { ...stillness, playing: true, step, loss: 1 / step };
      lab.emit("state", { ...state, branches: [{ ...state.branches[0]!, last: step }] });
      lab.emit("history", { branch: 0, from: step, loss: Float64Array.of(1 / step), epochs: [] });
      await settled();
    }
    // The button of a new beginning comes alive with the first step, and no more.
    expect(seen.length).toBeLessThan(4);
    watch.disconnect();
  });

  it("goes back in time by the scrubber, one journey at a time", async () => {
    const lab = new FakeLab();
    lab.state = { ...stillness, step: 50, playing: true, branches: [{ ...stillness.branches[0]!, last: 50 }] };
    await page(lab);
    const scrubber = screen.getByRole("slider", { name: "Go to a step" });
    expect(scrubber.getAttribute("max")).toBe("50");
    for (const value of ["40", "30", "20"]) await fireEvent.input(scrubber, { target: { value } });
    await settled(150);
    expect(lab.of("control")).toEqual([{ do: "pause" }, { do: "seek", step: 20 }]);
    expect(scrubber.getAttribute("aria-valuetext")).toBe("step 20 of 50");
  });

  it("branches with another rate, or with another weight where one is in focus", async () => {
    const { lab, store } = await page();
    await fireEvent.click(button("Branch from step 0"));
    await fireEvent.input(screen.getByRole("textbox", { name: "New value" }), { target: { value: "0.25" } });
    await fireEvent.click(button("Branch"));
    store.go({ path: "d(dense_1.kernel)", index: [1, 2] });
    await settled();
    await fireEvent.click(button("Branch from step 0"));
    await fireEvent.input(screen.getByRole("textbox", { name: "New value" }), { target: { value: "−1.5" } });
    await fireEvent.click(button("Branch"));
    await settled();
    expect(lab.of("control")).toEqual([
      { do: "branch", change: { learning_rate: 0.25 } },
      { do: "branch", change: { parameter: "dense_1.kernel", index: [1, 2], value: -1.5 } },
    ]);
  });

  it("compares two branches", async () => {
    const lab = new FakeLab({
      history: ({ branch }) => ({ branch, from: branch === 0 ? 1 : 3, loss: Float64Array.from(branch === 0 ? [4, 3, 2, 1] : [8, 9]), epochs: [] }),
    });
    lab.state = {
      ...stillness, step: 4, branch: 1,
      branches: [{ ...stillness.branches[0]!, last: 4 }, { id: 1, parent: 0, at: 2, last: 4, change: { en: "learning rate 1", zh: "学习率 1" } }],
    };
    await page(lab);
    expect(screen.getByText("from 2: learning rate 1")).toBeTruthy();
    await fireEvent.click(button("compare"));
    const row = screen.getByRole("rowheader", { name: "at 4" }).closest("tr")!;
    expect(within(row).getAllByRole("cell").map((cell) => cell.textContent)).toEqual(["9", "1", "8"]);
    await fireEvent.click(button(/^Switch to branch 0/));
    expect(lab.of("control").at(-1)).toEqual({ do: "switch", branch: 0 });
  });

  it("says what is wrong, and leads to where it is", async () => {
    const { store } = await page();
    await fireEvent.click(button("What is wrong?"));
    await settled(5);
    expect(screen.getByText("Half of it is dead.")).toBeTruthy();
    const link = within(screen.getByRole("dialog")).getByRole("link", { name: "dense_1.sum" });
    expect(link.getAttribute("href")).toContain("#/dense_1");
    await fireEvent.click(link);
    expect(store.panel).toBeNull();
    expect(store.place.path).toBe("dense_1");
  });

  it("says of which step all of it is, and asks anew where that is another one", async () => {
    const dead = (step: number, share: number) => ({
      branch: 0, step, layers: [{ path: "dense_1", activation: 1, gradient: 1, dead: share, saturated: null, ratio: null }],
    });
    const lab = new FakeLab({ flow: () => [dead(470, 0.5)], explain: ({ path, index }) => explanation(path, index) });
    lab.state = { ...stillness, step: 470, branches: [{ ...stillness.branches[0]!, last: 470 }] };
    const { store, container } = await page(lab);
    store.go({ path: "dense_1", index: [1] });
    await settled(80);
    const badge = () => container.querySelector(".panel.network .trouble")?.textContent ?? null;
    const steps = () => new Set([...container.querySelectorAll(".moment")].map((one) => one.textContent));
    expect(badge()).toBe("50 % dead");
    expect(steps()).toEqual(new Set(["step 470"]));
    expect(container.querySelector(".panel.arithmetic .moment")).toBeTruthy();

    lab.state = { ...lab.state, step: 10 };
    lab.emit("state", lab.state);
    await settled();
    const seen = container.querySelector(".panel.network .moment")!;
    expect(seen.textContent, "until it comes anew").toContain("of step 470");
    lab.emit("live", { input: "test:0", branch: 0, step: 10, loss: null, values: { dense_1: picture([0.1, 0.7, 0.2]) } });
    await settled(80);
    expect(badge(), "not measured here").toBeNull();
    expect(steps()).toEqual(new Set(["step 10"]));
    lab.emit("flow", dead(10, 0.25));
    await settled();
    expect(badge()).toBe("25 % dead");

    lab.state = { ...lab.state, playing: true, step: 14 };
    lab.emit("state", lab.state);
    lab.emit("live", { input: "test:0", branch: 0, step: 12, loss: null, values: { dense_1: picture([0.1, 0.7, 0.2]) } });
    await settled();
    expect(badge(), "while it plays the last one, with its step").toBe("25 % dead · step 10");
    expect(container.querySelector(".panel.network .moment")!.textContent).toBe("step 12");
  });

  it("looks anew for what is wrong where the run goes to another step", async () => {
    const lab = new FakeLab();
    await page(lab);
    await fireEvent.click(button("What is wrong?"));
    await settled(5);
    const dialog = screen.getByRole("dialog");
    expect(dialog.querySelector(".moment")!.textContent).toBe("step 0");
    lab.state = { ...stillness, step: 5, branches: [{ ...stillness.branches[0]!, last: 5 }] };
    lab.emit("state", lab.state);
    await settled(5);
    expect(lab.of("diagnose")).toHaveLength(2);
    expect(dialog.querySelector(".moment")!.textContent).toBe("step 5");
    lab.emit("state", { ...lab.state, learning_rate: 9 });
    await settled(5);
    expect(lab.of("diagnose")).toHaveLength(3);
  });

  it("says in words why training stands still, with the way to what is wrong", async () => {
    const { lab, store, container } = await page();
    lab.emit("state", { ...stillness, stopped: { en: "The loss is NaN.", zh: "损失为 NaN。" } });
    await settled();
    const line = within(container).getByText("The loss is NaN.").closest(".message") as HTMLElement;
    await fireEvent.click(within(line).getByRole("button"));
    expect(store.panel).toBe("wrong");
  });

  it("shows a refusal until it is dismissed, and a line that broke", async () => {
    const { lab, store } = await page();
    store.notify("that cannot be done");
    await settled();
    expect(screen.getByRole("alert").textContent).toContain("that cannot be done");
    await fireEvent.click(within(screen.getByRole("alert")).getByRole("button", { name: "Dismiss" }));
    expect(screen.queryByRole("alert")).toBeNull();
    lab.emit("connected", false);
    await settled();
    expect(screen.getByText(/The connection was lost/)).toBeTruthy();
  });

  it("speaks both languages, at once", async () => {
    const { container } = await page();
    await fireEvent.click(button(/switch to Simplified Chinese/));
    expect(button("播放")).toBeTruthy();
    expect(container.querySelector("header .title")!.textContent).toBe("螺旋");
    expect(container.querySelector(".pellucid-lab")!.getAttribute("lang")).toBe("zh-Hans");
  });

  it("hints once, until a person has followed a number", async () => {
    const { store, unmount } = await page();
    expect(screen.getByText(/Every number is a link/)).toBeTruthy();
    store.go({ path: "dense_1", index: [1], term: 0 });
    await settled();
    expect(screen.queryByText(/Every number is a link/)).toBeNull();
    unmount();
    await page();
    expect(screen.queryByText(/Every number is a link/)).toBeNull();
  });

  it("takes numbers of the person's own, and says how many it needs", async () => {
    const lab = new FakeLab();
    lab.answers.describe = () => ({ ...description, sample: "vector", state: lab.state });
    const { store } = await page(lab);
    await fireEvent.click(button("Own"));
    const field = screen.getByRole("textbox", { name: /16 numbers/ });
    await fireEvent.input(field, { target: { value: "1 2 3" } });
    await fireEvent.click(button("Show it to the network"));
    expect(screen.getByRole("alert").textContent).toContain("16 numbers, got 3");
    await fireEvent.input(field, { target: { value: Array(16).fill(0.5).join(", ") } });
    await fireEvent.change(screen.getByRole("combobox", { name: "What it truly is" }), { target: { value: "2" } });
    await fireEvent.click(button("Show it to the network"));
    await settled(5);
    expect(lab.of("own")).toEqual([{ x: Array(16).fill(0.5), y: 2 }]);
    expect(store.place.input).toBe("own:1");
  });

  it("gives no answer before an example of one's own is given, nor to one that was changed since", async () => {
    const lab = new FakeLab();
    let count = 0;
    lab.answers.describe = () => ({ ...description, sample: "vector", state: lab.state });
    lab.answers.own = ({ ...params }) => {
      if ("x" in params && params.x?.[0] === 9) throw new Error("not that");
      return shown(`own:${++count}`);
    };
    const note = { en: "Some was cut.", zh: "有所截断。" };
    const shown = (name: string) => (
      { name, x: { shape: [4, 4, 1], data: new Float32Array(16) }, y: null, label: null, symbols: null, note }
    );
    lab.answers.example = ({ name }) => shown(name);
    const { store } = await page(lab);
    expect(document.querySelector("header .prediction dd"), "there is one of the example behind").toBeTruthy();
    await fireEvent.click(button("Own"));
    const dialog = screen.getByRole("dialog");
    const answer = () => dialog.querySelector(".prediction dd")?.textContent ?? null;
    expect(answer(), "of nothing").toBeNull();
    const field = screen.getByRole("textbox", { name: /16 numbers/ });
    const give = async (first: number) => {
      await fireEvent.input(field, { target: { value: [first, ...Array(15).fill(0)].join(" ") } });
      await fireEvent.click(button("Show it to the network"));
      await settled(60);
    };
    await give(1);
    expect(store.place.input).toBe("own:1");
    expect(answer()).toContain("b");
    expect(within(dialog).getByText("Some was cut.")).toBeTruthy();
    await fireEvent.input(field, { target: { value: "2" } });
    expect(answer(), "to what was there before").toBeNull();
    await give(9);
    expect(answer(), "to what was refused").toBeNull();
    await give(1);
    expect(answer()).toContain("b");
  });

  it("draws by keyboard", async () => {
    const { lab } = await page();
    await fireEvent.click(button("Own"));
    const pad = screen.getByRole("application");
    for (const key of [" ", "ArrowUp", "ArrowUp", " ", "ArrowLeft"]) await fireEvent.keyDown(pad, { key });
    await settled(250);
    const { x } = lab.of("own")[0] as { x: number[] };
    expect(x).toHaveLength(16);
    // A line of squares in the third column, with its soft edge beside it; far from it nothing.
    expect(Math.min(x[2]!, x[6]!, x[10]!)).toBeGreaterThan(0.1);
    expect(x[0]).toBe(0);
  });
});

describe("the keys", () => {
  it("play, step, go back and help, wherever one is; but not where one types", async () => {
    const { lab, store, container } = await page();
    const inside = container.querySelector(".panel")!;
    await fireEvent.keyDown(inside, { key: " " });
    await fireEvent.keyDown(inside, { key: "." });
    await fireEvent.keyDown(screen.getByRole("textbox", { name: "Learning rate" }), { key: " " });
    await fireEvent.keyDown(button("Batch"), { key: " " });
    await fireEvent.keyDown(inside, { key: " ", ctrlKey: true });
    await settled();
    expect(lab.of("control")).toEqual([{ do: "play" }, { do: "step", count: 1 }]);
    await fireEvent.keyDown(inside, { key: "?" });
    expect(store.panel).toBe("help");
    await fireEvent.keyDown(inside, { key: " " });
    expect(lab.of("control"), "a dialog keeps its keys").toHaveLength(2);
  });
  it("lead one depth out with Esc", async () => {
    const { store, container } = await page();
    store.go({ path: "dense_1", index: [1], term: 2 });
    const inside = container.querySelector(".panel")!;
    for (const [term, index] of [[null, [1]], [null, null]] as const) {
      await fireEvent.keyDown(inside, { key: "Escape" });
      expect(store.place).toMatchObject({ term, index });
    }
  });
});

describe("a file that was saved", () => {
  it("has no training to steer, and all the rest", async () => {
    const lab = new FakeLab();
    lab.answers.describe = () => ({
      ...description, can: { gallery: false, train: false, branch: false, own: true, convolve: true, save: false }, state: { ...stillness, step: 9 },
    });
    const { container } = await page(lab);
    expect(screen.queryByRole("button", { name: "Play" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Gallery" })).toBeNull();
    expect(screen.queryByRole("slider", { name: "Go to a step" })).toBeNull();
    expect(container.querySelector(".prediction")!.textContent).toContain("70 %");
    expect(button("What is wrong?")).toBeTruthy();
  });
});
