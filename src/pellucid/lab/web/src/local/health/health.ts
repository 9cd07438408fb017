// What is measured of a network's health: answers what a page asks, in the page or beside it.

import type { Samples } from "../samples.ts";
import type { Saved } from "../saved.ts";
import { courseOf } from "../training/order.ts";
import { examined } from "./examined.ts";
import { Gauge } from "./gauge.ts";
import type { Asked, Measured } from "./gauging.ts";

export class Health {
  private readonly saved: Saved;
  private readonly samples: Samples;
  private readonly gauge: Gauge;

  constructor(saved: Saved, samples: Samples) {
    this.saved = saved;
    this.samples = samples;
    this.gauge = new Gauge(saved, samples);
  }

  answer(asked: Exclude<Asked, { document: unknown }>): Measured {
    const { saved, samples, gauge } = this;
    if ("column" in asked) return { column: gauge.column(asked.column) };
    if ("reach" in asked) return { reach: gauge.reach(asked.reach) };
    return { diagnosis: examined(saved, samples, gauge, courseOf(saved, samples), asked.diagnosis) };
  }
}
