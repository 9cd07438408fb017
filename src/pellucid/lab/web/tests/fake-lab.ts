// A lab that answers from memory: what the page is tried against without a server.

import type {
  Description, Events, Lab, Layer, Methods, Moment, Picture, State,
} from "../src/model/wire/protocol";

export function layer(path: string, draw: Layer["draw"], shape: number[], parents: string[] = [], parameters: string[] = []): Layer {
  return {
    path, kind: path.split("_")[0]!, parents, shape, draw, activation: null, options: {}, formula: "y[n,o] = …",
    values: [{ path, axes: shape.map((_, k) => `a${k}`), shape, gradient: true }],
    parameters: parameters.map((name) => ({ path: `${path}.${name}`, axes: ["i", "o"], shape: [2, 3], gradient: true })),
  };
}

export const stillness: State = {
  branch: 0, branches: [{ id: 0, parent: null, at: 0, last: 0, change: null }], step: 0, epoch: 0, playing: false,
  learning_rate: 0.01, speed: 0, pace: 0, loss: null, metrics: {}, stopped: null,
};

export const layers: Layer[] = [
  layer("input", "maps", [4, 4, 1]),
  layer("conv2d_1", "maps", [4, 4, 2], ["input"], ["kernel", "bias"]),
  layer("lstm_1", "steps", [5, 3], ["conv2d_1"], ["kernel"]),
  layer("dense_1", "units", [3], ["lstm_1"], ["kernel", "bias"]),
];

export const description: Description = {
  title: { en: "Spirals", zh: "螺旋" }, about: { en: "Two arms.", zh: "两条旋臂。" }, task: "spirals",
  can: { gallery: true, train: true, branch: true, own: true, convolve: true, save: true },
  layers, parameters: 1234, sets: [{ name: "train", count: 100 }, { name: "test", count: 30 }],
  sample: "image", classes: ["a", "b", "c"], vocabulary: null, views: ["boundary", "confusion"],
  training: { optimizer: "adam", loss: "crossentropy", metrics: ["accuracy"], batch_size: 8, steps_per_epoch: 10 },
  state: stillness,
};

export function picture(values: number[]): Picture {
  return {
    shape: [values.length], full: [values.length], data: Float32Array.from(values),
    stats: { min: 0, max: 1, mean: 0, std: 1, zeros: 0 },
  };
}

/** An answer may leave out the moment that it is about: then it is the lab's own. */
type Plain<R> = R | (R extends Moment ? Omit<R, keyof Moment> : never);
type Answers = {
  [M in keyof Methods]?: (params: Methods[M]["params"]) => Plain<Methods[M]["result"]> | Promise<Plain<Methods[M]["result"]>>;
};
const MOMENTS = new Set([
  "explain", "curve", "diagnose", "boundary", "confusion", "latent", "decode", "generate", "forecast", "reach",
]);

export class FakeLab implements Lab {
  asked: { method: string; params: unknown }[] = [];
  state: State = structuredClone(stillness);
  closed = false;
  answers: Answers;
  #listeners = new Map<string, Set<(value: never) => void>>();

  constructor(answers: Answers = {}) {
    this.answers = {
      describe: () => ({ ...description, state: this.state }),
      tasks: () => ["spirals", "digits"].map((name) => ({
        name, title: { en: `The ${name}`, zh: `${name} 任务` }, about: { en: "About it.", zh: "关于它。" }, kind: "MLP",
      })),
      open: ({ task }) => ({ ...description, task, title: { en: `The ${task}`, zh: task }, state: this.state }),
      watch: ({ input }) => ({
        input, branch: 0, step: this.state.step, loss: null, values: { dense_1: picture([0.1, 0.7, 0.2]) },
      }),
      example: ({ name }) => ({
        name, x: { shape: [4, 4, 1], data: new Float32Array(16) }, y: 1, label: "b", symbols: null,
      }),
      examples: ({ set, from, count }) => Array.from({ length: count }, (_, k) => ({
        name: `${set}:${from + k}`, x: { shape: [4, 4, 1], data: new Float32Array(16) }, y: 1, label: "b", symbols: null,
      })),
      own: () => ({ name: "own:1", x: { shape: [4, 4, 1], data: new Float32Array(16) }, y: null, label: null, symbols: null }),
      control: (action) => {
        if (action.do === "play") this.state = { ...this.state, playing: true };
        if (action.do === "pause") this.state = { ...this.state, playing: false };
        if (action.do === "seek") this.state = { ...this.state, step: action.step };
        if (action.do === "switch") this.state = { ...this.state, branch: action.branch };
        if (action.do === "rate") this.state = { ...this.state, learning_rate: action.learning_rate };
        return this.state;
      },
      history: ({ branch, from }) => ({ branch, from, loss: new Float64Array(), epochs: [] }),
      flow: () => [],
      diagnose: () => ({ findings: [{
        kind: "dead", where: "dense_1.sum",
        en: { what: "Half of it is dead.", evidence: "0 on every example:", fix: "Lower the learning rate." },
        zh: { what: "一半已死亡。", evidence: "所有样本上为 0：", fix: "降低学习率。" },
      }] }),
      code: () => "import pellucid as pl\n",
      weights: () => "QUJD",
      adopt: () => this.state,
      save: () => "<!doctype html>",
      ...answers,
    };
  }

  async request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    this.asked.push({ method, params: structuredClone(params) });
    const answer = this.answers[method] as ((params: unknown) => Promise<Methods[M]["result"]>) | undefined;
    if (answer === undefined) throw new Error(`no answer to ${method}`);
    const { branch, step } = this.state;
    const found = await answer(params);
    return MOMENTS.has(method) && found !== null ? { branch, step, ...(found as object) } as never : found;
  }
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    set.add(listener as never);
    return () => void set.delete(listener as never);
  }
  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (value: Events[E]) => void)(value);
  }
  close(): void {
    this.closed = true;
  }
  of(method: string): unknown[] {
    return this.asked.filter((one) => one.method === method).map((one) => one.params);
  }
}

/** Until everything that was asked has been answered. */
export async function settled(ms = 0): Promise<void> {
  for (let k = 0; k < 12; k++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, ms));
  for (let k = 0; k < 12; k++) await Promise.resolve();
}
