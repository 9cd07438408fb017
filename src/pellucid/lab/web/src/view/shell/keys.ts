// The keys that act wherever one is. A control that has the focus keeps its keys to itself.

import type { Store } from "../../store/contract";

const CONTROLS = "a, button, input, select, textarea, summary, [contenteditable], [role=button], [role=slider], [role=separator], "
  + "[role=tab], [role=option], [role=gridcell], [role=link]";

export function act(event: KeyboardEvent, store: Store): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : null;
  // A dialog has keys of its own: Esc closes it.
  if (target?.closest("dialog") || store.panel !== null) return;
  const typing = target?.closest("input:not([type=range], [type=checkbox], [type=radio]), textarea, select") ?? null;
  if (event.key === "Escape") {
    if (typing !== null) (typing as HTMLElement).blur();
    else store.out();
    return;
  }
  if (typing !== null) return;
  if (event.key === "?") {
    event.preventDefault();
    store.show("help");
  } else if (event.key === " " && target?.closest(CONTROLS) == null) {
    const state = store.state;
    if (state === null || !store.description?.can.train) return;
    event.preventDefault();
    void store.control({ do: state.playing ? "pause" : "play" });
  } else if ((event.key === "." || event.key === ",") && store.state !== null && store.description?.can.train) {
    event.preventDefault();
    const { step } = store.state;
    if (event.key === ".") void store.control({ do: "step", count: 1 });
    else if (step > 0) void store.control({ do: "seek", step: step - 1 });
  }
}
