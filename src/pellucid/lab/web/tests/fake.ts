// A small network and a Lab with it, for tests of components.

import { show } from "../src/model/numbers/numbers";
import type { Description, Explanation, Layer, Live, Picture, Value } from "../src/model/wire/protocol";

const factor = (x: number): string => (x < 0 ? `(${show(x)})` : show(x));

export function value(path: string, shape: number[], axes: string[], gradient = true): Value {
  return { path, shape, axes, gradient };
}

const input: Layer = {
  path: "input_1",
  kind: "Input",
  parents: [],
  shape: [4, 4, 1],
  draw: "maps",
  activation: null,
  values: [value("input_1", [4, 4, 1], ["h", "w", "c"])],
  parameters: [],
  options: {},
  formula: "",
};
const flatten: Layer = {
  path: "flatten_1",
  kind: "Flatten",
  parents: ["input_1"],
  shape: [16],
  draw: "units",
  activation: null,
  values: [value("flatten_1", [16], ["q"])],
  parameters: [],
  options: {},
  formula: "y[n,q] = Σ_ij [q = w·i + j]·x[n,i,j]",
};
const dense: Layer = {
  path: "dense_1",
  kind: "Dense",
  parents: ["flatten_1"],
  shape: [3],
  draw: "units",
  activation: "relu",
  values: [value("dense_1.sum", [3], ["o"]), value("dense_1", [3], ["o"])],
  parameters: [value("dense_1.kernel", [16, 3], ["i", "o"]), value("dense_1.bias", [3], ["o"])],
  options: { units: 3, activation: "relu" },
  formula: "y[n,o] = b[o] + Σ_i x[n,i]·w[i,o]",
};

export const layers = [input, flatten, dense];

export const description: Description = {
  title: { en: "A test", zh: "测试" },
  about: { en: "about", zh: "关于" },
  task: null,
  can: { gallery: false, train: true, branch: true, own: true, convolve: false, save: false },
  layers,
  parameters: 51,
  sets: [{ name: "test", count: 2 }],
  sample: "image",
  classes: ["a", "b", "c"],
  vocabulary: null,
  views: [],
  training: null,
  state: {
    branch: 0,
    branches: [{ id: 0, parent: null, at: 0, last: 7, change: null }],
    step: 7,
    epoch: 0,
    playing: false,
    learning_rate: 0.1,
    speed: 0,
    pace: 0,
    loss: 1,
    metrics: {},
    stopped: null,
  },
};

export function picture(shape: number[], of: (place: number) => number): Picture {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => of(i));
  return { shape, data, full: shape, stats: { min: -1, max: 1, mean: 0.25, std: 0.5, zeros: 0 } };
}

export const weight = (i: number, o: number): number => Math.sin(i * 3 + o);
export const pixel = (i: number): number => i / 16;

export const live: Live = {
  input: "test:0",
  branch: 0,
  step: 7,
  loss: 1,
  values: {
    input_1: picture([4, 4, 1], pixel),
    flatten_1: picture([16], pixel),
    dense_1: picture([3], (o) => (o === 1 ? 0 : 0.5)),
    "dense_1.sum": picture([3], (o) => o - 1),
    "dense_1.kernel": picture([16, 3], (k) => weight(Math.floor(k / 3), k % 3)),
    "dense_1.bias": picture([3], () => 0.1),
  },
};

/** The sum of dense_1's unit o, as Python would explain it. */
export function explanation(o: number, limit = 100): Explanation {
  const all = Array.from({ length: 16 }, (_, i) => ({
    value: pixel(i) * weight(i, o),
    text: `x[0,${i}]·w[${i},${o}]`,
    numbers: `${show(pixel(i))}·${factor(weight(i, o))}`,
    sources: [
      { path: "flatten_1", index: [0, i], value: pixel(i) },
      { path: "dense_1.kernel", index: [i, o], value: weight(i, o) },
    ],
  })).sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const rest = all.slice(limit);
  return {
    path: "dense_1.sum",
    index: [0, o],
    value: all.reduce((sum, t) => sum + t.value, 0),
    formula: dense.formula,
    substituted: "0.1 + …",
    latex: "",
    sentence: { en: "A sum of 16 terms.", zh: "16 项之和。" },
    terms: all.slice(0, limit),
    rest: { count: rest.length, sum: rest.reduce((sum, t) => sum + t.value, 0) },
    outside: 0,
    candidates: [],
    field: {
      input_1: [
        [0, 0],
        [0, 3],
        [0, 3],
        [0, 0],
      ],
    },
  };
}
