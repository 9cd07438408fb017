// Numbers onto a canvas: every cell one colour of the scale, sharp at any size.

import { colour, inkOn, paint, table, type Hue, type Theme } from "../../model/numbers/colour";
import { show } from "../../model/numbers/numbers";
import { contiguous } from "../../formula/views.ts";
import { corner, type Boxes, type Flat } from "../../model/numbers/panels";
import type { Numbers } from "../../model/wire/protocol";

export interface Look {
  /** The colours run from centre − domain to centre + domain. */
  centre: number;
  domain: number;
  hue: Hue;
  theme: Theme;
  /** The ground between cells and panels, and the edge of a unit. */
  paper: string;
  edge: string;
  /** Units as discs. */
  round: boolean;
  /** Write the numbers into cells that are large enough. */
  digits: boolean;
  mono: string;
}

/** Cells from this size on have a hairline between them; from the other on, their numbers in them. */
const LINED = 8;
const LEGIBLE = 46;

/** The flat places of a panel's first cell, and the steps to the next row and column. */
function walk(laid: Flat, panel: number): { start: number; down: number; right: number } {
  const step = contiguous(laid.shape);
  const { row, column, panels, wrap } = laid.arrangement;
  let left = panel;
  let start = 0;
  for (let k = panels.length - 1; k >= 0; k--) {
    const axis = panels[k] as number;
    const size = laid.shape[axis] ?? 1;
    start += (left % size) * (step[axis] ?? 0);
    left = Math.floor(left / size);
  }
  const right = column === null ? 0 : (step[column] ?? 0);
  return { start, right, down: wrap ? wrap * right : row === null ? 0 : (step[row] ?? 0) };
}

export function draw(canvas: HTMLCanvasElement, numbers: Numbers, laid: Flat, box: Boxes, look: Look): void {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [Math.max(1, Math.round(box.width * ratio)), Math.max(1, Math.round(box.height * ratio))];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (look.round) discs(context, numbers, laid, box, look);
  else tiles(context, numbers, laid, box, look);
}

function tiles(context: CanvasRenderingContext2D, numbers: Numbers, laid: Flat, box: Boxes, look: Look): void {
  const { rows, columns } = laid;
  const scale = table(look.hue, look.theme);
  const image = context.createImageData(columns, rows * laid.shown);
  const count = numbers.data.length;
  for (let panel = 0; panel < laid.shown; panel++) {
    const { start, down, right } = walk(laid, panel);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const from = start + row * down + column * right;
        const x = from < count ? (numbers.data[from] as number) : NaN;
        const place = (panel * rows + row) * columns + column;
        // Pictures that were put together here are float64, and NaN in them is a place with nothing: it stays paper.
        if (from < count && !(Number.isNaN(x) && numbers.data instanceof Float64Array))
          paint(image.data, place, x - look.centre, look.domain, scale);
      }
  }
  const sheet = document.createElement("canvas");
  sheet.width = columns;
  sheet.height = rows * laid.shown;
  sheet.getContext("2d")?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  for (let panel = 0; panel < laid.shown; panel++) {
    const [x, y] = corner(laid, box, panel, 0, 0);
    context.drawImage(sheet, 0, panel * rows, columns, rows, x, y, columns * box.cell, rows * box.tall);
  }
  if (Math.min(box.cell, box.tall) >= LINED) hairlines(context, laid, box, look);
  if (box.cell >= LEGIBLE && box.tall >= 14 && look.digits) figures(context, numbers, laid, box, look);
}

function hairlines(context: CanvasRenderingContext2D, laid: Flat, box: Boxes, look: Look): void {
  context.fillStyle = look.paper;
  for (let panel = 0; panel < laid.shown; panel++) {
    const [x, y] = corner(laid, box, panel, 0, 0);
    for (let row = 1; row < laid.rows; row++) context.fillRect(x, y + row * box.tall - 0.5, laid.columns * box.cell, 1);
    for (let column = 1; column < laid.columns; column++) {
      context.fillRect(x + column * box.cell - 0.5, y, 1, laid.rows * box.tall);
    }
  }
}

function each(numbers: Numbers, laid: Flat, box: Boxes, act: (x: number, left: number, top: number) => void): void {
  for (let panel = 0; panel < laid.shown; panel++) {
    const { start, down, right } = walk(laid, panel);
    for (let row = 0; row < laid.rows; row++)
      for (let column = 0; column < laid.columns; column++) {
        const from = start + row * down + column * right;
        if (from >= numbers.data.length) continue;
        const [left, top] = corner(laid, box, panel, row, column);
        act(numbers.data[from] as number, left, top);
      }
  }
}

function figures(context: CanvasRenderingContext2D, numbers: Numbers, laid: Flat, box: Boxes, look: Look): void {
  context.font = `10px ${look.mono}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  each(numbers, laid, box, (x, left, top) => {
    if (Number.isNaN(x)) return;
    context.fillStyle = inkOn(colour(x - look.centre, look.domain, look.hue, look.theme));
    context.fillText(show(x), left + box.cell / 2, top + box.tall / 2, box.cell - 6);
  });
}

function discs(context: CanvasRenderingContext2D, numbers: Numbers, laid: Flat, box: Boxes, look: Look): void {
  const radius = Math.max(1, box.cell / 2 - (box.cell > 10 ? 2 : 0.5));
  context.strokeStyle = look.edge;
  context.lineWidth = 1;
  each(numbers, laid, box, (x, left, top) => {
    context.fillStyle = `rgb(${colour(x - look.centre, look.domain, look.hue, look.theme).join(" ")})`;
    context.beginPath();
    context.arc(left + box.cell / 2, top + box.cell / 2, radius, 0, 2 * Math.PI);
    context.fill();
    if (box.cell >= 6) context.stroke();
  });
}
