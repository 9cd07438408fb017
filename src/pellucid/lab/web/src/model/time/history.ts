// The history of a branch as it grows, and what of it a screen can show.

import type { History } from "../wire/protocol";

// A view of the front of each buffer that has room behind it, so that a million steps are not copied at every event.
const room = new WeakMap<ArrayBufferLike, number>();

/**
 * What was known, and the piece that came. A piece may begin before the end, when steps were taken anew; one that
 * begins beyond it leaves a gap: null.
 */
export function joined(before: History | undefined, piece: History): History | null {
  if (before === undefined || before.loss.length === 0 || piece.from <= before.from) {
    const rest = before === undefined ? undefined : beyond(before, piece);
    return rest === undefined ? piece : joined(piece, rest);
  }
  const at = piece.from - before.from;
  if (at > before.loss.length) return null;
  const length = Math.max(before.loss.length, at + piece.loss.length);
  const buffer = before.loss.buffer;
  let whole: Float64Array;
  if (room.get(buffer) === before.loss.length && length * 8 + before.loss.byteOffset <= buffer.byteLength) {
    whole = new Float64Array(buffer as ArrayBuffer, before.loss.byteOffset, length);
  } else {
    whole = new Float64Array(Math.max(1024, 2 * length)).subarray(0, length);
    whole.set(before.loss);
  }
  whole.set(piece.loss, at);
  room.set(whole.buffer, length);
  return { branch: before.branch, from: before.from, loss: whole, epochs: merged(before.epochs, piece.epochs) };
}

/** Epochs by their steps; those that came stand for those that were known. Nearly always they only follow them. */
function merged(before: History["epochs"], came: History["epochs"]): History["epochs"] {
  if (came.length === 0) return before;
  if (before.length === 0 || before.at(-1)!.step < came[0]!.step) return before.concat(came);
  const anew = new Set(came.map((one) => one.epoch));
  return [...before.filter((one) => !anew.has(one.epoch)), ...came].sort((a, b) => a.step - b.step);
}

/** What was known behind the end of a piece that begins before it, when they touch. */
function beyond(before: History, piece: History): History | undefined {
  const end = piece.from + piece.loss.length;
  const from = Math.max(end, before.from);
  const loss = before.loss.subarray(Math.max(0, end - before.from));
  if (from > end || loss.length === 0) return undefined;
  return { branch: before.branch, from, loss, epochs: before.epochs.filter((epoch) => epoch.step >= end) };
}
