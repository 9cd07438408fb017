// @vitest-environment node
import { describe, expect, it } from "vitest";

import { fromBase64 } from "../../src/formula/base64";
import { partsOf } from "../../src/model/data/parts";

const file = (name: string, size: number) => ({ name, file: new Blob([new Uint8Array(size).fill(size)]) });

async function sent(files: ReturnType<typeof file>[], size: number) {
  const found = [];
  for await (const { parts, bytes } of partsOf(files, size)) {
    expect(parts.reduce((sum, part) => sum + fromBase64(part.data).length, 0)).toBe(bytes);
    found.push(parts.map((part) => [part.name, fromBase64(part.data).length, part.continues]));
  }
  return found;
}

describe("files in parts", () => {
  it("are cut where they are large, and put together where they are small", async () => {
    expect(await sent([file("a", 25), file("b", 3), file("c", 4), file("d", 8)], 10)).toEqual([
      [["a", 10, false]], [["a", 10, true]], [["a", 5, true], ["b", 3, false]], [["c", 4, false]], [["d", 8, false]],
    ]);
  });
  it("are sent where they are empty, too, and not where there are none", async () => {
    expect(await sent([file("empty", 0)], 10)).toEqual([[["empty", 0, false]]]);
    expect(await sent([], 10)).toEqual([]);
  });
});
