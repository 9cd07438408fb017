// A text is one link, as large as a finger needs; who points at a symbol of it goes to that one.

import type { Path } from "../../model/wire/protocol";
import type { Store } from "../../store/contract";

/** Go to the symbol that was clicked, which has its place in `data-place`; any other click is the link's. */
export function followSymbol(event: MouseEvent, store: Store, path: Path): void {
  const place = (event.target as HTMLElement).dataset["place"];
  if (place === undefined || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  store.go({ path, index: [Number(place)] });
}
