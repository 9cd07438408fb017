// Run by tests/lab/own_data/test_browser_tables.py: asks a lab without Python of tables, and writes its answers.

import { readFileSync, writeFileSync } from "node:fs";
import { LocalLab } from "../src/local.ts";
import { Learning } from "../src/local/own/learning.ts";
import { Entrance } from "../src/local/site.ts";
import type { Methods } from "../src/model/wire/protocol.ts";

/** Besides the protocol's methods: "wait" until training is at rest. */
type Question = [keyof Methods | "wait", never];

const [from, to] = process.argv.slice(2) as [string, string];
const { tables, cases } = JSON.parse(readFileSync(from, "utf8")) as { tables: unknown; cases: Record<string, Question[]> };
const answers: Record<string, unknown[]> = {};
for (const [name, questions] of Object.entries(cases)) {
  const told = { tables, site: { tasks: [] }, lessons: [] };
  const lab = new Learning(new Entrance(told), told, (document) => new LocalLab(document));
  const said: unknown[] = (answers[name] = []);
  for (const [method, params] of questions) {
    try {
      said.push(method === "wait" ? await rested(lab) : await lab.request(method, params));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "Refusal") throw error;
      said.push({ refused: error.message });
    }
  }
  lab.close();
}

async function rested(lab: Learning): Promise<unknown> {
  for (;;) {
    const { state } = await lab.request("describe", {});
    if (!state.playing) return state;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const plain = (_: string, value: unknown): unknown => {
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
};
writeFileSync(to, JSON.stringify(answers, plain));
