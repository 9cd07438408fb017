import { afterEach, expect, test, vi } from "vitest";
import { pixels } from "../../src/model/numbers/image";
import { borders } from "../../src/model/numbers/contour";
import { resized } from "../../src/model/numbers/kernels";
import { codeAt, nearest, span } from "../../src/model/numbers/latent";
import { plane } from "../../src/model/numbers/plane";
import { outputs } from "../../src/model/example/outputs";
import { pieces, ranked, shown, spaced } from "../../src/model/example/symbols";
import type { Layer } from "../../src/model/wire/protocol";
import { description } from "../fake";
import { around, passes, transposed } from "../../src/model/network/unrolled";
import { mixture } from "../../src/view/kinds/tasks/plane";
import { latest } from "../../src/view/kinds/latest";
import { Repeats } from "../../src/store/repeats";

const numbers = (shape: number[], data: number[]) => ({ shape, data: Float32Array.from(data) });

test("one map of a stack, and one channel of a sequence", () => {
  const stack = numbers([2, 3, 2], Array.from({ length: 12 }, (_, k) => k));
  expect(plane(stack, 1)).toEqual({ rows: 2, columns: 3, data: Float64Array.from([1, 3, 5, 7, 9, 11]) });
  expect(plane(numbers([3, 2], [0, 1, 2, 3, 4, 5]), 0)).toEqual({ rows: 3, columns: 1, data: Float64Array.from([0, 2, 4]) });
});

test("a sequence lies down: time to the right, a row for every unit", () => {
  const map = transposed(numbers([3, 2], [1, 10, 2, 20, 3, 30]));
  expect([map.rows, map.columns, [...map.data]]).toEqual([2, 3, [1, 2, 3, 10, 20, 30]]);
});

test("a place in the latent plane is the centre plus its two directions", () => {
  const latent = {
    path: "code", names: [], labels: null, points: numbers([2, 2], [0, 10, 4, 30]),
    centre: Float32Array.from([1, 2, 3]), directions: numbers([2, 3], [1, 0, 0, 0, 0.5, 1]),
  };
  expect(codeAt(latent, [2, -4])).toEqual([3, 0, -1]);
  const box = span(latent.points);
  expect(box.x[0]).toBeCloseTo(-0.4);
  expect(box.y[1]).toBeCloseTo(32);
  expect(span(numbers([1, 2], [5, 5])).x).toEqual([4, 6]);
  expect(span(numbers([0, 2], [])).x).toEqual([-1, 1]);
});

test("the likeliest symbols, ties by their place", () => {
  expect(ranked([0.1, 0.4, 0.1, 0.4], 3)).toEqual([
    { place: 1, value: 0.4 }, { place: 3, value: 0.4 }, { place: 0, value: 0.1 },
  ]);
  expect([shown(" "), shown("\n"), shown("a"), shown("")]).toEqual(["␣", "⏎", "a", "·"]);
});

test("the padding behind a text is one piece", () => {
  expect(pieces(["a", "", "film", "", ""]).map(({ place, count }) => [place, count])).toEqual([[0, 1], [1, 1], [2, 1], [3, 2]]);
  expect(pieces(["a"])).toHaveLength(1);
  expect([spaced(["a", " "]), spaced(["a", "film"])]).toEqual([false, true]);
});

test("a single probability is that of the second class, and words name no output but those that are predicted", () => {
  const about = { sample: "text" as const, views: [], classes: ["bad", "good"], vocabulary: ["", "film"] };
  const names = (more: object, width: number) =>
    outputs({ ...description, ...about, ...more }, numbers([width], [0.2, 0.8].slice(0, width))).map(({ name }) => name);
  expect(names({}, 1)).toEqual(["good"]);
  expect(names({}, 2)).toEqual(["bad", "good"]);
  expect(names({ classes: null }, 2)).toEqual(["0", "1"]);
  expect(names({ classes: null, views: ["text"] }, 2)).toEqual(["·", "film"]);
});

