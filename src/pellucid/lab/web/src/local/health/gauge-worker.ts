// Measures beside the page, so that neither it nor the training waits.

import { Samples } from "../samples.ts";
import { readSaved } from "../saved.ts";
import type { Asked, Measured } from "./gauging.ts";
import { Health } from "./health.ts";

let health: Health | null = null;

onmessage = ({ data }: MessageEvent<Asked>) => {
  if ("document" in data) {
    const saved = readSaved(data.document);
    health = new Health(saved, new Samples(saved));
    return;
  }
  try {
    say(health!.answer(data));
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
};

function say(measured: Measured): void {
  postMessage(measured);
}
