import { describe, expect, it } from "vitest";

import { framing, PANES, unframed } from "../../src/model/place/framing";

describe("a lab in a frame", () => {
  it("shows all where nothing was asked for", () => {
    expect(framing("")).toEqual({ embed: false, panes: PANES });
    expect(framing("?embed=1")).toEqual({ embed: true, panes: PANES });
    expect(framing("?embed=0&panes=focus")).toEqual({ embed: false, panes: PANES });
  });
  it("shows what was asked for, in its own order, and nothing that there is not", () => {
    expect(framing("?embed=1&panes=time,focus,moon").panes).toEqual(["focus", "time"]);
    expect(framing("?embed=1&panes=moon").panes).toEqual(PANES);
  });
  it("leads to the same place in the whole lab", () => {
    expect(unframed("file:///a/digits.html?embed=1&panes=focus&token=x#/dense_1?input=test:3"))
      .toBe("file:///a/digits.html?token=x#/dense_1?input=test:3");
  });
});
