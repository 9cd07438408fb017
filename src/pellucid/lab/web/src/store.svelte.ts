// What the page knows: one object that all components read. Only methods of it change it.

import { getContext, setContext } from "svelte";

import { joined } from "./model/time/history";
import { lineage } from "./model/time/time";
import type { Place } from "./model/place/place";
import { format, HOME, outward, parse, type Link } from "./model/place/route";
import type {
  Action, Description, Example, Flow, History, Lab, Language, Live, Path, Picture, State, Task, Words,
} from "./model/wire/protocol";
import { say, type Key, type Values } from "./strings";

/** What lies over the page, or beside it: only one at a time. */
export type Panel = "gallery" | "wrong" | "code" | "help" | "own" | null;

export interface Store {
  readonly lab: Lab;
  readonly description: Description | null;
  readonly state: State | null;
  readonly tasks: Task[];
  readonly place: Place;
  readonly example: Example | null;
  /** Whether the example has one: without it there is no loss, and no gradient. */
  readonly hasTarget: boolean;
  /** The values of the watched example by path; each component asks for its own by `want`. */
  readonly live: Live | null;
  /** By branch. */
  readonly history: Record<number, History>;
  readonly flow: Record<number, Flow[]>;
  readonly language: Language;
  readonly theme: "light" | "dark";
  /** The last refusal, in words, until it is dismissed. */
  readonly message: string | null;
  readonly connected: boolean;
  readonly panel: Panel;
  /** An action of which the answer has not come yet. */
  readonly busy: boolean;

  /** Keep these paths live while a component stands: call in $effect and return what it gives. */
  want(paths: Path[], limit?: number): () => void;
  /** The live value of a path, if it is there. */
  value(path: Path): Picture | undefined;
  /** Go to a place; what is left out of it stays: go({path, index}) keeps the example. */
  go(place: Partial<Place>): void;
  /** The link that `go` would follow, for an <a>. */
  link(place: Partial<Place>): string;
  /** Go where a link leads. */
  follow(link: string): void;
  /** One depth out. */
  out(): void;
  choose(input: string): Promise<void>;
  /** Take up an example that the person gave, and go to it. */
  own(given: { x: number[]; y?: number } | { text: string; y?: number }): Promise<void>;
  control(action: Action): Promise<void>;
  open(task: string): Promise<void>;
  setLanguage(language: Language): void;
  setTheme(theme: "light" | "dark"): void;
  /** Show a refusal. */
  says(message: unknown): void;
  show(panel: Panel): void;
  /** A text of the tables, in the person's language. */
  say(key: Key, values?: Values): string;
  /** Words that came with the data. */
  tell(words: Words): string;
  /** A link that brings another person here, with the step, the branch and the weights where they are few. */
  share(): Promise<string>;
}

/** Where the link stands: the address bar, or for a widget a variable. */
export interface Address {
  read(): string;
  /** `push` makes an entry that the back button returns to. */
  write(hash: string, push: boolean): void;
  /** Calls on each change that `write` did not make. `ours`: an entry of this page's own making, gone back to. */
  on(listener: (hash: string, ours: boolean) => void): () => void;
  whole(hash: string): string;
}

