import { describe, expect, it } from "vitest";

import { mathematics, meanings, type Mathematics, type Sign } from "../../src/model/arithmetic/mathematics";

/** The tree as text, with every part in brackets that say what it is. */
function shape(of: Mathematics | Sign): string {
  if (typeof of === "string") return of;
  switch (of.kind) {
    case "row": return of.parts.map(shape).join(" ");
    case "fraction": return `{${shape(of.over)} over ${shape(of.under)}}`;
    case "power": return `{${shape(of.base)} to ${shape(of.exponent)}}`;
    case "indexed": return `${of.name}_{${shape(of.index)}}`;
    case "reduction": return `{${of.sign} by ${shape(of.below)}: ${shape(of.of)}}`;
    case "root": case "size": return `{${of.kind} ${shape(of.of)}}`;
    case "call": return `${of.name}(${shape(of.of)})`;
    case "bracket": return `${of.open}${shape(of.of)}${of.open === "(" ? ")" : "]"}`;
    default: return of.text;
  }
}
const read = (text: string) => shape(mathematics(text)!);

describe("a formula", () => {
  it.each([
    ["z[n,o] = b[o] + Σ_i x[n,i]·w[i,o]", "z_{n , o} = b_{o} + {Σ by i: x_{n , i} · w_{i , o}}"],
    ["a[n,k] = e[n,k]/(Σ_o e[n,o])", "a_{n , k} = {e_{n , k} over {Σ by o: e_{n , o}}}"],
    ["m′ = m·β + g²·(1 − β)", "m′ = m · β + {g to 2} · (1 − β)"],
    ["w′ = w − lr·m/(sqrt(v) + 1e−07)", "w′ = w − {lr · m over {root v} + 1e−07}"],
    ["l[n] = −2/y[n]·z[n]", "l_{n} = − {2 over y_{n}} · z_{n}"],
    ["z[n,i,j,f] = Σ_uvc x[n, i + u − p, j + v − p, c | 0]·k[u,v,c,f]",
      "z_{n , i , j , f} = {Σ by u , v , c: x_{n , i + u − p , j + v − p , c | 0} · k_{u , v , c , f}}"],
    ["y[n,i,j,c] = max[u<K,v<K] x[n, i·s + u, j·s + v, c]",
      "y_{n , i , j , c} = {max by u < K , v < K: x_{n , i · s + u , j · s + v , c}}"],
    ["a′ = [0 < a]", "a′ = [0 < a]"],
    ["y = where(x ≤ 0 and y < 1, max(x, 0), e^(−x²))", "y = where(x ≤ 0 and y < 1 , max(x , 0) , {e to − {x to 2}})"],
    ["y[n,t,d] = E[ids[n,t],d]", "y_{n , t , d} = E_{ids_{n , t} , d}"],
    ["abs(x)^0.5", "{{size x} to 0.5}"],
  ])("%s", (text, tree) => expect(read(text)).toBe(tree));

  it.each(["", "a +", "a[n", "Σ", "a ? b", "f(", "a b", "a)"])("%j is none", (text) => {
    expect(mathematics(text)).toBeNull();
  });

  it("has letters that stand for what its terms read", () => {
    const terms = [
      { text: "x[0,3]·w[3,1]", sources: [{ path: "input_1" }, { path: "dense_1.kernel" }] },
      { text: "b[1]", sources: [{ path: "dense_1.bias" }] },
      { text: "e[0,1]/(Σ_o e[0,o])", sources: [{ path: "dense_1.e" }, { path: "dense_1.e" }] },
      { text: "max[u<2] q[u]·r[u]", sources: [{ path: "one" }] },
    ];
    expect([...meanings(terms)]).toEqual([
      ["x", "input_1"], ["w", "dense_1.kernel"], ["b", "dense_1.bias"], ["e", "dense_1.e"],
    ]);
  });
});
