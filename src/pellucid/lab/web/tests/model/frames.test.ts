import { describe, expect, it } from "vitest";

import { decode, FrameError } from "../../src/model/wire/frames";
import { encode } from "../frame";

describe("frames", () => {
  const cases: [string, unknown][] = [
    ["a plain answer", { id: 3, result: { a: [1, 2, "drei", null, true] } }],
    ["no arrays, other letters", { event: "state", value: { title: "螺旋 – ∂L/∂w" } }],
    ["floats", { x: new Float32Array([1.5, -2, Infinity, NaN]) }],
    ["doubles", { x: new Float64Array([0.1, -Infinity, 1e300]) }],
    ["integers and bytes", { i: new Int32Array([-1, 2 ** 31 - 1]), u: new Uint8Array([0, 255, 7]) }],
    ["many, nested and empty", { a: [new Uint8Array([1]), { b: new Float64Array([2]), c: new Float32Array() }], d: new Int32Array([3]) }],
    ["a view inside a larger buffer", new Float32Array([1, 2, 3, 4]).subarray(1, 3)],
    ["numbers that JSON has no word for", { a: Infinity, b: [-Infinity], c: { d: NaN } }],
    ["a key of that name", { $: "price", other: { $: [1, 2] } }],
  ];
  it.each(cases)("says %s again", (_name, message) => {
    expect(decode(encode(message))).toEqual(message);
  });

  it("keeps every array on a multiple of eight bytes", () => {
    const text = "x".repeat(5);
    const out = decode(encode({ text, a: new Uint8Array(3), b: new Float64Array(2), c: new Uint8Array(1), d: new Float64Array(1) }));
    for (const array of Object.values(out as object)) {
      if (ArrayBuffer.isView(array)) expect(array.byteOffset % 8).toBe(0);
    }
  });

  it("reads the layout that the server writes, byte by byte", () => {
    const json = '{"id": 1, "result": {"$": ["f4", 0, 2]}}';
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
    const frame = new Uint8Array(8 + padded.length + 8);
    frame.set(new TextEncoder().encode("PLF1"));
    new DataView(frame.buffer).setUint32(4, padded.length, true);
    frame.set(new TextEncoder().encode(padded), 8);
    frame.set(new Uint8Array(new Float32Array([0.5, -3]).buffer), 8 + padded.length);
    expect(decode(frame.buffer)).toEqual({ id: 1, result: new Float32Array([0.5, -3]) });
  });

  it("reads a piece of a larger block, wherever it begins", () => {
    const frame = new Uint8Array(encode({ x: new Float64Array([1, 2]) }));
    for (const offset of [0, 3, 8, 13]) {
      const block = new Uint8Array(frame.length + 32);
      block.set(frame, offset);
      expect(decode(new DataView(block.buffer, offset, frame.length))).toEqual({ x: new Float64Array([1, 2]) });
    }
  });

  it("refuses what is no frame, and an array outside it", () => {
    expect(() => decode(new ArrayBuffer(4))).toThrow(FrameError);
    expect(() => decode(new TextEncoder().encode("GIF89a, not a frame").slice().buffer)).toThrow("PLF1");
    const frame = new Uint8Array(encode({ x: new Float32Array(4) }));
    expect(() => decode(frame.slice(0, frame.length - 8).buffer)).toThrow("does not hold");
  });
});
