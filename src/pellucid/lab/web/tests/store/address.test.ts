import { beforeEach, describe, expect, it } from "vitest";

import { barAddress, browserOptions } from "../../src/address";
import { settled } from "../fake-lab";

beforeEach(() => {
  history.replaceState(null, "", "/");
  document.documentElement.lang = "";
  localStorage.clear();
});

describe("the address bar", () => {
  it("is written with an entry or without, and read", () => {
    const bar = barAddress();
    const before = history.length;
    bar.write("#/dense_1", false);
    expect(history.length).toBe(before);
    bar.write("#/dense_1/unit/2", true);
    expect(history.length).toBe(before + 1);
    expect(bar.read()).toBe("#/dense_1/unit/2");
  });
  it("distinguishes its own entries from links that a person follows", async () => {
    const bar = barAddress();
    const heard: [string, boolean][] = [];
    const end = bar.on((hash, ours) => heard.push([hash, ours]));
    bar.write("#/dense_1", true);
    bar.write("#/dense_2", true);
    history.back();
    await settled(50);
    location.hash = "#/lstm_1?step=4";
    await settled(50);
    end();
    location.hash = "#/dense_9";
    await settled(50);
    expect(heard).toEqual([["#/dense_1", true], ["#/lstm_1?step=4", false]]);
  });
  it("brings back the place after a reload, not the moment; a link from elsewhere brings both", () => {
    const bar = barAddress();
    history.replaceState(null, "", "#/dense_1?input=test:1&step=9&branch=1");
    expect(bar.read()).toBe("#/dense_1?input=test:1&step=9&branch=1");
    bar.write("#/dense_1?input=test:1&step=9&branch=1", false);
    expect(bar.read()).toBe("#/dense_1?input=test:1&branch=1");
  });
  it("passes on no token", () => {
    history.replaceState(null, "", "/?token=secret#/dense_1");
    expect(barAddress().whole("#/dense_2")).toBe(`${location.origin}/#/dense_2`);
  });
});

describe("what a browser prefers", () => {
  it("gives way to the language that the page was made in", () => {
    localStorage.setItem("pellucid.language", "en");
    document.documentElement.lang = "zh";
    expect(browserOptions().memory.get("language")).toBe("zh");
    document.documentElement.lang = "";
    expect(browserOptions().memory.get("language")).toBe("en");
  });
});
