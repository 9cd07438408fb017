// How much of the lab is on show: "?embed=1&panes=focus,arithmetic" for a frame in another page.

export const PANES = ["network", "focus", "arithmetic", "time"] as const;
export type Pane = (typeof PANES)[number];

export interface Framing {
  /** In a frame the tools of the header give way to a link to the whole page. */
  embed: boolean;
  panes: readonly Pane[];
}

/** What an address asks for; panes that there are not are left out, and without any there are all. */
export function framing(search: string): Framing {
  const asked = new URLSearchParams(search);
  const embed = asked.has("embed") && asked.get("embed") !== "0";
  const named = (asked.get("panes") ?? "").split(",");
  const panes = PANES.filter((pane) => embed && named.includes(pane));
  return { embed, panes: panes.length > 0 ? panes : PANES };
}

/** The same place, not in a frame. */
export function unframed(href: string): string {
  const address = new URL(href);
  address.searchParams.delete("embed");
  address.searchParams.delete("panes");
  return address.href;
}
