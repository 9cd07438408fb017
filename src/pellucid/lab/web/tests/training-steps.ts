// Run by tests/lab/test_browser_training.py: trains what a saved file carries, by the engine's own code and by the formulas.

import { readFileSync, writeFileSync } from "node:fs";
import { Compiled } from "../src/local/training/compiled.ts";
import { Evaluated, shaped } from "../src/local/training/evaluated.ts";
import { Samples } from "../src/local/samples.ts";
import { readSaved } from "../src/local/saved.ts";
import type { Reals, State } from "../src/local/training/steps.ts";

const [from, to] = process.argv.slice(2) as [string, string];
const { document, count, rate } = JSON.parse(readFileSync(from, "utf8")) as { document: unknown; count: number; rate: number };
const saved = readSaved(document);
const { x, y } = saved.examples.get("train")!;
const course = { count: x.shape[0]!, batch: saved.description.training!.batch_size, seed: saved.training!.seed };
const lesson = {
  ...course, module: saved.training!.module!, inputs: { [saved.input]: x.data, [saved.target]: (y ?? x).data },
  target: saved.target, measures: null, judged: null,
};

/** The parameters at the beginning, and slots of zeros. */
function begun(): State {
  const state: Record<string, Reals> = {};
  for (const [path, { data }] of saved.parameters) state[path] = data as Reals;
  for (const [name, { axes }] of saved.training!.program.inputs) {
    if (name.includes(":")) state[name] = new Float32Array(axes.reduce((size, a) => size * (a.extent ?? 1), 1));
  }
  return state;
}

const first = saved.description.state.step;
const asked = { step: first, state: begun(), count, time: 1e9, rates: [], rate, every: 1 << 30, most: 2, first, measured: Infinity };
const compiled = (await Compiled.of(lesson)).advance(asked);
const evaluated = await new Evaluated(saved, new Samples(saved), course).advance(asked);
const told = ({ losses, state }: { losses: number[]; state: State }): unknown => ({
  losses,
  parameters: Object.fromEntries([...shaped(state, saved)].map(([name, { data }]) => [name, Array.from(data)])),
});
writeFileSync(to, JSON.stringify({ compiled: told(compiled), evaluated: told(evaluated) }));
