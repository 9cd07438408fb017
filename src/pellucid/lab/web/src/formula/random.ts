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
