import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { socketAddress, WebSocketLab } from "../../src/connection";
import { MAX_OUT } from "../../src/model/wire/exchange";
import { encode } from "../frame";
import { WidgetLab, type Model } from "../../src/widget-lab";

class FakeSocket {
  static all: FakeSocket[] = [];
  readyState = 0;
  binaryType = "blob";
  sent: { id: number; method: string; params: unknown }[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(readonly address: string) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
    this.onclose?.();
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  says(message: unknown) {
    this.onmessage?.({ data: encode(message) });
  }
}
const make = (address: string) => new FakeSocket(address) as unknown as WebSocket;
const last = () => FakeSocket.all.at(-1)!;

beforeEach(() => {
  FakeSocket.all = [];
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe("the socket's address", () => {
  it("is beside the page, with the page's token and nothing else of it", () => {
    expect(socketAddress("http://127.0.0.1:8000/?token=a%26b&x=1#/dense_1")).toBe("ws://127.0.0.1:8000/ws?token=a%26b");
    expect(socketAddress("https://example.org/lab/index.html")).toBe("wss://example.org/lab/ws");
  });
});

describe("a lab over a WebSocket", () => {
  it("asks as soon as the line is open, and gives each answer to its question", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    const one = lab.request("code", {});
    const two = lab.request("weights", {});
    expect(last().sent).toEqual([]);
    last().opens();
    expect(last().sent.map((message) => message.method)).toEqual(["code", "weights"]);
    const [a, b] = last().sent.map((message) => message.id);
    last().says({ id: b, error: { en: "too large for a link", zh: "链接放不下" } });
    last().says({ id: a, result: "import pellucid" });
    last().says({ id: 999, result: "nobody's" });
    await expect(one).resolves.toBe("import pellucid");
    await expect(two).rejects.toThrow("too large for a link");
  });

  it("passes events on, until nobody listens", () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    const heard: unknown[] = [];
    const end = lab.on("state", (state) => heard.push(state));
    last().opens();
    last().says({ event: "state", value: { step: 1 } });
    last().says({ event: "unheard of", value: 0 });
    end();
    last().says({ event: "state", value: { step: 2 } });
    expect(heard).toEqual([{ step: 1 }]);
  });

  it("comes back after a break, ever more slowly, and watches what was watched", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    const connected: boolean[] = [];
    lab.on("connected", (is) => connected.push(is));
    last().opens();
    const watch = lab.request("watch", { input: "test:1", paths: [] });
    const lost = watch.catch((refusal: Error) => refusal.message);
    last().close();
    expect(await lost).toContain("connection");
    expect(connected).toEqual([true, false]);
    vi.advanceTimersByTime(400);
    expect(FakeSocket.all).toHaveLength(2);
    last().close();
    vi.advanceTimersByTime(320);
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(400);
    expect(FakeSocket.all).toHaveLength(3);
    const waiting = lab.request("code", {});
    last().opens();
    expect(connected).toEqual([true, false, false, true]);
    expect(last().sent.map(({ method, params }) => [method, params])).toEqual([
      ["watch", { input: "test:1", paths: [] }], ["code", {}],
    ]);
    last().says({ id: last().sent[1]!.id, result: "x" });
    await expect(waiting).resolves.toBe("x");
  });

  it("does nothing late that was asked for while the line was down", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    last().opens();
    last().close();
    await expect(lab.request("control", { do: "play" })).rejects.toThrow("nothing was done");
    vi.advanceTimersByTime(400);
    last().opens();
    expect(last().sent).toEqual([]);
    lab.close();
  });

  it("asks for more than the server lets wait a few at a time, and gets it all", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    last().opens();
    const count = 200;
    const asked = Array.from({ length: count }, (_, branch) => lab.request("history", { branch, from: 1 }));
    let [answered, max] = [0, 0];
    while (answered < count) {
      max = Math.max(max, last().sent.length - answered);
      const { id, params } = last().sent[answered++]!;
      last().says({ id, result: { branch: (params as { branch: number }).branch } });
    }
    expect(max).toBeLessThanOrEqual(MAX_OUT);
    expect((await Promise.all(asked)).map(({ branch }) => branch)).toEqual(asked.map((_, k) => k));
  });

  it("lets go of what was out when the line broke", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    last().opens();
    const asked = Array.from({ length: MAX_OUT + 1 }, () => lab.request("code", {}).catch(() => "lost"));
    last().close();
    await expect(asked[0]).resolves.toBe("lost");
    vi.advanceTimersByTime(400);
    last().opens();
    expect(last().sent).toHaveLength(1);
    last().says({ id: last().sent[0]!.id, result: "x" });
    await expect(asked.at(-1)).resolves.toBe("x");
  });

  it("refuses in words what the server would close the line for", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    last().opens();
    await expect(lab.request("own", { text: "x".repeat(9 << 20) })).rejects.toThrow("8 MiB");
    expect(last().sent).toEqual([]);
    void lab.request("code", {});
    expect(last().sent).toHaveLength(1);
  });

  it("is closed for good", async () => {
    const lab = new WebSocketLab("ws://x/ws", make);
    last().opens();
    const open = lab.request("code", {});
    lab.close();
    await expect(open).rejects.toThrow("closed");
    await expect(lab.request("code", {})).rejects.toThrow("closed");
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a lab in a notebook", () => {
  it("speaks by custom messages, and reads frames from wherever they lie in a buffer", async () => {
    const sent: { id: number; method: string }[] = [];
    let listener: ((content: unknown, buffers: DataView[]) => void) | null = null;
    const model: Model = {
      send: (content) => void sent.push(content as { id: number; method: string }),
      on: (event: string, heard: NonNullable<typeof listener>) => event === "msg:custom" && (listener = heard),
      off: (event: string) => event === "msg:custom" && (listener = null),
    };
    const lab = new WidgetLab(model);
    const answer = lab.request("flow", { branch: 0 });
    const frame = new Uint8Array(encode({ id: sent[0]!.id, result: [] }));
    const block = new Uint8Array(frame.length + 5);
    block.set(frame, 5);
    listener!({ kind: "frame" }, [new DataView(block.buffer, 5)]);
    await expect(answer).resolves.toEqual([]);
    // Another view of the same widget counts elsewhere.
    const other = new WidgetLab({ ...model, on: () => undefined });
    void other.request("code", {}).catch(() => undefined);
    expect(sent[1]!.id).not.toBe(sent[0]!.id);
    lab.close();
    expect(listener).toBeNull();
  });
});
