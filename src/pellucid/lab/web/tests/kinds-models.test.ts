import { expect, test } from "vitest";
import { pixels } from "../src/model/image";
import { codeAt, span } from "../src/model/latent";
import { plane } from "../src/model/plane";
import { ranked, shown } from "../src/model/symbols";
import { transposed } from "../src/model/unrolled";
import { mixture } from "../src/view/kinds/plane";
import { latest } from "../src/view/kinds/latest";

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
  expect([shown(" "), shown("\n"), shown("a")]).toEqual(["␣", "⏎", "a"]);
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

test("of questions that come while one is out only the newest is asked", async () => {
  const asked: number[] = [];
  const answers: number[] = [];
  const refusals: unknown[] = [];
  const put = latest(async (question: number) => {
    asked.push(question);
    await Promise.resolve();
    if (question === 4) throw new Error("no");
    return 10 * question;
  });
  for (const question of [1, 2, 3]) put(question, (a) => answers.push(a), (m) => refusals.push(m));
  await new Promise((done) => setTimeout(done, 60));
  put(4, (a) => answers.push(a), (m) => refusals.push(m));
  await new Promise((done) => setTimeout(done, 60));
  expect([asked, answers, refusals]).toEqual([[1, 3, 4], [10, 30], ["no"]]);
});
