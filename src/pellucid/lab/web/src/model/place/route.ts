// A place as a link, and a link as a place: "#/conv2d_1/filter/3/at/4,5?input=test:17&step=1200".

import type { Place } from "./place";
import type { Layer, View } from "../wire/protocol";

/** What a link says: where, and besides it what to make ready first. */
export interface Link {
  place: Place;
  /** The gallery's task that the link was made in. */
  task: string | null;
  branch: number | null;
  /** All parameters in one string, of a small network. */
  weights: string | null;
  /** The lesson that is played, and its step from 1. */
  lesson: { name: string; step: number } | null;
}

/** The view that a task of the gallery opens with: what it is about, the border, the text, the forecast, … */
export function opening(views: readonly View[]): View | null {
  const [first] = views;
  return first === undefined || first === "confusion" || first === "examples" ? null : first;
}

/** Whether a link says no more than what is to be opened: each that the page makes itself names its example, too. */
export function unplaced({ place, lesson }: Link): boolean {
  return place.path === null && place.view === null && place.input === null && place.beside === null && lesson === null;
}

export const HOME: Place = {
  path: null, index: null, term: null, product: false, view: null, input: null, step: null,
  beside: null,
};

// What may stand bare in a fragment: brackets, commas and colons stay readable, as in "d(conv2d_1.kernel)".
const READABLE: Record<string, string> = {
  "%28": "(", "%29": ")", "%2C": ",", "%3A": ":", "%5B": "[", "%5D": "]", "%2B": "+", "%3D": "=", "%40": "@",
};

/** An example by its name, a step, a branch, or a step of one. */
const BESIDE = /^((train|test|own|step|branch):\d{1,15}|branch:\d{1,15}:\d{1,15})$/;

function encode(text: string, query = false): string {
  return encodeURIComponent(text).replace(/%(28|29|2C|3A|5B|5D|2B|3D|40)/g, (code) => {
    // In a query "+" is a blank and "=" ends a name.
    return query && (code === "%2B" || code === "%3D") ? code : (READABLE[code] ?? code);
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function natural(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function naturals(text: string | undefined): number[] | null {
  if (text === undefined) return null;
  if (text === "") return [];
  const numbers = text.split(",").map(natural);
  return numbers.every((n) => n !== null) ? (numbers as number[]) : null;
}

/** The words for an element of a layer's own output, by how it is drawn. */
function spell(index: number[], layer: Layer | undefined): string[] {
  if (layer?.draw === "units" && index.length === 1) return ["unit", `${index[0]}`];
  if (layer?.draw === "maps" && index.length === 3) return ["filter", `${index[2]}`, "at", `${index[0]},${index[1]}`];
  if (layer?.draw === "steps" && index.length === 2) return ["time", `${index[0]}`, "unit", `${index[1]}`];
  return ["index", index.join(",")];
}

/** The index that stands at the head of `words`, and how many of them it took. */
function unspell(words: string[]): { index: number[]; taken: number } | null {
  const [kind, a, b, c] = words;
  if (kind === "index") {
    const index = naturals(a ?? "");
    return index && { index, taken: Math.min(2, words.length) };
  }
  if (kind === "unit") {
    const unit = natural(a);
    return unit === null ? null : { index: [unit], taken: 2 };
  }
  if (kind === "time" && b === "unit") {
    const [time, unit] = [natural(a), natural(c)];
    return time === null || unit === null ? null : { index: [time, unit], taken: 4 };
  }
  if (kind === "filter" && b === "at") {
    const [filter, at] = [natural(a), naturals(c)];
    return filter === null || at?.length !== 2 ? null : { index: [...at, filter], taken: 4 };
  }
  return null;
}

/** The link to a place. `layers` lets it say "unit/3" where an index would do too. */
export function format(link: Partial<Link> & { place: Place }, layers: readonly Layer[] = []): string {
  const { place } = link;
  const words: string[] = [];
  if (place.view !== null) {
    words.push("view", encode(place.view));
  } else if (place.path !== null) {
    words.push(encode(place.path));
    if (place.index !== null) {
      words.push(...spell(place.index, layers.find((layer) => layer.path === place.path)));
      if (place.term !== null) {
        words.push("term", `${place.term}`);
        if (place.product) words.push("product");
      }
    }
  }
  const query: string[] = [];
  const add = (name: string, value: string | number | null | undefined) => {
    if (value !== null && value !== undefined) query.push(`${name}=${encode(`${value}`, true)}`);
  };
  add("task", link.task);
  add("input", place.input);
  add("step", place.step);
  add("branch", link.branch);
  add("with", place.beside);
  add("w", link.weights);
  if (link.lesson) add("lesson", `${link.lesson.name}:${link.lesson.step}`);
  return `#/${words.join("/")}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

/** The place that a link names. What cannot be read is left out, from the first such word on: a link never fails. */
export function parse(hash: string): Link {
  const [path = "", query = ""] = splitOnce(hash.replace(/^#?\/?/, ""), "?");
  const asked = new Map<string, string>();
  for (const pair of query.split("&")) {
    const [name, value] = splitOnce(pair, "=");
    if (name !== undefined && value !== undefined) asked.set(decode(name), decode(value));
  }
  const beside = asked.get("with") ?? "";
  const place: Place = {
    ...HOME, input: asked.get("input") || null, step: natural(asked.get("step")),
    beside: BESIDE.test(beside) ? beside : null,
  };
  const words = path === "" ? [] : path.split("/");
  if (words.length === 2 && words[0] === "view" && words[1] !== "" && words[1] !== "index") {
    place.view = decode(words[1]!);
  } else if (words.length > 0) {
    place.path = decode(words[0]!);
    const unspelled = unspell(words.slice(1));
    if (unspelled !== null) {
      place.index = unspelled.index;
      const after = words.slice(1 + unspelled.taken);
      const term = after[0] === "term" ? natural(after[1]) : null;
      if (term !== null) {
        place.term = term;
        place.product = after[2] === "product";
      }
    }
  }
  return {
    place,
    task: asked.get("task") || null,
    branch: natural(asked.get("branch")),
    weights: asked.get("w") || null,
    lesson: lessonOf(asked.get("lesson")),
  };
}

function lessonOf(text: string | undefined): Link["lesson"] {
  const [name, step] = splitOnce(text ?? "", ":");
  return name ? { name, step: natural(step) ?? 1 } : null;
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The place one depth out: a product's connection, a connection's unit, a unit's layer, the network. */
export function outward(place: Place, layers: readonly Layer[] = []): Place {
  if (place.product) return { ...place, product: false };
  if (place.term !== null) return { ...place, term: null };
  if (place.index !== null) {
    // The layer of "dense_1.kernel" or "d(dense_1.sum)" is "dense_1"; what belongs to none, the loss, leads home.
    const layer = layerOf(place.path, layers);
    return { ...place, path: layer?.path ?? null, index: null };
  }
  return { ...place, path: null, view: null };
}

/** The layer that a path belongs to. */
export function layerOf(path: string | null, layers: readonly Layer[]): Layer | undefined {
  if (path === null) return undefined;
  const bare = path.startsWith("d(") && path.endsWith(")") ? path.slice(2, -1) : path;
  return (
    layers.find((layer) => layer.path === bare) ??
    layers.find((layer) => [...layer.values, ...layer.parameters].some((value) => value.path === bare)) ??
    layers.find((layer) => bare.startsWith(`${layer.path}.`))
  );
}
