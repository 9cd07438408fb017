import { describe, expect, it } from "vitest";
import { colour, css, domain, inkOn, paint, span, table, type Colour } from "../../src/model/numbers/colour";

const lightness = ([r, g, b]: Colour) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

describe("the scale", () => {
  it("is neutral at zero, orange below and blue above", () => {
    for (const theme of ["light", "dark"] as const) {
      const zero = colour(0, 1, "value", theme);
      expect(Math.max(...zero) - Math.min(...zero)).toBeLessThan(10);
      const [r, , b] = colour(-1, 1, "value", theme);
      expect(r).toBeGreaterThan(b);
      const [r2, , b2] = colour(1, 1, "value", theme);
      expect(b2).toBeGreaterThan(r2);
    }
  });

  it("leaves zero steadily: each arm goes one way in lightness", () => {
    for (const theme of ["light", "dark"] as const)
      for (const hue of ["value", "gradient"] as const)
        for (const sign of [-1, 1]) {
          const steps = Array.from({ length: 21 }, (_, i) => lightness(colour((sign * i) / 20, 1, hue, theme)));
          const way = theme === "light" ? -1 : 1;
          for (let i = 1; i < steps.length; i++)
            expect(way * ((steps[i] as number) - (steps[i - 1] as number))).toBeGreaterThan(-0.5);
        }
  });

  it("has another hue for gradients", () => {
    expect(colour(1, 1, "gradient", "light")).not.toEqual(colour(1, 1, "value", "light"));
    const [r, g] = colour(1, 1, "gradient", "light");
    expect(r).toBeGreaterThan(g);
    const [r2, g2] = colour(-1, 1, "gradient", "light");
    expect(g2).toBeGreaterThan(r2);
  });

  it("stops at its ends and shows what is not a number", () => {
    expect(colour(99, 1, "value", "light")).toEqual(colour(1, 1, "value", "light"));
    expect(colour(-Infinity, 1, "value", "light")).toEqual(colour(-1, 1, "value", "light"));
    expect(colour(NaN, 1, "value", "light")).toEqual(colour(NaN, 1, "gradient", "dark"));
    expect(css(0, 1, "value", "dark")).toMatch(/^rgb\(\d+ \d+ \d+\)$/);
  });

  it("paints what it names", () => {
    const pixels = new Uint8ClampedArray(8);
    paint(pixels, 1, 0.4, 1, table("value", "dark"));
    expect([...pixels.slice(4, 7)]).toEqual(colour(0.4, 1, "value", "dark"));
    expect(pixels[7]).toBe(255);
  });

  it("writes on it in an ink that can be read", () => {
    expect(inkOn([250, 250, 250])).toBe("#000");
    expect(inkOn([10, 60, 120])).toBe("#fff");
  });
});

describe("a picture", () => {
  it("is black at its least number and white at its greatest", () => {
    expect(span([0.2, 0.6, NaN])).toEqual({ centre: 0.4, domain: 0.19999999999999998 });
    expect(lightness(colour(-1, 1, "grey", "light"))).toBeLessThan(12);
    expect(lightness(colour(1, 1, "grey", "dark"))).toBeGreaterThan(240);
    expect(span([0, 0])).toEqual({ centre: 1, domain: 1 });
  });
});

describe("the domain", () => {
  it("is the largest size of few numbers", () => {
    expect(domain([0.1, -0.7, 0.2])).toBe(0.7);
  });
  it("does not let one outlier grey the rest", () => {
    const many = Array.from({ length: 1000 }, (_, i) => (i % 100) / 100);
    expect(domain([...many, 1e6])).toBeLessThan(2);
  });
  it("is 1 for nothing, zeros and what is not finite", () => {
    expect(domain([])).toBe(1);
    expect(domain([0, 0])).toBe(1);
    expect(domain([NaN, Infinity])).toBe(1);
  });
});
