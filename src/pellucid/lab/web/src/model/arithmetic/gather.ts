// The terms of a value as pictures: what came in, through which weights, and what each added, laid where it came from.

import { bare, located, spot } from "../place/elements";
import { unravelled } from "../../formula/arithmetic.ts";
import type { Explanation, Layer, Numbers, Path } from "../wire/protocol";

export interface Gathered {
  path: Path;
  /** "source": the elements read. "terms": what their terms add, laid at the elements that were read. */
  what: "source" | "terms";
  parameter: boolean;
  /** The picture; NaN where no term reads. */
  numbers: Numbers;
  /** A volume's first axis is its depth. */
  draw: "volume" | null;
  /** For a cell of the picture that leads on: the element's index, without the example's axis, and the number of its term. */
  at: Map<string, { index: number[]; term: number }>;
}

/** The shape that a layer's values had before they were flattened: a person sees a map in it, not a line. */
function unflattened(path: Path, index: number[], layers: readonly Layer[]): { seen: number[]; shape: number[] } {
  const layer = layers.find((l) => l.path === bare(path));
  const parent = layer?.kind === "Flatten" ? layers.find((l) => l.path === layer.parents[0]) : undefined;
  return parent && index.length === 1
    ? { seen: unravelled(index[0] ?? 0, parent.shape), shape: parent.shape }
    : { seen: index, shape: located(path, layers)?.value.shape ?? [] };
}

interface Read {
  index: number[];
  seen: number[];
  /** Of the whole in which it is seen. */
  shape: number[];
  value: number;
  term: number;
  given: boolean;
  /** Whether its own axes are a kernel's. */
  kernel: boolean;
}

const WHOLE = 0.8;

/** Numbers laid where they were read. Through one element several terms may go: what they add is added up. */
function laid(reads: Read[], add = false): Pick<Gathered, "numbers" | "at" | "draw"> {
  const rank = reads[0]?.seen.length ?? 0;
  const first = Array.from({ length: rank }, (_, axis) => Math.min(...reads.map((r) => r.seen[axis] ?? 0)));
  const last = Array.from({ length: rank }, (_, axis) => Math.max(...reads.map((r) => r.seen[axis] ?? 0)));
  // What is read nearly all along an axis is drawn in the whole of it: then a row of pixels is the picture again.
  const extents = reads[0]?.shape ?? [];
  first.forEach((low, axis) => {
    const extent = extents.length === rank ? (extents[axis] ?? 0) : 0;
    if (extent > 1 && (last[axis] ?? 0) - low + 1 >= WHOLE * extent) [first[axis], last[axis]] = [0, extent - 1];
  });
  const axes = first.map((_, axis) => axis).filter((axis) => last[axis] !== first[axis]);
  const shape = axes.map((axis) => (last[axis] ?? 0) - (first[axis] ?? 0) + 1);
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(NaN);
  const at = new Map<string, { index: number[]; term: number }>();
  for (const read of reads) {
    const here = axes.map((axis) => (read.seen[axis] ?? 0) - (first[axis] ?? 0));
    const place = here.reduce((n, i, k) => n * (shape[k] ?? 1) + i, 0);
    const before = data[place] as number;
    data[place] = add && !Number.isNaN(before) ? before + read.value : read.value;
    if (!at.has(here.join(",")) && (add || !read.given)) at.set(here.join(","), { index: read.index, term: read.term });
  }
  // Elements (d, h, w, c) and kernels (u, v, r, c, f) have a depth; kernels of images (u, v, c, f) begin with rows.
  const depth = (rank === 4 && !reads[0]?.kernel) || rank === 5;
  return { numbers: { shape, data }, at, draw: depth && shape.length > 2 && axes[0] === 0 ? "volume" : null };
}

/** What a maximum was chosen from, as a picture; the winner's cell in it. */
export function chosenFrom(
  explanation: Explanation,
  layers: readonly Layer[],
): (Gathered & { winner: number[] | null }) | null {
  const path = explanation.candidates[0]?.path;
  const all = explanation.candidates.filter((s) => s.path === path);
  if (path === undefined || all.length < 2) return null;
  const reads = all.map((s) => {
    const index = spot(s.path, s.index, layers);
    return { index, ...unflattened(s.path, index, layers), value: s.value, term: 0, given: s.given === true, kernel: false };
  });
  const picture = laid(reads);
  const best = explanation.terms[0]?.sources[0];
  const wanted = best && best.path === path ? spot(path, best.index, layers).join() : "";
  const cell = [...picture.at].find(([, at]) => at.index.join() === wanted)?.[0];
  return {
    path,
    what: "source",
    parameter: false,
    ...picture,
    winner: cell === undefined ? null : cell.split(",").map(Number),
  };
}

const LARGEST = 65536;

/**
 * Pictures of the terms that are products of one element of each of two tensors: of both tensors' elements, and of the
 * terms over those of them that vary most. Nothing where the terms are not like that.
 */
export function gather(explanation: Explanation, layers: readonly Layer[]): Gathered[] {
  const groups = new Map<string, { paths: Path[]; reads: Read[][] }>();
  explanation.terms.forEach((term, number) => {
    if (term.sources.length !== 2) return;
    const paths = term.sources.map((s) => s.path);
    const key = paths.join(" ");
    const group = groups.get(key) ?? { paths, reads: [[], []] };
    groups.set(key, group);
    term.sources.forEach((source, place) => {
      const index = spot(source.path, source.index, layers);
      group.reads[place]?.push({
        index,
        ...unflattened(source.path, index, layers),
        value: source.value,
        term: number,
        given: source.given === true,
        kernel: located(source.path, layers)?.parameter === true,
      });
    });
  });
  const pictures: Gathered[] = [];
  for (const { paths, reads } of groups.values()) {
    if ((reads[0]?.length ?? 0) < 2) continue;
    const made = reads.map((list) => laid(list));
    if (made.some((m) => m.numbers.data.length > LARGEST)) continue;
    const parameter = (path: Path): boolean => located(path, layers)?.parameter === true && path === bare(path);
    // A weight's own index says less than the element's that it is multiplied with: weights are laid like these.
    const lead = paths.findIndex((p) => !parameter(p));
    paths.forEach((path, place) => {
      const other = reads[1 - place] ?? [];
      const own = reads[place] ?? [];
      const follow =
        parameter(path) &&
        lead === 1 - place &&
        (made[place]?.numbers.shape.length ?? 0) < (made[lead]?.numbers.shape.length ?? 0);
      const list = follow
        ? own.map((r, k) => ({ ...r, seen: other[k]?.seen ?? r.seen, shape: other[k]?.shape ?? r.shape, kernel: false }))
        : own;
      const picture = follow ? laid(list) : made[place];
      if (picture) pictures.push({ path, what: "source", parameter: parameter(path), ...picture });
    });
    const base = reads[Math.max(0, lead)] ?? [];
    const weights = base.map((r) => ({ ...r, value: explanation.terms[r.term]?.value ?? NaN }));
    pictures.push({ path: explanation.path, what: "terms", parameter: false, ...laid(weights, true) });
  }
  return pictures;
}
