// A store over a fake lab with a small dense network, and components standing on it.

import { cleanup, render } from "@testing-library/svelte";
import type { Component } from "svelte";
import { vi } from "vitest";

import type { Example, Explanation, Methods } from "../src/model/wire/protocol";
import { LabStore } from "../src/store/lab-store.svelte";
import { description, explanation, live, picture } from "./fake";
import { FakeLab, settled } from "./fake-lab";
import Stand from "./Stand.svelte";

export const example: Example = {
  name: "test:0",
  x: picture([4, 4, 1], (i) => i / 16),
  y: 1,
  label: "b",
  symbols: null,
};

/** jsdom has no canvas; what would be drawn is of no interest here, only that it does not fail. */
export function withoutCanvas(): void {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    },
  );
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
}

export function explain({ path, index, limit }: Methods["explain"]["params"]): Explanation {
  if (path === "dense_1.sum") return explanation(index[0] ?? 0, limit);
  if (path === "dense_1") {
    const z = explanation(index[0] ?? 0).value;
    return {
      ...explanation(0, 0),
      path,
      index: [0, ...index],
      value: Math.max(0, z),
      formula: "a[n,o] = relu(z[n,o])",
      terms: [
        {
          value: Math.max(0, z),
          text: `relu(z[0,${index[0]}])`,
          numbers: "relu(z)",
          sources: [{ path: "dense_1.sum", index: [0, ...index], value: z }],
        },
      ],
      rest: { count: 0, sum: 0 },
    };
  }
  return {
    ...explanation(index[0] ?? 0, limit),
    path,
    index,
    value: path.startsWith("d(") ? 0.125 : 1.5,
    formula: `${path} = …`,
  };
}

export async function stand(answers: ConstructorParameters<typeof FakeLab>[0] = {}) {
  const lab = new FakeLab({
    describe: () => description,
    watch: ({ input }) => ({ ...live, input }),
    example: ({ name }) => ({ ...example, name }),
    explain,
    curve: () => null,
    ...answers,
  });
  lab.state = description.state;
  const store = new LabStore(lab);
  lab.emit("connected", true);
  await settled(60);
  return { lab, store };
}

export function show(store: LabStore, component: Component<any>, props: Record<string, unknown> = {}) {
  return render(Stand, { props: { store, component, props } });
}

export { cleanup, settled };
