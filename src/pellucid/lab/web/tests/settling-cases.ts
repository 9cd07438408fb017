// Run by tests/lab/test_browser_metrics.py: at which step a run with these losses rests, and what is said.

import { readFileSync, writeFileSync } from "node:fs";
import { Settling } from "../src/local/training/settling.ts";
import type { Resting } from "../src/local/training/settling.ts";

interface Case {
  readonly rule: Resting;
  readonly begin: number;
  readonly losses: readonly number[];
}

function rest({ rule, begin, losses }: Case): [number, string, string] | null {
  const settling = new Settling(rule);
  settling.begin(begin);
  for (let step = 1; step <= losses.length; step++) {
    const said = settling.due(step) ? settling.judge(Float64Array.from(losses.slice(0, step))) : null;
    if (said) return [step, said.en, said.zh];
  }
  return null;
}

const [from, to] = process.argv.slice(2) as [string, string];
writeFileSync(to, JSON.stringify((JSON.parse(readFileSync(from, "utf8")) as Case[]).map(rest)));
