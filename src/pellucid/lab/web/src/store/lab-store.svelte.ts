// What the page knows: one object that all components read. Only methods of it change it.

import { HOME, format, opening, parse, unplaced, type Link } from "../model/place/route";
import type { Place } from "../model/place/place";
import type {
  Action, DataChoices, Description, Design, Edited, Example, Fault, Lab, Language, Methods, Path, Picture, State, Task, Words,
} from "../model/wire/protocol";
import type { Key, Values } from "../strings";
import type { Options, Panel } from "./contract";
import { bare, placeOf, type Lesson } from "../model/lesson/lessons";
import { Measured } from "./history.svelte";
import { Leaving } from "./leaving.svelte";
import { Lessons } from "./lesson.svelte";
import { OwnFiles } from "./own-data.svelte";
import { Preferences } from "./preferences.svelte";
import { Repeats } from "./repeats";
import type { Arrangement } from "../model/place/panes";
import { Routing, fixedAddress, same } from "./routing.svelte";
import { Watching } from "./watching.svelte";

export class LabStore {
  readonly lab: Lab;
  #description = $state.raw<Description | null>(null);
  #state = $state.raw<State | null>(null);
  #tasks = $state.raw<Task[]>([]);
  #example = $state.raw<Example | null>(null);
  /** Whether the example has one: without it there is no loss, and no gradient. */
  readonly hasTarget = $derived(this.#example !== null && this.#example.y !== null);
  #connected = $state.raw(false);
  #panel = $state.raw<Panel>(null);
  #busy = $state.raw(false);

  // None of these is read by a component, so none of them is a signal.
  #routing: Routing;
  readonly lessons: Lessons;
  /** The question before the steps of a training are lost. */
  readonly leaving = new Leaving();
  /** Files of the person's own. */
  readonly files: OwnFiles;
  /** How often views ask again while it trains. */
  readonly repeats = new Repeats(() => (this.#state?.speed ?? 0) > 0);
  #preferences: Preferences;
  #measured: Measured;
  #watching: Watching;
  #serial = 0;
  /** How many states have been reported. */
  #reports = 0;
  /** Tasks that this page has asked to be opened, and waits for. */
  #opening = 0;
  #lost = false;
  #asked: Link | null = null;
  #ends: (() => void)[] = [];

  constructor(lab: Lab, options: Options = {}) {
    this.lab = lab;
    const address = options.address ?? fixedAddress();
    const current = () => ({ description: this.#description, state: this.#state });
    this.#preferences = new Preferences(options);
    this.#routing = new Routing(address, current);
    this.lessons = new Lessons(lab, this.#routing, () => this.#description);
    this.files = new OwnFiles(lab, (error) => this.reason(error));
    this.#measured = new Measured(lab, current);
    this.#watching = new Watching(
      (question) => this.#try(() => lab.request("watch", question)),
      () => ({ description: this.#description, input: this.#routing.place.input }),
    );
    this.#ends = [
      lab.on("connected", (connected) => {
        this.#connected = connected;
        if (connected && this.#lost) void this.#begin();
        this.#lost = !connected;
      }),
      // Another tab may have opened a task, or this one: then the answer comes too, and says the same.
      lab.on("described", (opened) => {
        const known = this.#description === null || this.#opening > 0 || opened.state.run === this.#state?.run;
        if (!known) this.notify(this.say("shell.elsewhere", { title: this.translate(opened.title) }));
        void this.#describe(opened, opened.task === this.#description?.task);
      }),
      lab.on("state", (state) => this.#takeState(state)),
      lab.on("history", (piece) => this.#measured.remember(piece)),
      lab.on("live", (live) => this.#watching.see(live)),
      lab.on("flow", (flow) => this.#measured.stream(flow)),
      address.on((hash, ours) => void this.#follow(hash, ours)),
    ];
    this.#asked = this.#routing.read();
    this.#routing.place = { ...this.#asked.place, step: null };
    this.#routing.lesson = this.#asked.lesson;
    void this.#begin();
  }

  get description() { return this.#description; }
  get state() { return this.#state; }
  get tasks() { return this.#tasks; }
  get place() { return this.#routing.place; }
  get example() { return this.#example; }
  /** The values of the watched example by path; each component asks for its own by `want`. */
  get live() { return this.#watching.live; }
  /** By branch, as `flow` is. */
  get history() { return this.#measured.history; }
  get flow() { return this.#measured.flow; }
  get language() { return this.#preferences.language; }
  get theme() { return this.#preferences.theme; }
  get panes() { return this.#preferences.panes; }
  /** The last refusal, in words, until it is dismissed. */
  get message() { return this.#preferences.message; }
  get connected() { return this.#connected; }
  get panel() { return this.#panel; }
  /** An action of which the answer has not come yet. */
  get busy() { return this.#busy; }

  /** Keep these paths live while a component stands: call in $effect and return what it gives. */
  want(paths: Path[], limit = 1024): () => void {
    return this.#watching.want(paths, limit);
  }

  /** The live value of a path, if it is there. */
  value(path: Path): Picture | undefined {
    return this.#watching.live?.values[path];
  }

  /** Go to a place; what is left out of it stays: go({path, index}) keeps the example. */
  go(place: Partial<Place>): void {
    const before = this.#routing.place;
    const next = this.#routing.toward(place);
    if (same(before, next)) return;
    this.#routing.place = next;
    this.#routing.write(true);
    if (next.input !== before.input) void this.#look();
  }

  /** The link that `go` would follow, for an <a>. */
  link(place: Partial<Place>): string {
    return this.#routing.link(place);
  }

  follow(link: string): void {
    void this.#follow(link, false, true);
  }

  /** Begin a lesson: open what it is about, and go to its first step. */
  begin(lesson: Lesson): void {
    this.#panel = null;
    const link = { place: HOME, task: lesson.task ?? null, lesson: { name: lesson.name, step: 1 } };
    const hash = format(link);
    this.#routing.announce(hash);
    void this.#follow(hash, false);
  }

  /** Go to a step of the lesson that is played, and to what it is about. */
  toStep(step: number, push = true): void {
    const lesson = this.lessons.playing;
    if (lesson === null) return;
    this.#routing.lesson = { name: lesson.name, step };
    const place = placeOf(lesson, step);
    const before = this.place.input;
    if (place !== null) this.#routing.place = { ...place, input: place.input ?? before };
    this.#routing.write(push);
    if (this.place.input !== before) void this.#look();
  }

  /** Leave the lesson; the page stays where it is. */
  leave(): void {
    this.#routing.lesson = null;
    this.#routing.write(true);
  }

  /** One depth out. */
  out(): void {
    this.go(this.#routing.outward());
  }

  async choose(input: string): Promise<void> {
    if (input === this.place.input) return;
    this.#routing.place = { ...this.place, input };
    // The next example is no new place: the back button leads out of where one looks, not through the examples.
    this.#routing.write();
    await this.#look();
  }

  /** Take up an example that the person gave, and go to it. */
  async own(given: Methods["own"]["params"]): Promise<void> {
    const example = await this.#try(() => this.lab.request("own", given));
    if (example !== undefined) await this.choose(example.name);
  }

  async control(action: Action): Promise<void> {
    this.#busy = true;
    const state = await this.#try(() => this.lab.request("control", action));
    this.#busy = false;
    if (state === undefined) return;
    if (this.#state?.run !== state.run || action.do === "reset") this.#measured.forget();
    this.#take(state);
    await this.#measured.catchUp();
  }

  async open(task: string): Promise<void> {
    this.#busy = true;
    const description = await this.#open(task, this.#description);
    this.#busy = false;
    if (description === null) return;
    this.#routing.lesson = null;
    this.#panel = null;
    await this.#describe(description);
    this.#begins(description);
  }

  /** Go to what a task is about. */
  #begins(description: Description): void {
    const view = opening(description.views);
    // Who was quicker is somewhere already.
    if (view !== null && bare(this.place)) this.go({ view });
  }

  /** Begin with a changed network. Gives why it cannot be, null where it began, undefined where the lab or the
   *  person refused. */
  async edit(design: Design): Promise<Fault | null | undefined> {
    if (!(await this.leaving.askChange(this.#description))) return undefined;
    return this.#change(() => this.lab.request("edit", { design }));
  }

  /** Train a changed network beside this one, or none any more; gives the same as `edit`. */
  async pair(design: Design | null): Promise<Fault | null | undefined> {
    const fault = await this.#change(() => this.lab.request("pair", { design }));
    if (fault === null && design !== null) this.go({ path: null, view: this.place.view });
    return fault;
  }

  /** Take a change back, or make it again. */
  async revise(by: -1 | 1): Promise<void> {
    await this.#change(async () => ({ fault: null, description: await this.lab.request("revise", { by }) }));
  }

  /** Whether files of the person's own can be learned from here. */
  get canLearn(): boolean {
    return this.#description?.can.data ?? (this.#description === null && this.lab.learns === true);
  }

  /** Begin with the person's files. */
  async learn(choices: DataChoices): Promise<void> {
    const [present, state] = [this.#description, this.#state];
    const agreed = this.lab.plain && present !== null
      ? await this.leaving.ask(present, state ?? present.state, null) : await this.leaving.askChange(present);
    if (!agreed) return;
    this.#routing.lesson = null;
    await this.#change(async () => ({ fault: null, description: await this.lab.request("learn", { choices }) }), false);
  }

  async #change(ask: () => Promise<Edited>, stay = true): Promise<Fault | null | undefined> {
    this.#busy = true;
    this.#opening++;
    const edited = await this.#try(ask);
    this.#opening--;
    this.#busy = false;
    if (edited?.description) {
      if (!stay) this.#panel = null;
      await this.#describe(edited.description, stay);
      if (!stay) this.#begins(edited.description);
    }
    return edited?.fault;
  }

  setLanguage(language: Language): void {
    this.#preferences.setLanguage(language);
  }

  setTheme(theme: "light" | "dark"): void {
    this.#preferences.setTheme(theme);
  }

  arrange(panes: Arrangement): void {
    this.#preferences.arrange(panes);
  }

  /** Show a refusal. Bound, for whoever hands it on as what to do with a refusal. */
  notify = (message: unknown): void => this.#preferences.notify(message);

  show(panel: Panel): void {
    this.#panel = panel;
  }

  /** A text of the tables, in the person's language. */
  say(key: Key, values?: Values): string {
    return this.#preferences.say(key, values);
  }

  /** What a measurement is called, in the person's language. */
  metric(name: string): string {
    return this.#preferences.metric(name);
  }

  /** What an error says, in the person's language. */
  reason(error: unknown): string {
    return this.#preferences.reason(error);
  }

  /** Words that came with the data. */
  translate(words: Words): string {
    return this.#preferences.translate(words);
  }

  /** A link that brings another person here, with the step, the branch and the weights where they are few. */
  async share(): Promise<string> {
    let weights: string | null = null;
    try {
      weights = await this.lab.request("weights", {});
    } catch {
      // Too many to be written in a link: it still carries the place.
    }
    return this.#routing.share(weights);
  }

  close(): void {
    this.#watching.stop();
    this.#routing.stop();
    for (const end of this.#ends) end();
    this.lab.close();
  }

  /** At the start, and whenever the connection has come back: all that events would have brought meanwhile. */
  async #begin(): Promise<void> {
    const serial = ++this.#serial;
    const [known, run, reports] = [this.#description, this.#state?.run, this.#reports];
    this.#watching.renew();
    let description: Description | null = null;
    try {
      description = await this.lab.request("describe", {});
    } catch (refusal) {
      if (serial !== this.#serial) return;
      // A gallery may have nothing open yet, and then nothing to describe.
      const tasks = await this.lab.request("tasks", {}).catch(() => []);
      if (serial !== this.#serial) return;
      this.#tasks = tasks;
      if (tasks.length > 0) void this.lessons.load();
      if (tasks.length === 0) return this.#connected ? this.notify(refusal) : undefined;
      this.#connected = true;
      // A link may say which task it was made in; and after a new start of Pellucid, this page has one.
      const wanted = this.#asked?.task ?? known?.task ?? null;
      if (wanted !== null && tasks.some((task) => task.name === wanted)) description = await this.#open(wanted, null);
      if (serial !== this.#serial) return;
      if (description === null) {
        if (known !== null) this.notify(this.say("shell.anew"));
        this.#leave();
        return;
      }
    }
    if (serial !== this.#serial) return;
    this.#connected = true;
    const again = known !== null && known.task === description.task && paths(known) === paths(description);
    const first = this.#asked;
    let asked = again ? null : first;
    if (description.can.gallery) {
      this.#tasks = (await this.#try(() => this.lab.request("tasks", {}))) ?? [];
      void this.lessons.load();
      const wanted = asked?.task ?? null;
      if (wanted !== null && wanted !== description.task && this.#tasks.some((task) => task.name === wanted)) {
        const opened = await this.#open(wanted, description);
        if (opened === null) {
          // What is open stays, and the link's place is none in it.
          [asked, this.#routing.place, this.#routing.lesson] = [null, HOME, null];
        }
        description = opened ?? description;
      }
      // A link that was typed meanwhile has begun anew.
      if (serial !== this.#serial) return;
      if (description.layers.length === 0) this.#panel = "gallery";
    }
    if (asked !== null) this.#routing.place = arrival(asked, description);
    if (known !== null && run !== description.state.run) this.notify(this.say("shell.anew"));
    // What was reported while the answers were on their way is newer than they are.
    const state = this.#reports === reports ? null : this.#state;
    if (state !== null && state.run === description.state.run) description = { ...description, state };
    // The place is one in this network, or what a link asks for: in another network it is none.
    await this.#describe(description, known === null || again || asked !== null);
    if (asked !== null) await this.#arrive(asked);
    // A link that was followed while the answers were on their way.
    const late = this.#asked === first ? null : this.#asked;
    this.#asked = null;
    if (late !== null) await this.#follow(format(late, this.#description?.layers), false);
  }

  /** Open a task in the place of the one that is open; null where a person keeps that, or the lab refuses. */
  async #open(task: string, present: Description | null): Promise<Description | null> {
    if (present !== null) {
      const next = this.#tasks.find(({ name }) => name === task)?.title ?? null;
      const state = this.#state?.run === present.state.run ? this.#state : null;
      if (!(await this.leaving.ask(present, state ?? present.state, next))) return null;
    }
    this.#opening++;
    const description = await this.#try(() => this.lab.request("open", { task }));
    this.#opening--;
    return description ?? null;
  }

  /** Nothing is open any more: back to the gallery. */
  #leave(): void {
    [this.#description, this.#state, this.#example] = [null, null, null];
    this.#watching.clear();
    this.#watching.renew();
    this.#measured.forget();
    this.#routing.place = HOME;
    this.#routing.lesson = null;
    this.#routing.write();
    this.#panel = "gallery";
  }

  /** Make ready what a link asks for; one that says no more than a lesson leads to what its step is about. */
  async #arrive(link: Link): Promise<void> {
    await this.#make(link);
    await this.lessons.load();
    this.lessons.beginOwn();
    if (bare(link.place) && this.lessons.due) this.toStep(this.lessons.step, false);
  }

  /** What a link asks for besides a place: the weights, or else the moment. */
  async #make(link: Link): Promise<void> {
    if (!this.#description?.can.train) return;
    if (link.weights !== null) {
      const weights = link.weights;
      const state = await this.#try(() => this.lab.request("adopt", { weights }));
      if (state !== undefined) this.#take(state);
      await this.#measured.catchUp();
      // Adopted they are a branch of this run: the link need not carry them on, nor adopt them again when read anew.
      this.#routing.write();
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
    const before = this.#description;
    // Another network of the same task: its examples may be other ones, and its layers, too.
    const other = before !== null && paths(before) !== paths(description);
    if (before?.task !== description.task || !stay || this.#state?.run !== description.state.run) {
      this.#example = null;
      this.#watching.clear();
    }
    this.#description = description;
    this.#watching.renew();
    this.#measured.forget();
    const { input, view } = this.#routing.place;
    const place = !stay ? HOME : other ? { ...HOME, input, view } : this.#routing.place;
    this.#routing.place = { ...place, input: place.input ?? firstInput(description) };
    this.#state = description.state;
    this.#routing.write();
    await Promise.all([this.#look(), this.#measured.catchUp()]);
  }

  /** A state that the run reports: what another tab did is caught up with. */
  #takeState(state: State): void {
    const before = this.#state;
    if (before !== null && before.run !== state.run) this.#measured.forget();
    this.#take(state);
    if (before === null || before.branch !== state.branch || before.branches.length !== state.branches.length) {
      void this.#measured.catchUp();
    }
  }

  #take(state: State): void {
    this.#reports++;
    this.#state = state;
    this.#routing.settle(state);
  }

  async #look(): Promise<void> {
    const name = this.#routing.place.input;
    this.#watching.soon(0);
    if (name === null || this.#example?.name === name) return;
    const example = await this.#try(() => this.lab.request("example", { name }));
    if (this.#routing.place.input !== name) return;
    if (example === undefined) {
      // A link may name an example that is not here: the first will do.
      const first = this.#description && firstInput(this.#description);
      if (first !== null && first !== name) await this.choose(first);
      return;
    }
    this.#example = example;
  }

  /** A link that was typed, clicked or gone back to. */
  async #follow(hash: string, ours: boolean, push = false): Promise<void> {
    const link = parse(hash);
    const [before, lesson] = [this.#routing.place, this.#routing.lesson];
    this.#routing.lesson = link.lesson;
    // In a page that is open "#/" is the network, as in a lesson's text; with a task it is a link to that.
    const known = ours || link.task === null ? null : this.#description;
    const there = known === null ? { ...link.place, step: null } : arrival(link, known);
    this.#routing.place = { ...there, input: there.input ?? before.input };
    if (push && !same(before, this.#routing.place)) this.#routing.write(true);
    if (this.#description === null) {
      this.#asked = link;
      if (!ours && this.#connected && link.task !== null) await this.#begin();
      return;
    }
    // An entry of ours may be of a task that another one has replaced.
    if (ours && link.task !== this.#description.task) this.#routing.write();
    if (!ours) {
      const wanted = link.task;
      if (wanted !== null && wanted !== this.#description.task && this.#description.can.gallery) {
        const description = await this.#open(wanted, this.#description);
        if (description === null) {
          [this.#routing.place, this.#routing.lesson] = [before, lesson];
          this.#routing.write();
          return;
        }
        // Its event has led home already.
        this.#routing.place = arrival(link, description);
        await this.#describe(description, true);
      }
      this.#routing.write();
      await this.#arrive(link);
    }
    if (this.#routing.place.input !== before.input) await this.#look();
  }

  async #try<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (refusal) {
      this.notify(refusal);
      return undefined;
    }
  }
}

function firstInput(description: Description): string | null {
  const set = description.sets.find((one) => one.name === "test" && one.count > 0)
    ?? description.sets.find((one) => one.count > 0);
  return set === undefined ? null : `${set.name}:0`;
}

/** Where a link leads; one that names no place leads to what the task of the gallery is about. */
function arrival(link: Link, { task, views }: Description): Place {
  const place = { ...link.place, step: null };
  return task !== null && unplaced(link) ? { ...place, view: opening(views) } : place;
}

function paths(description: Description): string {
  return description.layers.map((layer) => layer.path).join(" ");
}
