import { describe, expect, it } from "vitest";

import { borderLevel, dab, fromLevels, fromPixels, imageShape, numbersIn, rangeOf, stroke } from "../../src/model/example/own";
import { outputPath, predict } from "../../src/model/example/prediction";
import { description, picture } from "../fake-lab";

describe("an example of one's own", () => {
  it("knows an image by its shape", () => {
    expect(imageShape([8, 6])).toEqual([8, 6, 1]);
    expect(imageShape([8, 6, 3])).toEqual([8, 6, 3]);
    expect(imageShape([64])).toEqual([1, 64, 1]);
  });
  it("takes the range of the data, and 0 to 1 where it says nothing", () => {
    expect(rangeOf([3, -1, 2])).toEqual({ low: -1, high: 3 });
    expect(rangeOf([5, 5])).toEqual({ low: 0, high: 1 });
    expect(rangeOf([])).toEqual({ low: 0, high: 1 });
  });
  it("knows a dark ground from a bright one", () => {
    const image = [0, 0, 0, 0, 9, 0, 0, 0, 0];
    expect(borderLevel(image, [3, 3, 1], { low: 0, high: 9 })).toBe(0);
    expect(borderLevel(image.map((v) => 9 - v), [3, 3, 1], { low: 0, high: 9 })).toBe(1);
  });
  it("makes numbers of pixels, in grey and in colour, straight and turned over", () => {
    const rgba = [255, 255, 255, 255, 0, 0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 0];
    const range = { low: -1, high: 1 };
    const grey = fromPixels(rgba, [2, 2, 1], range, false);
    expect(grey[0]).toBeCloseTo(1);
    expect(grey[1]).toBeCloseTo(-1);
    expect(grey[2]).toBeCloseTo(2 * 0.2126 - 1);
    expect(grey[3], "what is transparent is paper").toBeCloseTo(1);
    expect(fromPixels(rgba, [2, 2, 1], range, true)[0]).toBeCloseTo(-1);
    expect(fromPixels(rgba, [2, 2, 3], { low: 0, high: 1 }, false).slice(6, 9)).toEqual([1, 0, 0]);
  });
  it("draws lines without gaps, and rubs them out", () => {
    const levels = new Float32Array(100);
    stroke(levels, 10, 10, [5, 1], [5, 9], 0.7);
    for (let j = 1; j < 9; j++) expect(levels[50 + j]!).toBeGreaterThan(0.3);
    expect(levels[0]).toBe(0);
    dab(levels, 10, 10, 5, 5, 3, 0);
    expect(levels[55]).toBe(0);
    expect([...fromLevels([0, 1], 3, { low: 0, high: 16 }, false)]).toEqual([0, 0, 0, 16, 16, 16]);
    expect([...fromLevels([0, 1], 1, { low: 0, high: 16 }, true)]).toEqual([16, 0]);
  });
  it("stays on the sheet", () => {
    const levels = new Float32Array(9);
    dab(levels, 3, 3, -5, 40, 2);
    dab(levels, 3, 3, 0, 0, 1);
    expect(levels[0]).toBeGreaterThan(0);
  });
  it("reads numbers however they are parted", () => {
    expect(numbersIn("1, 2.5;−3\n[4e-1]")).toEqual([1, 2.5, -3, 0.4]);
    expect(numbersIn("")).toEqual([]);
    expect(numbersIn("1 two")).toBeNull();
  });
});

describe("what the network says", () => {
  const show = (x: number) => x.toFixed(2);
  const example = (y: number | null, label: string | null) =>
    ({ name: "test:0", x: picture([0]), y, label, symbols: null });
  it("is the likeliest class, held against the label", () => {
    expect(outputPath(description)).toBe("dense_1");
    const said = predict(description, picture([0.1, 0.7, 0.2]), example(1, "b"), show);
    expect(said).toMatchObject({ choice: 1, text: "b", right: true });
    expect(said!.probability).toBeCloseTo(0.7);
    expect(predict(description, picture([0.1, 0.7, 0.2]), example(2, "c"), show)!.right).toBe(false);
    expect(predict(description, picture([0.1, 0.7, 0.2]), example(null, null), show)!.right).toBeNull();
  });
  it("has no probability where the outputs are none", () => {
    expect(predict(description, picture([-3, 2, 8]), null, show)).toMatchObject({ text: "c", probability: null });
  });
  it("is a class of two by one output, and of a text the last symbol", () => {
    const two = { ...description, classes: ["no", "yes"] };
    expect(predict(two, picture([0.8]), example(1, "yes"), show)).toMatchObject({ text: "yes", right: true });
    const text = { ...description, classes: null, views: ["text" as const], vocabulary: ["a", "b"] };
    const steps = { ...picture([0.9, 0.1, 0.2, 0.8]), full: [2, 2], shape: [2, 2] };
    expect(predict(text, steps, null, show)).toMatchObject({ text: "b", right: null, index: [1, 1] });
  });
  it("is the number itself otherwise", () => {
    expect(predict({ ...description, classes: null }, picture([1.234]), null, show)!.text).toBe("1.23");
    expect(predict(description, undefined, null, show)).toBeNull();
  });
});
