import { describe, expect, it } from "vitest";
import { unravelled } from "../../src/formula/arithmetic.ts";
import { contiguous } from "../../src/formula/views.ts";
import {
  arrange,
  beside,
  boxes,
  cell,
  corner,
  flat,
  index,
  numberAt,
  offset,
  under,
} from "../../src/model/numbers/panels";

describe("arrange", () => {
  it("lays each kind of value as it is read", () => {
    expect(arrange([])).toEqual({ row: null, column: null, panels: [], wrap: null });
    expect(arrange([10])).toMatchObject({ column: 0, wrap: null });
    expect(arrange([100])).toMatchObject({ column: 0, wrap: 10 });
    expect(arrange([32], null, [], 150)).toMatchObject({ wrap: 11 });
    expect(arrange([784], null, [], 2000)).toMatchObject({ wrap: 28 });
    expect(arrange([8, 8, 3], "maps")).toMatchObject({ row: 0, column: 1, panels: [2] });
    expect(arrange([3, 3, 1, 6])).toMatchObject({ row: 0, column: 1, panels: [2, 3] });
    expect(arrange([4, 8, 6, 3], "maps")).toMatchObject({ row: 1, column: 2, panels: [3, 0] });
    expect(arrange([2, 3, 3, 1, 6], "kernel")).toMatchObject({ row: 1, column: 2, panels: [3, 4, 0] });
    expect(arrange([4, 8, 6], "volume")).toMatchObject({ row: 1, column: 2, panels: [0] });
    expect(arrange([20, 8], "steps")).toMatchObject({ row: 1, column: 0 });
    expect(arrange([64, 10])).toMatchObject({ row: 0, column: 1 });
    expect(arrange([5, 4, 3], "steps", ["t", "g", "j"])).toMatchObject({ row: 2, column: 0, panels: [1] });
    expect(arrange([2, 4, 3], null, ["i", "g", "j"])).toMatchObject({ row: 0, column: 2, panels: [1] });
    expect(arrange([4, 3], null, ["g", "j"])).toMatchObject({ row: 0, column: 1 });
  });
});

describe("cells and indices", () => {
  it.each([[[10]], [[100]], [[7, 5]], [[4, 6, 3]], [[3, 3, 2, 5]]])("go there and back for %j", (shape) => {
    const laid = flat(shape, arrange(shape), 1000);
    const size = shape.reduce((a, b) => a * b, 1);
    for (let place = 0; place < size; place++) {
      const here = unravelled(place, shape);
      const found = cell(laid, here);
      expect(found && index(laid, found.panel, found.row, found.column)).toEqual(here);
      expect(offset(shape, here)).toBe(place);
      expect(here.reduce((sum, i, axis) => sum + i * contiguous(shape)[axis]!, 0)).toBe(place);
    }
  });
  it("leave out what is not drawn", () => {
    const laid = flat([4, 4, 64], arrange([4, 4, 64]), 16);
    expect([laid.shown, laid.panels]).toEqual([16, 64]);
    expect(cell(laid, [0, 0, 20])).toBeNull();
    expect(cell(laid, [9, 0, 0])).toBeNull();
    const wrapped = flat([71], arrange([71]));
    expect(index(wrapped, 0, wrapped.rows - 1, wrapped.columns - 1)).toBeNull();
  });
  it("read an element, or nothing outside", () => {
    const numbers = { shape: [2, 3], data: new Float32Array([0, 1, 2, 3, 4, 5]) };
    expect(numberAt(numbers, [1, 1])).toBe(4);
    expect(numberAt(numbers, [2, 0])).toBeUndefined();
    expect(numberAt(numbers, [1])).toBeUndefined();
  });
});

describe("what stands beside", () => {
  const data = (n: number) => Float32Array.from({ length: n }, (_, i) => i);
  it("is the map, the unit over time, the row", () => {
    const map = beside({ shape: [2, 3, 4], data: data(24) }, [1, 2, 3])!;
    expect([map.numbers.shape, [...map.numbers.data], map.focus]).toEqual([
      [2, 3],
      [3, 7, 11, 15, 19, 23],
      [1, 2],
    ]);
    expect(map.whole([0, 1])).toEqual([0, 1, 3]);
    const time = beside({ shape: [3, 2], data: data(6) }, [2, 1])!;
    expect([time.numbers.shape, [...time.numbers.data], time.focus]).toEqual([
      [1, 3],
      [1, 3, 5],
      [0, 2],
    ]);
    expect(time.whole([0, 1])).toEqual([1, 1]);
    expect(beside({ shape: [3], data: data(3) }, [2])?.focus).toEqual([2]);
  });
  it("is nothing for what is not there", () => {
    expect(beside({ shape: [3], data: data(3) }, [5])).toBeNull();
    expect(beside({ shape: [], data: data(1) }, [])).toBeNull();
  });
});

describe("boxes", () => {
  it("fit the width", () => {
    for (const shape of [[10], [64], [500], [28, 28, 1], [24, 24, 32], [64, 10], [20, 8]]) {
      const laid = flat(shape, arrange(shape));
      for (const width of [120, 300, 600]) {
        const box = boxes(laid, width, 2, 24);
        expect(box.width).toBeLessThanOrEqual(width + 0.001);
        expect(box.cell).toBeGreaterThan(0);
      }
    }
  });
  it("are stretched along time", () => {
    const laid = flat([10, 40], arrange([10, 40], "steps"));
    const box = boxes(laid, 300, 1, 40, 100, true);
    expect([box.cell, box.tall, box.width, box.height]).toEqual([30, 2.5, 300, 100]);
  });
  it("are found again under their own middle", () => {
    const laid = flat([4, 5, 6], arrange([4, 5, 6]));
    const box = boxes(laid, 200, 2, 12);
    for (let panel = 0; panel < 6; panel++) {
      const [x, y] = corner(laid, box, panel, 3, 2);
      expect(under(laid, box, x + box.cell / 2, y + box.tall / 2)).toEqual({ panel, row: 3, column: 2 });
    }
    expect(under(laid, box, -1, 0)).toBeNull();
    expect(under(laid, box, 5 * box.cell + 0.5, 0)).toBeNull();
  });
});
