// Where one is: the five depths, and the link that says so.

import type { InputName, Methods, Path } from "../wire/protocol";

/**
 * The place in focus. The depths: network (no path), layer (a path), unit (an index too), connection (one of its terms),
 * product (that term taken apart).
 */
export interface Place {
  path: Path | null;
  /** Without the example's axis; null at the depth of the layer. A scalar, such as the loss, has []. */
  index: number[] | null;
  /** The number of the term, by weight; null above the depth of a connection. */
  term: number | null;
  product: boolean;
  /** A view in place of the network: "boundary", "confusion", … */
  view: string | null;
  input: InputName | null;
  /** The step that the link was made at, to go back to. */
  step: number | null;
  /** What it is compared with: an example, "test:3", or a moment, "step:40", "branch:1", "branch:1:40". */
  beside: string | null;
}

/** How deep a place lies: 0 is the network, 4 one product; a view in the network's place is no deeper. */
export function depthOf({ path, index, term, product }: Place): number {
  return [path !== null, index !== null, term !== null, product].filter(Boolean).length;
}

export type Other = Methods["compare"]["params"]["other"];

/** What a place is compared with, as the protocol asks for it. */
export function otherOf(beside: string): Other {
  const [kind, first, second] = beside.split(":");
  if (kind === "step") return { step: Number(first) };
  if (kind === "branch") return { branch: Number(first), ...(second === undefined ? {} : { step: Number(second) }) };
  return { input: beside };
}
