import { describe, expect, it } from "vitest";

import { readProgram } from "../../src/formula/document";
import type { Program } from "../../src/formula/document";
import { run } from "../../src/formula/evaluate";
import type { Stored } from "../../src/formula/evaluate";
import { explain } from "../../src/formula/explain";
import { constant } from "../../src/formula/expressions";
import { numberText } from "../../src/formula/notation";
import { field } from "../../src/formula/receptive";
import { philox, uniform } from "../../src/formula/random";
import { dual } from "../../src/formula/slope";
import { percent } from "../../src/formula/words";

const axis = (name: string, extent: number | "batch") => ({ name, extent });
const index = (...axes: number[]) => axes.map((a) => ({ terms: [[a, 1]], offset: [], divisor: 1 }));

/** y[n,o] = b[o] + Σ_i x[n,i]·w[i,o], as Python writes it. */
const DENSE = {
  format: "pellucid.formula", version: 1,
  axes: [axis("n", "batch"), axis("o", 3), axis("i", 2)],
  tensors: [
    { name: "b", letter: "b", kind: "float", axes: [1] },
    { name: "x", letter: "x", kind: "float", axes: [0, 2] },
    { name: "w", letter: "w", kind: "float", axes: [2, 1] },
    { name: "y", letter: "y", kind: "float", axes: [0, 1] },
  ],
  statements: [{
    target: 3, letters: [],
    expression: {
      operation: "add",
      args: [
        { read: 0, indices: index(1) },
        {
          reduction: "sum", axes: [2],
          body: { operation: "mul", args: [{ read: 1, indices: index(0, 2) }, { read: 2, indices: index(2, 1) }] },
        },
      ],
    },
  }],
  outputs: { y: 3 },
  stages: [0],
};

const stored = (shape: number[], ...data: number[]): Stored => ({ shape, data: Float32Array.from(data) });
const given = new Map([
  ["b", stored([3], 0.5, 0, -1)],
  ["x", stored([1, 2], 1, 0.25)],
  ["w", stored([2, 3], 2, 1, 0, -3, 4, 0)],
]);
const phrases = { sum: { en: "{count} terms, {largest}: {fraction}", zh: "{count}" } };

describe("the evaluator", () => {
  it("computes a dense layer", () => {
    const program = readProgram(DENSE);
    const values = run(program, given);
    expect([...values.get(program.outputs.get("y")!)!.data]).toEqual([1.75, 2, -1]);
  });

  it("leaves out what needs something that was not given", () => {
    const program = readProgram(DENSE);
    const values = run(program, new Map([["x", given.get("x")!]]));
    expect(values.has(program.outputs.get("y")!)).toBe(false);
  });

  it("does not compute what is given", () => {
    const program = readProgram(DENSE);
    const y = stored([1, 3], 7, 8, 9);
    expect(run(program, new Map([["y", y]])).get(program.outputs.get("y")!)).toBe(y);
  });

  it("refuses an input of another shape", () => {
    expect(() => run(readProgram(DENSE), new Map([["x", stored([1, 3], 1, 2, 3)]]))).toThrow("x came with the shape");
  });
});

describe("an explanation", () => {
  it("takes a unit apart: 0.5 + 2·1 + (−3)·0.25 = 1.75", () => {
    const program = readProgram(DENSE);
    const values = run(program, given);
    const trace = { program, values, batch: 1, inputs: ["x"], texts: { y: ["y = …", "y"] as const }, phrases };
    const found = explain(trace, "y", [0, 0]);
    expect(found.terms.map((t) => [t.text, t.numbers, t.value])).toEqual([
      ["x[0,0]·w[0,0]", "1·2", 2],
      ["x[0,1]·w[1,0]", "0.25·(−3)", -0.75],
      ["b[0]", "0.5", 0.5],
    ]);
    expect(found.substituted).toBe("1·2 + 0.25·(−3) + 0.5 = 1.75");
    expect(found.sentence.en).toBe("3 terms, 2: 62%");
    expect(found.field).toEqual({ x: [[0, 0], [0, 1]] });
    expect(explain(trace, "y", [0, 0], 1).rest).toEqual({ count: 2, sum: -0.25 });
  });
});

