// Where the layers of a network stand in its drawing: in ranks along the direction of the data, the branches of a rank
// side by side, and what jumps over ranks led round them in a lane.

import type { Path } from "../wire/protocol";

export interface Extent {
  /** Along the direction of the data, and across it. */
  along: number;
  across: number;
}

export interface Node {
  path: Path;
  parents: Path[];
  extent: Extent;
}

export interface Placed {
  path: Path;
  rank: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Edge {
  from: Path;
  to: Path;
  /** Null for one from a rank to the next; else the number of the lane that leads round. */
  lane: number | null;
}

export interface Layout {
  nodes: Placed[];
  edges: Edge[];
  width: number;
  height: number;
  lanes: number;
  /** Where lane 0 runs: to the right of everything, or below in a horizontal drawing. */
  border: number;
}

export interface Room {
  direction: "down" | "right";
  /** How much there is across the direction; the ranks are centred in it. */
  across: number;
  /** Between ranks; an edge that is drawn line by line asks for more. */
  gap: number | ((from: Path, to: Path) => number);
  /** Between the branches of one rank. */
  aside: number;
  /** The width of a lane. */
  lane: number;
}

/** The rank of every layer: one more than the highest of its parents. */
export function ranks(nodes: readonly Node[]): Map<Path, number> {
  const byPath = new Map(nodes.map((n) => [n.path, n]));
  const rankOf = new Map<Path, number>();
  const rank = (node: Node, below: Set<Path>): number => {
    const known = rankOf.get(node.path);
    if (known !== undefined) return known;
    if (below.has(node.path)) return 0;
    below.add(node.path);
    let highest = -1;
    for (const path of node.parents) {
      const parent = byPath.get(path);
      if (parent) highest = Math.max(highest, rank(parent, below));
    }
    rankOf.set(node.path, highest + 1);
    return highest + 1;
  };
  for (const node of nodes) rank(node, new Set());
  return rankOf;
}

/** The layers rank by rank; in a rank, each near its parents, so that few edges cross. */
function rows(nodes: readonly Node[], rank: Map<Path, number>): Node[][] {
  const made: Node[][] = [];
  for (const node of nodes) (made[rank.get(node.path) ?? 0] ??= []).push(node);
  const place = new Map<Path, number>();
  for (const row of made) {
    const wish = new Map(
      row.map((node, order) => {
        const above = node.parents.map((p) => place.get(p)).filter((p) => p !== undefined);
        return [node.path, above.length ? above.reduce((a, b) => a + b, 0) / above.length : order];
      }),
    );
    row.sort((a, b) => (wish.get(a.path) ?? 0) - (wish.get(b.path) ?? 0));
    row.forEach((node, order) => place.set(node.path, order - (row.length - 1) / 2));
  }
  return made;
}

/** Lanes for the edges that jump: two that run side by side have different ones, short ones inside. */
function lanes(edges: Edge[], rank: Map<Path, number>): number {
  const at = (path: Path): number => rank.get(path) ?? 0;
  const jumps = edges.filter((e) => at(e.to) - at(e.from) > 1);
  jumps.sort((a, b) => at(a.to) - at(a.from) - (at(b.to) - at(b.from)));
  const taken: [number, number][][] = [];
  for (const edge of jumps) {
    const [first, last] = [at(edge.from), at(edge.to)];
    let lane = 0;
    while (taken[lane]?.some(([a, b]) => a < last && first < b)) lane++;
    (taken[lane] ??= []).push([first, last]);
    edge.lane = lane;
  }
  return taken.length;
}

export function layout(nodes: readonly Node[], room: Room): Layout {
  const rank = ranks(nodes);
  const known = new Set(nodes.map((n) => n.path));
  const edges: Edge[] = nodes.flatMap((n) =>
    n.parents.filter((p) => known.has(p)).map((from) => ({ from, to: n.path, lane: null })),
  );
  const laneCount = lanes(edges, rank);
  const order = rows(nodes, rank);
  const gap = (from: Path, to: Path): number => (typeof room.gap === "number" ? room.gap : room.gap(from, to));
  const spread = (row: Node[]): number =>
    row.reduce((sum, n) => sum + n.extent.across, 0) + room.aside * (row.length - 1);
  const across = Math.max(room.across - laneCount * room.lane, ...order.map(spread));

  const placed: Placed[] = [];
  let along = 0;
  order.forEach((row, number) => {
    if (number > 0) {
      const into = edges.filter((e) => rank.get(e.to) === number && rank.get(e.from) === number - 1);
      along += Math.max(0, ...into.map((e) => gap(e.from, e.to)));
    }
    const depth = Math.max(...row.map((n) => n.extent.along));
    let aside = (across - spread(row)) / 2;
    for (const node of row) {
      const { along: length, across: breadth } = node.extent;
      placed.push(
        room.direction === "down"
          ? { path: node.path, rank: number, x: aside, y: along, width: breadth, height: length }
          : { path: node.path, rank: number, x: along, y: aside, width: length, height: breadth },
      );
      aside += breadth + room.aside;
    }
    along += depth;
  });
  const whole = across + laneCount * room.lane;
  return {
    nodes: placed,
    edges,
    width: room.direction === "down" ? whole : along,
    height: room.direction === "down" ? along : whole,
    lanes: laneCount,
    border: across,
  };
}

/** How broad a layer is drawn: by the logarithm of its size, so that a bottleneck is seen as one. */
export function breadth(size: number, largest: number, min: number, max: number): number {
  if (largest <= 1) return max;
  const fraction = Math.log1p(Math.max(0, size - 1)) / Math.log1p(largest - 1);
  return min + (max - min) * Math.min(1, fraction);
}
