// What places and elements are called, in the person's language.

import { bare, element, located } from "../../model/place/elements";
import type { Layer, Path } from "../../model/wire/protocol";
import type { Store } from "../../store/contract";

/** "unit 3", "filter 3 at 4,5", "time 5, unit 3", "[2,2,0,4]". */
export function elementName(store: Store, path: Path, index: readonly number[], layers: readonly Layer[]): string {
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
