import { describe, expect, it } from "vitest";

import type { DataChoices, OwnData } from "../../src/model/wire/protocol";
import { OwnFiles } from "../../src/store/own-data.svelte";
import { FakeLab } from "../fake-lab";

const answer = (choices: DataChoices): OwnData => ({
  name: "flats.csv", kind: "table", kinds: ["table"], choices, learn: 8, test: 2, columns: [], targets: null, rows: [],
  classes: null, images: [], excerpt: null, notes: [], layers: [], parameters: 0, fault: null,
});
const given = [{ name: "flats.csv", file: new Blob(["a,b\n1,2\n"]) }];

function files() {
  const lab = new FakeLab({
    upload: ({ files: parts }) => ({ files: parts?.length ?? 0, bytes: 8 }),
    data: ({ choices }) => answer(choices),
  });
  return { lab, own: new OwnFiles(lab, (error) => (error as Error).message) };
}

describe("a person's own files", () => {
  it("are sent, understood, and asked about again when the person chooses otherwise", async () => {
    const { lab, own } = files();
    await own.give(given);
    expect(lab.asked.map(({ method }) => method)).toEqual(["upload", "data"]);
    expect(lab.asked[0]!.params).toEqual({ files: [{ name: "flats.csv", data: "YSxiCjEsMgo=", continues: false }], more: false });
    expect([own.answer?.name, own.busy, own.sent, own.refused]).toEqual(["flats.csv", false, null, null]);
    await own.choose({ target: "a" });
    expect(own.answer?.choices).toEqual({ target: "a" });
    await own.give(given);
    expect(own.choices).toEqual({});
  });

  it("say why they cannot be read, until others come", async () => {
    const { lab, own } = files();
    const understood = lab.answers.data!;
    lab.answers.data = () => Promise.reject(new Error("line 3 has 1 cells"));
    await own.give(given);
    expect([own.refused, own.answer, own.busy]).toEqual(["line 3 has 1 cells", null, false]);
    lab.answers.data = understood;
    await own.give(given);
    expect([own.refused, own.answer?.name]).toEqual([null, "flats.csv"]);
  });

  it("show the answer to the last choice, whichever comes last", async () => {
    const { lab, own } = files();
    await own.give(given);
    const waiting: (() => void)[] = [];
    lab.answers.data = ({ choices }) => new Promise((resolve) => waiting.push(() => resolve(answer(choices))));
    const both = [own.choose({ target: "a" }), own.choose({ target: "b" })];
    expect(own.busy).toBe(true);
    await Promise.resolve();
    waiting[1]?.();
    waiting[0]?.();
    await Promise.all(both);
    expect([own.answer?.choices, own.busy]).toEqual([{ target: "b" }, false]);
  });
});
