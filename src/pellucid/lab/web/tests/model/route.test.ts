import { describe, expect, it } from "vitest";

import type { Place } from "../../src/model/place/place";
import { format, HOME, layerOf, outward, parse } from "../../src/model/place/route";
import { layer, layers } from "../fake-lab";

const place = (some: Partial<Place>): Place => ({ ...HOME, ...some });

describe("a place as a link", () => {
  const written: [string, Partial<Place>][] = [
    ["#/", {}],
    ["#/dense_1", { path: "dense_1" }],
    ["#/dense_1/unit/2", { path: "dense_1", index: [2] }],
    ["#/conv2d_1/filter/1/at/3,0", { path: "conv2d_1", index: [3, 0, 1] }],
    ["#/lstm_1/time/4/unit/2", { path: "lstm_1", index: [4, 2] }],
    ["#/dense_1.kernel/index/0,2", { path: "dense_1.kernel", index: [0, 2] }],
    ["#/d(dense_1.kernel)/index/0,2", { path: "d(dense_1.kernel)", index: [0, 2] }],
    ["#/d(dense_1.kernel)", { path: "d(dense_1.kernel)" }],
    ["#/loss/index/", { path: "loss", index: [] }],
    ["#/dense_1/unit/2/term/12", { path: "dense_1", index: [2], term: 12 }],
    ["#/dense_1/unit/2/term/12/product", { path: "dense_1", index: [2], term: 12, product: true }],
    ["#/loss/index//term/0", { path: "loss", index: [], term: 0 }],
    ["#/view/boundary", { view: "boundary" }],
    ["#/dense_1?input=test:17", { path: "dense_1", input: "test:17" }],
    ["#/dense_1?input=own:1&step=1200", { path: "dense_1", input: "own:1", step: 1200 }],
    ["#/dense_1?input=test:17&with=test:3", { path: "dense_1", input: "test:17", beside: "test:3" }],
    ["#/?step=9&with=step:0", { step: 9, beside: "step:0" }],
    ["#/loss/index/?with=branch:1:40", { path: "loss", index: [], beside: "branch:1:40" }],
    ["#/my%20layer%2F2", { path: "my layer/2" }],
    ["#/%E5%B1%82_1/index/1,2,3", { path: "层_1", index: [1, 2, 3] }],
  ];
  it.each(written)("%s", (link, some) => {
    expect(format({ place: place(some) }, layers)).toBe(link);
    expect(parse(link).place).toEqual(place(some));
  });

  it("comes back from every form, with or without the network's layers", () => {
    const paths = ["dense_1", "conv2d_1", "lstm_1", "dense_1.kernel", "d(lstm_1.sum)", "loss", "view", "unit", "term", "a b", "层", "x?y#z&w=1%", "50%"];
    const indices = [null, [], [0], [7], [1, 2], [3, 0, 1], [2, 2, 0, 4]];
    const terms: Partial<Place>[] = [{}, { term: 0 }, { term: 3, product: true }];
    const inputs = [null, "test:17", "own:1"];
    for (const path of paths) {
      for (const index of indices) {
        for (const deep of index === null ? [{}] : terms) {
          for (const input of inputs) {
            for (const known of [layers, []]) {
              const there = place({ path, index, input, ...deep });
              expect(parse(format({ place: there }, known)).place, format({ place: there }, known)).toEqual(there);
            }
          }
        }
      }
    }
  });

  it("carries the task, the branch and the weights", () => {
    const link = { place: place({ step: 3 }), task: "spirals", branch: 2, weights: "a+b/c=&d", lesson: { name: "one", step: 2 } };
    expect(parse(format(link))).toEqual(link);
    expect(parse("#/").branch).toBeNull();
  });

  it("never fails on a link that somebody mistyped", () => {
    const strange: [string, Partial<Place>][] = [
      ["", {}],
      ["#", {}],
      ["#/dense_1/unit/x", { path: "dense_1" }],
      ["#/dense_1/unit/-1", { path: "dense_1" }],
      ["#/dense_1/unit", { path: "dense_1" }],
      ["#/conv2d_1/filter/1/at/3", { path: "conv2d_1" }],
      ["#/dense_1/index/1,,2", { path: "dense_1" }],
      ["#/dense_1/unit/1/term/x", { path: "dense_1", index: [1] }],
      ["#/dense_1/unit/1/product", { path: "dense_1", index: [1] }],
      ["#/%E0%A4%A", { path: "%E0%A4%A" }],
      ["#/dense_1?step=&input=&branch=x&&=", { path: "dense_1" }],
      ["#/dense_1?step=12e3", { path: "dense_1" }],
    ];
    for (const [link, some] of strange) expect(parse(link).place, link).toEqual(place(some));
  });
});

describe("one depth out", () => {
  it("goes from the product by connection, unit and layer to the network", () => {
    let at = place({ path: "d(dense_1.kernel)", index: [0, 2], term: 1, product: true, input: "test:1" });
    const links = [];
    for (let k = 0; k < 5; k++) links.push(format({ place: (at = outward(at, layers)) }, layers));
    expect(links).toEqual([
      "#/d(dense_1.kernel)/index/0,2/term/1?input=test:1",
      "#/d(dense_1.kernel)/index/0,2?input=test:1",
      "#/dense_1?input=test:1",
      "#/?input=test:1",
      "#/?input=test:1",
    ]);
  });
  it("leads home from the loss and from a view", () => {
    expect(outward(place({ path: "loss", index: [] }), layers).path).toBeNull();
    expect(outward(place({ view: "boundary" }), layers).view).toBeNull();
  });
  it("knows the layer that a value belongs to", () => {
    expect(layerOf("d(dense_1.bias)", layers)?.path).toBe("dense_1");
    expect(layerOf("lstm_1.sum", layers)?.path).toBe("lstm_1");
    expect(layerOf("dense_10.sum", [layer("dense_1", "units", [1])])).toBeUndefined();
    expect(layerOf("loss", layers)).toBeUndefined();
  });
});
