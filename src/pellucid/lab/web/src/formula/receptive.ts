// Receptive fields: the box of elements of each input that a value can depend on, read off the index maps.

import { constantOf } from "./axes.ts";
import type { Affine, Axis } from "./axes.ts";
import type { Program } from "./document.ts";
import type { Values } from "./evaluate.ts";
import { factors, freeAxes, isAffine, walk } from "./expressions.ts";
import type { Expression, Read, Reduction, Statement, Tensor } from "./expressions.ts";
import { unravelled } from "./arithmetic.ts";
import { contiguous } from "./views.ts";
import type { Data } from "./views.ts";

export type Box = [number, number][];

/** Where the axes stand: each has a place in one list of numbers. */
type At = Int32Array;
type Visit = (at: At) => void;

type Boxes = Record<string, Box>;

/** What was found last, and the values that were read as indices, such as a label: while these are the same so is the
 * field, whatever the weights are, and a field goes through all that a number depends on. */
const known = new WeakMap<Program, Map<string, { boxes: Boxes; reads: readonly (readonly [Tensor, Data])[] }>>();
const KEPT = 64;

/** For each of the named inputs that the value depends on: first and last index along every axis. */
export function field(
  program: Program, values: Values, tensor: Tensor, index: readonly number[], inputs: readonly string[],
): Boxes {
  const wanted = inputs.map((name) => program.inputs.get(name)).filter((t): t is Tensor => t !== undefined);
  const fields = known.get(program) ?? new Map<never, never>();
  known.set(program, fields);
  const shapes = wanted.map((input) => values.get(input)?.shape.join());
  const place = `${tensor.name}[${index.join()}] of ${inputs.join()} ${shapes.join(";")}`;
  let found = fields.get(place);
  if (!found?.reads.every(([read, before]) => same(values.get(read)?.data, before))) {
    const search = new Field(program, values, leading(program, [...wanted, tensor]));
    const boxes = search.from(tensor, index, wanted);
    found = { boxes, reads: [...search.reads].map((read) => [read, values.get(read)!.data.slice()]) };
    fields.delete(place); // the newest last
    fields.set(place, found);
    if (fields.size > KEPT) fields.delete(fields.keys().next().value!);
  }
  return structuredClone(found.boxes);
}

function same(data: Data | undefined, before: Data): boolean {
  return data?.length === before.length && data.every((value, k) => value === before[k]);
}

/** The tensors through which a wanted one can be reached: all others, weights above all, need no marks. */
function leading(program: Program, wanted: readonly Tensor[]): Set<Tensor> {
  const readers = new Map<Tensor, Set<Tensor>>();
  for (const { target, expression } of program.statements) {
    for (const e of walk(expression)) {
      if (e.kind === "read") readers.set(e.tensor, (readers.get(e.tensor) ?? new Set()).add(target));
    }
  }
  const reached = new Set(wanted);
  for (const tensor of reached) readers.get(tensor)?.forEach((t) => reached.add(t)); // a set visits what is added to it
  return reached;
}

class Field {
  /** The values that were read as indices. */
  readonly reads = new Set<Tensor>();
  private readonly program: Program;
  private readonly values: Values;
  private readonly leads: ReadonlySet<Tensor>;
  private readonly marks = new Map<Tensor, Uint8Array>();
  private readonly waiting: [Tensor, number][] = [];
  private readonly visits = new Map<Tensor, { at: At; visit: Visit } | null>();

  constructor(program: Program, values: Values, leads: ReadonlySet<Tensor>) {
    this.program = program;
    this.values = values;
    this.leads = leads;
  }

  from(tensor: Tensor, index: readonly number[], inputs: readonly Tensor[]): Boxes {
    const strides = contiguous(this.values.get(tensor)!.shape);
    this.mark(tensor, index.reduce((sum, i, d) => sum + i * strides[d]!, 0));
    for (let next = this.waiting.pop(); next; next = this.waiting.pop()) {
      const [current, place] = next;
      const marker = this.visit(current);
      if (!marker) continue;
      marker.at.set(unravelled(place, this.values.get(current)!.shape));
      marker.visit(marker.at);
    }
    const boxes: Boxes = {};
    for (const input of inputs) {
      const marked = this.marks.get(input);
      if (marked) boxes[input.name] = box(marked, this.values.get(input)!.shape);
    }
    return boxes;
  }

  private mark(tensor: Tensor, place: number): void {
    let marks = this.marks.get(tensor);
    if (!marks) this.marks.set(tensor, (marks = new Uint8Array(this.values.get(tensor)!.data.length)));
    if (marks[place]) return;
    marks[place] = 1;
    this.waiting.push([tensor, place]);
  }

  /** What marks all that a statement reads at a place, prepared once. */
  private visit(tensor: Tensor): { at: At; visit: Visit } | null {
    let marker = this.visits.get(tensor);
    if (marker === undefined) {
      const statement = this.program.definitions.get(tensor);
      this.visits.set(tensor, (marker = statement ? this.prepared(statement) : null));
    }
    return marker;
  }