/** What is remembered from visit to visit; a place where nothing may be kept forgets, and says nothing. */
export interface Memory {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

export interface Options {
  address?: Address;
  memory?: Memory;
  language?: Language;
  theme?: "light" | "dark";
}

// Of every layer's output at least so many numbers are kept live: enough to draw it small.
const OUTPUT_LIMIT = 4096;
// The server takes no more at once; what a component asked for comes last, and so is kept.
const MOST_PATHS = 256;
const WATCH_DELAY = 40;
const STEP_DELAY = 400;

const forgetful: Memory = { get: () => null, set: () => undefined };

export function fixedAddress(): Address {
  let at = "#/";
  return { read: () => at, write: (hash) => void (at = hash), on: () => () => undefined, whole: (hash) => hash };
}

export class LabStore implements Store {
  readonly lab: Lab;
  #description = $state.raw<Description | null>(null);
  #state = $state.raw<State | null>(null);
  #tasks = $state.raw<Task[]>([]);
  #place = $state.raw<Place>(HOME);
  #example = $state.raw<Example | null>(null);
  readonly hasTarget = $derived(this.#example !== null && this.#example.y !== null);
  #live = $state.raw<Live | null>(null);
  #history = $state.raw<Record<number, History>>({});
  #flow = $state.raw<Record<number, Flow[]>>({});
  #language = $state.raw<Language>("en");
  #theme = $state.raw<"light" | "dark">("light");
  #message = $state.raw<string | null>(null);
  #connected = $state.raw(false);
  #panel = $state.raw<Panel>(null);
  #busy = $state.raw(false);

  // None of these is read by a component, so none of them is a signal.
  #address: Address;
  #memory: Memory;
  #wants = new Map<symbol, { paths: Path[]; limit: number }>();
  /** The branches of which what was measured has been asked for. */
  #measured = new Set<number>();
  #watched = "";
  #watchTimer: ReturnType<typeof setTimeout> | undefined;
  #stepTimer: ReturnType<typeof setTimeout> | undefined;
  #serial = 0;
  /** Tasks that this page has asked to be opened, and waits for. */
  #opening = 0;
  #lost = false;
  #asked: Link | null = null;
  #ends: (() => void)[] = [];

  constructor(lab: Lab, options: Options = {}) {
    this.lab = lab;
    this.#address = options.address ?? fixedAddress();
    this.#memory = options.memory ?? forgetful;
    const language = this.#memory.get("language");
    this.#language = language === "en" || language === "zh" ? language : (options.language ?? "en");
    const theme = this.#memory.get("theme");
    this.#theme = theme === "light" || theme === "dark" ? theme : (options.theme ?? "light");
    this.#ends = [
      lab.on("connected", (connected) => {
        this.#connected = connected;
        if (connected && this.#lost) void this.#begin();
        this.#lost = !connected;
      }),
      // Another tab may have opened a task, or this one: then the answer comes too, and says the same.
      lab.on("described", (told) => {
        const known = this.#description === null || this.#opening > 0 || told.state.run === this.#state?.run;
        if (!known) this.says(this.say("shell.elsewhere", { title: this.tell(told.title) }));
        void this.#describe(told, told.task === this.#description?.task);
      }),
      lab.on("state", (state) => this.#hear(state)),
      lab.on("history", (piece) => this.#remember(piece)),
      lab.on("live", (live) => this.#see(live)),
      lab.on("flow", (flow) => this.#stream(flow)),
      this.#address.on((hash, ours) => void this.#follow(hash, ours)),
    ];
    this.#asked = parse(this.#address.read());
    this.#place = { ...this.#asked.place, step: null };
    void this.#begin();
  }

  get description() { return this.#description; }
  get state() { return this.#state; }
  get tasks() { return this.#tasks; }
  get place() { return this.#place; }
  get example() { return this.#example; }
  get live() { return this.#live; }
  get history() { return this.#history; }
  get flow() { return this.#flow; }
  get language() { return this.#language; }
  get theme() { return this.#theme; }
  get message() { return this.#message; }
  get connected() { return this.#connected; }
  get panel() { return this.#panel; }
  get busy() { return this.#busy; }

  want(paths: Path[], limit = 1024): () => void {
    const key = Symbol();
    this.#wants.set(key, { paths, limit });
    this.#watchSoon();
    return () => {
      this.#wants.delete(key);
      this.#watchSoon();
    };
  }

  value(path: Path): Picture | undefined {
    return this.#live?.values[path];
  }

  go(place: Partial<Place>): void {
    const next = this.#toward(place);
    const before = this.#place;
    if (same(before, next)) return;
    this.#place = next;
    this.#address.write(this.#hash(), true);
    if (next.input !== before.input) void this.#look();
  }

  link(place: Partial<Place>): string {
    return format({ place: this.#toward(place), task: this.#description?.task }, this.#description?.layers);
  }

  follow(link: string): void {
    void this.#follow(link, false, true);
  }

  out(): void {
    this.go(outward(this.#place, this.#description?.layers));
  }

  async choose(input: string): Promise<void> {
    if (input === this.#place.input) return;
    this.#place = { ...this.#place, input };
    // The next example is no new place: the back button leads out of where one looks, not through the examples.
    this.#address.write(this.#hash(), false);
    await this.#look();
  }

  async own(given: { x: number[]; y?: number } | { text: string; y?: number }): Promise<void> {
    const example = await this.#try(() => this.lab.request("own", given));
    if (example !== undefined) await this.choose(example.name);
  }

  async control(action: Action): Promise<void> {
    this.#busy = true;
    const state = await this.#try(() => this.lab.request("control", action));
    this.#busy = false;
    if (state === undefined) return;
    if (this.#state?.run !== state.run || action.do === "reset") this.#forget();
    this.#take(state);
    await this.#catchUp();
  }

  async open(task: string): Promise<void> {
    this.#busy = true;
    const description = await this.#open(task);
    this.#busy = false;
    if (description === null) return;
    this.#panel = null;
    await this.#describe(description);
  }

  setLanguage(language: Language): void {
    this.#language = language;
    this.#memory.set("language", language);
  }

  setTheme(theme: "light" | "dark"): void {
    this.#theme = theme;
    this.#memory.set("theme", theme);
  }

  /** Bound, for whoever hands it on as what to do with a refusal. */
  says = (message: unknown): void => {
    if (message === null || message === undefined) {
      this.#message = null;
    } else if (typeof message === "string") {
      this.#message = message;
    } else {
      const words = (message as { words?: Words }).words;
      this.#message = words?.[this.#language] ?? (message instanceof Error ? message.message : String(message));
    }
  };

  show(panel: Panel): void {
    this.#panel = panel;
  }

  say(key: Key, values?: Values): string {
    return say(this.#language, key, values);
  }

  tell(words: Words): string {
    return words[this.#language];
  }

  async share(): Promise<string> {
    let weights: string | null = null;
    try {
      weights = await this.lab.request("weights", {});
    } catch {
      // Too many to be written in a link: it still carries the place.
    }
    const state = this.#state;
    const place = { ...this.#place, step: weights === null ? (state?.step ?? null) : null };
    const branch = weights === null ? (state?.branch ?? null) : null;
    return this.#address.whole(
      format({ place, branch, weights, task: this.#description?.task ?? null }, this.#description?.layers),
    );
  }

  close(): void {
    clearTimeout(this.#watchTimer);
    clearTimeout(this.#stepTimer);
    for (const end of this.#ends) end();
    this.lab.close();
  }

  /** At the start, and whenever the connection has come back: all that events would have told meanwhile. */
  async #begin(): Promise<void> {
    const serial = ++this.#serial;
    const [known, run] = [this.#description, this.#state?.run];
    this.#watched = "";
    let description: Description | null = null;
    try {
      description = await this.lab.request("describe", {});
    } catch (refusal) {
      if (serial !== this.#serial) return;
      // A gallery may have nothing open yet, and then nothing to describe.
      const tasks = await this.lab.request("tasks", {}).catch(() => []);
      if (serial !== this.#serial) return;
      this.#tasks = tasks;
      if (tasks.length === 0) return this.#connected ? this.says(refusal) : undefined;
      this.#connected = true;
      // A link may say which task it was made in; and after a new start of Pellucid, this page has one.
      const wanted = this.#asked?.task ?? known?.task ?? null;
      if (wanted !== null && tasks.some((task) => task.name === wanted)) description = await this.#open(wanted);
      if (serial !== this.#serial) return;
      if (description === null) {
        if (known !== null) this.says(this.say("shell.anew"));
        this.#leave();
        return;
      }
    }
    if (serial !== this.#serial) return;
    this.#connected = true;
    const again = known !== null && known.task === description.task && paths(known) === paths(description);
    const first = this.#asked;
    const asked = again ? null : first;
    if (description.can.gallery) {
      this.#tasks = (await this.#try(() => this.lab.request("tasks", {}))) ?? [];
      const wanted = asked?.task ?? null;
      if (wanted !== null && wanted !== description.task && this.#tasks.some((task) => task.name === wanted)) {
        description = (await this.#open(wanted)) ?? description;
      }
      // A link that was typed meanwhile has begun anew.
      if (serial !== this.#serial) return;
      if (description.task === null) this.#panel = "gallery";
    }
    if (asked !== null) this.#place = { ...asked.place, step: null };
    if (known !== null && run !== description.state.run) this.says(this.say("shell.anew"));
    // The place is one in this network, or what a link asks for: in another network it is none.
    await this.#describe(description, known === null || again || asked !== null);
    if (asked !== null) await this.#make(asked);
    // A link that was followed while the answers were on their way.
    const late = this.#asked === first ? null : this.#asked;
    this.#asked = null;
    if (late !== null) await this.#follow(format(late, this.#description?.layers), false);
  }

  async #open(task: string): Promise<Description | null> {
    this.#opening++;
    const description = await this.#try(() => this.lab.request("open", { task }));
    this.#opening--;
    return description ?? null;
  }

  /** Nothing is open any more: back to the gallery. */
  #leave(): void {
    [this.#description, this.#state, this.#example, this.#live] = [null, null, null, null];
    this.#watched = "";
    this.#forget();
    this.#place = HOME;
    this.#address.write(this.#hash(), false);
    this.#panel = "gallery";
  }

  /** What a link asks for besides a place: the weights, or else the moment. */
  async #make(link: Link): Promise<void> {
    if (!this.#description?.can.train) return;
    if (link.weights !== null) {
      const weights = link.weights;
      const state = await this.#try(() => this.lab.request("adopt", { weights }));
      if (state !== undefined) this.#take(state);
      await this.#catchUp();
      // Adopted they are a branch of this run: the link need not carry them on, nor adopt them again when read anew.
      this.#address.write(this.#hash(), false);
      return;
    }
    const known = this.#state?.branches.some((branch) => branch.id === link.branch);
    if (link.branch !== null && known && link.branch !== this.#state?.branch) {
      await this.control({ do: "switch", branch: link.branch });
    }
    const step = link.place.step;
    if (step !== null && step !== this.#state?.step) await this.control({ do: "seek", step });
  }

  async #describe(description: Description, stay = false): Promise<void> {
    // The event may come before the answer: what was chosen is open, and the gallery has done its work.
    if (this.#panel === "gallery" && description.task !== null) this.#panel = null;
    if (this.#description?.task !== description.task || !stay) {
      this.#example = null;
      this.#live = null;
    }
    this.#description = description;
    this.#watched = "";
    this.#forget();
    const place = stay ? this.#place : HOME;
    this.#place = { ...place, input: place.input ?? firstInput(description) };
    this.#state = description.state;
    this.#address.write(this.#hash(), false);
    await Promise.all([this.#look(), this.#catchUp()]);
  }

  #forget(): void {
    this.#history = {};
    this.#flow = {};
    this.#measured.clear();
  }

  /** A state that the run tells of: what another tab did is caught up with. */
  #hear(state: State): void {
    const before = this.#state;
    if (before !== null && before.run !== state.run) this.#forget();
    this.#take(state);
    if (before === null || before.branch !== state.branch || before.branches.length !== state.branches.length) {
      void this.#catchUp();
    }
  }

  #take(state: State): void {
    this.#state = state;
    clearTimeout(this.#stepTimer);
    // The step stands in the link only while it stands still.
    if (!state.playing) this.#stepTimer = setTimeout(() => this.#address.write(this.#hash(), false), STEP_DELAY);
  }

  /** Fetch what is not known yet of the history and the flow of the branch that runs. */
  async #catchUp(): Promise<void> {
    const state = this.#state;
    if (state === null) return;
    const description = this.#description;
    await Promise.all(state.branches.map(async (branch) => {
      const known = this.#history[branch.id];
      const from = known === undefined ? 1 : known.from + known.loss.length;
      if (known !== undefined && from > branch.last) return;
      const piece = await this.lab.request("history", { branch: branch.id, from }).catch(() => undefined);
      if (piece !== undefined && this.#description === description) this.#remember(piece);
    }));
    // What was measured along the whole way; some may have come already, while the answers were on theirs.
    await Promise.all(lineage(state.branches, state.branch).map(async ({ id }) => {
      if (this.#measured.has(id)) return;
      this.#measured.add(id);
      const flow = await this.lab.request("flow", { branch: id }).catch(() => undefined);
      if (this.#description !== description || this.#state?.run !== state.run) return;
      if (flow === undefined) this.#measured.delete(id);
      else for (const one of flow) this.#stream(one);
    }));
  }

  #remember(piece: History): void {
    const before = this.#history[piece.branch];
    const after = joined(before, piece);
    if (after !== null) {
      this.#history = { ...this.#history, [piece.branch]: after };
    } else {
      // A gap: a piece was lost while the line was down.
      void this.#refetch(piece.branch);
    }
  }

  async #refetch(branch: number): Promise<void> {
    const piece = await this.lab.request("history", { branch, from: 1 }).catch(() => undefined);
    if (piece !== undefined) this.#history = { ...this.#history, [branch]: piece };
  }

  #stream(flow: Flow): void {
    // Steps taken anew after a rewind replace those that they repeat.
    const before = this.#flow[flow.branch] ?? [];
    const at = before.findIndex((one) => one.step >= flow.step);
    const after = at < 0 ? [...before, flow]
      : [...before.slice(0, at), flow, ...before.slice(before[at]!.step === flow.step ? at + 1 : at)];
    this.#flow = { ...this.#flow, [flow.branch]: after };
  }

  #see(live: Live): void {
    if (live.input !== this.#place.input) return;
    // A page that is hidden gets no frames; what came last is all that counts.
    this.#live = live;
  }

  async #look(): Promise<void> {
    const name = this.#place.input;
    this.#watchSoon(0);
    if (name === null || this.#example?.name === name) return;
    const example = await this.#try(() => this.lab.request("example", { name }));
    if (this.#place.input !== name) return;
    if (example === undefined) {
      // A link may name an example that is not here: the first will do.
      const first = this.#description && firstInput(this.#description);
      if (first !== null && first !== name) await this.choose(first);
      return;
    }
    this.#example = example;
  }

  #watchSoon(delay = WATCH_DELAY): void {
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(() => void this.#watch(), delay);
  }

  async #watch(): Promise<void> {
    const description = this.#description;
    const input = this.#place.input;
    if (description === null || input === null) return;
    const limits = new Map<Path, number>(description.layers.map((layer) => [layer.path, OUTPUT_LIMIT]));
    for (const { paths, limit } of this.#wants.values()) {
      for (const path of paths) limits.set(path, Math.max(limit, limits.get(path) ?? 0));
    }
    const paths = [...limits].slice(-MOST_PATHS)
      .map(([path, limit]) => ({ path, limit }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const asked = JSON.stringify([input, paths]);
    if (asked === this.#watched) return;
    this.#watched = asked;
    const live = await this.#try(() => this.lab.request("watch", { input, paths }));
    // An answer that another question has overtaken says nothing about the present.
    if (live !== undefined && asked === this.#watched) this.#see(live);
    else if (live === undefined && asked === this.#watched) this.#watched = "";
  }

  /** A link that was typed, clicked or gone back to. */
  async #follow(hash: string, ours: boolean, push = false): Promise<void> {
    const link = parse(hash);
    const before = this.#place;
    this.#place = { ...link.place, input: link.place.input ?? before.input, step: null };
    if (push && !same(before, this.#place)) this.#address.write(this.#hash(), true);
    if (this.#description === null) {
      this.#asked = link;
      if (!ours && this.#connected && link.task !== null) await this.#begin();
      return;
    }
    // An entry of ours may be of a task that another one has replaced.
    if (ours && link.task !== this.#description.task) this.#address.write(this.#hash(), false);
    if (!ours) {
      const wanted = link.task;
      if (wanted !== null && wanted !== this.#description.task && this.#description.can.gallery) {
        const description = await this.#open(wanted);
        if (description !== null) {
          // The event that told of it has led home already.
          this.#place = { ...link.place, step: null };
          await this.#describe(description, true);
        }
      }
      this.#address.write(this.#hash(), false);
      await this.#make(link);
    }
    if (this.#place.input !== before.input) await this.#look();
  }

  #toward(place: Partial<Place>): Place {
    const next = { ...this.#place, step: null, ...place };
    // A shallower depth ends the deeper ones: go({path}) is the layer, whatever unit was in focus.
    if ("view" in place && place.view !== null) Object.assign(next, { path: null, index: null });
    else if ("path" in place) next.view = null;
    if ("path" in place && !("index" in place)) next.index = null;
    if (("path" in place || "index" in place) && !("term" in place)) next.term = null;
    if (next.index === null) next.term = null;
    if (next.term === null || !("product" in place)) next.product = next.term !== null && place.product === true;
    return next;
  }

  #hash(): string {
    const state = this.#state;
    const still = state !== null && !state.playing && this.#description?.can.train && state.step > 0;
    const place = { ...this.#place, step: still ? state.step : null };
    const branch = still && state.branch !== 0 ? state.branch : null;
    return format({ place, branch, task: this.#description?.task ?? null }, this.#description?.layers);
  }

  async #try<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (refusal) {
      this.says(refusal);
      return undefined;
    }
  }
}

function firstInput(description: Description): string | null {
  const set = description.sets.find((one) => one.name === "test" && one.count > 0)
    ?? description.sets.find((one) => one.count > 0);
  return set === undefined ? null : `${set.name}:0`;
}

function paths(description: Description): string {
  return description.layers.map((layer) => layer.path).join(" ");
}

function same(a: Place, b: Place): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const KEY = Symbol("store");

/** The store of the page that a component stands in. */
export function labStore(): Store {
  return getContext<Store>(KEY);
}

export function provideStore(store: Store): void {
  setContext(KEY, store);
}
