// Trains beside the page, so that both are quick.

import { Compiled } from "./compiled.ts";
import type { Answer, Said, State, Told } from "./steps.ts";

let compiled: Compiled | null = null;

onmessage = async ({ data }: MessageEvent<Told>) => {
  try {
    if ("lesson" in data) compiled = await Compiled.of(data.lesson);
    const answer = "request" in data ? compiled!.advance(data.request) : null;
    say({ answer }, answer ? buffers(answer) : []);
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
};

function say(said: Said, moved: Transferable[] = []): void {
  postMessage(said, { transfer: moved });
}

/** The states of an answer, which were copied for it and are handed over: megabytes, that would be copied twice more. */
function buffers({ state, before, kept }: Answer): Transferable[] {
  const states: State[] = [state, before, ...kept.map(([, one]) => one)];
  return [...new Set(states.flatMap((one) => Object.values(one).map(({ buffer }) => buffer as ArrayBuffer)))];
}
