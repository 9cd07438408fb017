// Views: numbers over labelled axes, each axis with its stride, so that a read of a tensor copies nothing and
// broadcasting is a stride of 0.

import type { Axis } from "./axes.ts";

export type Data = Float64Array | Float32Array;

export interface View {
  readonly axes: readonly Axis[];
  readonly strides: readonly number[];
  readonly data: Data;
  readonly offset: number;
}

export type Extent = (axis: Axis) => number;

export function scalar(value: number): View {
  return { axes: [], strides: [], data: Float64Array.of(value), offset: 0 };
}

export function contiguous(extents: readonly number[]): number[] {
  const strides = new Array<number>(extents.length);
  let step = 1;
  for (let d = extents.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= extents[d]!;
  }
  return strides;
}

export function count(extents: readonly number[]): number {
  let total = 1;
  for (const extent of extents) total *= extent;
  return total;
}

/** A view of zeros of its own. */
export function zeros(axes: readonly Axis[], extent: Extent): View {
  const extents = axes.map(extent);
  return { axes, strides: contiguous(extents), data: new Float64Array(count(extents)), offset: 0 };
}

/** The view's strides along other axes: 0 where it does not depend on one. */
export function stridesAlong(view: View, axes: readonly Axis[]): number[] {
  return axes.map((a) => {
    const place = view.axes.indexOf(a);
    return place < 0 ? 0 : view.strides[place]!;
  });
}

type Body = (offsets: readonly number[], steps: readonly number[], count: number) => void;

/**
 * Goes over all places of some operands at once: `body` is given each operand's offset at the start of a run along the
 * last axis, its step there, and the run's length. Neighbouring axes that lie alike in all operands become one.
 */
export function sweep(
  extents: readonly number[],
  strides: readonly (readonly number[])[],
  starts: readonly number[],
  body: Body,
): void {
  const sizes: number[] = [];
  const moves: number[][] = [];
  for (let d = 0; d < extents.length; d++) {
    const size = extents[d]!;
    if (size === 0) return;
    if (size === 1) continue;
    const move = strides.map((s) => s[d]!);
    const last = moves.length - 1;
    if (last >= 0 && moves[last]!.every((s, k) => s === move[k]! * size)) {
      sizes[last]! *= size;
      moves[last] = move;
    } else {
      sizes.push(size);
      moves.push(move);
    }
  }
  const offsets = [...starts];
  const inner = sizes.length - 1;
  if (inner < 0) {
    body(offsets, strides.map(() => 0), 1);
    return;
  }
  const steps = moves[inner]!;
  const length = sizes[inner]!;
  const at = new Array<number>(inner).fill(0);
  for (;;) {
    body(offsets, steps, length);
    let d = inner - 1;
    for (; d >= 0; d--) {
      const move = moves[d]!;
      if (++at[d]! < sizes[d]!) {
        for (let k = 0; k < offsets.length; k++) offsets[k]! += move[k]!;
        break;
      }
      at[d] = 0;
      for (let k = 0; k < offsets.length; k++) offsets[k]! -= move[k]! * (sizes[d]! - 1);
    }
    if (d < 0) return;
  }
}

/** The axes of several views together, those of the view with most of them first. */
function joined(views: readonly View[]): readonly Axis[] {
  let widest = views[0]!;
  for (const view of views) if (view.axes.length > widest.axes.length) widest = view;
  const missing = new Set(views.flatMap((v) => v.axes.filter((a) => !widest.axes.includes(a))));
  return missing.size ? [...missing, ...widest.axes] : widest.axes;
}

/** A new view over the axes of all operands, filled run by run. */
export function filled(
  views: readonly View[], extent: Extent, body: (out: Data, ...rest: Parameters<Body>) => void,
): View {
  const axes = joined(views);
  const out = zeros(axes, extent);
  const strides = [out.strides, ...views.map((v) => stridesAlong(v, axes))];
  sweep(axes.map(extent), strides, [0, ...views.map((v) => v.offset)], (offsets, steps, n) => {
    body(out.data, offsets, steps, n);
  });
  return out;
}

