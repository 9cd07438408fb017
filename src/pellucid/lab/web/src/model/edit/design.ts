// Changes of a design by hand: each gives another one, and leaves what came as it was.

import type { Design, Kind } from "../wire/protocol";

type Options = Record<string, unknown>;
type Network = Design["network"];
export type Field = Kind["fields"][number];

/** The fields that are in sight without being asked for: they say what a layer is. */
const FIRST = new Set([
  "units", "filters", "kernel_size", "activation", "rate", "stddev", "pool_size", "output_dim", "num_heads", "shape",
  "return_sequences", "merge_mode",
]);

export function isFirst(field: Field): boolean {
  return field.required || FIRST.has(field.name);
}

function withNetwork(design: Design, change: Partial<Network>): Design {
  return { ...design, network: { ...design.network, ...change } };
}

export function setOption(design: Design, layer: number, name: string, value: unknown): Design {
  const layers = design.network.layers.map((one, k) => (
    k === layer ? { ...one, options: { ...one.options, [name]: value } } : one
  ));
  return withNetwork(design, { layers });
}

/** The options with which a new layer of a kind begins. */
export function started(kind: Kind): Options {
  return Object.fromEntries(kind.fields.filter((field) => field.required).map((field) => [field.name, field.start]));
}

/** A new layer behind a use; what read that reads the new one. One that takes several values takes that before, too. */
export function added(design: Design, place: number, kind: Kind): Design {
  const { layers, uses, outputs } = design.network;
  const here = uses[place];
  if (here === undefined) return design;
  const path = freePath(uses.map((use) => use.path));
  const before = uses[place - 1]?.path ?? here.path;
  const inputs = kind.inputs > 1 ? [here.path, before] : [here.path];
  const moved = uses.map((use, k) => (k > place ? { ...use, inputs: use.inputs.map((one) => (one === here.path ? path : one)) } : use));
  return withNetwork(design, {
    layers: [...layers, { class: kind.name, options: started(kind) }],
    uses: [...moved.slice(0, place + 1), { layer: layers.length, path, inputs }, ...moved.slice(place + 1)],
    outputs: outputs.map((one) => (one === here.path ? path : one)),
  });
}

function freePath(taken: string[]): string {
  let number = 1;
  while (taken.includes(`new_${number}`)) number++;
  return `new_${number}`;
}

/** Without a use; what read it reads the first of what that took. */
export function removed(design: Design, place: number): Design {
  const { layers, uses, outputs } = design.network;
  const gone = uses[place];
  const before = gone?.inputs[0];
  if (gone === undefined || before === undefined) return design;
  const passed = (path: string) => (path === gone.path ? before : path);
  const rest = uses.filter((use) => use !== gone).map((use) => ({ ...use, inputs: use.inputs.map(passed) }));
  const shared = rest.some((use) => use.layer === gone.layer);
  return withNetwork(design, {
    layers: shared ? layers : layers.filter((_, k) => k !== gone.layer),
    uses: shared ? rest : rest.map((use) => ({ ...use, layer: use.layer > gone.layer ? use.layer - 1 : use.layer })),
    outputs: outputs.map(passed),
  });
}

/** Whether a use can be moved by so many places: the input stays the first. */
export function movable(design: Design, place: number, by: number): boolean {
  const { uses } = design.network;
  const to = place + by;
  return place > 0 && to > 0 && to < uses.length;
}

/** A layer in the place of its neighbour, and that in its place: the wires stay. */
export function moved(design: Design, place: number, by: number): Design {
  const { uses } = design.network;
  const [one, other] = [uses[place], uses[place + by]];
  if (!movable(design, place, by) || one === undefined || other === undefined) return design;
  return withNetwork(design, {
    uses: uses.map((use) => (
      use === one ? { ...use, layer: other.layer } : use === other ? { ...use, layer: one.layer } : use
    )),
  });
}

export function rewired(design: Design, place: number, inputs: string[]): Design {
  return withNetwork(design, { uses: design.network.uses.map((use, k) => (k === place ? { ...use, inputs } : use)) });
}

/** The numbers of the layers with an activation but the output's. */
export function hidden(design: Design): number[] {
  const { layers, uses, outputs } = design.network;
  const last = new Set(uses.filter((use) => outputs.includes(use.path)).map((use) => use.layer));
  return layers.flatMap((layer, k) => (
    !last.has(k) && layer.options["activation"] !== undefined && layer.options["activation"] !== "linear" ? [k] : []
  ));
}

/** The activation of all hidden layers, where it is the same. */
export function commonActivation(design: Design): string | null {
  const names = new Set(hidden(design).map((k) => named(design.network.layers[k]?.options["activation"])));
  return names.size === 1 ? ([...names][0] ?? null) : null;
}

export function withActivation(design: Design, name: string): Design {
  return hidden(design).reduce((made, k) => setOption(made, k, "activation", name), design);
}

/** The name of a value that may have options of its own. */
export function named(value: unknown): string {
  if (typeof value === "object" && value !== null && "name" in value) return String(value.name);
  return value === null || value === undefined ? "" : String(value);
}

/** What a field holds, as a person writes it. */
export function written(field: Field, value: unknown): string {
  if (field.kind === "penalty") {
    const strength = (value as { l2?: number } | null | undefined)?.l2;
    return strength === undefined || strength === 0 ? "" : String(strength);
  }
  if (Array.isArray(value)) return value.flat().join(", ");
  if (field.kind === "fixed") return typeof value === "object" && value !== null ? JSON.stringify(value) : named(value);
  return named(value);
}

/** What a person wrote, as the field holds it; what is no number goes on as it is, to be refused in words. */
export function read(field: Field, text: string, before: unknown): unknown {
  const clean = text.trim();
  if (clean === "") return null;
  if (field.kind === "penalty") {
    const l1 = (before as { l1?: number } | null | undefined)?.l1 ?? 0;
    const l2 = Number(clean);
    return Number.isNaN(l2) ? clean : { l1, l2 };
  }
  if (field.kind === "choice" || field.kind === "fixed") return clean;
  const numbers = clean.split(/[\s,×x;]+/).filter((part) => part !== "").map(Number);
  if (numbers.length === 0 || numbers.some(Number.isNaN)) return clean;
  return field.kind === "sizes" && numbers.length > 1 ? numbers : numbers.length === 1 ? numbers[0] : clean;
}
