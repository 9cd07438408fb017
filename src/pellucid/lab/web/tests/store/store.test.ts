import { describe, expect, it } from "vitest";

import { Refusal } from "../../src/model/wire/exchange";
import type { Design, Live, State } from "../../src/model/wire/protocol";
import { LabStore } from "../../src/store/lab-store.svelte";
import type { Address } from "../../src/store/contract";
import { description, FakeLab, layers, picture, settled, stillness } from "../fake-lab";

class FakeAddress implements Address {
  entries: string[];
  at = 0;
  #listener: ((hash: string, ours: boolean) => void) | null = null;
  constructor(start = "") {
    this.entries = [start];
  }
  read = () => this.entries[this.at]!;
  write(hash: string, push: boolean) {
    if (push) this.entries.splice(++this.at, Infinity, hash);
    else this.entries[this.at] = hash;
  }
  on(listener: (hash: string, ours: boolean) => void) {
    this.#listener = listener;
    return () => void (this.#listener = null);
  }
  whole = (hash: string) => `http://x/${hash}`;
  back() {
    this.#listener?.(this.entries[--this.at]!, true);
  }
  type(hash: string) {
    this.entries.splice(++this.at, Infinity, hash);
    this.#listener?.(hash, false);
  }
}

async function started(start = "", lab = new FakeLab()) {
  const address = new FakeAddress(start);
  const store = new LabStore(lab, { address });
  await settled(5);
  return { lab, address, store };
}
const live = (some: Partial<Live>): Live => ({ input: "test:0", branch: 0, step: 0, loss: null, values: {}, ...some });

describe("the beginning", () => {
  it("describes, takes the first test example and watches every layer's output", async () => {
    const { lab, store } = await started();
    expect(store.description?.title.en).toBe("Spirals");
    expect(store.place).toMatchObject({ path: null, view: "boundary", input: "test:0" });
    expect(store.example?.name).toBe("test:0");
    const [watch] = lab.of("watch") as { input: string; paths: { path: string }[] }[];
    expect(watch!.input).toBe("test:0");
    expect(watch!.paths.map((one) => one.path)).toEqual(["conv2d_1", "dense_1", "input", "lstm_1"]);
    expect(store.value("dense_1")?.data[1]).toBeCloseTo(0.7);
  });
  it("opens the gallery where no task is open, and where nothing can be described", async () => {
    const none = new FakeLab();
    const plain = none.answers.describe!;
    none.answers.describe = async (params) => ({ ...(await plain(params)), task: null, layers: [] });
    expect((await started("", none)).store.panel).toBe("gallery");
    // A task of the person's own data has no name in the gallery, and is open all the same.
    const own = new FakeLab();
    own.answers.describe = async (params) => ({ ...(await plain(params)), task: null });
    expect((await started("", own)).store.panel).toBe(null);
    const empty = new FakeLab({ describe: () => Promise.reject(new Error("nothing is open")) });
    const { store } = await started("", empty);
    expect(store.panel).toBe("gallery");
    expect(store.tasks).toHaveLength(2);
    const seen: unknown[] = [];
    const open = empty.answers.open!;
    empty.answers.open = async (params) => {
      const opened = await open(params);
      empty.emit("described", opened);
      seen.push(store.panel);
      return opened;
    };
    expect(store.message).toBeNull();
    await store.open("digits");
    expect(seen).toEqual([null]);
    expect(store.panel).toBeNull();
    expect(store.description?.task).toBe("digits");
  });
  it("keeps a moment that was reached while the answers were on their way", async () => {
    const lab = new FakeLab();
    const { open, tasks } = lab.answers;
    lab.answers.describe = () => Promise.reject(new Error("nothing is open"));
    lab.answers.open = async (params) => {
      const opened = await open!(params);
      lab.emit("described", opened);
      return opened;
    };
    let asked = 0;
    lab.answers.tasks = async (params) => {
      if (++asked > 1) lab.emit("state", { ...stillness, step: 500 });
      return tasks!(params);
    };
    const { store } = await started("#/?task=digits", lab);
    expect([asked, store.state?.step]).toEqual([2, 500]);
  });
});

describe("a link that names no place", () => {
  const boundary = { path: null, view: "boundary", input: "test:0" };
  it.each(["", "#/", "#/?task=spirals", "#/?step=3"])("%o leads to what the task is about", async (link) => {
    const { address, store } = await started(link);
    expect(store.place).toMatchObject(boundary);
    expect(address.entries).toHaveLength(1);
    expect(address.read()).toContain("#/view/boundary?task=spirals&input=test:0");
    store.out();
    address.type("#/?task=spirals");
    await settled(5);
    expect(store.place).toMatchObject(boundary);
    store.follow("#/");
    expect(store.place, "the network, to who is here already").toMatchObject({ path: null, view: null, input: "test:0" });
  });
  it.each(["#/?task=spirals&input=test:1", "#/?with=step:3", "#/dense_1"])("%o names one", async (link) => {
    expect((await started(link)).store.place.view).toBeNull();
  });
  it("leads to the network where the task is about nothing else, and where it is a person's own", async () => {
    for (const changed of [{ task: null }, { views: ["confusion" as const] }]) {
      const lab = new FakeLab();
      const plain = lab.answers.describe!;
      lab.answers.describe = async (params) => ({ ...(await plain(params)), ...changed });
      expect((await started("", lab)).store.place.view).toBeNull();
    }
  });
});

describe("two networks side by side", () => {
  it("leave the view of the task to come back to", async () => {
    const lab = new FakeLab();
    lab.answers.pair = async ({ design }) => ({ fault: null, description: { ...description, aside: design === null ? null : 7 } });
    const { store } = await started("#/dense_1/unit/2", lab);
    store.go({ view: "boundary" });
    await store.pair({} as Design);
    await store.pair(null);
    expect(store.place).toMatchObject({ path: null, view: "boundary" });
  });
});

describe("after Pellucid was started again", () => {
  async function restarted(tasks?: string[]) {
    const { lab, store, address } = await started();
    lab.state = { ...stillness, run: 1, step: 9, branches: [{ ...stillness.branches[0]!, last: 9 }] };
    lab.emit("connected", true);
    lab.emit("state", lab.state);
    lab.emit("history", { branch: 0, from: 1, loss: Float64Array.of(3, 2, 1), epochs: [] });
    store.go({ path: "dense_1", index: [2] });
    lab.state = { ...stillness, run: 2 };
    lab.answers.describe = () => Promise.reject(new Error("no task is open yet"));
    const open = lab.answers.open!;
    lab.answers.open = async (params) => {
      const opened = await open(params);
      lab.emit("described", opened);
      return opened;
    };
    if (tasks) {
      const known = lab.answers.tasks!;
      lab.answers.tasks = async (params) => (await known(params)).filter(({ name }) => tasks.includes(name));
    }
    lab.emit("connected", false);
    lab.emit("connected", true);
    await settled(20);
    return { lab, store, address };
  }

  it("the task of the page is opened again, at its beginning, and that is said", async () => {
    const { lab, store } = await restarted();
    expect(lab.of("open")).toEqual([{ task: "spirals" }]);
    expect(store.message).toContain("started again");
    expect(store.place).toMatchObject({ path: "dense_1", index: [2] });
    expect(store.state?.step).toBe(0);
    expect(store.history[0]?.loss ?? [], "its past ended with it").toHaveLength(0);
    expect(store.panel).toBeNull();
  });
  it("a network that is no longer there does not stay", async () => {
    const { lab, store, address } = await restarted(["digits"]);
    expect(lab.of("open")).toEqual([]);
    expect([store.description, store.state, store.live, store.example]).toEqual([null, null, null, null]);
    expect(store.panel).toBe("gallery");
    expect(store.message).toContain("started again");
    expect(address.read()).toBe("#/");
    await store.open("digits");
    expect(store.description?.task).toBe("digits");
  });
  it("another network at the same address is looked at from its beginning", async () => {
    const { lab, store } = await started();
    lab.emit("connected", true);
    store.go({ path: "lstm_1", index: [1, 2] });
    lab.answers.describe = () => ({ ...description, task: null, layers: layers.slice(0, 2), state: { ...stillness, run: 5 } });
    lab.emit("connected", false);
    lab.emit("connected", true);
    await settled(20);
    expect(store.place).toMatchObject({ path: null, index: null, input: "test:0" });
    expect(store.message).toContain("started again");
  });
});

describe("another tab", () => {
  it("that opens a task is announced, and the address follows", async () => {
    const { lab, store, address } = await started();
    store.go({ path: "dense_1" });
    const title = { en: "The digits", zh: "数字" };
    lab.emit("described", { ...description, task: "digits", title, state: { ...stillness, run: 4 } });
    await settled(5);
    expect(store.message).toContain("Another tab opened “The digits”");
    expect(address.read()).toBe("#/?task=digits&input=test:0");
    expect(store.place.path).toBeNull();
  });
  it("is not blamed for what this one opened", async () => {
    const { lab, store } = await started();
    const open = lab.answers.open!;
    lab.state = { ...stillness, run: 3 };
    lab.answers.open = async (params) => {
      const opened = await open(params);
      lab.emit("described", opened);
      setTimeout(() => lab.emit("described", opened), 5);
      return opened;
    };
    await store.open("digits");
    await settled(20);
    expect(store.message, "before the answer, or after it").toBeNull();
    expect(store.description?.task).toBe("digits");
  });
});

describe("a link that is opened", () => {
  it("leads to its place, its example and its step", async () => {
    const { lab, store, address } = await started("#/dense_1/unit/2?input=test:17&step=12&branch=0");
    expect(store.place).toMatchObject({ path: "dense_1", index: [2], input: "test:17" });
    expect(lab.of("control")).toEqual([{ do: "seek", step: 12 }]);
    expect(store.state?.step).toBe(12);
    await settled(500);
    expect(address.read()).toBe("#/dense_1/unit/2?task=spirals&input=test:17&step=12");
  });
  it("opens its task and adopts its weights, once", async () => {
    const { lab, address } = await started("#/?task=digits&w=QUJD");
    expect(lab.of("open")).toEqual([{ task: "digits" }]);
    expect(lab.of("adopt")).toEqual([{ weights: "QUJD" }]);
    expect(address.read()).not.toContain("w=");
  });
  it("is not lost where it is typed while the page still begins", async () => {
    const lab = new FakeLab();
    const { tasks, describe } = lab.answers;
    const address = new FakeAddress("");
    lab.answers.tasks = async (params) => {
      lab.answers.tasks = tasks!;
      lab.answers.describe = async (asked) => {
        await settled(8);
        return describe!(asked);
      };
      address.type("#/dense_1/unit/2?task=digits");
      return tasks!(params);
    };
    const store = new LabStore(lab, { address });
    await settled(40);
    expect(lab.of("open")).toEqual([{ task: "digits" }]);
    expect(store.place).toMatchObject({ path: "dense_1", index: [2] });
  });
  it("switches to its branch", async () => {
    const lab = new FakeLab();
    lab.state = { ...stillness, branches: [...stillness.branches, { id: 2, parent: 0, at: 0, last: 9, change: null }] };
    await started("#/?branch=2&step=4", lab);
    expect(lab.of("control")).toEqual([{ do: "switch", branch: 2 }, { do: "seek", step: 4 }]);
  });
  it("takes the first example where its own is not here", async () => {
    const lab = new FakeLab();
    const example = lab.answers.example!;
    lab.answers.example = (params) => {
      if (params.name === "own:7") throw new Error("there is no own:7");
      return example(params);
    };
    const { store } = await started("#/?input=own:7", lab);
    expect(store.place.input).toBe("test:0");
  });
});

describe("going", () => {
  it("writes an entry for each place, and the back button leads out again", async () => {
    const { store, address, lab } = await started();
    store.go({ path: "dense_1" });
    store.go({ path: "dense_1", index: [1] });
    store.go({ term: 3 });
    store.go({ product: true });
    expect(address.read()).toBe("#/dense_1/unit/1/term/3/product?task=spirals&input=test:0");
    expect(address.entries).toHaveLength(5);
    address.back();
    expect(store.place).toMatchObject({ term: 3, product: false });
    address.back();
    expect(store.place).toMatchObject({ index: [1], term: null });
    store.out();
    expect(store.place).toMatchObject({ path: "dense_1", index: null });
    store.out();
    store.out();
    expect(store.place.path).toBeNull();
    expect(lab.of("control"), "places alone never steer training").toEqual([]);
  });
  it("keeps the example, ends the deeper depths and leaves a view", async () => {
    const { store } = await started();
    store.go({ path: "dense_1", index: [1], term: 2, product: true });
    store.go({ path: "lstm_1" });
    expect(store.place).toMatchObject({ path: "lstm_1", index: null, term: null, product: false, input: "test:0" });
    store.go({ view: "boundary" });
    expect(store.place).toMatchObject({ view: "boundary", path: null });
    store.go({ path: "dense_1" });
    expect(store.place.view).toBeNull();
    expect(store.link({ path: "dense_1", index: [2] })).toBe("#/dense_1/unit/2?task=spirals&input=test:0");
  });
  it("follows what is typed into the address bar", async () => {
    const { store, address, lab } = await started();
    address.type("#/lstm_1/time/1/unit/0?input=train:3");
    await settled(5);
    expect(store.place).toMatchObject({ path: "lstm_1", index: [1, 0], input: "train:3" });
    expect(store.example?.name).toBe("train:3");
    address.type("#/lstm_1?step=7");
    await settled(5);
    expect(store.place.input).toBe("train:3");
    expect(lab.of("control")).toEqual([{ do: "seek", step: 7 }]);
  });
  it("makes a link with the weights where they fit, else with the step", async () => {
    const { store, lab } = await started();
    store.out();
    expect(await store.share()).toBe("http://x/#/?task=spirals&input=test:0&w=QUJD");
    lab.answers.weights = () => {
      throw new Error("too large");
    };
    expect(await store.share()).toBe("http://x/#/?task=spirals&input=test:0&step=0&branch=0");
    expect(store.message).toBeNull();
  });
});

describe("watching", () => {
  it("asks once for what several components want, each path with the most that one wants", async () => {
    const { store, lab } = await started();
    const before = lab.of("watch").length;
    const end = store.want(["dense_1.sum", "dense_1"], 9000);
    store.want(["dense_1.sum"], 10);
    await settled(80);
    expect(lab.of("watch")).toHaveLength(before + 1);
    const paths = (lab.of("watch").at(-1) as { paths: unknown[] }).paths;
    expect(paths).toContainEqual({ path: "dense_1.sum", limit: 9000 });
    expect(paths).toContainEqual({ path: "dense_1", limit: 9000 });
    end();
    await settled(80);
    expect((lab.of("watch").at(-1) as { paths: unknown[] }).paths).toContainEqual({ path: "dense_1.sum", limit: 10 });
    store.want(["dense_1.sum"], 10);
    await settled(80);
    expect(lab.of("watch"), "nothing new is not asked for").toHaveLength(before + 2);
  });
  it("drops the answer that another example has overtaken", async () => {
    const answers: (() => void)[] = [];
    const lab = new FakeLab();
    const { store } = await started("", lab);
    lab.answers.watch = ({ input }) => new Promise((resolve) => {
      answers.push(() => resolve(live({ input, values: { dense_1: picture([input === "test:1" ? 1 : 2]) } })));
    });
    void store.choose("test:1");
    await settled(5);
    void store.choose("test:2");
    await settled(5);
    answers[1]!();
    answers[0]!();
    await settled(5);
    expect(store.live?.input).toBe("test:2");
    lab.emit("live", live({ input: "test:1" }));
    expect(store.live?.input).toBe("test:2");
    lab.emit("live", live({ input: "test:2", step: 9 }));
    expect(store.live?.step).toBe(9);
  });
  it("says why a question was refused", async () => {
    const { store, lab } = await started();
    lab.answers.control = () => {
      throw new Error("the learning rate is −1, expected a positive number");
    };
    await store.control({ do: "rate", learning_rate: -1 });
    expect(store.message).toContain("−1");
    store.notify(null);
    expect(store.message).toBeNull();
    lab.answers.control = () => {
      throw new Refusal({ en: "closed", zh: "已关闭" });
    };
    store.setLanguage("zh");
    await store.control({ do: "rate", learning_rate: -1 });
    expect(store.message).toBe("已关闭");
  });
});

describe("time", () => {
  it("gathers the history as it comes, and asks anew for all of it after a gap", async () => {
    const lab = new FakeLab({
      history: ({ branch, from }) => ({ branch, from, loss: Float64Array.from({ length: Math.max(0, 5 - from + 1) }, (_, k) => from + k), epochs: [] }),
    });
    const { store } = await started("", lab);
    expect([...store.history[0]!.loss]).toEqual([1, 2, 3, 4, 5]);
    lab.emit("history", { branch: 0, from: 6, loss: Float64Array.of(6), epochs: [] });
    expect(store.history[0]!.loss).toHaveLength(6);
    const before = lab.of("history").length;
    lab.emit("history", { branch: 0, from: 60, loss: Float64Array.of(6), epochs: [] });
    await settled(5);
    expect(lab.of("history").length).toBe(before + 1);
  });
  it("keeps the flow in order, each step once", async () => {
    const { store, lab } = await started();
    for (const step of [1, 4, 8, 4, 6]) lab.emit("flow", { branch: 0, step, layers: [] });
    expect(store.flow[0]!.map((one) => one.step)).toEqual([1, 4, 6, 8]);
  });
  it("forgets all of it on a reset, and when another task is opened", async () => {
    const { store, lab } = await started();
    lab.emit("history", { branch: 0, from: 1, loss: Float64Array.of(1, 2), epochs: [] });
    await store.control({ do: "reset" });
    expect(store.history[0]?.loss ?? []).toHaveLength(0);
    lab.emit("history", { branch: 0, from: 1, loss: Float64Array.of(1, 2), epochs: [] });
    store.go({ path: "dense_1" });
    await store.open("digits");
    expect(store.history[0]?.loss ?? []).toHaveLength(0);
    expect(store.place.path).toBeNull();
  });
  it("is not lost to a link before a person has said so, whatever it was trained in", async () => {
    const { store, lab, address } = await started();
    store.go({ path: "dense_1" });
    const there = address.read();
    lab.emit("state", { ...stillness, step: 2, branches: [{ ...stillness.branches[0]!, last: 2 }, { id: 1, parent: 0, at: 2, last: 5, change: null }] });
    address.type("#/conv2d_1?task=digits");
    await settled();
    expect(store.leaving.asked).toMatchObject({ steps: 5, branches: 2, next: { en: "The digits" } });
    store.leaving.answer(false);
    await settled();
    expect(lab.of("open")).toEqual([]);
    expect(store.place.path).toBe("dense_1");
    expect(address.read().split("?")[0]).toBe(there.split("?")[0]);
    address.type("#/conv2d_1?task=digits");
    await settled();
    store.leaving.answer(true);
    await settled();
    expect([store.description?.task, store.place.path]).toEqual(["digits", "conv2d_1"]);

    // in a new tab, and of networks that a change can be taken back to
    const changed = new FakeLab({ describe: () => ({ ...description, kept: 30, state: stillness }) });
    const two = await started("#/conv2d_1?task=digits", changed);
    expect(two.store.leaving.asked).toMatchObject({ steps: 30 });
    two.store.leaving.answer(false);
    await settled(5);
    expect(changed.of("open")).toEqual([]);
    expect([two.store.description?.task, two.store.place.path]).toEqual(["spirals", null]);

    // a file goes on from the step at which it was saved: those before it are in it
    const file = new FakeLab({ describe: () => ({ ...description, state: { ...stillness, first: 40, step: 40, branches: [{ ...stillness.branches[0]!, last: 40 }] } }) });
    const three = await started("", file);
    await three.store.open("digits");
    expect(three.store.description?.task).toBe("digits");
  });
  it("catches up with what another tab did: a branch that was taken, a new beginning", async () => {
    const { store, lab } = await started();
    const flows = lab.of("flow").length;
    const branches = [{ ...stillness.branches[0]!, last: 4 }, { id: 1, parent: 0, at: 4, last: 4, change: null }];
    lab.emit("history", { branch: 0, from: 1, loss: Float64Array.of(1, 2, 3, 4), epochs: [] });
    lab.emit("state", { ...stillness, step: 4, branch: 1, branches });
    await settled(5);
    expect(lab.of("flow")).toHaveLength(flows + 1);
    expect(lab.of("history")).toContainEqual({ branch: 1, from: 1 });
    lab.emit("state", { ...stillness, run: 7 });
    expect(store.history).toEqual({});
  });
  it("writes the step into the link only while it stands still", async () => {
    const { lab, address } = await started();
    const state: State = { ...stillness, step: 40, playing: true };
    lab.emit("state", state);
    await settled(450);
    expect(address.read()).not.toContain("step");
    lab.emit("state", { ...state, playing: false });
    await settled(450);
    expect(address.read()).toContain("step=40");
  });
});

describe("the line", () => {
  it("is taken up where it broke: all is described and watched again", async () => {
    const { store, lab } = await started();
    store.go({ path: "dense_1", index: [1] });
    lab.emit("connected", false);
    expect(store.connected).toBe(false);
    const before = lab.of("watch").length;
    lab.emit("connected", true);
    await settled(60);
    expect(store.connected).toBe(true);
    expect(lab.of("describe")).toHaveLength(2);
    expect(lab.of("watch")).toHaveLength(before + 1);
    expect(store.place).toMatchObject({ path: "dense_1", index: [1] });
  });
  it("is closed with the page", async () => {
    const { store, lab } = await started();
    store.close();
    expect(lab.closed).toBe(true);
  });
});

describe("what is remembered", () => {
  it("is the language and the theme", async () => {
    const kept = new Map<string, string>();
    const memory = { get: (key: string) => kept.get(key) ?? null, set: (key: string, value: string) => void kept.set(key, value) };
    const store = new LabStore(new FakeLab(), { memory, language: "en", theme: "light" });
    store.setLanguage("zh");
    store.setTheme("dark");
    expect(store.say("shell.play")).toBe("播放");
    const next = new LabStore(new FakeLab(), { memory, language: "en", theme: "light" });
    expect([next.language, next.theme]).toEqual(["zh", "dark"]);
  });
});
