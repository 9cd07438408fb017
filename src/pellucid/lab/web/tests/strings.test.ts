// @vitest-environment node
// Every word that a person reads stands in the tables, in both languages.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

import { parse } from "svelte/compiler";
import { describe, expect, it } from "vitest";

import { fill, say, strings } from "../src/strings";

const root = join(import.meta.dirname, "../src");
const components = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".svelte"))
  .map((name) => join(root, name));

const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|svelte)$/.test(name) && !/^strings\b/.test(name))
  .map((name) => readFileSync(join(root, name), "utf8"))
  .join("\n");

const SPOKEN = new Set(["aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "aria-placeholder", "title", "placeholder", "alt", "label"]);
const LETTERS = /\p{L}/u;
// Formulas, names of quantities and keys are the same in every language: one letter, or what is no word.
const KEYS = /\b(Enter|Esc|Tab|Shift|Space)\b/g;
const word = (given: string) => {
  const text = given.replace(KEYS, "");
  return LETTERS.test(text) && (text.match(/\p{L}+/gu) ?? []).some((run) => run.length > 1 || /\p{Script=Han}/u.test(run));
};

interface Node {
  type: string;
  name?: string;
  data?: string;
  value?: unknown;
  start: number;
  [key: string]: unknown;
}

function* walk(node: unknown, inside: string[] = []): Generator<[Node, string[]]> {
  if (Array.isArray(node)) {
    for (const one of node) yield* walk(one, inside);
  } else if (typeof node === "object" && node !== null) {
    const one = node as Node;
    if (typeof one.type === "string") yield [one, inside];
    const next = one.type === "RegularElement" ? [...inside, one.name!] : inside;
    for (const [key, value] of Object.entries(one)) {
      if (key !== "metadata" && key !== "parent") yield* walk(value, next);
    }
  }
}

function spokenOutside(source: string): string[] {
  const found: string[] = [];
  const line = (at: number) => source.slice(0, at).split("\n").length;
  for (const [node] of walk(parse(source, { modern: true }).fragment)) {
    if (node.type === "Attribute") {
      if (!SPOKEN.has(node.name!)) continue;
      for (const [part] of walk(node.value)) {
        const text = part.type === "Text" ? part.data! : part.type === "Literal" && typeof part.value === "string" ? part.value : "";
        // A literal inside an expression may be a key of the tables.
        if (word(text) && !(text in strings)) found.push(`${line(part.start)}: ${node.name}="${text.trim()}"`);
      }
    } else if (node.type === "Fragment") {
      for (const child of node.nodes as Node[]) {
        if (child.type === "Text" && word(child.data!)) found.push(`${line(child.start)}: ${child.data!.trim()}`);
      }
    }
  }
  // What is part of a longer name is another's: "shell.view." before "${name}".
  return found.filter((text) => !/="[a-z]+(\.[a-z]+)*\.?"$/.test(text));
}

describe("the tables", () => {
  it("choose the word that goes with a number", () => {
    const text = "{count} {count:number is|numbers are} {what}.";
    expect(fill(text, { count: 1, what: "learned" })).toBe("1 number is learned.");
    expect(fill(text, { count: "1\u202f234", what: "learned" })).toBe("1\u202f234 numbers are learned.");
    expect(fill("{given} of {count:one|all}")).toBe("{given} of {count:one|all}");
  });
  const entries = Object.entries(strings);
  it("have both languages, and the same placeholders in both", () => {
    const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    for (const [key, words] of entries) {
      expect(words.en.trim(), key).not.toBe("");
      expect(words.zh.trim(), key).not.toBe("");
      expect(new Set(placeholders(words.zh)), key).toEqual(new Set(placeholders(words.en)));
    }
  });
  it("have no key twice: one file's never hides another's", async () => {
    const files = readdirSync(join(root, "strings")).filter((name) => !/^(index|gettext)\.ts$|\.json$/.test(name));
    const seen = new Map<string, string>();
    for (const file of files) {
      for (const table of Object.values((await import(join(root, "strings", file))) as Record<string, object>)) {
        for (const key of Object.keys(table)) {
          expect(seen.get(key), `${key} in ${file}`).toBeUndefined();
          seen.set(key, file);
        }
      }
    }
    expect(seen.size).toBe(entries.length);
  });
  it("have nothing that nobody says", () => {
    const said = (key: string) =>
      sources.includes(`"${key}"`) || sources.includes(`\`${key.slice(0, key.lastIndexOf(".") + 1)}\${`);
    expect(entries.map(([key]) => key).filter((key) => !said(key))).toEqual([]);
    expect(said("shell.nobody.says.this")).toBe(false);
  });
  it("are filled in", () => {
    expect(say("en", "shell.stepof", { step: 3, last: 9 })).toBe("step 3 of 9");
    expect(say("zh", "shell.stepof", { step: 3, last: 9 })).toBe("第 3 步，共 9 步");
    expect(fill("{a} {b}", { a: 1 })).toBe("1 {b}");
  });
});

describe("components", () => {
  it.each(components.map((path) => [relative(root, path), path]))("%s says nothing of its own", (_name, path) => {
    expect(spokenOutside(readFileSync(path, "utf8"))).toEqual([]);
  });
  it("are really looked into", () => {
    expect(components.length).toBeGreaterThan(20);
    expect(spokenOutside("<p>Hello {x}</p>")).toEqual(["1: Hello"]);
    expect(spokenOutside("{#if a}<b>好</b>{:else}No{/if}")).toEqual(["1: 好", "1: No"]);
    expect(spokenOutside('<input placeholder="Your name" class="field" />')).toEqual(['1: placeholder="Your name"']);
    expect(spokenOutside('<a aria-label={x ? "Go on" : say("shell.play")} href="#/x">{y}</a>')).toEqual(['1: aria-label="Go on"']);
    expect(spokenOutside("<i>x · 3 → σ</i>")).toEqual([]);
  });
});
