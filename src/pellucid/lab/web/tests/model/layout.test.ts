import { describe, expect, it } from "vitest";
import { breadth, layout, ranks, type Node, type Room } from "../../src/model/network/layout";

const node = (path: string, ...parents: string[]): Node => ({ path, parents, extent: { along: 40, across: 100 } });
const room: Room = { direction: "down", across: 300, gap: 20, aside: 10, lane: 12 };
const chain = [node("a"), node("b", "a"), node("c", "b")];
const residual = [node("a"), node("b", "a"), node("c", "b"), node("add", "c", "a"), node("d", "add")];
const forked = [node("a"), node("l", "a"), node("r", "a"), node("r2", "r"), node("join", "l", "r2")];

describe("a sequence", () => {
  it("stands in one column, centred", () => {
    const found = layout(chain, room);
    expect(found.nodes.map((n) => [n.x, n.y])).toEqual([
      [100, 0],
      [100, 60],
      [100, 120],
    ]);
    expect([found.width, found.height, found.lanes]).toEqual([300, 160, 0]);
    expect(found.edges.every((e) => e.lane === null)).toBe(true);
  });
  it("stands in one row when it goes right", () => {
    const found = layout(chain, { ...room, direction: "right" });
    expect(found.nodes.map((n) => [n.x, n.y, n.width, n.height])).toEqual([
      [0, 100, 40, 100],
      [60, 100, 40, 100],
      [120, 100, 40, 100],
    ]);
    expect([found.width, found.height]).toEqual([160, 300]);
  });
  it("leaves the gap that an edge asks for", () => {
    const found = layout(chain, { ...room, gap: (from) => (from === "a" ? 70 : 10) });
    expect(found.nodes.map((n) => n.y)).toEqual([0, 110, 160]);
  });
});

describe("a graph", () => {
  it("leads what jumps over ranks round in a lane", () => {
    const found = layout(residual, room);
    expect(found.lanes).toBe(1);
    expect(found.edges.find((e) => e.from === "a" && e.to === "add")?.lane).toBe(0);
    expect(found.edges.filter((e) => e.lane === null)).toHaveLength(4);
    expect(found.border).toBe(288);
  });
  it("gives lanes of their own to edges that run side by side, one to those that follow each other", () => {
    const nested = [
      node("a"),
      node("b", "a"),
      node("c", "b", "a"),
      node("d", "c"),
      node("e", "d", "a"),
      node("f", "e", "c"),
    ];
    const lane = (from: string, to: string) =>
      layout(nested, room).edges.find((e) => e.from === from && e.to === to)?.lane;
    expect(lane("a", "c")).not.toBe(lane("a", "e"));
    expect(lane("c", "f")).not.toBe(lane("a", "e"));
    expect(lane("a", "c")).toBe(0);
  });
  it("puts branches side by side without overlap", () => {
    const found = layout(forked, room);
    const at = (path: string) => found.nodes.find((n) => n.path === path)!;
    expect(at("l").y).toBe(at("r").y);
    expect(at("l").x + at("l").width).toBeLessThanOrEqual(at("r").x);
    expect(at("join").rank).toBe(3);
    expect(found.edges.find((e) => e.from === "l" && e.to === "join")?.lane).toBe(0);
  });
  it("does not turn in a circle for ever", () => {
    expect(ranks([node("a", "b"), node("b", "a")]).size).toBe(2);
  });
  it("knows nothing of parents that are not there", () => {
    expect(layout([node("a", "gone")], room).edges).toEqual([]);
  });
  it("lays out a thousand layers at once", () => {
    const many = Array.from({ length: 1000 }, (_, i) =>
      node(`l${i}`, ...(i ? [`l${i - 1}`] : []), ...(i > 3 ? [`l${i - 3}`] : [])),
    );
    layout(many, room);
  });
});

describe("breadth", () => {
  it("grows with the logarithm of the size", () => {
    expect(breadth(784, 784, 20, 200)).toBe(200);
    expect(breadth(1, 784, 20, 200)).toBe(20);
    const bottleneck = breadth(2, 784, 20, 200);
    expect(bottleneck).toBeGreaterThan(20);
    expect(bottleneck).toBeLessThan(breadth(32, 784, 20, 200));
    expect(breadth(1, 1, 20, 200)).toBe(200);
  });
});
