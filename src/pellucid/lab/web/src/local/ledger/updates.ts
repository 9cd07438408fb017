// An optimizer's updates as sums over the gradients of all steps, as Python's explain/ledger/update_shares.py: with g the
// gradient and m what is remembered of the gradients before, Δw = gradient·g + memory·m + decay, and m′ = keptGradient·g
// + keptMemory·m.

import { refuse } from "../refusal.ts";

/** The optimizer's name and settings, as Python's `config()` gives them. */
export type Rule = Readonly<Record<string, unknown>> & { readonly name: string };

export interface Linear {
  readonly gradient: number;
  readonly memory: number;
  readonly keptGradient: number;
  readonly keptMemory: number;
  readonly decay: number;
}

/** One weight before a step: its value and slots, the slots after it, the gradient, the rate, the step from 1. */
export interface Weight {
  readonly weight: number;
  readonly slots: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  readonly gradient: number;
  readonly rate: number;
  readonly step: number;
}

/** The slot that holds a sum of gradients; null where there is none. */
export function memoryOf(rule: Rule): string | null {
  switch (rule.name) {
    case "sgd":
      return rule["momentum"] ? "velocity" : null;
    case "adam":
    case "adamw":
    case "nadam":
      return "first_moment";
    case "lion":
      return "moment";
  }
  return null;
}

export function linear(rule: Rule, at: Weight): Linear {
  const of = (name: string): number => Number(rule[name]);
  const made = (gradient: number, memory = 0, keptGradient = 0, keptMemory = 0, decay = 0): Linear => (
    { gradient, memory, keptGradient, keptMemory, decay }
  );
  const { rate, after, step } = at;
  switch (rule.name) {
    case "sgd": {
      const mu = of("momentum");
      if (!mu) return made(-rate);
      return rule["nesterov"] ? made(-rate * (1 + mu), mu * mu, -rate, mu) : made(-rate, mu, -rate, mu);
    }
    case "rmsprop":
      return made(-rate / (Math.sqrt(after["mean_square"]!) + of("epsilon")));
    case "adagrad":
      return made(-rate / Math.sqrt(of("initial_accumulator_value") + after["accumulator"]! + of("epsilon")));
    case "lion": {
      const [one, two] = [of("beta_1"), of("beta_2")];
      const mean = one * at.slots["moment"]! + (1 - one) * at.gradient;
      const scale = mean ? -rate / Math.abs(mean) : 0;
      return made(scale * (1 - one), scale * one, 1 - two, two);
    }
    case "adam":
    case "adamw":
    case "nadam": {
      const [one, two] = [of("beta_1"), of("beta_2")];
      const over = Math.sqrt(after["second_moment"]! / (1 - two ** step)) + of("epsilon");
      if (rule.name === "nadam") {
        const [now, then] = [step, step + 1].map((t) => one * (1 - 0.5 * 0.96 ** t)) as [number, number];
        const spent = after["spent"]!;
        const ahead = then / (1 - (1 - spent) * then);
        return made(
          (-rate * (ahead * (1 - one) + (1 - now) / spent)) / over, (-rate * ahead * one) / over, 1 - one, one,
        );
      }
      const scale = -rate / ((1 - one ** step) * over);
      const decay = rule.name === "adamw" ? -rate * of("weight_decay") * at.weight : 0;
      return made(scale * (1 - one), scale * one, 1 - one, one, decay);
    }
  }
  refuse("local.ledger.rule", { rule: rule.name });
}

/** For every step, what of its gradient is in the weight after the last one; and what of the memory before the first is. */
export function toTheEnd(steps: readonly Linear[]): { factors: number[]; memory: number } {
  let memory = 0; // what of the memory after a step gets into the weight later
  const factors = steps.toReversed().map((step) => {
    const factor = step.gradient + step.keptGradient * memory;
    memory = step.memory + step.keptMemory * memory;
    return factor;
  });
  return { factors: factors.reverse(), memory };
}
