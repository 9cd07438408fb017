import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import type { Lesson } from "../../src/model/lesson/lessons";
import { LabStore } from "../../src/store/lab-store.svelte";
import { FakeLab, description, settled, stillness } from "../fake-lab";
import { withoutCanvas } from "../stand";

const words = (en: string) => ({ en, zh: `${en}，中文` });
const lesson: Lesson = {
  lesson: 1, name: "one", task: "spirals", title: words("One lesson"), about: words("About it."), train: 30,
  steps: [
    { title: words("First"), text: words("See [this](#/dense_1/unit/1)."), view: "#/dense_1?input=test:2", panes: ["focus"],
      question: { text: words("Which?"), choices: [
        { text: words("This"), right: true, answer: words("So it is.") }, { text: words("That"), answer: words("No.") },
      ] } },
    { title: words("Second"), text: words("More."), view: "#/dense_1/unit/2",
      question: { text: words("How much?"), number: {
        value: "dense_1[2]", tolerance: 0.1, right: words("Yes, {value}."), wrong: words("It is {value}."),
      } } },
  ],
};

beforeAll(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {}, addListener() {} }));
  vi.stubGlobal("Path2D", class {});
  withoutCanvas();
  HTMLDialogElement.prototype.showModal = function () { this.open = true; };
  HTMLDialogElement.prototype.close = function () { this.open = false; };
});
beforeEach(() => localStorage.clear());
afterEach(cleanup);

async function page(answers: ConstructorParameters<typeof FakeLab>[0] = {}, at = "#/") {
  const { default: App } = await import("../../src/view/App.svelte");
  const lab = new FakeLab({
    lessons: () => [lesson],
    explain: ({ path, index }) => ({
      path, index: [0, ...index], value: 0.5, formula: "a = b", substituted: "1", latex: "", sentence: words("It is."),
      terms: [], rest: { count: 0, sum: 0 }, outside: 0, candidates: [], field: {},
    }),
    curve: () => null,
    ...answers,
  });
  lab.state = { ...stillness, step: 40 };
  const address = { read: () => at, write: (hash: string) => void (at = hash), on: () => () => undefined, whole: (h: string) => h };
  const store = new LabStore(lab, { address });
  const { container } = render(App, { store });
  await settled(60);
  return { lab, store, container: container as HTMLElement, address: () => at };
}
const press = async (name: string) => {
  await fireEvent.click(screen.getByRole("button", { name }));
  await settled(20);
};

describe("the player of lessons", () => {
  it("goes through a lesson: the view follows, and the address says where", async () => {
    const { store, container, address } = await page();
    await press("Lesson");
    expect(screen.getByText("Step 1 of 2")).toBeTruthy();
    expect([store.place.path, store.place.input]).toEqual(["dense_1", "test:2"]);
    expect(address()).toContain("lesson=one:1");
    expect(container.querySelector("section.network")).toBeNull();
    expect(container.querySelector<HTMLAnchorElement>(".lesson a")!.getAttribute("href")).toContain("#/dense_1/unit/1");
    expect(container.querySelector<HTMLAnchorElement>(".lesson a")!.getAttribute("href")).toContain("lesson=one:1");
    await press("That");
    expect(screen.getByText("Not quite.")).toBeTruthy();
    await press("This");
    expect(screen.getByText("So it is.").closest("[role=status]")!.textContent).toContain("Right.");
    await press("Next");
    expect(document.activeElement?.textContent).toBe("Second");
    expect([store.place.index, store.place.input]).toEqual([[2], "test:2"]);
    expect(container.querySelector("section.network")).toBeTruthy();
    store.out();
    await settled(20);
    await press("Show what this step is about");
    expect(store.place.index).toEqual([2]);
    await press("End of the lesson");
    expect(container.querySelector(".lesson")).toBeNull();
    expect(address()).not.toContain("lesson");
  });
  it("leads from the last step to the next lesson", async () => {
    const other: Lesson = { ...lesson, name: "two", title: words("Another lesson") };
    const { address } = await page({ lessons: () => [lesson, other] }, "#/?lesson=one:1");
    expect(screen.queryByRole("button", { name: /Next lesson/ })).toBeNull();
    await press("Next");
    await press("Next lesson: Another lesson");
    await settled(60);
    expect(address()).toContain("lesson=two:1");
    await press("Next");
    expect(screen.queryByRole("button", { name: /Next lesson/ })).toBeNull();
  });
  it("shows the first of a step's panels where there is room for one", async () => {
    const turned: Lesson = {
      ...lesson,
      steps: [
        { ...lesson.steps[0]!, panes: ["focus", "arithmetic"] },
        { ...lesson.steps[1]!, panes: ["arithmetic", "focus"] },
      ],
    };
    const { container } = await page({ lessons: () => [turned] }, "#/?lesson=one:1");
    const shown = () => container.querySelector(".tabs [aria-current], .tabs [aria-pressed=true], .tabs [aria-selected=true]")?.textContent;
    expect(shown()).toBe("Focus");
    await press("Next");
    expect(shown()).toBe("Arithmetic");
    await press("Focus");
    expect(shown()).toBe("Focus");
    await press("Back");
    await press("Next");
    expect(shown()).toBe("Arithmetic");
    cleanup();
    const straight = await page({ lessons: () => [turned] }, "#/?lesson=one:2");
    expect(straight.container.querySelector(".tabs [aria-current]")?.textContent).toBe("Arithmetic");
  });
  it("compares a number with that of the run", async () => {
    const { lab } = await page({}, "#/?lesson=one:2");
    const answer = async (text: string) => {
      await fireEvent.input(screen.getByLabelText("Your answer, a number"), { target: { value: text } });
      await press("Check");
    };
    await answer("what");
    expect(screen.getByText(/Expected a number/)).toBeTruthy();
    await answer("2");
    expect(screen.getByText("It is 0.5.")).toBeTruthy();
    await answer("45 %");
    expect(screen.getByText("Yes, 0.5.")).toBeTruthy();
    expect(lab.of("explain")).toContainEqual({ input: "test:2", path: "dense_1", index: [2], limit: 1 });
  });
  it("lets the network learn first, as far as the lesson says, and takes one back that has learned more", async () => {
    const { lab } = await page({}, "#/?lesson=one:1");
    expect(lab.of("control")).toEqual([{ do: "seek", step: 30 }]);
    cleanup();
    // It is on its way: the answer comes before it has arrived.
    const again = new FakeLab({
      lessons: () => [lesson], curve: () => null, describe: () => ({ ...description, state: stillness }), control: () => stillness,
    });
    const { default: App } = await import("../../src/view/App.svelte");
    const store = new LabStore(again, { address: { read: () => "#/?lesson=one:1", write() {}, on: () => () => undefined, whole: (h) => h } });
    render(App, { store });
    await settled(60);
    expect(again.of("control")).toEqual([{ do: "seek", step: 30 }]);
    expect(screen.getByText("The network learns first: step 0 of 30")).toBeTruthy();
  });
  it("begins by itself in the lab of one's own network, and is no part of a lab without lessons", async () => {
    const own = { ...lesson, task: null, train: 0 };
    const { container } = await page({ lessons: () => [own], describe: () => ({ ...description, task: null, state: stillness }) });
    expect(container.querySelector(".lesson")).toBeTruthy();
    cleanup();
    const none = await page({ lessons: () => [] }, "#/?lesson=one:1");
    expect(none.container.querySelector(".lesson")).toBeNull();
    expect(screen.queryByRole("button", { name: "Lesson" })).toBeNull();
  });
});