describe("the field of a value", () => {
  const fieldOf = (program: Program, inputs: Map<string, Stored>, place: number[]): unknown => (
    field(program, run(program, inputs), program.outputs.get("y")!, place, ["x"])
  );

  it("is that of the run, where an index is one of its values", () => {
    // y[n] = x[n,k[n]]
    const program = readProgram({
      ...DENSE, outputs: { y: 2 },
      tensors: [
        { name: "k", letter: "k", kind: "int", axes: [0] },
        { name: "x", letter: "x", kind: "float", axes: [0, 2] },
        { name: "y", letter: "y", kind: "float", axes: [0] },
      ],
      statements: [{ target: 2, letters: [], expression: { read: 1, indices: [...index(0), { read: 0, indices: index(0) }] } }],
    });
    const of = (k: number): unknown => fieldOf(program, new Map([["k", stored([1], k)], ["x", stored([1, 2], 3, 4)]]), [0]);
    expect([0, 0, 1, 0].map(of)).toEqual([0, 0, 1, 0].map((at) => ({ x: [[0, 0], [at, at]] })));
  });

  it("is the same for other weights, and its own for whoever asked", () => {
    const program = readProgram(DENSE);
    const first = fieldOf(program, given, [0, 1]);
    const again = fieldOf(program, new Map([...given, ["w", stored([2, 3], 0, 0, 0, 0, 0, 0)]]), [0, 1]);
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });
});

describe("the reader", () => {
  const without = (change: (data: typeof DENSE) => unknown) => () => readProgram(change(structuredClone(DENSE)));

  it.each([
    ["another format", without((d) => ({ ...d, format: "x" })), "version 1"],
    ["a tensor that is not there", without((d) => ({ ...d, outputs: { y: 9 } })), "no number 9"],
    ["an operation that is not there", without((d) => {
      (d.statements[0]!.expression as { operation: string }).operation = "constructor";
      return d;
    }), "no operation constructor"],
    ["an index that leaves its tensor", without((d) => {
      (d.statements[0]!.expression.args[0] as { indices: object[] }).indices = [{ terms: [], offset: [3], divisor: 1 }];
      return d;
    }), "may leave b"],
    ["no object", () => readProgram(3), "expected an object"],
    ["an axis twice", without((d) => {
      d.tensors[1]!.axes = [0, 0];
      return d;
    }), "comes twice"],
  ])("refuses %s", (_, read, said) => {
    expect(read).toThrow(said);
  });
});

describe("random numbers", () => {
  it("are Philox4x32-10's: the vectors of the paper's authors", () => {
    expect(philox([0, 0, 0, 0], [0, 0])).toBe(0x6627e8d5);
    const ones = 0xffffffff;
    expect(philox([ones, ones, ones, ones], [ones, ones])).toBe(0x408f276d);
    expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(0xd16cfe09);
  });

  it("lie in [0, 1), negative seeds too", () => {
    for (const seed of [0, 3, -1, 2 ** 40]) {
      const value = uniform(seed, 2, 5, 7);
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1);
    }
  });
});

it("writes constants as Python does", () => {
  const texts = [0.1, 1e-5, 1.5e-7, 2, 1e16, 123456789.25, 0.0001, -2.5, Infinity, 1e22].map(numberText);
  expect(texts).toEqual([
    "0.1", "1e-05", "1.5e-07", "2", "1e+16", "123456789.25", "0.0001", "−2.5", "∞", "1e+22",
  ]);
});

it("rounds a share to the even digit where two are as near", () => {
  expect([0.125, 0.375, 0.5, 0.12345, 0].map((share) => percent(share, 0))).toEqual(["12%", "38%", "50%", "12%", "0%"]);
  expect([0.00125, 0.5, 1 / 3].map((share) => percent(share, 2))).toEqual(["0.12%", "50.00%", "33.33%"]);
});

it("carries the slope along", () => {
  const z = constant(0, "z");
  const square = { kind: "operation", name: "mul", args: [z, z] } as const;
  expect(dual(square, z, 3)).toEqual([9, 6]);
  expect(dual({ kind: "operation", name: "relu", args: [z] }, z, 0)).toEqual([0, 0]);
  const [y, slope] = dual({ kind: "operation", name: "tanh", args: [z] }, z, 0.5);
  expect(slope).toBeCloseTo(1 - y * y, 12);
});
