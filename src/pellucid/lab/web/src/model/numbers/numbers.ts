// How numbers are written: as the explanations in Python write them, so that both say the same.

/** So many digits are shown, and so many at most where an equation needs more of them to hold. */
export const [FEWEST, MOST] = [4, 9];

/** The digits that are kept, and the exponent. Of a tie Python takes the even digit, JavaScript the larger. */
function rounded(x: number, count: number): [digits: string, exponent: number] {
  const [long = "", power] = x.toExponential(40).replace(".", "").split("e");
  const kept = long.slice(0, count);
  if (/^50*$/.test(long.slice(count)) && Number(kept.at(-1)) % 2 === 0) return [kept, Number(power)];
  const [mantissa = "0", exponent = "0"] = x.toExponential(count - 1).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

/** Python's `format(x, ".4g")` with so many digits, for a number that is not negative. */
function general(x: number, count: number): string {
  if (x === 0) return "0";
  const [digits, exponent] = rounded(x, count);
  const trimmed = digits.replace(/0+$/, "");
  if (exponent < -4 || exponent >= count) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    const tail = trimmed.slice(1);
    return `${trimmed[0]}${tail && `.${tail}`}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${trimmed}`;
  const whole = digits.slice(0, exponent + 1);
  const part = digits.slice(exponent + 1).replace(/0+$/, "");
  return part ? `${whole}.${part}` : whole;
}

/** A number with four significant digits, exactly as `pellucid.explain.digits.number` writes it. */
export function show(x: number): string {
  return written(x, FEWEST);
}

/** The same with so many digits. */
export function written(x: number, digits: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "−inf" : "inf";
  const size = Math.abs(x);
  const text = Number.isInteger(x) && size < 1e6 ? String(size) : general(size, digits);
  return (x < 0 ? `−${text}` : text).replace("-", "−");
}

/** The number of a text that `show` or `signed` wrote; NaN where it is none. */
export function read(text: string): number {
  const plain = text.replaceAll("−", "-");
  return /^[+-]?[\d.]+(e[+-]?\d+)?$/.test(plain) ? Number(plain) : NaN;
}

/** With its sign, as the terms of an explanation are listed. */
export function signed(x: number, digits: number = FEWEST): string {
  if (x === 0) return "0";
  return x > 0 ? `+${written(x, digits)}` : written(x, digits);
}

/** What a reader takes from a number as it is shown. */
export function taken(x: number, digits: number): number {
  return Number.isFinite(x) ? read(written(x, digits)) : x;
}

/** "=" where what was calculated is shown as the value is, else "≈". */
export function sign(calculated: number, value: number): "=" | "≈" {
  return show(calculated) === show(value) ? "=" : "≈";
}

/** The fewest digits in which shown numbers add up to a value as that is shown, and "=", or the most and "≈". */
export function digitsOfSum(parts: readonly number[], value: number): [digits: number, sign: "=" | "≈"] {
  for (let digits = FEWEST; digits <= MOST; digits++) {
    if (sign(parts.reduce((sum, part) => sum + taken(part, digits), 0), value) === "=") return [digits, "="];
  }
  return [FEWEST, "≈"];
}

/** A fraction in percent: two digits where it is small. */
export function percent(fraction: number): string {
  if (!Number.isFinite(fraction)) return "—";
  const size = Math.abs(fraction) * 100;
  const digits = size !== 0 && size < 10 ? 1 : 0;
  if (size !== 0 && size < 0.05) return fraction < 0 ? "> −0.1 %" : "< 0.1 %";
  return `${fraction < 0 ? "−" : ""}${size.toFixed(digits)} %`;
}

/** A count, its thousands apart, by a blank at which no line ends. */
export function counted(n: number): string {
  return String(Math.trunc(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A shape: "28 × 28 × 1"; one number's is "1". */
export function shaped(shape: readonly number[]): string {
  return shape.length ? shape.join(" × ") : "1";
}