export function map1(f: (x: number) => number, x: View, extent: Extent): View {
  return filled([x], extent, (out, [o, a], [so, sa], n) => {
    for (let i = 0; i < n; i++) out[o! + i * so!] = f(x.data[a! + i * sa!]!);
  });
}

export function map2(f: (x: number, y: number) => number, x: View, y: View, extent: Extent): View {
  return filled([x, y], extent, (out, [o, a, b], [so, sa, sb], n) => {
    for (let i = 0; i < n; i++) out[o! + i * so!] = f(x.data[a! + i * sa!]!, y.data[b! + i * sb!]!);
  });
}

export function added(x: View, y: View, extent: Extent): View {
  return map2((a, b) => a + b, x, y, extent);
}

export function product(x: View, y: View, extent: Extent): View {
  const one = x.data;
  const two = y.data;
  return filled([x, y], extent, (out, [o, a, b], [so, sa, sb], n) => {
    for (let i = 0; i < n; i++) out[o! + i * so!] = one[a! + i * sa!]! * two[b! + i * sb!]!;
  });
}

/** The offsets of some views at every place of some axes, without the last run of places, which is given separately. */
interface Places {
  readonly offsets: readonly Int32Array[];
  readonly steps: readonly number[];
  readonly length: number;
}

export function places(views: readonly View[], axes: readonly Axis[], extent: Extent): Places {
  const runs: number[][] = views.map(() => []);
  let steps: readonly number[] = [];
  let length = 0;
  const strides = views.map((v) => stridesAlong(v, axes));
  sweep(axes.map(extent), strides, views.map(() => 0), (offsets, by, n) => {
    offsets.forEach((o, k) => runs[k]!.push(o));
    [steps, length] = [by, n];
  });
  return { offsets: runs.map((f) => Int32Array.from(f)), steps, length };
}

/** Σ over axes of one view. */
export function total(x: View, summed: readonly Axis[], extent: Extent): View {
  const out = zeros(x.axes.filter((a) => !summed.includes(a)), extent);
  const { offsets: [table], steps: [step], length } = places([x], summed, extent);
  const { data } = x;
  const outer = [out.strides, stridesAlong(x, out.axes)];
  sweep(out.axes.map(extent), outer, [0, x.offset], ([o, a], [so, sa], n) => {
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let k = 0; k < table!.length; k++) {
        let at = a! + i * sa! + table![k]!;
        for (let j = 0; j < length; j++, at += step!) sum += data[at]!;
      }
      out.data[o! + i * so!] = sum;
    }
  });
  return out;
}

/** Σ over axes, which both views have, of the product of two views. */
export function contracted(x: View, y: View, summed: readonly Axis[], extent: Extent): View {
  const kept = joined([x, y]).filter((a) => !summed.includes(a));
  const out = zeros(kept, extent);
  const { offsets: [one, two], steps: [sx, sy], length } = places([x, y], summed, extent);
  const outer = [out.strides, stridesAlong(x, kept), stridesAlong(y, kept)];
  sweep(kept.map(extent), outer, [0, x.offset, y.offset], ([o, a, b], [so, sa, sb], n) => {
    for (let i = 0; i < n; i++) {
      out.data[o! + i * so!] = dot(x.data, y.data, a! + i * sa!, b! + i * sb!, one!, two!, sx!, sy!, length);
    }
  });
  return out;
}

function dot(
  x: Data, y: Data, a: number, b: number, one: Int32Array, two: Int32Array, sx: number, sy: number, length: number,
): number {
  let sum = 0;
  for (let k = 0; k < one.length; k++) {
    let p = a + one[k]!;
    let q = b + two[k]!;
    for (let j = 0; j < length; j++, p += sx, q += sy) sum += x[p]! * y[q]!;
  }
  return sum;
}

/** Copies a view into an array laid out by strides along the given axes. */
export function copyInto(
  view: View, axes: readonly Axis[], to: Data, offset: number, strides: readonly number[], extent: Extent,
): void {
  const { data } = view;
  sweep(axes.map(extent), [strides, stridesAlong(view, axes)], [offset, view.offset], ([o, a], [so, sa], n) => {
    for (let i = 0; i < n; i++) to[o! + i * so!] = data[a! + i * sa!]!;
  });
}