test("grey, colour and a vector as pixels", () => {
  expect([...(pixels(numbers([1, 2, 1], [0, 1]))?.rgba ?? [])]).toEqual([0, 0, 0, 255, 255, 255, 255, 255]);
  expect([...(pixels(numbers([1, 1, 3], [1, 0, 2]))?.rgba ?? [])]).toEqual([255, 0, 255, 255]);
  expect(pixels(numbers([4], [0, 0, 0, 0]))).toMatchObject({ width: 2, height: 2 });
  expect(pixels(numbers([2, 2, 5], Array(20).fill(0)))).toBeNull();
});

test("a plane's colour lies between those of its classes", () => {
  expect(mixture([1], 255)).not.toEqual(mixture([0], 255));
  expect(mixture([0, 1], 255)).toEqual(mixture([1], 255));
  expect(mixture([0.5, 0.5], 255)).toEqual(mixture([0.5], 255));
  expect(mixture([-3, -1], 0)).toEqual(mixture([0.5, 0.5], 0));
});

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
/** So many milliseconds of a clock that no busy machine delays. */
const passing = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const rest = (took: number) => 6 * took;
afterEach(() => void vi.useRealTimers());

test("of questions that come while one is out only the newest is asked", async () => {
  vi.useFakeTimers();
  const asked: number[] = [];
  const answers: number[] = [];
  const refusals: unknown[] = [];
  const pace = latest(
    async (question: number) => {
      asked.push(question);
      await Promise.resolve();
      if (question === 4) throw new Error("no");
      return 10 * question;
    },
    (answer) => answers.push(answer),
    (error, question) => refusals.push([String(error), question]),
    rest,
  );
  for (const question of [1, 2, 3]) pace.put(question);
  await passing(30);
  pace.put(4);
  await passing(30);
  expect([asked, answers, refusals]).toEqual([[1, 3, 4], [10, 30], [["Error: no", 4]]]);
});

test("the same question again rests for several times its answer, another one does not", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const pace = latest(
    async (question: string) => {
      asked.push(question);
      await pause(20);
    },
    () => undefined,
    () => undefined,
    rest,
  );
  pace.put("a");
  await passing(30);
  pace.put("a", true);
  await passing(30);
  expect(asked).toEqual(["a"]);
  await passing(120);
  expect(asked).toEqual(["a", "a"]);
  pace.put("a", true);
  pace.put("b");
  await passing(60);
  expect(asked).toEqual(["a", "a", "b"]);
  pace.put("c", true);
  pace.close();
  await passing(200);
  expect(asked).toEqual(["a", "a", "b"]);
});

test("what is refused is not asked again at once", async () => {
  vi.useFakeTimers();
  let asked = 0;
  const pace = latest(async () => {
    asked++;
    throw new Error("no");
  }, () => undefined, () => undefined, rest);
  pace.put(1);
  await passing(10);
  for (let k = 0; k < 5; k++) pace.put(1, true);
  await passing(100);
  expect(asked).toBe(1);
  pace.close();
});

test("however many views ask again and again, together they take a tenth of the time", () => {
  let slow = false;
  const repeats = new Repeats(() => slow);
  const leave = [repeats.enter(), repeats.enter(), repeats.enter()];
  const part = (took: number): number => took / (took + repeats.rest(took));
  expect(part(20) + part(5) + part(900)).toBeCloseTo(0.1);
  leave[0]!();
  leave[0]!();
  leave[1]!();
  expect(part(20)).toBeCloseTo(0.1);
  expect(repeats.rest(20_000)).toBe(30_000);
  slow = true;
  expect(part(20)).toBeCloseTo(0.5);
});

test("borders lie where the two largest are equal", () => {
  // Two classes that change over in the middle of each row.
  const grid = numbers([2, 2, 2], [0.8, 0.2, 0.2, 0.8, 0.8, 0.2, 0.2, 0.8]);
  expect(borders(grid)).toEqual([[expect.closeTo(0.5), 0, expect.closeTo(0.5), 1]]);
  expect(borders(numbers([2, 2, 1], [0, 1, 0, 1]))).toEqual([[0.5, 0, 0.5, 1]]);
  expect(borders(numbers([2, 2, 1], [-1, 1, -1, 1]), 0)).toHaveLength(1);
  // Of three classes each border is found from both of its sides.
  const three = numbers([2, 2, 3], [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]);
  expect(borders(three)).toHaveLength(2);
  expect(borders(numbers([2, 2, 1], [NaN, 1, NaN, 1]))).toEqual([]);
});

