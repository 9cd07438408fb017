// Zooming is seen: what was clicked grows into what is shown of it, and on the way out that shrinks to where it was clicked.
// It is a frame over the page, which waits for nothing: the numbers stand beneath it, and take clicks.

import { depthOf, type Place } from "../../model/place/place";

const DURATION = 220;
/** So long after a click, in milliseconds, what changes is taken for what it led to. */
const FRESH = 1500;
/** What is larger is a map: then a piece of it around the pointer was clicked. */
const LARGE = 120;
const PIECE = 26;
/** Of so many places at most it is known where they were come to from. */
const REMEMBERED = 100;

type Rect = Pick<DOMRect, "left" | "top" | "width" | "height">;
interface Spot {
  rect: Rect;
  /** What is drawn there, where that is on a canvas. */
  picture: HTMLCanvasElement | null;
}

export class Zoom {
  #root: () => HTMLElement | null | undefined;
  #last: (Spot & { at: number }) | null = null;
  #place: Place | null = null;
  /** Where each place was come to from, by its words. */
  #from = new Map<string, Spot>();
  #frame: HTMLElement | null = null;

  constructor(root: () => HTMLElement | null | undefined) {
    this.#root = root;
  }

  /** What was clicked, or pressed on the keyboard. */
  note(event: MouseEvent | KeyboardEvent): void {
    const target = event.target instanceof Element ? (event.target.closest("a, button") ?? event.target) : null;
    if (target === null) return;
    let rect: Rect = target.getBoundingClientRect();
    const [x, y] = "clientX" in event && event.detail > 0 ? [event.clientX, event.clientY] : [null, null];
    if (x !== null && y !== null && (rect.width > LARGE || rect.height > LARGE)) {
      rect = { left: x - PIECE / 2, top: y - PIECE / 2, width: PIECE, height: PIECE };
    }
    this.#last = { rect, picture: cut(target.parentElement?.querySelector("canvas") ?? null, rect), at: performance.now() };
  }

  /** The place that is shown from now on. */
  show(place: Place): void {
    const [before, last] = [this.#place, this.#last];
    this.#place = place;
    if (before === null || last === null || performance.now() - last.at > FRESH) return;
    this.#last = null;
    const deeper = depthOf(place) - depthOf(before);
    const spot = deeper > 0 ? last : this.#from.get(key(before));
    if (deeper === 0 || spot === undefined) return;
    if (this.#from.size >= REMEMBERED) this.#from.clear();
    if (deeper > 0) this.#from.set(key(place), spot);
    if (typeof matchMedia === "function" && matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    // What is shown is laid out first, for its own sake.
    requestAnimationFrame(() => this.#play(spot, deeper > 0));
  }

  #play({ rect, picture }: Spot, inward: boolean): void {
    this.#frame?.remove();
    const root = this.#root();  // none where the lab was taken off the page since
    const panel = root?.querySelector(".panel.focus")?.getBoundingClientRect();
    if (!root || !panel?.width || !rect.width || typeof root.animate !== "function") return;
    const frame = document.createElement("div");
    frame.className = "zoom";
    frame.setAttribute("aria-hidden", "true");
    if (picture !== null) frame.append(picture);
    root.append(frame);
    this.#frame = frame;
    // A widget may stand in what moves a fixed element with it.
    const base = frame.getBoundingClientRect();
    const at = (r: Rect, opacity: number) => ({
      left: `${r.left - base.left}px`, top: `${r.top - base.top}px`, width: `${r.width}px`, height: `${r.height}px`, opacity,
    });
    const [near, far] = [at(rect, inward ? 1 : 0.2), at(panel, inward ? 0 : 0.7)];
    const played = frame.animate(inward ? [near, far] : [far, near], { duration: DURATION, easing: "cubic-bezier(0.2, 0.7, 0.3, 1)" });
    played.onfinish = played.oncancel = () => frame.remove();
  }
}

function key({ path, index, term, product }: Place): string {
  return `${path} ${index} ${term} ${product}`;
}

/** A piece of a canvas as one of its own. */
function cut(from: HTMLCanvasElement | null, rect: Rect): HTMLCanvasElement | null {
  const whole = from?.getBoundingClientRect();
  if (!from || !whole?.width || !whole.height) return null;
  const [x, y] = [from.width / whole.width, from.height / whole.height];
  const piece = document.createElement("canvas");
  [piece.width, piece.height] = [Math.max(1, Math.round(rect.width * x)), Math.max(1, Math.round(rect.height * y))];
  const context = piece.getContext("2d");
  context?.drawImage(from, (rect.left - whole.left) * x, (rect.top - whole.top) * y, piece.width, piece.height, 0, 0, piece.width, piece.height);
  return context ? piece : null;
}
