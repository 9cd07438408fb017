import { describe, expect, it } from "vitest";

import { PANES, type Pane } from "../../src/model/place/framing";
import { fraction, grid, moved, remember, remembered, SMALLEST, STANDARD, toggled } from "../../src/model/place/panes";

const memory = (kept: Record<string, string> = {}) => ({
  get: (key: string) => kept[key] ?? null,
  set: (key: string, value: string) => void (kept[key] = value),
});
/** The rows of names in a template, each as long as there are columns. */
function areas(template: string): string[][] {
  return [...template.split(" / ")[0]!.matchAll(/"([^"]*)"/g)].map(([, names]) => names!.split(" "));
}

describe("the panes", () => {
  it("make a grid for any of them, in which each has one place and a divider between every two", () => {
    for (let some = 1; some < 1 << PANES.length; some++) {
      const shown = PANES.filter((_, k) => some & (1 << k));
      for (const stacked of [false, true]) {
        for (const folded of [[], shown.filter((pane) => pane !== "focus")] as Pane[][]) {
          const { template, dividers } = grid({ ...STANDARD, folded }, shown, stacked);
          const rows = areas(template);
          const columns = template.split(" / ")[1]!.replaceAll("minmax(0, ", "").split(" ").length;
          expect(new Set(rows.map((row) => row.length))).toEqual(new Set([columns]));
          expect([...new Set(rows.flat())].sort()).toEqual(
            [...shown, ...dividers.map(({ first, second }) => `${first}-${second}`)].sort(),
          );
          expect(dividers.length).toBe(shown.length - 1);
        }
      }
    }
  });

  it("give to one neighbour what they take from the other, and never all of it", () => {
    for (const divider of grid(STANDARD, PANES, false).dividers) {
      const wide = moved(STANDARD, divider, 0.6);
      expect(fraction(wide, divider)).toBeCloseTo(0.6);
      expect(fraction(moved(wide, divider, 7), divider)).toBeCloseTo(1 - SMALLEST);
      expect(fraction(moved(wide, divider, -7), divider)).toBeCloseTo(SMALLEST);
      const others = PANES.filter((pane) => pane !== divider.first && pane !== divider.second);
      for (const pane of others) expect(wide.weights[pane]).toBe(STANDARD.weights[pane]);
      expect(moved(toggled(STANDARD, divider.folds), divider, 0.5).folded).toEqual([]);
    }
  });

  it("are remembered, and what is no arrangement is forgotten", () => {
    const kept = memory();
    const made = toggled(moved(STANDARD, grid(STANDARD, PANES, false).dividers[0]!, 0.5), "arithmetic");
    remember(kept, made);
    expect(remembered(kept)).toEqual(made);
    for (const panes of ["", "3", "{}", '{"weights":{"network":1,"focus":-2,"arithmetic":1,"time":9},"folded":[]}']) {
      expect(remembered(memory({ panes }))).toEqual(STANDARD);
    }
  });
});