  private prepared(statement: Statement): { at: At; visit: Visit } {
    const slots = new Map(statement.target.axes.map((a, d) => [a, d]));
    const visit = this.follow(statement.expression, slots);
    return { at: new Int32Array(slots.size), visit };
  }

  private follow(e: Expression, slots: Map<Axis, number>): Visit {
    const idle: Visit = () => {};
    if (![...walk(e)].some((inner) => inner.kind === "read" && this.leads.has(inner.tensor))) return idle;
    switch (e.kind) {
      case "reduction":
        return this.reduction(e, slots);
      case "read":
        return this.read(e, slots);
      case "operation": {
        const inner = e.args.map((a) => this.follow(a, slots)).filter((v) => v !== idle);
        const tests = e.name === "mul" ? factors(e).map((f) => condition(f, slots)).filter((t) => t !== null) : [];
        return (at) => {
          for (const test of tests) if (!test(at)) return;
          for (const visit of inner) visit(at);
        };
      }
    }
    return idle;
  }

  /** Only axes on which a read depends, or a condition, need to be gone through. */
  private reduction(e: Reduction, slots: Map<Axis, number>): Visit {
    const needed = new Set<Axis>();
    for (const inner of walk(e.body)) {
      const leads = inner.kind === "read" && this.leads.has(inner.tensor);
      if (leads || (inner.kind === "operation" && inner.name === "eq")) freeAxes(inner).forEach((a) => needed.add(a));
    }
    for (const axis of e.axes) if (!slots.has(axis)) slots.set(axis, slots.size);
    let visit = this.follow(e.body, slots);
    for (const axis of [...e.axes].reverse()) {
      if (!needed.has(axis)) continue;
      const [slot, inner, extent] = [slots.get(axis)!, visit, axis.extent ?? this.batch()];
      visit = (at) => {
        for (let i = 0; i < extent; i++) {
          at[slot] = i;
          inner(at);
        }
      };
    }
    return visit;
  }

  private batch(): number {
    for (const [tensor, { shape }] of this.values) if (tensor.axes[0]?.extent === null) return shape[0]!;
    return 1;
  }

  private read(e: Read, slots: Map<Axis, number>): Visit {
    const places = e.indices.map((i) => this.index(i, slots));
    const inner = e.indices.filter((i): i is Expression => !isAffine(i)).map((i) => this.follow(i, slots));
    const outside = e.outside ? this.follow(e.outside, slots) : null;
    const { shape } = this.values.get(e.tensor)!;
    const strides = contiguous(shape);
    const leads = this.leads.has(e.tensor);
    return (at) => {
      for (const visit of inner) visit(at);
      let place = 0;
      for (let d = 0; d < places.length; d++) {
        const i = places[d]!(at);
        if (i < 0 || i >= shape[d]! || !Number.isInteger(i)) {
          outside?.(at);
          return;
        }
        place += i * strides[d]!;
      }
      if (leads) this.mark(e.tensor, place);
    };
  }

  private index(index: Affine | Expression, slots: Map<Axis, number>): (at: At) => number {
    if (isAffine(index)) {
      const value = affine(index, slots);
      return (at) => value(at) / index.divisor.value;
    }
    const read = index as Read;
    this.reads.add(read.tensor);
    const inner = read.indices.map((i) => this.index(i, slots));
    const { shape, data } = this.values.get(read.tensor)!;
    const strides = contiguous(shape);
    const outside = read.outside?.kind === "constant" ? read.outside.value : -1;
    return (at) => {
      let place = 0;
      for (let d = 0; d < inner.length; d++) {
        const i = inner[d]!(at);
        if (i < 0 || i >= shape[d]! || !Number.isInteger(i)) return outside;
        place += i * strides[d]!;
      }
      return data[place]!;
    };
  }
}

function affine(index: Affine, slots: Map<Axis, number>): (at: At) => number {
  const offset = constantOf(index);
  const terms = index.terms.map(([a, c]) => [slots.get(a)!, c.value] as const);
  return (at) => {
    let value = offset;
    for (const [slot, k] of terms) value += k * at[slot]!;
    return value;
  };
}

function condition(e: Expression, slots: Map<Axis, number>): ((at: At) => boolean) | null {
  if (e.kind !== "operation" || e.name !== "eq") return null;
  const [left, right] = e.args;
  if (left?.kind !== "index" || right?.kind !== "index") return null;
  const [a, b] = [affine(left.affine, slots), affine(right.affine, slots)];
  return (at) => a(at) === b(at);
}

function box(marked: Uint8Array, shape: readonly number[]): Box {
  const sides: Box = shape.map((n) => [n, -1]);
  marked.forEach((mark, place) => {
    if (!mark) return;
    unravelled(place, shape).forEach((i, d) => {
      const side = sides[d]!;
      side[0] = Math.min(side[0], i);
      side[1] = Math.max(side[1], i);
    });
  });
  return sides;
}
