// What is measured of a network's health: answers what a page asks, in the page or beside it.

import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import { Shares } from "../ledger/shares.ts";
import { refuse } from "../refusal.ts";
import { Evaluated, shaped } from "../training/evaluated.ts";
import { courseOf } from "../training/order.ts";
import { attributed } from "../what-if.ts";
import { examined } from "./examined.ts";
import { Gauge } from "./gauge.ts";
import type { Asked, Measured, Taken } from "./gauging.ts";

export class Health {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private readonly gauge: Gauge;
  /** Of the element that was asked for last. */
  private known: { of: string; shares: Shares } | null = null;

  constructor(saved: Saved, samples: Samples) {
    this.saved = saved;
    this.samples = samples;
    this.gauge = new Gauge(saved, samples);
  }

  answer(asked: Exclude<Asked, { document: unknown }>): Measured {
    const { saved, samples, gauge } = this;
    if ("column" in asked) return { column: gauge.column(asked.column) };
    if ("attributed" in asked) {
      const { parameters, x, unit, most } = asked.attributed;
      const tables = new Map([...saved.parameters].map(([path, table]) => [path, { ...table, data: parameters[path]! }]));
      return { attributed: attributed({ saved, parameters: tables, single: true }, x, unit, most) };
    }
    if ("shares" in asked) return { shares: this.shares(asked.shares) };
    if ("reach" in asked) return { reach: gauge.reach(asked.reach) };
    return { diagnosis: examined(saved, samples, gauge, courseOf(saved, samples), asked.diagnosis) };
  }

  private shares({ path, index, number, rate, first, state }: Taken): ReturnType<Shares["of"]> {
    const { saved, samples } = this;
    const { program } = saved.training!;
    const of = `${path} ${index.join(",")}`;
    if (this.known?.of !== of) {
      const gradient = program.tensors.get(`d(${path})`) ?? refuse("local.element", { path, index: index.join(", ") });
      this.known = { of, shares: new Shares(program, gradient, index) };
    }
    const evaluated = new Evaluated(saved, samples, courseOf(saved, samples));
    const given = evaluated.feeds(shaped(state, saved), rate, number - 1, first);
    return this.known.shares.of(given, given.get(saved.target)!.shape[0]!, evaluated.single);
  }
}
