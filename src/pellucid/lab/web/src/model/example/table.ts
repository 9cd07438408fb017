// An example of a table in the table's own words: a field for each column, with its range or its categories.

import type { Column } from "../wire/protocol";

export type Field =
  | { kind: "number"; name: string; place: number; low: number; high: number; mean: number }
  | { kind: "choice"; name: string; places: number[]; options: string[] };

/** The fields of a form: neighbouring categories of one column are one choice. */
export function fields(columns: readonly Column[]): Field[] {
  const made: Field[] = [];
  columns.forEach(({ name, category, low, high, mean }, place) => {
    const last = made.at(-1);
    if (category === null) made.push({ kind: "number", name, place, low, high, mean });
    else if (last?.kind === "choice" && last.name === name) {
      last.places.push(place);
      last.options.push(category);
    } else made.push({ kind: "choice", name, places: [place], options: [category] });
  });
  return made;
}

/** What stands in the fields for the numbers of an example: a number as it is, the name of a choice, "" for none. */
export function entries(made: readonly Field[], data: ArrayLike<number>): string[] {
  return made.map((field) => {
    if (field.kind === "number") return String(Number((data[field.place] ?? field.mean).toPrecision(6)));
    return field.options[field.places.findIndex((place) => data[place] === 1)] ?? "";
  });
}

/** The numbers that the network reads, or the first field whose text is none. */
export function numbersOf(made: readonly Field[], texts: readonly string[]): number[] | Field {
  const numbers: number[] = [];
  for (const [k, field] of made.entries()) {
    const text = (texts[k] ?? "").trim();
    if (field.kind === "choice") field.places.forEach((place, n) => (numbers[place] = Number(field.options[n] === text)));
    else {
      const value = Number(text.replaceAll("−", "-"));
      if (text === "" || !Number.isFinite(value)) return field;
      numbers[field.place] = value;
    }
  }
  return numbers;
}

/** A row in words: "sex: male", "age: 22". What a column is called where an element of it is meant. */
export function columnName({ name, category }: Column): string {
  return category === null ? name : `${name}: ${category}`;
}
