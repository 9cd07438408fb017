// Whether a view is in sight: scrolled away, or in a panel that is not shown, it asks for nothing.

export interface Sight {
  readonly seen: boolean;
  /** An attachment of the element that is looked for. */
  watch(node: Element): (() => void) | undefined;
}

export function sight(): Sight {
  // Where there is no way to know, it is taken to be seen.
  let seen = $state(typeof IntersectionObserver === "undefined");
  return {
    get seen() {
      return seen;
    },
    watch(node) {
      if (typeof IntersectionObserver === "undefined") return undefined;
      const observer = new IntersectionObserver((entries) => (seen = entries.at(-1)?.isIntersecting ?? true), {
        rootMargin: "120px",
      });
      observer.observe(node);
      return () => observer.disconnect();
    },
  };
}
