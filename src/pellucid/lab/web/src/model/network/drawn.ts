// What of each layer is drawn, and how large: a row of units, maps, a strip over time, or for what only passes numbers
// on, its name alone.

import { breadth, layout, ranks, type Layout, type Node } from "./layout";
import { arrange, boxes, flat, type Boxes, type Flat } from "../numbers/panels";
import type { Layer, Path } from "../wire/protocol";

export interface Drawn {
  layer: Layer;
  form: "name" | "units" | "picture" | "text";
  laid: Flat | null;
  box: Boxes | null;
  /** How many maps are not drawn. */
  hidden: number;
  /** How broad the drawn part is, and how far below the layer's top it begins. */
  width: number;
  top: number;
}

export interface Plan {
  drawn: Map<Path, Drawn>;
  layout: Layout;
}

/** Layers whose output is their input in another shape, or the same. */
const PASSING = new Set(["Flatten", "Dropout", "Masking"]);
const NAME = 24;
const MORE = 16;
const ROW_OF_UNITS = 32;
const UNITS = 64;
/** The size of a disc, and what will do where that keeps all of them in one line. */
const [DISC, NEARLY] = [24, 18];
const MIN_BREADTH = 22;
/** Names want so much room. */
const NAMED = 230;

function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** So many lines of text as fit into the drawing. */
function textHeight(symbols: number, room: number): number {
  return 20 * Math.min(3, Math.ceil((symbols * 8.5) / room)) + 4;
}

const MAX_CELLS = 4096;

/** A row of many units in lines, as broad as the layer is. */
function wide(units: number, broad: number): Pick<Drawn, "form" | "laid" | "box" | "width" | "hidden"> {
  const count = Math.min(units, MAX_CELLS);
  let cell = 9;
  while (cell > 2 && Math.ceil(count / Math.floor(broad / cell)) * cell > 56) cell--;
  const across = Math.max(1, Math.floor(broad / cell));
  const laid = flat([count], { row: null, column: 0, panels: [], wrap: across });
  const box: Boxes = { across: 1, gap: 0, cell, tall: cell, width: across * cell, height: laid.rows * cell };
  return { form: "picture", laid, box, width: box.width, hidden: units - count };
}

/** A flat layer of so many units may have been an image. */
function square(count: number): boolean {
  return Number.isInteger(Math.sqrt(count));
}

function drawnOf(layer: Layer, room: number, largest: number, text: boolean, imaged: boolean): Drawn {
  const base = { layer, hidden: 0, top: NAME };
  const broad = breadth(size(layer.shape), largest, MIN_BREADTH, room);
  if (PASSING.has(layer.kind) || (layer.kind === "Reshape" && layer.draw === "units"))
    return { ...base, form: "name", laid: null, box: null, width: broad, top: 0 };
  if (text) return { ...base, form: "text", laid: null, box: null, width: Math.min(room, size(layer.shape) * 8.5) };
  if (layer.draw === "units" && size(layer.shape) <= UNITS && layer.shape.length === 1) {
    const count = layer.shape[0] ?? 1;
    // In as many lines as it takes for every disc to be as large as a finger needs, or nearly so in one.
    const lines = count * NEARLY <= room ? 1 : Math.ceil(count / Math.max(1, Math.floor(room / DISC)));
    const across = Math.ceil(count / lines);
    const arrangement = { row: null, column: 0, panels: [], wrap: count > across ? across : null };
    const laid = flat(layer.shape, arrangement);
    const cell = Math.min(DISC, room / across);
    const box: Boxes = { across: 1, gap: 0, cell, tall: cell, width: cell * across, height: cell * laid.rows };
    return { ...base, form: "units", laid, box, width: box.width };
  }
  if (layer.shape.length === 1 && !(square(size(layer.shape)) && imaged))
    return { ...base, ...wide(layer.shape[0] ?? 1, broad) };
  const laid = flat(layer.shape, arrange(layer.shape, layer.draw));
  const steps = layer.draw === "steps";
  // Over time all layers are equally long; how many units there are is seen in the height.
  const box = steps
    ? boxes(laid, room, 1, 24, breadth(laid.rows, 128, 14, 96), true)
    : boxes(laid, Math.min(room, Math.max(broad, 48)), 1, 10, layer.kind === "Input" ? 96 : 120);
  return { ...base, form: "picture", laid, box, width: box.width, hidden: laid.panels - laid.shown };
}

/** Whether the weights between two layers are few enough to be drawn one by one. */
export function lined(from: Drawn | undefined, to: Drawn | undefined): boolean {
  const few = (d: Drawn | undefined): boolean => d?.form === "units" && size(d.layer.shape) <= ROW_OF_UNITS;
  return to?.layer.kind === "Dense" && few(from) && few(to);
}

/** So many weights are looked through for the strongest. */
const THREADS = 1 << 14;

/** Whether the strongest of the weights between two layers are drawn: there are too many for all of them. */
export function threaded(from: Drawn | undefined, to: Drawn | undefined): boolean {
  const row = (d: Drawn | undefined): d is Drawn => d !== undefined && d.laid !== null && d.layer.shape.length === 1 && d.hidden === 0;
  if (to?.layer.kind !== "Dense" || !row(from) || !row(to) || lined(from, to)) return false;
  return size(from.layer.shape) * size(to.layer.shape) <= THREADS;
}

export function plan(layers: readonly Layer[], width: number, text = false): Plan {
  const bones: Node[] = layers.map((l) => ({ path: l.path, parents: l.parents, extent: { along: 0, across: 0 } }));
  const rank = ranks(bones);
  const beside = new Map<number, number>();
  for (const r of rank.values()) beside.set(r, (beside.get(r) ?? 0) + 1);
  const largest = Math.max(1, ...layers.map((l) => size(l.shape)));
  const jumps = layers.some((l) => l.parents.some((p) => (rank.get(l.path) ?? 0) - (rank.get(p) ?? 0) > 1));
  const lane = 14;
  const whole = Math.max(120, width - (jumps ? 3 * lane : 0));
  const drawn = new Map<Path, Drawn>();
  const nodes: Node[] = layers.map((layer) => {
    const room = whole / (beside.get(rank.get(layer.path) ?? 0) ?? 1) - 8;
    const d = drawnOf(
      layer,
      Math.max(40, room),
      largest,
      text && layer.kind === "Input",
      layer.kind === "Input" || layer === layers.at(-1),
    );
    drawn.set(layer.path, d);
    const height =
      d.form === "name"
        ? NAME
        : d.top +
          (d.form === "text" ? textHeight(size(layer.shape), room) : (d.box?.height ?? 0)) +
          (d.hidden ? MORE : 0);
    return {
      path: layer.path,
      parents: layer.parents,
      extent: { along: height, across: Math.min(Math.max(40, room), Math.max(d.width, NAMED)) },
    };
  });
  const placed = layout(nodes, {
    direction: "down",
    across: width,
    aside: 8,
    lane,
    gap: (from, to) => (lined(drawn.get(from), drawn.get(to)) ? 48 : threaded(drawn.get(from), drawn.get(to)) ? 44 : 14),
  });
  return { drawn, layout: placed };
}
