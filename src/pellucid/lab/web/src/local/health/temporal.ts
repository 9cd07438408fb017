// How far back in time a gradient reaches, as Python's explain/temporal.py: ∂loss_t/∂h_{t−k} against k, t being the last
// step that a recurrent layer reads.

import { isLoop } from "../../formula/document.ts";
import type { Program } from "../../formula/document.ts";
import { run } from "../../formula/evaluate.ts";
import type { Stored } from "../../formula/evaluate.ts";
import type { Tensor } from "../../formula/expressions.ts";
import { contiguous } from "../../formula/views.ts";

export interface Reach {
  /** Of the states. */
  readonly path: string;
  readonly norms: readonly number[];
}

/** The states of every recurrent layer, and whether they run backwards. */
function recurrences(program: Program): { path: string; states: Tensor; reverse: boolean }[] {
  const known = new Map([...program.tensors, ...program.outputs]);
  const paths = new Set([...program.outputs.keys(), ...program.tensors.keys()]);
  return [...paths].filter((path) => path.endsWith(".state") && !path.startsWith("d(")).flatMap((path) => {
    const states = known.get(path)!;
    const loop = program.stages.find((stage) => isLoop(stage) && stage.axes.has(states));
    return loop && isLoop(loop) && states.axes.length === 3 ? [{ path, states, reverse: loop.reverse }] : [];
  });
}

/** Of the given examples; `output` is the path of the network's. */
export function reaches(program: Program, output: string, given: ReadonlyMap<string, Stored>, single: boolean): Reach[] {
  const at = (path: string): Tensor | undefined => program.outputs.get(path) ?? program.tensors.get(path);
  const found = recurrences(program);
  if (!found.length) return [];
  const end = at(`d(${output}.sum)`) ?? at(`d(${output})`);
  // Where there is an output at every step, the loss of the last of them alone (the first, of states that run backwards).
  const stepwise = end?.axes.length === 3 && end.axes[1]!.name === "t";
  const whole = end && stepwise ? run(program, given, { wanted: [end], single }).get(end)! : null;
  const gradients = (reverse: boolean): ReadonlyMap<Tensor, Stored> => {
    const wanted = found.filter((one) => one.reverse === reverse).flatMap(({ path }) => at(`d(${path})`) ?? []);
    if (!wanted.length) return new Map();
    const fed = end && whole ? new Map([...given, [end.name, onlyAt(whole, reverse ? 0 : whole.shape[1]! - 1)]]) : given;
    return run(program, fed, { wanted, single });
  };
  const ways = new Map([false, true].map((reverse) => [reverse, gradients(reverse)] as const));
  return found.map(({ path, states, reverse }) => {
    const gradient = at(`d(${path})`);
    const value = gradient && ways.get(reverse)!.get(gradient);
    const norms = value ? sizes(value) : new Array<number>(states.axes[1]!.extent ?? 1).fill(0);
    return { path, norms: reverse ? norms : norms.reverse() };
  });
}

/** A value (n, t, o) with zeros at all steps but one. */
function onlyAt({ shape, data }: Stored, step: number): Stored {
  const [along, each] = contiguous(shape) as [number, number, number];
  return { shape, data: data.map((v, k) => (Math.floor((k % along) / each) === step ? v : 0)) };
}

/** The root mean square over the examples of the norm at each step, times their number: the loss is a mean over them. */
function sizes({ shape, data }: Stored): number[] {
  const [examples, steps, units] = shape as [number, number, number];
  return Array.from({ length: steps }, (_, t) => {
    let squares = 0;
    for (let n = 0; n < examples; n++) {
      for (let j = 0; j < units; j++) squares += data[(n * steps + t) * units + j]! ** 2;
    }
    return Math.sqrt(squares / examples) * examples;
  });
}
