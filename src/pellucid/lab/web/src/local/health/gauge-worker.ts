// Measures beside the page, so that neither it nor the training waits.

import { Gauge } from "./gauge.ts";
import type { Asked, Measured } from "./gauging.ts";
import { Samples } from "../samples.ts";
import { readSaved } from "../saved.ts";

let gauge: Gauge | null = null;

onmessage = ({ data }: MessageEvent<Asked>) => {
  try {
    if ("document" in data) {
      const saved = readSaved(data.document);
      gauge = new Gauge(saved, new Samples(saved));
    } else {
      say({ layers: gauge!.flow(data.parameters) });
    }
  } catch {
    say({ layers: null });
  }
};

function say(measured: Measured): void {
  postMessage(measured);
}
