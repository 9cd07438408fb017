// What the lab asks and is told: one interface, whoever answers it. The page asks a server over a WebSocket, the widget
// asks its kernel, a saved file asks the formulas that it carries.

/**
 * A value's path, as in Python: "dense_1", "dense_1.sum", "dense_1.kernel", "d(dense_1.kernel)", "loss". One that ends in
 * "′" is of the step that led to the moment, with its whole batch: "dense_1.kernel′" is what it made of a weight,
 * "d(dense_1.kernel)′" the gradient that it took; their indices have the example's place.
 */
export type Path = string;
/** An example by name: "train:3", "test:17", or "own:1" for one that the person gave. */
export type InputName = string;
export type Language = "en" | "zh";
export type Words = Record<Language, string>;

/** Numbers in row-major order. */
export interface Numbers {
  shape: number[];
  data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

/** A value, or its first block where the whole is larger than what was asked for; the example's axis is left out. */
export interface Picture extends Numbers {
  /** The shape of the whole value. */
  full: number[];
  /** Over the whole value; `zeros` is the fraction of its elements that are 0. */
  stats: { min: number; max: number; mean: number; std: number; zeros: number };
}

export interface Value {
  path: Path;
  /** The letters of its axes, without the example's. */
  axes: string[];
  shape: number[];
  /** Whether the loss has a gradient by it: then "d(path)" can be asked for. */
  gradient: boolean;
}

export interface Layer {
  path: Path;
  /** The layer's class: "Dense", "Conv2D", "LSTM", … or "Input". */
  kind: string;
  parents: Path[];
  shape: number[];
  /** How its output is drawn: a column of units, a stack of maps (h, w, c), or a strip over time (t, units). */
  draw: "units" | "maps" | "steps";
  activation: string | null;
  /** Everything computed inside it, its output ("dense_1") last. */
  values: Value[];
  parameters: Value[];
  /** kernel_size, strides, padding, dilation, units, … where it has them. */
  options: Record<string, number | string | boolean | number[]>;
  formula: string;
}

export type Sample = "image" | "points" | "text" | "series" | "vector";

export interface Training {
  optimizer: string;
  loss: string;
  metrics: string[];
  batch_size: number;
  steps_per_epoch: number;
}

/** What a mount can do; a saved file cannot train, a user's own network has no gallery. */
export interface Can {
  gallery: boolean;
  train: boolean;
  /** Whether another line of steps may begin at any step. */
  branch: boolean;
  own: boolean;
  convolve: boolean;
  save: boolean;
}

export type View = "boundary" | "confusion" | "latent" | "convolve" | "text" | "forecast" | "compare";

export interface Description {
  title: Words;
  about: Words;
  /** The gallery's name of it, or null. */
  task: string | null;
  can: Can;
  layers: Layer[];
  /** What is computed between the output and the loss, the loss last. */
  loss?: Value[];
  /** How many numbers are learned. */
  parameters: number;
  sets: { name: "train" | "test"; count: number }[];
  sample: Sample;
  classes: string[] | null;
  /** For text: the symbol of each token. */
  vocabulary: string[] | null;
  views: View[];
  /** The task to compare this one with: the same but for one thing. */
  beside?: string | null;
  training: Training | null;
  state: State;
}

export interface Task {
  name: string;
  title: Words;
  about: Words;
  kind: string;
}

export interface Branch {
  id: number;
  parent: number | null;
  /** The step at which it left its parent. */
  at: number;
  /** The last step that was taken in it. */
  last: number;
  change: Words | null;
}

/** What an answer is about: what depends on the parameters says of which step they were. */
export interface Moment {
  branch: number;
  step: number;
}

export interface State {
  /** Another number after each new beginning, of the run or of Pellucid itself. */
  run?: number;
  branch: number;
  branches: Branch[];
  step: number;
  /** The first step that can be returned to, where it is not 0: a saved file begins at the step it was saved at. */
  first?: number;
  epoch: number;
  playing: boolean;
  learning_rate: number;
  /** The most steps a second; 0 is as fast as the machine can. */
  speed: number;
  /** How many steps a second were taken lately. */
  pace: number;
  /** Of the last step, or null before the first. */
  loss: number | null;
  /** Of the last epoch that had ended: accuracy, val_loss, … */
  metrics: Record<string, number>;
  /** The step at which that epoch ended. */
  measured?: number | null;
  /** Why training stands still, where it did not do so by a person's wish (a loss that is not finite). */
  stopped: Words | null;
}

/** What a branch changes, at the step at which it leaves. */
export type Change =
  | { learning_rate: number }
  | { parameter: Path; index: number[]; value: number };

export type Action =
  | { do: "play" }
  | { do: "pause" }
  | { do: "step"; count: number }
  | { do: "epoch" }
  | { do: "seek"; step: number }
  | { do: "branch"; change: Change }
  | { do: "switch"; branch: number }
  | { do: "rate"; learning_rate: number }
  | { do: "speed"; speed: number }
  | { do: "reset" };

/** A piece of a branch's history: the loss of every step, and of every epoch that ended in it the metrics. */
export interface History {
  branch: number;
  /** The step of the first loss; step 1 is the first. */
  from: number;
  loss: Float64Array;
  epochs: { epoch: number; step: number; metrics: Record<string, number> }[];
}

export interface Source {
  path: Path;
  /** With the example's axis, as Python gives it. */
  index: number[];
  value: number;
  /** Within the last step: it was given to that step, so there is nothing behind it to go on to. */
  given?: boolean;
}

export interface Term {
  value: number;
  /** With letters, "x[0,3]·w[3,1]", and with numbers, "0.5·−0.2". */
  text: string;
  numbers: string;
  sources: Source[];
}

/** What `Explanation.json()` gives: the terms that weigh most first, the others summed up in `rest`. */
export interface Explanation {
  path: Path;
  index: number[];
  value: number;
  formula: string;
  substituted: string;
  latex: string;
  sentence: Words;
  terms: Term[];
  rest: { count: number; sum: number };
  /** How many terms read outside their tensor and count nothing. */
  outside: number;
  /** Of a maximum: what it was chosen from. */
  candidates: Source[];
  /** For each input the box that the value can depend on: first and last index of every axis. */
  field: Record<Path, [number, number][]>;
}

/** The activation at one element: its curve, its derivative, and where on them the element lies. */
export interface Curve {
  function: string;
  formula: string;
  derivative: string;
  x: Float64Array;
  y: Float64Array;
  slope: Float64Array;
  at: { x: number; y: number; slope: number };
  state: "dead" | "saturated" | null;
}

export interface Example {
  name: InputName;
  x: Numbers;
  /** Its target, as the loss takes it; null where there is none. */
  y: number | Numbers | null;
  /** The target in words: a class's name, the next symbols. */
  label: string | null;
  /** For text: its symbols. */
  symbols: string[] | null;
  /** Of one that a person gave: what is not taken as it was given. */
  note?: Words | null;
}

/** A moment of the network on the example that is watched. */
export interface Live {
  input: InputName;
  branch: number;
  step: number;
  loss: number | null;
  values: Record<Path, Picture>;
}

/** How large the gradients are: a column of the ribbon. */
export interface Flow {
  branch: number;
  step: number;
  layers: { path: Path; activation: number | null; gradient: number | null; dead: number | null; saturated: number | null; ratio: number | null }[];
}

export interface Finding {
  kind: string;
  where: Path;
  en: { what: string; evidence: string; fix: string };
  zh: { what: string; evidence: string; fix: string };
}

export interface Boundary {
  /** (rows, columns, classes or 1): what the network gives on a grid, rows from the greatest y down. */
  grid: Numbers;
  x: [number, number];
  y: [number, number];
  points: Numbers;
  labels: Int32Array;
  /** Without classes: the first number of each point's target. */
  targets?: Float32Array | null;
}

export interface Confusion {
  set: "train" | "test";
  classes: string[];
  /** (true class, predicted class). */
  counts: Numbers;
  /** Examples of each cell that is not empty, "row,column": a few names. */
  examples: Record<string, InputName[]>;
}

export interface Latent {
  path: Path;
  /** (examples, 2), in the plane of the two directions in which the code varies most. */
  points: Numbers;
  /** The code is centre + a·directions[0] + b·directions[1]. */
  centre: Float32Array;
  directions: Numbers;
  labels: Int32Array | null;
  names: InputName[];
}

export interface Convolution {
  image: Numbers;
  output: Numbers;
  /** The arithmetic of the place that was asked for: image "x" through kernel "k". */
  window?: Pick<Explanation, "value" | "terms" | "outside">;
}

/** Forecasts of a series, example by example, in its own units. */
export interface Forecast {
  /** The day that each is about, or its number. */
  days: string[];
  names: InputName[];
  truth: Float64Array;
  network: Float64Array;
  /** The forecast that costs nothing: tomorrow is like today; null where the series has no such units. */
  today: Float64Array | null;
  /** The mean sizes of the errors. */
  errors: { network: number; today: number | null };
}

export interface Methods {
  tasks: { params: Record<string, never>; result: Task[] };
  /** Another task of the gallery. Every tab is told by the event "described". */
  open: { params: { task: string }; result: Description };
  describe: { params: Record<string, never>; result: Description };
  /** What to see live from now on: at most `limit` numbers of each path. The result is the present moment. */
  watch: { params: { input: InputName; paths: { path: Path; limit: number }[] }; result: Live };
  examples: { params: { set: "train" | "test"; from: number; count: number }; result: Example[] };
  example: { params: { name: InputName }; result: Example };
  /** An example of the person's own: numbers in the shape of the input, or a text. */
  own: { params: { x: number[]; y?: number } | { text: string; y?: number }; result: Example };
  explain: { params: { input: InputName; path: Path; index: number[]; limit?: number }; result: Explanation & Moment };
  curve: { params: { input: InputName; path: Path; index: number[] }; result: (Curve & Moment) | null };
  control: { params: Action; result: State };
  history: { params: { branch: number; from: number }; result: History };
  flow: { params: { branch: number }; result: Flow[] };
  diagnose: { params: Record<string, never>; result: { findings: Finding[] } & Moment };
  /** Python that repeats what was done here, to the bit. */
  code: { params: Record<string, never>; result: string };
  boundary: { params: { size: number }; result: Boundary & Moment };
  confusion: { params: { set: "train" | "test" }; result: Confusion & Moment };
  latent: { params: Record<string, never>; result: Latent & Moment };
  /** What the part of the network behind `path` makes of a code. */
  decode: { params: { path: Path; code: number[] }; result: Numbers & Moment };
  /** A kernel over an image, at any stride, padding and dilation. `image` is (h, w) numbers of 0 to 1, or null for a sample. */
  convolve: {
    params: { image: { shape: number[]; data: number[] } | null; kernel: number[][]; stride: number; padding: number; dilation: number; at?: [row: number, column: number] };
    result: Convolution;
  };
  /** For text: the probabilities of the next symbol, and a text grown by `count` symbols. For a series: the next values. */
  generate: { params: { text: string; count: number; temperature: number; seed: number }; result: { text: string } & Moment };
  forecast: { params: Record<string, never>; result: Forecast & Moment };
  /** How far back the gradient reaches: for each recurrent layer the norm of ∂loss/∂state, by the number of steps back. */
  reach: { params: Record<string, never>; result: { layers: { path: Path; norms: number[] }[] } & Moment };
  /** All parameters in one string, for a link; refused for large networks. */
  weights: { params: Record<string, never>; result: string };
  /** The parameters of such a string, as a branch. */
  adopt: { params: { weights: string }; result: State };
  /** The whole lab as one HTML file. */
  save: { params: Record<string, never>; result: string };
}

export interface Events {
  described: Description;
  state: State;
  history: History;
  live: Live;
  flow: Flow;
  /** The connection came, or went. */
  connected: boolean;
}

/** Whoever answers. A refusal rejects with an Error whose message is for the person. */
export interface Lab {
  request<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]>;
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void;
  close(): void;
  /** What to say once the connection is gone, where it will not come back by itself. */
  readonly lost?: Words;
}
