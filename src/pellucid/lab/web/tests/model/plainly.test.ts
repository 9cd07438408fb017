import { describe, expect, it } from "vitest";

import { precise, read, show } from "../../src/model/numbers/numbers";
import { agree, plainly } from "../../src/model/arithmetic/segments";

describe("formulas as a person reads them", () => {
  it("leave out what only the derivative heeds", () => {
    expect(plainly("e[n,k] = exp(z[n,k] − stop(max_o z[n,o]))")).toBe("e[n,k] = exp(z[n,k] − max_o z[n,o])");
    expect(plainly("exp(0.5 − stop(1.25))")).toBe("exp(0.5 − 1.25)");
    expect(plainly("x·stop(a + b)·stop(c)")).toBe("x·(a + b)·c");
    expect(plainly("nonstop(x) + stop(f(y) − 1)")).toBe("nonstop(x) + (f(y) − 1)");
    expect(plainly("stop(")).toBe("()");
  });
  it("have one minus, in exponents too", () => {
    expect(plainly("sqrt(v) + 1e-07 − size-1")).toBe("sqrt(v) + 1e−07 − size-1");
    expect([show(-8.22e-6), show(8.22e-6), show(-3)]).toEqual(["−8.22e−06", "8.22e−06", "−3"]);
  });
});

describe("a product", () => {
  it("has factors with all their digits, whose product is what stands beneath", () => {
    const [a, b] = [Math.fround(0.83254), Math.fround(-0.0077018)];
    const written = (text: (x: number) => string) => [a, b].map((x) => ({ number: text(x), over: false }));
    expect(precise(a)).toBe("0.83254");
    expect(precise(1e-7 / 3)).toBe("3.333333e−8");
    expect([precise(0.5), precise(-2), precise(NaN), precise(1234567.5)]).toEqual(["0.5", "−2", "nan", "1234568"]);
    expect(agree(written(precise), show(a * b))).toBe(true);
    const off = [1.2345, 1.2345].map((x) => ({ number: show(x), over: false }));
    expect(agree(off, show(1.2345 * 1.2345)), "1.234 by 1.234 is not 1.524").toBe(false);
    expect(agree([{ number: "0.3333", over: false }, { number: "3", over: false }], "1")).toBe(false);
    expect(agree([{ number: "6", over: false }, { number: "4", over: true }], "1.5")).toBe(true);
    expect(agree([{ number: "Σ x", over: false }], "1")).toBe(false);
    expect([read("−1.5e−06"), read("12"), read("1e+07")]).toEqual([-1.5e-6, 12, 1e7]);
  });
});
