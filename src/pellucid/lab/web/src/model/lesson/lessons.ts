// Lessons: where each step leads, and whether an answer is right.

import { HOME, parse, type Link } from "../place/route.ts";
import type { Place } from "../place/place";
import type { Methods, Path } from "../wire/protocol";

export type Lesson = Methods["lessons"]["result"][number];
export type LessonStep = Lesson["steps"][number];
export type Question = NonNullable<LessonStep["question"]>;
export type Choice = NonNullable<Question["choices"]>[number];

/** The lesson that a link is in: its name, and its step from 1. */
export type LessonAt = NonNullable<Link["lesson"]>;

/** The number of a step that there is. */
export function clamped(lesson: Lesson, at: number): number {
  return Math.min(Math.max(1, at), lesson.steps.length);
}

/** The example that a step is about: that of its view, or of the last view before it that has one. */
export function inputOf(lesson: Lesson, at: number): string | null {
  for (let k = clamped(lesson, at) - 1; k >= 0; k--) {
    const input = parse(lesson.steps[k]!.view ?? "").place.input;
    if (input !== null) return input;
  }
  return null;
}

/** How far the network has learned at a step: as its view says, or the last one before it that does; else null. */
export function momentOf(lesson: Lesson, at: number): number | null {
  for (let k = clamped(lesson, at) - 1; k >= 0; k--) {
    const { step } = parse(lesson.steps[k]!.view ?? "").place;
    if (step !== null) return step;
  }
  return null;
}

/** Where a step leads; null where it leaves the page as it is. */
export function placeOf(lesson: Lesson, at: number): Place | null {
  const view = lesson.steps[clamped(lesson, at) - 1]?.view;
  if (!view) return null;
  return { ...HOME, ...parse(view).place, input: inputOf(lesson, at), step: null };
}

/** Whether a place is where a step leads, whatever the example. */
export function isAt(lesson: Lesson, at: number, here: Place): boolean {
  const place = placeOf(lesson, at);
  const key = (one: Place) => JSON.stringify([one.path, one.index, one.term, one.product, one.view]);
  return place !== null && key(here) === key(place);
}

/** Whether a place is that of a link that says no more than that a lesson is to begin. */
export function bare(place: Place): boolean {
  return place.path === null && place.view === null;
}

/** "dense_2[3]" as a path and an index. */
export function elementOf(value: string): { path: Path; index: number[] } {
  const found = /^([^[\]\s]+)(?:\[([\d,\s]*)\])?$/.exec(value);
  const index = (found?.[2] ?? "").split(",").filter((part) => part.trim() !== "").map(Number);
  return { path: found?.[1] ?? value, index };
}

/** The place of an element among numbers in row-major order. */
export function flat(index: readonly number[], shape: readonly number[]): number {
  return shape.reduce((place, extent, axis) => place * extent + (index[axis] ?? 0), 0);
}

/** A number as a person writes it: "0.93", "0,93", "93 %", "−2.5"; null where it is none. */
export function numberOf(text: string): number | null {
  const found = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*([%％]?)$/i.exec(
    text.trim().replace(/[−–－]/g, "-").replace(/^([+-]?\d*),(\d+)/, "$1.$2"),
  );
  if (found === null) return null;
  return Number(found[1]) / (found[2] === "" ? 1 : 100);
}

/** Whether an answer is as near to the number as it has to be; what lies on the edge but for rounding is. */
export function near(answer: number, value: number, tolerance: number): boolean {
  return Math.abs(answer - value) <= tolerance + 1e-9 * Math.max(1, Math.abs(value));
}

/** Lessons as a file carries them, of which nothing is trusted; null where they are none. */
export function readLessons(given: unknown): Lesson[] | null {
  if (given === undefined || given === null) return [];
  return Array.isArray(given) && given.every(isLesson) ? given : null;
}

function isWords(value: unknown): boolean {
  const { en, zh } = (value ?? {}) as Record<string, unknown>;
  return typeof en === "string" && typeof zh === "string";
}

function isLesson(value: unknown): value is Lesson {
  const { name, title, about, steps } = (value ?? {}) as Record<string, unknown>;
  const named = typeof name === "string" && /^[a-z][a-z0-9-]*$/.test(name);
  return named && isWords(title) && isWords(about) && Array.isArray(steps) && steps.length > 0 && steps.every(isStep);
}

function isStep(value: unknown): boolean {
  const { title, text, view = "", panes = [], do: doing = null, question = null } = (value ?? {}) as Record<string, unknown>;
  if (!isWords(title) || !isWords(text) || typeof view !== "string" || !Array.isArray(panes)) return false;
  if (doing !== null && !isWords(doing)) return false;
  if (question === null) return true;
  const { text: asked, choices = [], number = null } = question as Record<string, unknown>;
  if (!isWords(asked) || !Array.isArray(choices)) return false;
  const { value: path, tolerance, right, wrong } = (number ?? {}) as Record<string, unknown>;
  const counted = typeof path === "string" && typeof tolerance === "number" && isWords(right) && isWords(wrong);
  return (number === null || counted) && choices.every((choice: Record<string, unknown>) => isWords(choice?.["text"]) && isWords(choice?.["answer"]));
}
