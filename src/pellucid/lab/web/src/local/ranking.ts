// The examples of the file by their loss, as the formulas give it.

import type { Program } from "../formula/document.ts";
import { readBy } from "../formula/evaluate.ts";
import type { Stored } from "../formula/evaluate.ts";
import { tensorOf } from "../formula/explain.ts";
import type { Tensor } from "../formula/expressions.ts";
import type { Methods, Ranked } from "../model/wire/protocol.ts";
import { refuse } from "./refusal.ts";
import { classOf } from "./samples.ts";
import type { Sample, Samples } from "./samples.ts";

const LARGEST_ANSWER = 1 << 12;

/** What the loss of a batch is made of. */
export interface LossParts {
  /** The loss of each example. */
  readonly each: Tensor;
  /** Their mean, as often as each counts: a sequence by its steps. */
  readonly mean: Tensor;
  /** What the sizes of the weights add to it. */
  readonly penalty: Tensor | null;
}

/** Those of a program, found by what reads the target: a mask and a penalty do not. */
export function lossParts(program: Program, target: string): LossParts {
  const goal = program.tensors.get(target) ?? refuse("local.absent");
  const read = (tensor: Tensor): readonly Tensor[] => {
    const made = program.definitions.get(tensor);
    return made ? readBy(made).filter((one) => one.kind === "float") : [];
  };
  const known = new Map<Tensor, boolean>();
  const judges = (tensor: Tensor): boolean => {
    if (!known.has(tensor)) {
      known.set(tensor, false); // what it reads of itself, in a recurrence
      const made = program.definitions.get(tensor);
      known.set(tensor, made !== undefined && readBy(made).some((one) => one === goal || judges(one)));
    }
    return known.get(tensor)!;
  };
  const loss = tensorOf(program, "loss");
  const sums = read(loss).filter(({ axes }) => !axes.length);
  const mean = sums.find(judges) ?? loss;
  const waiting = [mean];
  for (const tensor of waiting) {
    if (tensor.axes.length === 1 && tensor.axes[0]!.extent === null) {
      return { each: tensor, mean, penalty: mean === loss ? null : (sums.find((one) => one !== mean) ?? null) };
    }
    waiting.push(...read(tensor).filter((one) => judges(one) && !waiting.includes(one)));
  }
  return refuse("local.absent");
}

/** `judge` gives the values of tensors for a batch of examples. */
export function ranked(
  asked: Methods["ranking"]["params"], samples: Samples, most: number, tensors: LossParts & { output: Tensor },
  judge: (batch: readonly Sample[]) => ReadonlyMap<Tensor, Stored>, classes: { border: number } | null,
): Omit<Methods["ranking"]["result"], "branch" | "step"> {
  const { set, highest = true, truth = null, said = null, from = 0, count = 20 } = asked;
  const judged = samples.spread(set, most).filter(({ y }) => y !== null);
  if (!judged.length) refuse("local.absent");
  const values = judge(judged);
  const losses = Array.from(values.get(tensors.each)!.data);
  const one = (tensor: Tensor): number => values.get(tensor)!.data[0]!;
  const { shape, data } = values.get(tensors.output)!;
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  const answer = (k: number): Float32Array => Float32Array.from(data.subarray(k * size, (k + 1) * size));
  const choice = (k: number): number => {
    const given = answer(k);
    return given.length > 1 ? given.indexOf(Math.max(...given)) : Number(given[0]! > classes!.border);
  };
  const rows = judged.map((sample, k) => ({
    sample, k, loss: losses[k]!,
    truth: classes ? classOf(sample.y!) : null,
    said: classes ? choice(k) : null,
  }));
  const weight = (loss: number): number => (Number.isFinite(loss) ? loss : Infinity);
  const matching = rows.filter((row) => (truth === null || row.truth === truth) && (said === null || row.said === said));
  const order = matching.toSorted((a, b) => weight(b.loss) - weight(a.loss) || a.k - b.k);
  if (!highest) order.reverse();
  const examples = order.slice(from, from + count).map(({ sample, k, loss, truth: t, said: s }): Ranked => ({
    example: samples.shown(sample), loss, truth: t, said: s,
    answer: size <= LARGEST_ANSWER ? { shape: shape.slice(1), data: answer(k) } : null,
  }));
  return {
    set, judged: judged.length, count: samples.count(set), matching: matching.length, examples,
    mean: one(tensors.mean), penalty: tensors.penalty && one(tensors.penalty),
  };
}
