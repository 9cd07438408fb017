// One lab of several in a folder: each task is a file of its own, and the gallery leads from one to the next.

import { readLessons, type Lesson } from "../model/lesson/lessons.ts";
import { format, HOME, opening, parse } from "../model/place/route.ts";
import type { Events, Lab, Methods, Task, View, Words } from "../model/wire/protocol.ts";
import { refuse } from "./refusal.ts";

export interface Site {
  readonly tasks: readonly (Task & { views: View[] })[];
}

const NAME = /^[a-z0-9][a-z0-9_-]*$/i;

/** The tasks beside a file; null where it stands alone. Names become addresses, so that nothing else may be in them. */
export function readSite(value: unknown): Site | null {
  if (typeof value !== "object" || value === null) return null;
  const tasks: unknown = (value as Record<string, unknown>)["tasks"];
  if (!Array.isArray(tasks) || !tasks.every(isTask)) refuse("local.damaged", { why: "site" });
  return { tasks };
}

function isTask(value: unknown): value is Site["tasks"][number] {
  const { name, kind, title, about, views } = (value ?? {}) as Record<string, unknown>;
  const named = typeof name === "string" && NAME.test(name) && typeof kind === "string";
  return named && isWords(title) && isWords(about) && Array.isArray(views) && views.every((v) => typeof v === "string");
}

function isWords(value: unknown): value is Words {
  const { en, zh } = (value ?? {}) as Record<string, unknown>;
  return typeof en === "string" && typeof zh === "string";
}

/** Go to the file of another task: this page ends, and the answer never comes. */
export function visit(site: Site | null, task: string): Promise<never> {
  const chosen = site?.tasks.find(({ name }) => name === task) ?? refuse("local.gallery");
  const address = new URL(`${task}.html`, location.href);
  address.search = location.search;
  const view = opening(chosen.views);
  // A link into that task leads there, a card to what the task is about.
  if (parse(location.hash).task === task) address.hash = location.hash;
  else if (view !== null) address.hash = format({ place: { ...HOME, view }, task });
  // Whoever comes back finds the page as it was left, waiting.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  location.assign(address);
  return new Promise(() => undefined);
}

/** The first page of the folder: the gallery, with nothing open. */
export class Entrance implements Lab {
  private readonly site: Site;
  private readonly lessons: readonly Lesson[];

  constructor(document: unknown) {
    const told = (document ?? {}) as Record<string, unknown>;
    this.site = readSite(told["site"]) ?? refuse("local.damaged", { why: "site" });
    this.lessons = readLessons(told["lessons"]) ?? refuse("local.damaged", { why: "lessons" });
  }

  async request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    if (method === "tasks") return [...this.site.tasks] as Methods[M]["result"];
    if (method === "lessons") return [...this.lessons] as Methods[M]["result"];
    if (method === "open") return visit(this.site, (params as Methods["open"]["params"]).task);
    return refuse("local.absent");
  }

  on<E extends keyof Events>(_event: E, _listener: (value: Events[E]) => void): () => void {
    return () => undefined;
  }

  close(): void {
    // There is nothing to end.
  }
}
