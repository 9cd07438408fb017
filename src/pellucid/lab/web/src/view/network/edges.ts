// The lines between layers: of few weights each by itself, of many one band, and round the ranks for what jumps.

import { css, domain, type Hue, type Theme } from "../../model/numbers/colour";
import { lined, threaded, type Drawn, type Plan } from "../../model/network/drawn";
import type { Placed } from "../../model/network/layout";
import { corner } from "../../model/numbers/panels";
import type { Numbers, Path } from "../../model/wire/protocol";

export interface Look {
  hue: Hue;
  theme: Theme;
  band: string;
  line: string;
  /** Where the drawing is narrower or broader than its plan, it is centred. */
  lane: number;
}

interface End {
  drawn: Drawn;
  node: Placed;
}

function end(plan: Plan, path: Path): End | null {
  const drawn = plan.drawn.get(path);
  const node = plan.layout.nodes.find((n) => n.path === path);
  return drawn && node ? { drawn, node } : null;
}

function middle({ node }: End): number {
  return node.x + node.width / 2;
}

function top({ drawn, node }: End): number {
  return node.y + (drawn.form === "name" ? 4 : drawn.top);
}

function bottom({ drawn, node }: End): number {
  if (drawn.form === "name") return node.y + node.height - 4;
  return drawn.box ? node.y + drawn.top + drawn.box.height : node.y + node.height;
}

/** Where the line from or to a unit ends: the middle of its disc, and the top and the bottom of that. */
function unit(at: End, index: number): { x: number; high: number; low: number } {
  const { laid, box, width } = at.drawn;
  if (!laid || !box) return { x: middle(at), high: top(at), low: bottom(at) };
  const [x, y] = corner(laid, box, 0, Math.floor(index / laid.columns), index % laid.columns);
  return { x: middle(at) - width / 2 + x + box.cell / 2, high: top(at) + y, low: top(at) + y + box.tall };
}

export function drawEdges(
  canvas: HTMLCanvasElement,
  plan: Plan,
  weights: (layer: Path) => Numbers | undefined,
  chosen: { path: Path; unit: number } | null,
  look: Look,
): void {
  const ratio = globalThis.devicePixelRatio || 1;
  const { width, height } = plan.layout;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  for (const edge of plan.layout.edges) {
    const [from, to] = [end(plan, edge.from), end(plan, edge.to)];
    if (!from || !to) continue;
    if (edge.lane !== null) arc(context, from, to, plan.layout.border + (edge.lane + 0.5) * look.lane, look);
    else {
      const some = threaded(from.drawn, to.drawn);
      const numbers = some || lined(from.drawn, to.drawn) ? weights(edge.to) : undefined;
      if (some) band(context, from, to, look);
      if (numbers) lines(context, from, to, numbers, chosen?.path === edge.to ? chosen.unit : null, look);
      else if (!some) band(context, from, to, look);
    }
  }
}

function band(context: CanvasRenderingContext2D, from: End, to: End, look: Look): void {
  const [y0, y1] = [bottom(from) + 2, top(to) - 2];
  const [a, b] = [from.drawn.width / 2, to.drawn.width / 2];
  const bend = (y1 - y0) * 0.5;
  const [x0, x1] = [middle(from), middle(to)];
  context.beginPath();
  context.moveTo(x0 - a, y0);
  context.bezierCurveTo(x0 - a, y0 + bend, x1 - b, y1 - bend, x1 - b, y1);
  context.lineTo(x1 + b, y1);
  context.bezierCurveTo(x1 + b, y1 - bend, x0 + a, y0 + bend, x0 + a, y0);
  context.closePath();
  context.fillStyle = look.band;
  context.fill();
}

function arc(context: CanvasRenderingContext2D, from: End, to: End, x: number, look: Look): void {
  const [y0, y1] = [(top(from) + bottom(from)) / 2, (top(to) + bottom(to)) / 2];
  const [x0, x1] = [middle(from) + from.drawn.width / 2 + 3, middle(to) + to.drawn.width / 2 + 3];
  const turn = 8;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x - turn, y0);
  context.quadraticCurveTo(x, y0, x, y0 + turn);
  context.lineTo(x, y1 - turn);
  context.quadraticCurveTo(x, y1, x - turn, y1);
  context.lineTo(x1 + 5, y1);
  context.strokeStyle = look.line;
  context.lineWidth = 1.5;
  context.stroke();
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x1 + 6, y1 - 3.5);
  context.lineTo(x1 + 6, y1 + 3.5);
  context.closePath();
  context.fillStyle = look.line;
  context.fill();
}

/** So many lines at most are told apart: those of the largest weights. Those into a chosen unit are all drawn. */
const STRONGEST = 1024;

/** The size of the weight after which there are so many. */
function strength(weights: ArrayLike<number>, count: number): number {
  if (weights.length <= count) return 0;
  return Float64Array.from(weights, Math.abs).sort()[weights.length - count] ?? 0;
}

function lines(
  context: CanvasRenderingContext2D,
  from: End,
  to: End,
  weights: Numbers,
  chosen: number | null,
  look: Look,
): void {
  const [inputs = 0, outputs = 0] = weights.shape;
  const span = domain(weights.data);
  if (weights.data.length < inputs * outputs) return;
  const least = strength(weights.data, chosen === null ? STRONGEST : weights.data.length);
  const bend = (top(to) - bottom(from)) * 0.45;
  // Many lines are drawn fainter, so that the strong ones among them are seen.
  const faint = Math.min(1, Math.sqrt(96 / Math.min(STRONGEST, inputs * outputs)));
  for (let i = 0; i < inputs; i++)
    for (let o = 0; o < outputs; o++) {
      const weight = weights.data[i * outputs + o] ?? 0;
      const fraction = Math.min(1, Math.abs(weight) / span);
      if (!(fraction > 0.03) || Math.abs(weight) < least) continue;
      const faded = chosen !== null && chosen !== o;
      const [{ x: x0, low: y0 }, { x: x1, high: y1 }] = [unit(from, i), unit(to, o)];
      context.beginPath();
      context.moveTo(x0, y0);
      context.bezierCurveTo(x0, y0 + bend, x1, y1 - bend, x1, y1);
      context.globalAlpha = (0.1 + 0.9 * fraction * fraction) * (faded ? 0.12 : chosen === null ? faint : 1);
      context.lineWidth = (0.5 + 1.75 * fraction) * (0.6 + 0.4 * faint);
      context.strokeStyle = css(weight < 0 ? -0.72 : 0.72, 1, look.hue, look.theme);
      context.stroke();
    }
  context.globalAlpha = 1;
}
