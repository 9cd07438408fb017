// Run by tests/lab/test_browser_health.py: what a saved file says is wrong at moments of its training.

import { readFileSync, writeFileSync } from "node:fs";
import type { Epoch } from "../src/local/health/diagnosis.ts";
import { examined } from "../src/local/health/examined.ts";
import { Gauge } from "../src/local/health/gauge.ts";
import { Samples } from "../src/local/samples.ts";
import { readSaved } from "../src/local/saved.ts";
import type { Saved } from "../src/local/saved.ts";
import { courseOf } from "../src/local/training/order.ts";
import type { State } from "../src/local/training/steps.ts";

interface Case {
  document: unknown;
  step: number;
  now: Record<string, number[]>;
  before: Record<string, number[]> | null;
  start: Record<string, number[]> | null;
  epochs: Epoch[];
  rate: number;
  /** Of the step that gave a value that is not finite, the slots before it too. */
  fault: Record<string, number[]> | null;
}

const [from, to] = process.argv.slice(2) as [string, string];
const { cases } = JSON.parse(readFileSync(from, "utf8")) as { cases: Record<string, Case> };
const answers = Object.entries(cases).map(([name, one]) => {
  try {
    return [name, answered(one)];
  } catch (error) {
    return [name, { error: error instanceof Error ? error.stack : String(error) }];
  }
});
writeFileSync(to, JSON.stringify(Object.fromEntries(answers)));

function answered({ document, step, now, before, start, epochs, rate, fault }: Case): unknown {
  const saved = readSaved(document);
  const samples = new Samples(saved);
  const gauge = new Gauge(saved, samples);
  const weighed = { step, parameters: state(saved, now), before: before && state(saved, before) };
  const findings = examined(saved, samples, gauge, courseOf(saved, samples), {
    now: weighed, start: start && state(saved, start), epochs, rate,
    fault: fault && { state: state(saved, fault), step, rate, first: 0 },
  });
  return { findings, column: gauge.column(weighed), reach: gauge.reach(weighed) };
}

function state(saved: Saved, numbers: Record<string, number[]>): State {
  const kind = [...saved.parameters.values()][0]!.data instanceof Float64Array ? Float64Array : Float32Array;
  return Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, kind.from(values)]));
}
