// A message in both languages. The Chinese ones are those of src/pellucid/locale, which hatch_build.py writes to zh.json.

import type { Words } from "../model/wire/protocol.ts";
import zh from "./zh.json" with { type: "json" };

const chinese: Readonly<Record<string, string>> = zh;

/** Marks a message, which `make strings` puts into the catalogue. */
export function gettext(message: string): Words {
  return { en: message, zh: chinese[message] ?? message };
}

/** A message whose English text has other translations in other contexts. */
export function pgettext(context: string, message: string): Words {
  return { en: message, zh: chinese[`${context}\u0004${message}`] ?? message };
}
