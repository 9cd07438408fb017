// Messages with arrays in them, as one block of bytes: "PLF1", the length of the JSON, the JSON, then the arrays. In
// the JSON an array stands as {"$": [dtype, offset, length]}, and a number that JSON has no word for as {"$": "nan"}.

type Array_ = Float32Array | Float64Array | Int32Array | Uint8Array;
type Dtype = "f4" | "f8" | "i4" | "u1";

const MAGIC = 0x31464c50; // "PLF1", read as a little-endian number
const HEAD = 8;
const ALIGN = 8;

const makers: Record<Dtype, (buffer: ArrayBuffer, offset: number, length: number) => Array_> = {
  f4: (buffer, offset, length) => new Float32Array(buffer, offset, length),
  f8: (buffer, offset, length) => new Float64Array(buffer, offset, length),
  i4: (buffer, offset, length) => new Int32Array(buffer, offset, length),
  u1: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
};
const widths: Record<Dtype, number> = { f4: 4, f8: 8, i4: 4, u1: 1 };
const words: Record<string, number> = { inf: Infinity, "-inf": -Infinity, nan: NaN };

export class FrameError extends Error {
  override name = "FrameError";
}

/** What a frame says. Its arrays are views of the frame: nothing is copied. */
export function decode(frame: ArrayBuffer | ArrayBufferView): unknown {
  let buffer: ArrayBuffer;
  let base = 0;
  let size: number;
  if (!ArrayBuffer.isView(frame)) {
    buffer = frame;
    size = frame.byteLength;
  } else if (frame.byteOffset % ALIGN === 0) {
    buffer = frame.buffer as ArrayBuffer;
    base = frame.byteOffset;
    size = frame.byteLength;
  } else {
    // A notebook hands over a piece of a larger block, that may begin anywhere.
    buffer = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength).slice().buffer;
    size = frame.byteLength;
  }
  if (size < HEAD) throw new FrameError(`a frame has at least ${HEAD} bytes, this one ${size}`);
  const view = new DataView(buffer, base, size);
  if (view.getUint32(0, true) !== MAGIC) throw new FrameError("a frame begins with PLF1, this one does not");
  const length = view.getUint32(4, true);
  const start = HEAD + length;
  if (start > size || start % ALIGN !== 0) throw new FrameError(`a frame of ${size} bytes says its JSON has ${length}`);
  const text = new TextDecoder().decode(new Uint8Array(buffer, base + HEAD, length));

  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || !("$" in value)) return value;
    const stands = value.$;
    if (typeof stands === "string" && stands in words) return words[stands];
    if (!Array.isArray(stands) || stands.length !== 3) return value;
    const [dtype, offset, count] = stands as [Dtype, number, number];
    const make = makers[dtype];
    if (make === undefined || !(offset >= 0) || start + offset + count * widths[dtype] > size) {
      throw new FrameError(`a frame of ${size} bytes names an array it does not hold: ${JSON.stringify(stands)}`);
    }
    return make(buffer, base + start + offset, count);
  });
}
