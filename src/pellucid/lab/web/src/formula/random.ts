// Random numbers without hidden state: Philox4x32-10, a function of a key and a counter, bit for bit as in Python.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

/** The upper 32 bits of the product of two 32-bit words; doubles hold no 64 bits, so it is put together from halves. */
function high(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = (middle & 0xffff) + a0 * b1;
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** The first of the four words. */
export function philox(counter: readonly number[], key: readonly number[]): number {
  let [c0, c1, c2, c3] = counter as [number, number, number, number];
  let [k0, k1] = key as [number, number];
  for (let round = 0; round < 10; round++) {
    const one = Math.imul(0xd2511f53, c0) >>> 0;
    const two = Math.imul(0xcd9e8d57, c2) >>> 0;
    const next = (high(0xcd9e8d57, c2) ^ c1 ^ k0) >>> 0;
    c2 = (high(0xd2511f53, c0) ^ c3 ^ k1) >>> 0;
    [c0, c1, c3] = [next, two, one];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return c0;
}

/** A number in [0, 1): the word's upper 24 bits over 2²⁴, of the key (seed, stream) and the counter (index, step). */
export function uniform(seed: number, stream: number, step: number, index: number): number {
  const word = philox([low(index), upper(index), low(step), upper(step)], [low(seed), low(stream)]);
  return (word >>> 8) / 2 ** 24;
}

function low(value: number): number {
  return Math.trunc(value) - Math.floor(Math.trunc(value) / 2 ** 32) * 2 ** 32;
}

/** By two's complement, as far as doubles hold integers. */
function upper(value: number): number {
  return Math.floor(Math.trunc(value) / 2 ** 32) >>> 0;
}

/** A 64-bit word as its upper and lower halves. */
type Long = [upper: number, lower: number];

/** The upper and the lower 64 bits of the product of two 64-bit words. */
function product([a1, a0]: Long, [b1, b0]: Long): [Long, Long] {
  const low0 = Math.imul(a0, b0) >>> 0;
  const middle = high(a0, b0) + (Math.imul(a0, b1) >>> 0) + (Math.imul(a1, b0) >>> 0);
  const rest = high(a0, b1) + high(a1, b0) + (Math.imul(a1, b1) >>> 0) + Math.floor(middle / 2 ** 32);
  return [[(high(a1, b1) + Math.floor(rest / 2 ** 32)) >>> 0, rest >>> 0], [middle >>> 0, low0]];
}

function sum([a1, a0]: Long, [b1, b0]: Long): Long {
  const lower = a0 + b0;
  return [(a1 + b1 + Math.floor(lower / 2 ** 32)) >>> 0, lower >>> 0];
}

function xor(...words: readonly Long[]): Long {
  return words.reduce(([a1, a0], [b1, b0]) => [(a1 ^ b1) >>> 0, (a0 ^ b0) >>> 0]);
}

/** So many 64-bit words of Philox4x64-10 with a key of two numbers, or words, as NumPy's `Philox(key=…).random_raw` gives them. */
export function raw(count: number, key: readonly [number | Readonly<Long>, number | Readonly<Long>]): Long[] {
  const word = (part: number | Readonly<Long>): Long => (typeof part === "number" ? [upper(part), low(part)] : [...part]);
  const words: Long[] = [];
  for (let block = 1; words.length < count; block++) {
    let [c0, c1, c2, c3]: [Long, Long, Long, Long] = [[upper(block), low(block)], [0, 0], [0, 0], [0, 0]];
    let [k0, k1]: [Long, Long] = [word(key[0]), word(key[1])];
    for (let round = 0; round < 10; round++) {
      const [high0, low0] = product([0xd2e7470e, 0xe14c6c93], c0);
      const [high1, low1] = product([0xca5a8263, 0x95121157], c2);
      [c0, c1, c2, c3] = [xor(high1, c1, k0), low1, xor(high0, c3, k1), low0];
      k0 = sum(k0, [0x9e3779b9, 0x7f4a7c15]);
      k1 = sum(k1, [0xbb67ae85, 0x84caa73b]);
    }
    words.push(c0, c1, c2, c3);
  }
  return words.slice(0, count);
}
