// Sentences of Python's with numbers in them, written as Python's format does it: "{loss:.3g}", "{change:.0%}".

import { percent } from "../../formula/words.ts";
import type { Language, Words } from "../../model/wire/protocol.ts";

export type Fact = string | number | Words;
export type Facts = Readonly<Record<string, Fact>>;

/** A sentence with its facts, in both languages; sentences among the facts in theirs. */
export function spelled(sentence: Words, facts: Facts): Words {
  const fill = (language: Language): string => (
    sentence[language].replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name: string, spec?: string) => {
      const fact = facts[name] ?? "";
      if (typeof fact === "number") return spec === undefined ? String(fact) : formatted(fact, spec);
      return typeof fact === "string" ? fact : fact[language];
    })
  );
  return { en: fill("en"), zh: fill("zh") };
}

/** A number by one of the formats .3g, g, .1e, .0f and .0%. */
export function formatted(value: number, spec: string): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  const [, digits, kind] = /^(?:\.(\d+))?([gef%])$/.exec(spec) ?? [];
  const count = Number(digits ?? 6);
  switch (kind) {
    case "%":
      return percent(value, count);
    case "f":
      return percent(value / 100, count).slice(0, -1);
    case "e":
      return exponential(value, count);
    default:
      return general(value, Math.max(1, count));
  }
}

/** With so many digits behind the point of the first, ties to the even one. */
function rounded(value: number, digits: number): [mantissa: string, exponent: number] {
  const long = Math.abs(value).toExponential(60);
  const kept = long.slice(0, digits + 2);
  const rest = long.slice(digits + 2, long.indexOf("e"));
  const tie = digits > 0 ? /^50*$/.test(rest) : /^50*$/.test(long.slice(2, long.indexOf("e")));
  const last = Number(digits > 0 ? kept.at(-1) : kept[0]);
  const even = tie && last % 2 === 0;
  const [mantissa, exponent] = Math.abs(value).toExponential(digits).split("e") as [string, string];
  return [(value < 0 ? "-" : "") + (even ? kept.slice(0, digits > 0 ? undefined : 1) : mantissa), Number(exponent)];
}

function exponential(value: number, digits: number): string {
  const [mantissa, exponent] = rounded(value, digits);
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function general(value: number, digits: number): string {
  if (value === 0) return "0";
  const [mantissa, exponent] = rounded(value, digits - 1);
  const trimmed = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= digits) {
    return `${trimmed(mantissa)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return trimmed(Number(`${mantissa}e${exponent}`).toFixed(Math.max(0, digits - 1 - exponent)));
}
