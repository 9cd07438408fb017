// What places and elements are called, in the person's language.

import { bare, element, located } from "../../model/place/elements";
import { columnName } from "../../model/example/table";
import { shown } from "../../model/example/symbols";
import type { Layer, Path } from "../../model/wire/protocol";
import type { Store } from "../../store/contract";

/** The column of a table that an element is of; null for any other. */
export function columnAt(store: Store, path: Path, index: readonly number[]): string | null {
  const table = store.description?.table;
  const column = table?.paths.includes(bare(path)) ? table.columns[index.at(-1) ?? -1] : undefined;
  return column === undefined ? null : columnName(column);
}

/** The symbol of a text that an element is, or whose vector an embedding has there; null for any other. */
function wordAt(store: Store, path: Path, index: readonly number[], layers: readonly Layer[]): string | null {
  const { description, example } = store;
  if (description?.sample !== "text" || description.vocabulary === null) return null;
  const known = located(path, layers);
  const [place = -1, unit] = index;
  if (known?.layer.kind === "Input" && unit === undefined) {
    const symbol = example?.name === store.place.input ? example?.symbols?.[place] : undefined;
    return symbol === undefined ? null : store.say("focus.word", { symbol: shown(symbol), place });
  }
  if (known?.layer.kind !== "Embedding" || !known.parameter || unit === undefined) return null;
  const symbol = description.vocabulary[place];
  return symbol === undefined ? null : store.say("focus.word.unit", { symbol: shown(symbol), unit });
}

/** "unit 3", "filter 3 at 4,5", "time 5, unit 3", "[2,2,0,4]". */
export function elementName(store: Store, path: Path, index: readonly number[], layers: readonly Layer[]): string {
  const column = columnAt(store, path, index);
  if (column !== null) return column;
  const word = wordAt(store, path, index, layers);
  if (word !== null) return word;
  const known = located(path, layers);
  // Only a value of the layer's own output is called a unit; a weight has an index.
  const draw = known && !known.parameter && bare(path) === known.layer.path ? known.layer.draw : null;
  const named = known ? element(known.value, draw, index) : ({ kind: "index", index: index.join(",") } as const);
  switch (named.kind) {
    case "unit":
      return store.say("focus.unit", { unit: named.unit });
    case "filter":
      return store.say("focus.filter", { filter: named.filter, row: named.row, column: named.column });
    case "time":
      return store.say("focus.time", { time: named.time, unit: named.unit });
    case "whole":
      return "";
    case "index":
      return index.length ? store.say("focus.index", { index: named.index }) : "";
  }
}
