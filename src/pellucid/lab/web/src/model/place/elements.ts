// Elements by name: which value of which layer a path is, where an element stands without the example's axis, and how
// a person calls it.

import type { Layer, Path, Source, Value } from "../wire/protocol";

export function isGradient(path: Path): boolean {
  return /^d\(.*\)′?$/.test(path);
}

/** The value that a path is about: by which a gradient is, of which "w′" is the next, for which "w:moment" is kept. */
export function bare(path: Path): Path {
  const inside = isGradient(path) ? path.replace(/^d\((.*)\)′?$/, "$1") : path;
  return inside.replace(/(:[^.()]*)?′?$/, "");
}

/** Whether a path is of the last step, with its whole batch, and not of the example that is shown. */
export function stepped(path: Path): boolean {
  return path.endsWith("′");
}

/** The last step of training made this of a parameter. */
export function updated(path: Path): Path {
  return `${bare(path)}′`;
}

/** Whether there is anything to explain about a path: the learning rate, say, is just a number. */
export function explainable(path: Path, layers: readonly Layer[]): boolean {
  return located(path, layers) !== undefined || /^loss(\.|$)/.test(bare(path));
}

/** The gradient by what a path is about; within the last step, that of its batch. */
export function gradientOf(path: Path): Path {
  return `d(${bare(path)})${stepped(path) ? "′" : ""}`;
}

export interface Located {
  layer: Layer;
  value: Value;
  parameter: boolean;
}

/** The value that a path, or the gradient by it, belongs to. */
export function located(path: Path, layers: readonly Layer[]): Located | undefined {
  const wanted = bare(path);
  for (const layer of layers) {
    const value = layer.values.find((v) => v.path === wanted);
    if (value) return { layer, value, parameter: false };
    const parameter = layer.parameters.find((v) => v.path === wanted);
    if (parameter) return { layer, value: parameter, parameter: true };
  }
  return undefined;
}

/** The index without the example's axis, which a parameter does not have and every other value has first. */
export function spot(path: Path, index: readonly number[], layers: readonly Layer[]): number[] {
  if (stepped(path)) return [...index];
  const known = located(path, layers);
  return known ? index.slice(Math.max(0, index.length - known.value.shape.length)) : index.slice(1);
}

export function spotOf(source: Source, layers: readonly Layer[]): { path: Path; index: number[] } {
  return { path: source.path, index: spot(source.path, source.index, layers) };
}

/** "dense_1.kernel[17,3]"; a scalar's path alone. */
export function written(path: Path, index: readonly number[]): string {
  return index.length ? `${path}[${index.join(",")}]` : path;
}

export type Element =
  | { kind: "unit"; unit: number }
  | { kind: "filter"; filter: number; row: number; column: number }
  | { kind: "time"; time: number; unit: number }
  | { kind: "index"; index: string }
  | { kind: "whole" };

/** What an element of a value is called, by how its layer is drawn. */
export function element(value: Pick<Value, "shape">, draw: Layer["draw"] | null, index: readonly number[]): Element {
  const [a = 0, b = 0, c = 0] = index;
  if (index.length === 0) return { kind: "whole" };
  if (draw === "units" && index.length === 1) return { kind: "unit", unit: a };
  if (draw === "maps" && index.length === 3 && value.shape.length === 3)
    return { kind: "filter", filter: c, row: a, column: b };
  if (draw === "steps" && index.length === 2) return { kind: "time", time: a, unit: b };
  return { kind: "index", index: index.join(",") };
}

/** Images are drawn in grey: the input, and a last layer that makes one of the same shape. */
export function pictorial(layer: Layer, layers: readonly Layer[], sample: string | undefined): boolean {
  if (sample !== "image") return false;
  const input = layers.find((l) => l.kind === "Input");
  return layer.kind === "Input" || (layer === layers.at(-1) && layer.shape.join() === input?.shape.join());
}

/** The smallest domain of a layer's colours: probabilities that are all alike are not to look strong. */
export function minDomain(layer: Layer): number {
  return layer.activation === "softmax" ? 0.25 : 0;
}

/** Whether the slope of a squashing curve at its output is under a twentieth of its greatest. */
export function saturated(activation: string | null, output: number): boolean {
  if (activation === "sigmoid") return output * (1 - output) < 0.0125;
  if (activation === "tanh") return 1 - output * output < 0.05;
  return false;
}

/** Whether a rectifier gives nothing here. */
export function off(activation: string | null, output: number): boolean {
  return activation === "relu" && output === 0;
}

/** The neighbour of an element in row-major order: the previous or the next; null at the ends. */
export function neighbour(shape: readonly number[], index: readonly number[], step: -1 | 1): number[] | null {
  const next = [...index];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const moved = (next[axis] ?? 0) + step;
    if (moved >= 0 && moved < (shape[axis] ?? 1)) {
      next[axis] = moved;
      return next;
    }
    next[axis] = step > 0 ? 0 : (shape[axis] ?? 1) - 1;
  }
  return null;
}
