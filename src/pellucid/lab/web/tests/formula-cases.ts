// Run by tests/lab/test_browser_formulas.py: evaluates and explains the cases of a file and writes what came out.

import { readFileSync, writeFileSync } from "node:fs";
import { fromBase64, toBase64 } from "../src/formula/base64.ts";
import { readProgram } from "../src/formula/document.ts";
import { run } from "../src/formula/evaluate.ts";
import type { Stored } from "../src/formula/evaluate.ts";
import { explain } from "../src/formula/explain.ts";
import type { Phrases } from "../src/formula/words.ts";

interface Packed { shape: number[]; data: string }
interface Case {
  program: unknown;
  values: Record<string, Packed>;
  inputs: string[];
  batch: number;
  texts: Record<string, [string, string]>;
  explain: { path: string; index: number[] }[];
}

function unpacked(values: Record<string, Packed>): Map<string, Stored> {
  return new Map(Object.entries(values).map(([name, { shape, data }]) => (
    [name, { shape, data: new Float64Array(fromBase64(data).buffer) }]
  )));
}

function answered(c: Case, phrases: Phrases): unknown {
  const program = readProgram(c.program);
  const all = unpacked(c.values);
  const given = new Map([...all].filter(([name]) => program.inputs.has(name)));
  const found = run(program, given);
  const values = new Map([...program.tensors].map(([name, tensor]) => [tensor, all.get(name)!]));
  const trace = { program, values, batch: c.batch, inputs: c.inputs, texts: c.texts, phrases };
  const computed = [...program.tensors].map(([name, t]) => [name, toBase64(Float64Array.from(found.get(t)!.data))]);
  return {
    values: Object.fromEntries(computed),
    explanations: c.explain.map(({ path, index }) => explain(trace, path, index)),
  };
}

const [from, to] = process.argv.slice(2) as [string, string];
const { cases, phrases } = JSON.parse(readFileSync(from, "utf8")) as { cases: Record<string, Case>; phrases: Phrases };
const results = Object.entries(cases).map(([name, c]) => {
  try {
    return [name, answered(c, phrases)];
  } catch (error) {
    return [name, { error: error instanceof Error ? error.stack : String(error) }];
  }
});
const finite = (_: string, v: unknown): unknown => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v);
writeFileSync(to, JSON.stringify(Object.fromEntries(results), finite));
