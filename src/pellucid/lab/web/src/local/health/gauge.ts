// How large a network's values and gradients are over a batch: a column of the ribbon. What Python's explain/flow.py
// measures, of the same examples.

import { run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import type { Flow, Layer, Path } from "../../model/wire/protocol.ts";
import { stacked } from "../samples.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import type { State } from "../training/steps.ts";

const BATCH = 64;
const FLAT = 0.05;
const STEEPEST: Readonly<Record<string, number>> = { sigmoid: 0.25, tanh: 1 };

export class Gauge {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private batch: readonly [string, Stored][] | null = null;

  constructor(saved: Saved, samples: Samples) {
    this.saved = saved;
    this.samples = samples;
  }

  /** The flow with these parameters; what is of no meaning for a layer is null. */
  flow(parameters: State): Flow["layers"] {
    const { program, description } = this.saved;
    const given = new Map<string, Stored>(this.examples());
    for (const [path, { shape }] of this.saved.parameters) given.set(path, { shape, data: parameters[path]! });
    const single = Object.values(parameters).every((data) => data instanceof Float32Array);
    const layers = description.layers.map((layer) => ({ layer, ...this.tensors(layer) }));
    const wanted = layers.flatMap(({ value, gradient, curved }) => [value, gradient, curved].filter((t) => t !== undefined));
    const values = run(program, given, { wanted, single });
    return layers.map(({ layer, value, gradient, curved, name }) => {
      const made = curved && values.get(curved);
      return {
        path: layer.path,
        activation: size(value && values.get(value)),
        gradient: size(gradient && values.get(gradient)),
        dead: made && name === "relu" ? dead(made) : null,
        saturated: made && name in STEEPEST ? saturated(made, name) : null,
        ratio: null,
      };
    });
  }

  private examples(): readonly [string, Stored][] {
    if (this.batch === null) {
      const { input, target } = this.saved;
      const examples = this.samples.spread("train", BATCH);
      this.batch = [[input, stacked(examples.map((e) => e.x))], [target, stacked(examples.map((e) => e.y!))]];
    }
    return this.batch;
  }

  /** What is measured of a layer, and the function whose curve its values are on. */
  private tensors({ path }: Layer): { value?: Tensor; gradient?: Tensor; curved?: Tensor; name: string } {
    const { program, curves } = this.saved;
    const at = (name: Path): Tensor | undefined => program.outputs.get(name) ?? program.tensors.get(name);
    // A loss that is fused with its activation does not read the output: there the gradient of the sum is shown.
    const gradient = at(`d(${path})`) ?? at(`d(${path}.sum)`);
    const on = [`${path}.state`, path].find((name) => curves[name] !== undefined);
    const found: { value?: Tensor; gradient?: Tensor; curved?: Tensor; name: string } = {
      name: on === undefined ? "" : curves[on]!.function,
    };
    const [value, curved] = [at(path), on === undefined ? undefined : at(on)];
    if (value) found.value = value;
    if (gradient) found.gradient = gradient;
    if (curved) found.curved = curved;
    return found;
  }
}

/** The root of the mean of the squares. */
function size(value: Stored | undefined): number | null {
  if (value === undefined) return null;
  let sum = 0;
  for (const v of value.data) sum += v * v;
  const mean = Math.sqrt(sum / value.data.length);
  return Number.isFinite(mean) ? mean : null;
}

/** The fraction of the units, along the last axis, that are 0 everywhere else. */
function dead({ shape, data }: Stored): number {
  const units = shape.at(-1) ?? 1;
  const alive = new Uint8Array(units);
  data.forEach((v, k) => {
    if (!(v <= 0)) alive[k % units] = 1;
  });
  return 1 - alive.reduce((sum, one) => sum + one, 0) / units;
}

function saturated({ data }: Stored, name: string): number {
  let flat = 0;
  for (const y of data) if ((name === "tanh" ? 1 - y * y : y * (1 - y)) < FLAT * STEEPEST[name]!) flat++;
  return flat / data.length;
}
