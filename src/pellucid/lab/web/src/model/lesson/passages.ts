// The text of a lesson: paragraphs, in which `code`, **strong words** and [links](#/dense_2) may stand. Nothing else is
// markup, so that whatever a file says stays text.

export type Passage =
  | { kind: "text" | "code" | "strong"; text: string }
  | { kind: "link"; text: string; address: string };

const MARKS = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^[\]]+)\]\((#\/[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/g;

/** Paragraphs stand between empty lines. */
export function paragraphs(text: string): Passage[][] {
  return text.split(/\n[^\S\n]*\n/).map((part) => part.trim()).filter((part) => part !== "").map(passages);
}

export function passages(text: string): Passage[] {
  const line = text.replace(/(?<=\p{Script=Han}|[，。；：？！、])\s*\n\s*/gu, "").replace(/\s+/g, " ")
    .replace(/(?<=\d) %/g, "\u00a0%");
  const found: Passage[] = [];
  let from = 0;
  for (const mark of line.matchAll(MARKS)) {
    if (mark.index > from) found.push({ kind: "text", text: line.slice(from, mark.index) });
    const [whole, code, strong, words, address] = mark;
    if (code !== undefined) found.push({ kind: "code", text: code });
    else if (strong !== undefined) found.push({ kind: "strong", text: strong });
    else found.push({ kind: "link", text: words!, address: address! });
    from = mark.index + whole.length;
  }
  if (from < line.length) found.push({ kind: "text", text: line.slice(from) });
  return found;
}
