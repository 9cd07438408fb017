import { describe, expect, it } from "vitest";

import { digitsOfSum, read, show, signed, written } from "../../src/model/numbers/numbers";
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
  it("is what its factors as they are written give, or is not said to be", () => {
    const off = [1.2345, 1.2345].map((x) => ({ number: show(x), over: false }));
    expect(agree(off, show(1.2345 * 1.2345)), "1.234 by 1.234 is not 1.524").toBe(false);
    const more = [1.2345, 1.2345].map((x) => ({ number: written(x, 5), over: false }));
    expect(agree(more, show(1.2345 * 1.2345))).toBe(true);
    expect(agree([{ number: "0.3333", over: false }, { number: "3", over: false }], "1")).toBe(false);
    expect(agree([{ number: "6", over: false }, { number: "4", over: true }], "1.5")).toBe(true);
    expect(agree([{ number: "Σ x", over: false }], "1")).toBe(false);
    expect([read("−1.5e−06"), read("12"), read("1e+07"), read("+3.5")]).toEqual([-1.5e-6, 12, 1e7, 3.5]);
  });
});

describe("a sum", () => {
  it("has terms of as many digits as add up to it, or is not said to be", () => {
    let seed = 1;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
    for (let run = 0; run < 300; run++) {
      const parts = Array.from({ length: 2 + (run % 13) }, () => random() * 10 ** (run % 5));
      const value = parts.reduce((sum, part) => sum + part, 0);
      const [digits, equals] = digitsOfSum(parts, value);
      const typed = parts.reduce((sum, part) => sum + read(signed(part, digits)), 0);
      if (equals === "=") expect(show(typed)).toBe(show(value));
      else expect(show(typed)).not.toBe(show(value));
    }
    expect(digitsOfSum([1, 2], 3)).toEqual([4, "="]);
    expect(digitsOfSum([1, 2], 4)).toEqual([4, "≈"]);
    expect(digitsOfSum([NaN, 2], NaN)).toEqual([4, "="]);
  });
});
