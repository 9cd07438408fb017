// What scripts that ask a lab for tests of Python share: waiting until it rests, and writing what it said.

import { writeFileSync } from "node:fs";
import type { Methods, State } from "../src/model/wire/protocol.ts";

/** Besides the protocol's methods: "wait" until training is at rest. */
export type Question = [keyof Methods | "wait", never];

interface Described {
  request(method: "describe", params: object): Promise<{ state: State }>;
}

export async function rested(lab: Described): Promise<State> {
  for (;;) {
    const { state } = await lab.request("describe", {});
    if (!state.playing) return state;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Answers as JSON, arrays as lists and what is no number as text. */
export function write(to: string, answers: unknown): void {
  const plain = (_: string, value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  };
  writeFileSync(to, JSON.stringify(answers, plain));
}
