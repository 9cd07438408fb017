import { describe, expect, it } from "vitest";

import type { View } from "../../src/model/wire/protocol";
import { Entrance, readSite, visit } from "../../src/local/site";

const words = { en: "a", zh: "甲" };
const task = (name: string) => ({ name, kind: "mlp", title: words, about: words, views: ["boundary"] as View[] });

describe("a folder of labs", () => {
  it("believes no name that is more than a name", () => {
    expect(readSite(undefined)).toBeNull();
    expect(readSite({ tasks: [task("digits"), task("two-moons")] })?.tasks).toHaveLength(2);
    for (const name of ["../digits", "a/b", "javascript:alert(1)//", "", "a.b"]) {
      expect(() => readSite({ tasks: [task(name)] })).toThrow();
    }
    expect(() => readSite({ tasks: [{ ...task("digits"), title: "digits" }] })).toThrow();
    expect(() => readSite({ tasks: "digits" })).toThrow();
  });
  it("has an entrance that knows the tasks alone", async () => {
    const lab = new Entrance({ site: { tasks: [task("digits")] } });
    expect(await lab.request("tasks", {})).toEqual([task("digits")]);
    await expect(lab.request("describe", {})).rejects.toThrow();
    expect(() => new Entrance({})).toThrow();
    lab.close();
  });
  it("leads to no task that it has not", () => {
    expect(() => visit({ tasks: [task("digits")] }, "spirals")).toThrow();
    expect(() => visit(null, "digits")).toThrow();
  });
});
