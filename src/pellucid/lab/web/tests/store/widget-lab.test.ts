import { describe, expect, it, vi } from "vitest";

import { WidgetLab, type Model } from "../../src/widget-lab";

function model(send: Model["send"]) {
  const heard = new Map<string, () => void>();
  const made = { send, on: (event: string, listener: () => void) => void heard.set(event, listener), off: () => undefined };
  return { model: made as unknown as Model, emit: (event: string) => heard.get(event)?.() };
}

describe("a kernel that is gone", () => {
  it("is reported in plain words when a question cannot be sent", async () => {
    const lab = new WidgetLab(model(() => { throw new Error("Cannot send"); }).model);
    const connected = vi.fn();
    lab.on("connected", connected);
    await expect(lab.request("code", {})).rejects.toThrow(/kernel .* run the cell again/);
    expect(connected).toHaveBeenCalledWith(false);
  });

  it("is noticed before anything is asked, and lets nothing wait", async () => {
    const { model: made, emit } = model(() => undefined);
    const lab = new WidgetLab(made);
    const waiting = lab.request("code", {});
    emit("comm_live_update");
    await expect(waiting).rejects.toThrow(/kernel/);
  });
});
