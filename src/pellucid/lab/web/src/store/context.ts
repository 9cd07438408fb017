// The store of the page that a component stands in.

import { getContext, setContext } from "svelte";

import type { Store } from "./contract";

const KEY = Symbol("store");

export function labStore(): Store {
  return getContext<Store>(KEY);
}

export function provideStore(store: Store): void {
  setContext(KEY, store);
}
