// Gathers what a diagnosis of a moment is made of, as Python's lab/view/measure.py does.

import { run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import { outputPath } from "../../model/example/prediction.ts";
import type { Finding, Path } from "../../model/wire/protocol.ts";
import { evenly, stacked } from "../samples.ts";
import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import { Evaluated, shaped } from "../training/evaluated.ts";
import type { Course } from "../training/order.ts";
import type { State } from "../training/steps.ts";
import { diagnosed } from "./diagnosis.ts";
import type { Epoch } from "./diagnosis.ts";
import type { Gauge, Weighed } from "./gauge.ts";
import { originOf } from "./nonfinite.ts";
import type { Origin } from "./nonfinite.ts";

/** So many examples does Python look at, and through so many of these does it send gradients. */
const DIAGNOSED = 512;
const BATCH = 64;

/** A step that gave a value that is not finite: what it began with. */
export interface Fault {
  readonly state: State;
  readonly step: number;
  readonly rate: number;
  readonly first: number;
}

export interface Moment {
  readonly now: Weighed;
  /** The parameters before the first step, where that is not now. */
  readonly start: State | null;
  readonly epochs: readonly Epoch[];
  readonly rate: number;
  readonly fault: Fault | null;
}

/** What is wrong at a moment. */
export function examined(
  saved: Saved, samples: Samples, gauge: Gauge, course: Course, { now, start, epochs, rate, fault }: Moment,
): Finding[] {
  const single = [...saved.parameters.values()].every(({ data }) => data instanceof Float32Array);
  return diagnosed({
    standing: saved.diagnosis!, epochs, rate, parameters: now.parameters, output: outputPath(saved.description)!,
    flows: [...(start ? [gauge.flow({ step: 0, parameters: start })] : []), gauge.flow(now)],
    origin: fault && origin(saved, samples, course, fault),
    underflowed: () => underflowed(saved, samples, now.parameters, single),
    dtype: single ? "float32" : "float64",
  });
}

function origin(saved: Saved, samples: Samples, course: Course, { state, step, rate, first }: Fault): Origin {
  const { training, input, phrases } = saved;
  const values = new Evaluated(saved, samples, course).values(shaped(state, saved), rate, step, first);
  const { program, texts } = training!;
  const batch = values.get(program.tensors.get(input)!)?.shape[0] ?? 1;
  const trace = { program, values, batch, inputs: [input], texts, phrases };
  return originOf(trace, saved.diagnosis!, { step: step - first + 1, rate });
}

/** The parameters whose gradient is 0 in the network's numbers and not in float64, and its largest element there. */
function underflowed(saved: Saved, samples: Samples, parameters: State, single: boolean): Map<Path, number> {
  const { program, input, target } = saved;
  const many = evenly(samples.count("train"), DIAGNOSED);
  const examples = evenly(many.length, BATCH).map((k) => samples.get(`train:${many[k]!}`));
  const given = new Map<string, Stored>([
    [input, stacked(examples.map((e) => e.x))], [target, stacked(examples.map((e) => e.y!))],
  ]);
  for (const [path, { shape }] of saved.parameters) given.set(path, { shape, data: parameters[path]! });
  const slopes = saved.diagnosis!.trainable.flatMap((path) => {
    const slope = program.outputs.get(`d(${path})`) ?? program.tensors.get(`d(${path})`);
    return slope ? [[path, slope] as const] : [];
  });
  const wanted = slopes.map(([, slope]) => slope);
  const rounded = run(program, given, { wanted, single });
  const still = slopes.filter(([, slope]) => rounded.get(slope)?.data.every((v) => v === 0));
  if (!still.length) return new Map();
  const exact = run(program, given, { wanted: still.map(([, slope]) => slope), single: false });
  const largest = ({ data }: Stored): number => {
    let most = 0;
    for (const v of data) most = Math.max(most, Math.abs(v));
    return most;
  };
  const sizes = still.map(([path, slope]) => [path, largest(exact.get(slope)!)] as const);
  return new Map(sizes.filter(([, size]) => size > 0));
}
