// Run by tests/lab/serve/test_document.py: asks the lab of a saved file and writes its answers.

import { readFileSync } from "node:fs";
import { LocalLab } from "../src/local.ts";
import { rested, write } from "./asked.ts";
import type { Question } from "./asked.ts";

const [from, to] = process.argv.slice(2) as [string, string];
const { document, questions } = JSON.parse(readFileSync(from, "utf8")) as { document: unknown; questions: Question[] };
const lab = new LocalLab(document);
const answers: unknown[] = [];
for (const [method, params] of questions) {
  try {
    if (method !== "wait") answers.push(await lab.request(method, params));
    else answers.push(await rested(lab));
  } catch (error) {
    answers.push({ refused: error instanceof Error ? error.message : String(error) });
  }
}
write(to, answers);
