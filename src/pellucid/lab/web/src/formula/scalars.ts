// The scalar functions of the formulas in float64, as in Python's engines/reference/functions.py.


type Function1 = (x: number) => number;
type Function2 = (x: number, y: number) => number;

// W. J. Cody's rational approximations of erf (1969) with the coefficients of S. L. Moshier's Cephes library (ndtr.c),
// highest power first: relative error below 4e-16.
const SMALL_OVER = [
  9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3, 7.00332514112805075473e3,
  5.55923013010394962768e4,
];
const SMALL_UNDER = [
  1, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3, 2.26290000613890934246e4,
  4.92673942608635921086e4,
];
const LARGE_OVER = [
  2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0, 4.86371970985681366614e1,
  1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
  5.57535335369399327526e2,
];
const LARGE_UNDER = [
  1, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2, 9.75708501743205489753e2,
  1.82390916687909736289e3, 2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2,
];

function polynomial(coefficients: readonly number[], x: number): number {
  let total = 0;
  for (const c of coefficients) total = total * x + c;
  return total;
}

function erf(x: number): number {
  const size = Math.min(Math.abs(x), 6);
  const square = size * size;
  if (size < 1) return (x * polynomial(SMALL_OVER, square)) / polynomial(SMALL_UNDER, square);
  const large = 1 - (Math.exp(-square) * polynomial(LARGE_OVER, size)) / polynomial(LARGE_UNDER, size);
  return x < 0 ? -large : large;
}

export const UNARY: Readonly<Record<string, Function1>> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  erf,
  tanh: Math.tanh,
  σ: (x) => 1 / (1 + Math.exp(-x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  relu: (x) => Math.max(x, 0),
  abs: Math.abs,
  sign: Math.sign,
  stop: (x) => x,
};

export const BINARY: Readonly<Record<string, Function2>> = {
  max: Math.max,
  min: Math.min,
  pow: (x, y) => (x === 1 ? 1 : y === 0.5 ? Math.sqrt(x) : x ** y),
  div: (x, y) => x / y,
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  eq: (x, y) => Number(x === y),
  and: (x, y) => Number(x !== 0 && y !== 0),
};

/** How many arguments each takes; "add" and "mul" take any number. */
export const SCALARS: ReadonlyMap<string, number> = new Map([
  ...Object.keys(UNARY).map((name) => [name, 1] as const),
  ...Object.keys(BINARY).map((name) => [name, 2] as const),
  ["where", 3],
  ["uniform", 4],
]);


