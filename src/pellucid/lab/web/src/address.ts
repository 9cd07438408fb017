// The address bar as the store sees it.

import { fixedAddress } from "./store/routing.svelte";
import type { Address, Memory } from "./store/contract";

const OURS = "pellucid";

/**
 * The fragment of the page's own address. Entries that this page made carry a mark: going back to one leads to its
 * place, and leaves the training where it is; a link that a person typed or clicked may also ask for a step.
 */
export function barAddress(): Address {
  if (typeof history === "undefined") return fixedAddress();
  return {
    // An entry of our own, read anew after a reload, brings back the place and not the moment.
    read: () => (history.state === OURS ? location.hash.replace(/([?&])step=\d+&?/, "$1") : location.hash),
    write(hash, push) {
      if (hash === (location.hash || "#/") && history.state === OURS) return;
      if (push) history.pushState(OURS, "", hash);
      else history.replaceState(OURS, "", hash);
    },
    on(listener) {
      const onPop = (event: PopStateEvent) => listener(location.hash, event.state === OURS);
      // Browsers report a changed fragment by "popstate" too, with no state of ours when a person changed it.
      addEventListener("popstate", onPop);
      return () => removeEventListener("popstate", onPop);
    },
    whole: (hash) => new URL(hash, withoutToken(location.href)).href,
  };
}

/** The token is for this person's session alone: a link that is passed on must not carry it. */
function withoutToken(href: string): string {
  const url = new URL(href);
  url.searchParams.delete("token");
  return url.href;
}

export const browserMemory: Memory = {
  get(key) {
    try {
      return localStorage.getItem(`pellucid.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`pellucid.${key}`, value);
    } catch {
      // A page from a file, or a browser that may keep nothing.
    }
  },
};

export function browserOptions() {
  // A page that was made in one language says so; else what the person chose last, or what the browser prefers.
  const made = document.documentElement.lang;
  const dark = typeof matchMedia !== "undefined" && matchMedia("(prefers-color-scheme: dark)").matches;
  const chinese = typeof navigator !== "undefined" && /^zh\b/i.test(navigator.language);
  const memory: Memory = made === "en" || made === "zh"
    ? { ...browserMemory, get: (key) => (key === "language" ? made : browserMemory.get(key)) }
    : browserMemory;
  return { memory, theme: dark ? "dark" : "light", language: chinese ? "zh" : "en" } as const;
}