const value = (path: string, shape: number[]) => ({ path, shape, axes: shape.map((_, k) => (k ? "j" : "t")), gradient: true });
const recurrent = (kind: string, values: [string, number[]][], formula: string): Layer => ({
  path: kind, kind, parents: ["input_1"], shape: [6, 3], draw: "steps", activation: "tanh", parameters: [], options: {},
  values: values.map(([path, shape]) => value(path, shape)), formula,
});

test("the values of a recurrent layer have the letters of its formulas", () => {
  const [pass] = passes(recurrent("rnn_1", [
    ["rnn_1.sum.ahead", [6, 3]], ["rnn_1.sum", [6, 3]], ["rnn_1.state", [6, 3]], ["rnn_1", [3]],
  ], "z₀[n,t,j] = b[j]\nz[n,t,j] = z₀[n,t,j] + Σ_q h[n, t − 1, q | 0]·U[q,j]\nh[n,t,j] = tanh(z[n,t,j])\ny[n,j] = h[n,e,j]"));
  expect(pass?.tracks.map((t) => t.letter)).toEqual(["z₀", "z", "h"]);
  expect([pass?.name, pass?.steps, pass?.units, pass?.reversed, pass?.output?.path, pass?.cell]).toEqual(
    ["", 6, 3, false, "rnn_1", null],
  );
});

test("both ways of a bidirectional layer, the second from the end", () => {
  const way = (name: string): [string, number[]][] => [
    [`b.${name}.sum`, [6, 4, 3]], [`b.${name}.gate.input`, [6, 3]], [`b.${name}.cell`, [6, 3]], [`b.${name}.state`, [6, 3]],
  ];
  const lines = (sign: string): string[] => [
    `z[n,t,g,j] = h[n, t ${sign} 1, q | 0]·U[q,g,j]`, "i[n,t,j] = σ(z[n,t,0,j])", "c[n,t,j] = i[n,t,j]", "h[n,t,j] = c[n,t,j]",
  ];
  // The output of a direction is its states under another name, and has no formula of its own.
  const values = [...way("forward"), ["b.forward", [6, 3]], ...way("backward"), ["b.backward", [6, 3]], ["b", [6, 6]]];
  const found = passes(recurrent("b", values as [string, number[]][], [...lines("−"), ...lines("+"), "y[n,t,j<J] = x1"].join("\n")));
  expect(found.map((p) => [p.name, p.reversed, p.tracks.map((t) => t.letter).join(""), p.cell?.path])).toEqual([
    ["forward", false, "ich", "b.forward.cell"], ["backward", true, "ich", "b.backward.cell"],
  ]);
  expect(found.every((p) => p.output === null)).toBe(true);
});

test("as many steps around one as there are", () => {
  expect(around(5, 20, 5)).toEqual([3, 4, 5, 6, 7]);
  expect(around(0, 20, 3)).toEqual([0, 1, 2]);
  expect(around(19, 20, 3)).toEqual([17, 18, 19]);
  expect(around(0, 1, 9)).toEqual([0]);
  expect(around(0, 0, 9)).toEqual([]);
});

test("a kernel grows around its middle, and is cut to it", () => {
  expect(resized([[5]], 3)).toEqual([[0, 0, 0], [0, 5, 0], [0, 0, 0]]);
  expect(resized([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 1)).toEqual([[5]]);
});

test("the nearest point, as it looks on the plane", () => {
  const points = numbers([3, 2], [0, 0, 10, 0, NaN, NaN]);
  expect(nearest(points, [4, 0], [1, 1])).toBe(0);
  expect(nearest(points, [6, 0], [1, 1])).toBe(1);
  expect(nearest(numbers([0, 2], []), [0, 0], [1, 1])).toBeNull();
});

test("what is not a number is red, a sum is weighed as a share would be", () => {
  expect(mixture([NaN, 1], 255)).toEqual([208, 24, 40]);
  expect(mixture([0], 255, "logits")).toEqual(mixture([0.5], 255));
  expect(mixture([-3, -1], 255, "logits")).not.toEqual(mixture([0.5, 0.5], 255));
});
