import { describe, expect, it } from "vitest";
import { factors, folding, lines, pieces, segments } from "../../src/model/arithmetic/segments";

const source = (path: string, index: number[], value: number) => ({ path, index, value });

describe("numbers as links", () => {
  it("finds each source's number in order", () => {
    const found = segments("0.659·(−0.31)", [source("x", [0, 33], 0.658953845), source("w", [33, 3], -0.30998)]);
    expect(found.pieces.map((p) => [p.text, p.source?.path ?? null])).toEqual([
      ["0.659", "x"],
      ["·(", null],
      ["−0.31", "w"],
      [")", null],
    ]);
    expect(found.hidden).toEqual([]);
  });
  it("does not take a part of a longer number", () => {
    const found = segments("0.15·0.5", [source("x", [0], 0.5)]);
    expect(found.pieces.map((p) => p.text)).toEqual(["0.15·", "0.5"]);
  });
  it("keeps aside what is summed up", () => {
    const found = segments("1/5.847", [source("e", [0, 3], 1), source("e", [0, 0], 0.185)]);
    expect(found.pieces[0]?.source?.index).toEqual([0, 3]);
    expect(found.hidden).toHaveLength(1);
  });
});

describe("factors", () => {
  it("are cut outside of brackets", () => {
    expect(factors("x[0,17]·w[17,3]").map((p) => p.text)).toEqual(["x[0,17]", "w[17,3]"]);
    expect(factors("e[0,3]/(Σ_o e[0,o]·2)")).toEqual([
      { text: "e[0,3]", over: false },
      { text: "(Σ_o e[0,o]·2)", over: true },
    ]);
  });
  it("are paired with their numbers and sources", () => {
    const found = lines("x[0,17]·w[17,3]", "0.659·(−0.31)", [source("x", [0, 17], 0.659), source("w", [17, 3], -0.31)]);
    expect(found.map((l) => [l.letters, l.number, l.sources.map((s) => s.path)])).toEqual([
      ["x[0,17]", "0.659", ["x"]],
      ["w[17,3]", "−0.31", ["w"]],
    ]);
    const shares = lines("e[0,3]/(Σ_o e[0,o])", "1/5.847", [
      source("e", [0, 3], 1),
      source("e", [0, 0], 1),
      source("e", [0, 1], 1),
    ]);
    expect(shares.map((l) => [l.over, l.sources.length])).toEqual([
      [false, 1],
      [true, 2],
    ]);
  });
  it("stay one line where letters and numbers do not match", () => {
    expect(lines("a[0]·b[1]", "3", [source("a", [0], 3)])).toHaveLength(1);
  });
});

describe("a formula", () => {
  it("is set in pieces", () => {
    expect(pieces("y[n,o] = b[o] + Σ_i x[n,i]·w[i,o]").map((p) => [p.text, p.kind])).toEqual([
      ["y", "plain"],
      ["[n,o]", "index"],
      [" = b", "plain"],
      ["[o]", "index"],
      [" + ", "plain"],
      ["Σ", "operator"],
      ["i", "below"],
      [" x", "plain"],
      ["[n,i]", "index"],
      ["·w", "plain"],
      ["[i,o]", "index"],
    ]);
  });
  it("keeps brackets that are conditions, and all of its text", () => {
    const text = "dE[v,d] = Σ_nt dy[n,t,d]·[v = ids[n,t]]";
    expect(
      pieces(text)
        .filter((p) => p.kind === "index")
        .map((p) => p.text),
    ).toEqual(["[v,d]", "[n,t,d]", "[n,t]"]);
    expect(
      pieces(text)
        .map((p) => p.text)
        .join(""),
    ).toBe(text.replace("_", ""));
    expect(pieces("maximum[n] = max_uv x[n]")[0]?.kind).toBe("plain");
  });
});

describe("a maximum", () => {
  it("is an operator over what runs under it", () => {
    expect(pieces("y[n] = max[u<K] x[n, u]").map((p) => [p.text, p.kind])).toContainEqual(["max", "operator"]);
  });
});

describe("what is folded", () => {
  it("is said as the person's language says it, and the numbers stay", () => {
    const text = "0.5·(−0.3) + 1.2 − 0.358 (28 more) = 5.58";
    expect(folding(text, (count) => `另有 ${count} 项`)).toBe("0.5·(−0.3) + 1.2 − 0.358 (另有 28 项) = 5.58");
  });
});
