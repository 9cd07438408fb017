// A formula's text read back into the expression that it prints, so that it can be set as mathematics: fractions, roots,
// powers, sums with what they run over. What cannot be read so stays the text that it is.

export type Sign = "+" | "−" | "·" | "=" | "<" | "≤" | "and" | "," | "|";

export type Mathematics =
  | { kind: "name"; text: string }
  | { kind: "number"; text: string }
  | { kind: "row"; parts: (Mathematics | Sign)[] }
  | { kind: "fraction"; over: Mathematics; under: Mathematics }
  | { kind: "root"; of: Mathematics }
  | { kind: "size"; of: Mathematics }
  | { kind: "power"; base: Mathematics; exponent: Mathematics }
  | { kind: "indexed"; name: string; index: Mathematics }
  | { kind: "reduction"; sign: string; below: Mathematics; of: Mathematics }
  | { kind: "call"; name: string; of: Mathematics }
  | { kind: "bracket"; open: "(" | "["; of: Mathematics };

const TOKEN = /\s*(\d+(?:\.\d+)?(?:e[+\-−]\d+)?|[\p{L}_][\p{L}\p{Nd}₀-₉_′~.]*|[∞…]|[²³^/()[\],|+−·=<≤])/uy;
const REDUCTION = /^(Σ|argmax|argmin|max|min)(?:_([\p{L}′]+))?$/u;
const POWERS: Readonly<Record<string, string>> = { "²": "2", "³": "3" };

class Unreadable extends Error {}

function tokens(text: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw new Unreadable();
    found.push(token);
  }
  return found;
}

class Reader {
  private readonly tokens: readonly string[];
  private at = 0;

  constructor(text: string) {
    this.tokens = tokens(text);
  }

  all(): Mathematics {
    const whole = this.list([","]);
    if (this.at < this.tokens.length) throw new Unreadable();
    return whole;
  }

  private get next(): string {
    return this.tokens[this.at] ?? "";
  }

  private take(...wanted: string[]): string {
    const token = this.next;
    if (token === "" || (wanted.length > 0 && !wanted.includes(token))) throw new Unreadable();
    this.at++;
    return token;
  }

  /** Conditions or expressions with these signs between them. */
  private list(between: readonly Sign[]): Mathematics {
    return this.joined(() => this.joined(() => this.sum(), ["=", "<", "≤", "and"]), between);
  }

  private joined(part: () => Mathematics, between: readonly Sign[]): Mathematics {
    const parts: (Mathematics | Sign)[] = [part()];
    while ((between as readonly string[]).includes(this.next)) parts.push(this.take() as Sign, part());
    return row(parts);
  }

  private sum(): Mathematics {
    return this.joined(() => this.product(), ["+", "−"]);
  }

  private product(): Mathematics {
    const minus = this.next === "−";
    if (minus) this.at++;
    let parts: (Mathematics | Sign)[] = [this.power()];
    while (this.next === "·" || this.next === "/") {
      if (this.take() === "·") parts.push("·", this.power());
      else parts = [{ kind: "fraction", over: row(parts.map(bare)), under: bare(this.power()) }];
    }
    return row(minus ? ["−", ...parts] : parts);
  }

  private power(): Mathematics {
    const base = this.atom();
    const raised = POWERS[this.next];
    if (raised !== undefined) {
      this.at++;
      return { kind: "power", base, exponent: { kind: "number", text: raised } };
    }
    if (this.next !== "^") return base;
    this.at++;
    return { kind: "power", base, exponent: bare(this.atom()) };
  }

  private enclosed(close: ")" | "]", between: readonly Sign[]): Mathematics {
    const inner = this.list(between);
    this.take(close);
    return inner;
  }

  private atom(): Mathematics {
    const token = this.take();
    if (token === "(") return { kind: "bracket", open: "(", of: this.enclosed(")", [","]) };
    if (token === "[") return { kind: "bracket", open: "[", of: this.enclosed("]", [","]) };
    if (/^[\d∞…]/.test(token)) return { kind: "number", text: token };
    if (!/^[\p{L}_]/u.test(token)) throw new Unreadable();
    const [, sign, axes] = REDUCTION.exec(token) ?? [];
    if (sign !== undefined && axes !== undefined) return this.reduction(sign, letters(axes));
    if (this.next === "[") {
      this.at++;
      const index = this.enclosed("]", [",", "|"]);
      return sign === undefined ? { kind: "indexed", name: token, index } : this.reduction(sign, index);
    }
    if (this.next !== "(") {
      if (sign === "Σ") throw new Unreadable();
      return { kind: "name", text: token };
    }
    this.at++;
    const of = this.enclosed(")", [","]);
    if (token === "sqrt") return { kind: "root", of };
    return token === "abs" ? { kind: "size", of } : { kind: "call", name: token, of };
  }

  private reduction(sign: string, below: Mathematics): Mathematics {
    return { kind: "reduction", sign, below, of: this.product() };
  }
}

function row(parts: (Mathematics | Sign)[]): Mathematics {
  const [only] = parts;
  return parts.length === 1 && typeof only === "object" ? only : { kind: "row", parts };
}

/** What stands above or below a line needs no brackets round it. */
function bare<T extends Mathematics | Sign>(part: T): T | Mathematics {
  return typeof part === "object" && part.kind === "bracket" && part.open === "(" ? part.of : part;
}

/** The axes of "Σ_ij", each a letter with its primes. */
function letters(axes: string): Mathematics {
  const names = axes.match(/\p{L}′*/gu) ?? [];
  const parts = names.flatMap((text, k): (Mathematics | Sign)[] => [...(k > 0 ? [","] as const : []), { kind: "name", text }]);
  return row(parts);
}

/** A line of a formula as mathematics; null where it is none that is known. */
export function mathematics(line: string): Mathematics | null {
  try {
    return new Reader(line).all();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

/** The letters of tensors in a text, in their order, each once. */
export function symbols(text: string): string[] {
  return [...new Set([...text.matchAll(/([\p{L}_][\p{L}\p{Nd}₀-₉_′~.]*)\[/gu)].map(([, name]) => name!))].filter(
    (name) => !/^(argmax|argmin|max|min)$/.test(name),
  );
}

/** The paths that the letters of a formula stand for, by what its terms read. */
export function meanings(terms: readonly { text: string; sources: readonly { path: string }[] }[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const { text, sources } of terms) {
    const names = symbols(text);
    const paths = [...new Set(sources.map((source) => source.path))];
    if (names.length === paths.length) names.forEach((name, k) => known.set(name, paths[k]!));
  }
  return known;
}
