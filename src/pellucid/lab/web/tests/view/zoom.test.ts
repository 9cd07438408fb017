import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { depthOf } from "../../src/model/place/place";
import { HOME } from "../../src/model/place/route";
import { Zoom } from "../../src/view/shell/zoom";

const layer = { ...HOME, path: "dense_1" };
const unit = { ...layer, index: [2] };

describe("the depths", () => {
  it("are counted from the network to one product", () => {
    const places = [HOME, layer, unit, { ...unit, term: 0 }, { ...unit, term: 0, product: true }];
    expect(places.map(depthOf)).toEqual([0, 1, 2, 3, 4]);
    expect(depthOf({ ...HOME, view: "boundary" })).toBe(0);
  });
});

describe("zooming", () => {
  let reduced = false;
  let played: Keyframe[][] = [];
  const rect = (left: number, top: number, width: number, height: number) => ({ left, top, width, height }) as DOMRect;

  beforeEach(() => {
    [reduced, played] = [false, []];
    document.body.innerHTML = '<main><section class="panel focus"></section><a href="#/">2</a></main>';
    document.querySelector(".focus")!.getBoundingClientRect = () => rect(400, 50, 500, 600);
    document.querySelector("a")!.getBoundingClientRect = () => rect(10, 20, 30, 40);
    vi.stubGlobal("matchMedia", () => ({ matches: reduced }));
    vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw());
    Element.prototype.animate = function (frames) {
      played.push(frames as Keyframe[]);
      return {} as Animation;
    };
  });
  afterEach(() => vi.unstubAllGlobals());

  function zoomed() {
    const zoom = new Zoom(() => document.querySelector("main")!);
    zoom.show(HOME);
    document.querySelector("a")!.addEventListener("click", (event) => zoom.note(event));
    return { zoom, click: () => document.querySelector("a")!.click() };
  }

  it("grows out of what was clicked, and shrinks to it on the way out", () => {
    const { zoom, click } = zoomed();
    click();
    zoom.show(unit);
    expect(played[0]).toMatchObject([{ left: "10px", width: "30px" }, { left: "400px", width: "500px", opacity: 0 }]);
    click();
    zoom.show({ ...unit, index: [3] });
    expect(played, "the next unit is as deep").toHaveLength(1);
    click();
    zoom.show(unit);
    click();
    zoom.show(layer);
    expect(played[1]).toMatchObject([{ left: "400px" }, { left: "10px", height: "40px" }]);
    expect(document.querySelectorAll(".zoom"), "one at a time").toHaveLength(1);
  });

  it("is not seen by who wants no motion, nor where nobody clicked", () => {
    const { zoom, click } = zoomed();
    zoom.show(unit);
    zoom.show(HOME);
    reduced = true;
    click();
    zoom.show(unit);
    expect(played).toEqual([]);
  });
});
