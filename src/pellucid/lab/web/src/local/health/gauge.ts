// How large a network's values and gradients are over a batch: a column of the ribbon, and what a diagnosis is made of.
// What Python's explain/flow.py measures, of the same examples.

import { run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import { outputPath } from "../../model/example/prediction.ts";
import type { Flow as Column, Path } from "../../model/wire/protocol.ts";
import { stacked } from "../samples.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import type { Reals, State } from "../training/steps.ts";
import { reaches } from "./temporal.ts";
import type { Reach } from "./temporal.ts";

const BATCH = 64;
const FLAT = 0.05;
const STEEPEST: Readonly<Record<string, number>> = { σ: 0.25, tanh: 1 };

/** Parameters after a step, and those before it, where they are known. */
export interface Weighed {
  readonly step: number;
  readonly parameters: State;
  readonly before?: State | null;
}

/** The sizes at one layer; what it does not have is NaN. */
export interface LayerFlow {
  readonly path: Path;
  /** relu, σ or tanh, of which its output is a value. */
  readonly curve: string;
  readonly activation: number;
  readonly gradient: number;
  readonly dead: number;
  readonly saturated: number;
  /** The norm of its trainable parameters, and of the gradient by them. */
  readonly weight: number;
  readonly weightGradient: number;
  /** The last update of its kernels over the kernels. */
  readonly ratio: number;
}

export interface Flow {
  readonly step: number;
  readonly loss: number;
  readonly layers: readonly LayerFlow[];
  readonly reach: readonly Reach[];
}

export class Gauge {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private batch: readonly [string, Stored][] | null = null;

  constructor(saved: Saved, samples: Samples) {
    this.saved = saved;
    this.samples = samples;
  }

  /** A column of the ribbon; what is of no meaning for a layer is null. */
  column(weighed: Weighed): Column["layers"] {
    const finite = (v: number): number | null => (Number.isFinite(v) ? v : null);
    return this.layers(weighed, false).layers.map(({ path, activation, gradient, dead: idle, saturated: flat, ratio }) => ({
      path, activation: finite(activation), gradient: finite(gradient), dead: finite(idle), saturated: finite(flat),
      ratio: finite(ratio),
    }));
  }

  /** All there is to measure. */
  flow(weighed: Weighed): Flow {
    return { ...this.layers(weighed, true), reach: this.reach(weighed) };
  }

  reach(weighed: Weighed): Reach[] {
    const { given, single } = this.given(weighed);
    return reaches(this.program, outputPath(this.saved.description)!, given, single);
  }

  private get program(): Saved["program"] {
    return this.saved.measuring ?? this.saved.program;
  }

  /** `slopes`: whether the gradients by the weights are wanted, which take as long as all the rest. */
  private layers(weighed: Weighed, slopes: boolean): Omit<Flow, "reach"> {
    const { description, diagnosis } = this.saved;
    const { given, single } = this.given(weighed);
    const trainable = new Set(diagnosis?.trainable ?? []);
    const loss = this.tensor("loss");
    const curves = this.curves();
    const parts = description.layers.map((layer) => {
      const mine = layer.parameters.map(({ path }) => path).filter((path) => trainable.has(path));
      // A loss that is fused with its activation does not read the output: there the gradient of the sum is shown.
      const gradient = this.tensor(`d(${layer.path})`) ?? this.tensor(`d(${layer.path}.sum)`);
      const weights = slopes ? mine.flatMap((path) => this.tensor(`d(${path})`) ?? []) : [];
      return { layer, mine, value: this.tensor(layer.path), gradient, weights, ...curves.get(layer.path) };
    });
    const wanted = [loss, ...parts.flatMap(({ value, gradient, curved, weights }) => [value, gradient, curved, ...weights])];
    const values = run(this.program, given, { wanted: wanted.filter((t) => t !== undefined), single });
    const of = (tensor: Tensor | undefined): Stored | undefined => tensor && values.get(tensor);
    const layers = parts.map(({ layer, mine, value, gradient, weights, curved, curve = "" }): LayerFlow => {
      const made = of(curved);
      const none = layer.kind === "Input" ? NaN : 0; // no gradient reaches a layer
      return {
        path: layer.path, curve,
        activation: size(of(value)) ?? NaN,
        gradient: size(of(gradient)) ?? none,
        dead: made && curve === "relu" ? dead(made) : NaN,
        saturated: made && curve in STEEPEST ? saturated(made, curve) : NaN,
        weight: mine.length ? norm(mine.map((path) => weighed.parameters[path]!)) : NaN,
        weightGradient: mine.length && slopes ? norm(weights.map((slope) => of(slope)!.data)) : NaN,
        ratio: this.ratio(mine, weighed),
      };
    });
    return { step: weighed.step, loss: of(loss)?.data[0] ?? NaN, layers };
  }

  /** How far the last step moved the kernels, over their size. */
  private ratio(mine: readonly Path[], { parameters, before }: Weighed): number {
    if (!before) return NaN;
    const several = mine.filter((path) => this.saved.parameters.get(path)!.shape.length > 1);
    const kernels = several.length ? several : mine;
    const whole = norm(kernels.map((path) => parameters[path]!));
    const moved = norm(kernels.map((path) => Float64Array.from(parameters[path]!, (v, k) => v - before[path]![k]!)));
    return whole ? moved / whole : NaN;
  }

  private given({ step, parameters }: Weighed): { given: Map<string, Stored>; single: boolean } {
    const { program, saved } = this;
    const given = new Map<string, Stored>(this.examples());
    for (const [path, { shape }] of saved.parameters) given.set(path, { shape, data: parameters[path]! });
    const one = (value: number): Stored => ({ shape: [], data: Float64Array.of(value) });
    if (program.inputs.has("seed")) given.set("seed", one(saved.training?.seed ?? 0));
    if (program.inputs.has("step")) given.set("step", one(Math.max(1, step)));
    return { given, single: [...saved.parameters.values()].every(({ data }) => data instanceof Float32Array) };
  }

  private examples(): readonly [string, Stored][] {
    if (this.batch === null) {
      const { input, target } = this.saved;
      const examples = this.samples.spread("train", BATCH);
      this.batch = [[input, stacked(examples.map((e) => e.x))], [target, stacked(examples.map((e) => e.y!))]];
    }
    return this.batch;
  }

  private tensor(path: Path): Tensor | undefined {
    return this.program.outputs.get(path) ?? this.program.tensors.get(path);
  }

  /** Of every layer that ends in a curve what this gave: its output, or all its states. One that only passes on the
   * value of another has no curve of its own. */
  private curves(): Map<Path, { curved: Tensor; curve: string }> {
    const found = new Map<Path, { curved: Tensor; curve: string }>();
    const known = new Set<Tensor>();
    for (const { path, kind } of this.saved.description.layers) {
      if (kind === "Input") continue;
      for (const place of [`${path}.state`, path]) {
        const curved = this.tensor(place);
        const curve = curved ? this.curve(curved) : "";
        if (!curved || !curve || known.has(curved)) continue;
        known.add(curved);
        found.set(path, { curved, curve });
        break;
      }
    }
    return found;
  }

  private curve(tensor: Tensor): string {
    const expression = this.program.definitions.get(tensor)?.expression;
    const fits = expression?.kind === "operation" && expression.args[0]?.kind === "read";
    return fits && (expression.name === "relu" || expression.name in STEEPEST) ? expression.name : "";
  }
}

/** The root of the mean of the squares. */
function size(value: Stored | undefined): number | null {
  return value === undefined ? null : norm([value.data]) / Math.sqrt(value.data.length);
}

function norm(arrays: readonly (Reals | Stored["data"])[]): number {
  let sum = 0;
  for (const array of arrays) for (const v of array) sum += v * v;
  return Math.sqrt(sum);
}

/** The fraction of the units, along the last axis, that are 0 everywhere else. */
function dead({ shape, data }: Stored): number {
  const units = shape.at(-1) ?? 1;
  const alive = new Uint8Array(units);
  data.forEach((v, k) => {
    if (!(v <= 0)) alive[k % units] = 1;
  });
  return (units - alive.reduce((sum, one) => sum + one, 0)) / units;
}

function saturated({ data }: Stored, name: string): number {
  let flat = 0;
  for (const y of data) if ((name === "tanh" ? 1 - y * y : y * (1 - y)) < FLAT * STEEPEST[name]!) flat++;
  return flat / data.length;
}
