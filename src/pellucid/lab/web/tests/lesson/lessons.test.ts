// @vitest-environment node
import { describe, expect, it } from "vitest";

import {
  clamped, elementOf, flat, inputOf, near, numberOf, placeOf, readLessons, type Lesson,
} from "../../src/model/lesson/lessons";
import { paragraphs, passages } from "../../src/model/lesson/passages";
import { format, HOME, parse } from "../../src/model/place/route";

const words = { en: "a", zh: "甲" };
const step = (view: string) => ({ title: words, text: words, view });
const lesson: Lesson = {
  lesson: 1, name: "one", title: words, about: words,
  steps: [step("#/dense_2/unit/3?input=test:5"), step("#/dense_1"), step(""), step("#/view/boundary?input=test:7")],
};

describe("a lesson", () => {
  it("leads to places, on the example of the last view that names one", () => {
    expect(placeOf(lesson, 1)).toEqual({ ...HOME, path: "dense_2", index: [3], input: "test:5" });
    expect(placeOf(lesson, 2)).toEqual({ ...HOME, path: "dense_1", input: "test:5" });
    expect(placeOf(lesson, 3)).toBeNull();
    expect([1, 2, 3, 4].map((at) => inputOf(lesson, at))).toEqual(["test:5", "test:5", "test:5", "test:7"]);
    expect([clamped(lesson, 0), clamped(lesson, 3), clamped(lesson, 99)]).toEqual([1, 3, 4]);
  });
  it("stands in the address with its step", () => {
    const link = format({ place: { ...HOME, path: "dense_1" }, task: "digits", lesson: { name: "one", step: 2 } });
    expect(link).toBe("#/dense_1?task=digits&lesson=one:2");
    expect(parse(link).lesson).toEqual({ name: "one", step: 2 });
    expect(parse("#/?lesson=one").lesson).toEqual({ name: "one", step: 1 });
    expect(parse("#/?lesson=one:x").lesson).toEqual({ name: "one", step: 1 });
    expect(parse("#/").lesson).toBeNull();
  });
  it("is believed only as far as it is one", () => {
    expect(readLessons(undefined)).toEqual([]);
    expect(readLessons([lesson])).toEqual([lesson]);
    for (const wrong of ["x", [null], [{ ...lesson, name: "../x" }], [{ ...lesson, steps: [] }], [{ ...lesson, steps: [{}] }],
      [{ ...lesson, title: "a" }], [{ ...lesson, steps: [{ ...step(""), question: { text: words, number: { value: 3 } } }] }]]) {
      expect(readLessons(wrong)).toBeNull();
    }
  });
});

describe("an answer", () => {
  it("is read as people write numbers", () => {
    const written = ["0.93", "0,93", "93 %", "93%", " 93％ ", "−2.5", "-2.5", "1e-3", ".5"];
    expect(written.map(numberOf)).toEqual([0.93, 0.93, 0.93, 0.93, 0.93, -2.5, -2.5, 0.001, 0.5]);
    for (const none of ["", "three", "1.2.3", "%", "1 000"]) expect(numberOf(none)).toBeNull();
  });
  it("is near what it has to be near to, the edge too", () => {
    expect(near(0.93, 0.9286, 0.01)).toBe(true);
    expect(near(0.3, 0.1, 0.2)).toBe(true);
    expect(near(0.95, 0.9286, 0.01)).toBe(false);
    expect(near(1, NaN, 1)).toBe(false);
  });
  it("is about an element by its path and index", () => {
    expect(elementOf("dense_1.kernel[0, 3]")).toEqual({ path: "dense_1.kernel", index: [0, 3] });
    expect(elementOf("loss")).toEqual({ path: "loss", index: [] });
    expect(flat([1, 2, 0], [4, 5, 2])).toBe(14);
  });
});

describe("a lesson's text", () => {
  it("has paragraphs, code, strong words and links to places, and nothing else", () => {
    expect(paragraphs("One\ntwo.\n\n \n3 % of it.").map((one) => one.map(({ text }) => text))).toEqual([["One two."], ["3\u00a0% of it."]]);
    expect(passages("a `b` **c d** [e](#/d(dense_1.kernel)/index/0,1) f")).toEqual([
      { kind: "text", text: "a " }, { kind: "code", text: "b" }, { kind: "text", text: " " },
      { kind: "strong", text: "c d" }, { kind: "text", text: " " },
      { kind: "link", text: "e", address: "#/d(dense_1.kernel)/index/0,1" }, { kind: "text", text: " f" },
    ]);
    const plain = "<b>x</b> [y](javascript:alert(1)) [z](https://example.org)";
    expect(passages(plain)).toEqual([{ kind: "text", text: plain }]);
  });
  it("puts no blank between Chinese lines", () => {
    expect(passages("一行，\n  又一行")).toEqual([{ kind: "text", text: "一行，又一行" }]);
  });
});
