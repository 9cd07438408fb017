// How numbers are written: as the explanations in Python write them, so that both say the same.

const DIGITS = 4;

/** The four digits that are kept, and the exponent. Of a tie Python takes the even digit, JavaScript the larger. */
function rounded(x: number): [digits: string, exponent: number] {
  const long = x.toExponential(40);
  const tie = /^(\d)\.(\d{3})50*e([+-]\d+)$/.exec(long);
  if (tie) {
    const kept = `${tie[1]}${tie[2]}`;
    if (Number(kept[DIGITS - 1]) % 2 === 0) return [kept, Number(tie[3])];
  }
  const [mantissa = "0", exponent = "0"] = x.toExponential(DIGITS - 1).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

/** Python's `format(x, ".4g")`, for a number that is not negative. */
function general(x: number): string {
  if (x === 0) return "0";
  const [digits, exponent] = rounded(x);
  const trimmed = digits.replace(/0+$/, "");
  if (exponent < -4 || exponent >= DIGITS) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    const tail = trimmed.slice(1);
    return `${trimmed[0]}${tail && `.${tail}`}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${trimmed}`;
  const whole = digits.slice(0, exponent + 1);
  const part = digits.slice(exponent + 1).replace(/0+$/, "");
  return part ? `${whole}.${part}` : whole;
}

/** A number with four significant digits, exactly as `pellucid.explain.arithmetic.number` writes it. */
export function show(x: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "−inf" : "inf";
  const size = Math.abs(x);
  const text = Number.isInteger(x) && size < 1e6 ? String(size) : general(size);
  return (x < 0 ? `−${text}` : text).replace("-", "−");
}

/** With all the digits that a float32 has, where factors are to give what stands beneath them. */
export function precise(x: number): string {
  if (!Number.isFinite(x) || Number.isInteger(x)) return show(x);
  const [mantissa = "", exponent] = x.toPrecision(7).split("e");
  const plain = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return (exponent === undefined ? plain : `${plain}e${exponent}`).replaceAll("-", "−");
}

/** The number of a text that `show` or `precise` wrote; NaN where it is none. */
export function read(text: string): number {
  const plain = text.replaceAll("−", "-");
  return /^-?[\d.]+(e[+-]?\d+)?$/.test(plain) ? Number(plain) : NaN;
}

/** With its sign, as the terms of an explanation are listed. */
export function signed(x: number): string {
  if (x === 0) return "0";
  return x > 0 ? `+${show(x)}` : show(x);
}

/** A fraction in percent: two digits where it is small. */
export function percent(fraction: number): string {
  if (!Number.isFinite(fraction)) return "—";
  const size = Math.abs(fraction) * 100;
  const digits = size !== 0 && size < 10 ? 1 : 0;
  if (size !== 0 && size < 0.05) return fraction < 0 ? "> −0.1 %" : "< 0.1 %";
  return `${fraction < 0 ? "−" : ""}${size.toFixed(digits)} %`;
}

/** A count, its thousands apart. */
export function counted(n: number): string {
  return String(Math.trunc(n)).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** A shape: "28 × 28 × 1"; one number's is "1". */
export function shaped(shape: readonly number[]): string {
  return shape.length ? shape.join(" × ") : "1";
}
