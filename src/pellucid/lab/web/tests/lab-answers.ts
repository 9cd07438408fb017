// Run by tests/lab/serve/test_document.py: asks the lab of a saved file and writes its answers.

import { readFileSync, writeFileSync } from "node:fs";
import { LocalLab } from "../src/local.ts";
import type { Methods } from "../src/model/wire/protocol.ts";

/** Besides the protocol's methods: "wait" until training is at rest. */
type Question = [keyof Methods | "wait", never];

const [from, to] = process.argv.slice(2) as [string, string];
const { document, questions } = JSON.parse(readFileSync(from, "utf8")) as { document: unknown; questions: Question[] };
const lab = new LocalLab(document);
const answers: unknown[] = [];
for (const [method, params] of questions) {
  try {
    if (method !== "wait") answers.push(await lab.request(method, params));
    else answers.push(await rested());
  } catch (error) {
    answers.push({ refused: error instanceof Error ? error.message : String(error) });
  }
}
async function rested(): Promise<unknown> {
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
