// One diverging scale for all numbers: orange below zero, the paper's own grey at zero, blue above; safe for
// colour-blind eyes, because both arms differ in hue and run alike in lightness. Gradients have green and magenta.
// Images are drawn as such, from black to white.

export type Theme = "light" | "dark";
/** Grey runs over the whole scale, from black to white, and is the same in both themes. */
export type Hue = "value" | "gradient" | "grey";
export type Colour = [red: number, green: number, blue: number];

const BOTH: Record<"grey", Colour[]> = {
  grey: [
    [8, 8, 10],
    [246, 246, 244],
  ],
};
/** From the far negative end over zero to the far positive end. */
const STOPS: Record<Theme, Record<Hue, Colour[]>> = {
  light: {
    value: [
      [140, 62, 4],
      [217, 116, 24],
      [247, 186, 122],
      [243, 242, 238],
      [136, 189, 226],
      [40, 122, 186],
      [10, 68, 124],
    ],
    gradient: [
      [24, 88, 44],
      [62, 144, 72],
      [162, 208, 152],
      [243, 242, 238],
      [230, 164, 208],
      [188, 62, 142],
      [120, 14, 88],
    ],
    ...BOTH,
  },
  dark: {
    value: [
      [255, 196, 120],
      [240, 146, 50],
      [150, 84, 28],
      [34, 36, 41],
      [32, 88, 138],
      [66, 152, 222],
      [160, 212, 255],
    ],
    gradient: [
      [176, 228, 160],
      [100, 186, 104],
      [44, 104, 58],
      [34, 36, 41],
      [122, 40, 96],
      [216, 96, 172],
      [252, 184, 226],
    ],
    ...BOTH,
  },
};
/** What is not a number: red in both themes. */
const MISSING: Colour = [208, 24, 40];
const HALF = 255;

function linear(c: number): number {
  const s = c / 255;
  return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
}

function encoded(c: number): number {
  const s = c <= 0.0031308 ? c * 12.92 : 1.055 * c ** (1 / 2.4) - 0.055;
  return Math.round(Math.min(1, Math.max(0, s)) * 255);
}

/** To OKLab, in which equal steps look equal. */
function perceived([r, g, b]: Colour): Colour {
  const [x, y, z] = [linear(r), linear(g), linear(b)];
  const l = Math.cbrt(0.4122214708 * x + 0.5363325363 * y + 0.0514459929 * z);
  const m = Math.cbrt(0.2119034982 * x + 0.6806995451 * y + 0.1073969566 * z);
  const s = Math.cbrt(0.0883024619 * x + 0.2817188376 * y + 0.6299787005 * z);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function displayed([L, a, b]: Colour): Colour {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

const tables = new Map<string, Uint8ClampedArray>();

/** The scale as 511 colours in RGBA, zero in the middle. */
export function table(hue: Hue, theme: Theme): Uint8ClampedArray {
  const key = `${hue} ${theme}`;
  const known = tables.get(key);
  if (known) return known;
  const stops = STOPS[theme][hue].map(perceived);
  const made = new Uint8ClampedArray((2 * HALF + 1) * 4);
  for (let i = 0; i <= 2 * HALF; i++) {
    const place = (i / (2 * HALF)) * (stops.length - 1);
    const left = Math.min(stops.length - 2, Math.floor(place));
    const [p, q] = [stops[left] as Colour, stops[left + 1] as Colour];
    const fraction = place - left;
    const mixed = p.map((v, axis) => v + (q[axis as 0] - v) * fraction) as Colour;
    made.set([...displayed(mixed), 255], i * 4);
  }
  tables.set(key, made);
  return made;
}

function slot(x: number, domain: number): number {
  return HALF + Math.round(Math.min(1, Math.max(-1, x / domain)) * HALF);
}

/** The colour of a number on the scale from −domain to domain. */
export function colour(x: number, domain: number, hue: Hue, theme: Theme): Colour {
  if (Number.isNaN(x)) return MISSING;
  const at = slot(x, domain) * 4;
  const scale = table(hue, theme);
  return [scale[at] as number, scale[at + 1] as number, scale[at + 2] as number];
}

export function css(x: number, domain: number, hue: Hue, theme: Theme): string {
  return `rgb(${colour(x, domain, hue, theme).join(" ")})`;
}

/** Black or white, whichever can be read on a colour. */
export function inkOn([r, g, b]: Colour): "#000" | "#fff" {
  const light = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return light > 0.18 ? "#000" : "#fff";
}

/** Writes the colour of one number into RGBA pixels at a pixel's place. */
export function paint(
  pixels: Uint8ClampedArray,
  place: number,
  x: number,
  domain: number,
  scale: Uint8ClampedArray,
): void {
  const at = place * 4;
  if (Number.isNaN(x)) {
    pixels[at] = MISSING[0];
    pixels[at + 1] = MISSING[1];
    pixels[at + 2] = MISSING[2];
  } else {
    const from = slot(x, domain) * 4;
    pixels[at] = scale[from] as number;
    pixels[at + 1] = scale[from + 1] as number;
    pixels[at + 2] = scale[from + 2] as number;
  }
  pixels[at + 3] = 255;
}

const SAMPLE = 2048;

/** The middle and the half of what numbers span: an image is black at its smallest number, white at its largest. */
export function span(data: ArrayLike<number>): { centre: number; domain: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (Number.isFinite(x)) [low, high] = [Math.min(low, x), Math.max(high, x)];
  }
  return low < high
    ? { centre: (low + high) / 2, domain: (high - low) / 2 }
    : { centre: low > 0 && low < Infinity ? low - 1 : 1, domain: 1 };
}

/**
 * The symmetric domain of numbers: the largest size of few; of many a size that 98 of 100 do not exceed, so that one
 * outlier does not grey the rest.
 */
export function domain(data: ArrayLike<number>): number {
  const step = Math.max(1, Math.floor(data.length / SAMPLE));
  const sizes: number[] = [];
  for (let i = 0; i < data.length; i += step) {
    const size = Math.abs(data[i] as number);
    if (Number.isFinite(size) && size > 0) sizes.push(size);
  }
  if (!sizes.length) return 1;
  sizes.sort((a, b) => a - b);
  const largest = sizes[sizes.length - 1] as number;
  if (sizes.length < 50) return largest;
  return sizes[Math.floor(0.98 * (sizes.length - 1))] || largest;
}
