// Run by tests/lab/own_data/test_browser_tables.py: asks a lab without Python of tables, and writes its answers.

import { readFileSync } from "node:fs";
import { LocalLab } from "../src/local.ts";
import { Learning } from "../src/local/own/learning.ts";
import { Entrance } from "../src/local/site.ts";
import { rested, write } from "./asked.ts";
import type { Question } from "./asked.ts";

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
write(to, answers);
