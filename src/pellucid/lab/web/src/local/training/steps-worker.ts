// Trains beside the page, so that both are quick.

import { Compiled } from "./compiled.ts";
import type { Said, Told } from "./steps.ts";

let compiled: Compiled | null = null;

onmessage = async ({ data }: MessageEvent<Told>) => {
  try {
    if ("lesson" in data) compiled = await Compiled.of(data.lesson);
    say({ answer: "request" in data ? compiled!.advance(data.request) : null });
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
};

function say(said: Said): void {
  postMessage(said);
}
