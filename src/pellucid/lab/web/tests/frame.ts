// Frames as the server writes them.

type Array_ = Float32Array | Float64Array | Int32Array | Uint8Array;
type Dtype = "f4" | "f8" | "i4" | "u1";

const MAGIC = 0x31464c50; // "PLF1", read as a little-endian number
const HEAD = 8;
const ALIGN = 8;

function dtypeOf(value: unknown): Dtype | null {
  if (value instanceof Float32Array) return "f4";
  if (value instanceof Float64Array) return "f8";
  if (value instanceof Int32Array) return "i4";
  if (value instanceof Uint8Array) return "u1";
  return null;
}

/** A frame that says `message`. */
export function encode(message: unknown): ArrayBuffer {
  const arrays: { array: Array_; offset: number }[] = [];
  let end = 0;
  const json = JSON.stringify(message, (_key, value: unknown) => {
    if (typeof value === "number" && !Number.isFinite(value)) {
      return { $: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
    }
    const dtype = dtypeOf(value);
    if (dtype === null) return value;
    const array = value as Array_;
    const offset = end;
    arrays.push({ array, offset });
    end = align(offset + array.byteLength);
    return { $: [dtype, offset, array.length] };
  });
  const bytes = new TextEncoder().encode(json);
  const length = align(HEAD + bytes.length) - HEAD;
  const frame = new ArrayBuffer(HEAD + length + end);
  const view = new DataView(frame);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, length, true);
  const out = new Uint8Array(frame);
  out.set(bytes, HEAD);
  out.fill(0x20, HEAD + bytes.length, HEAD + length);
  for (const { array, offset } of arrays) {
    out.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), HEAD + length + offset);
  }
  return frame;
}

function align(n: number): number {
  return Math.ceil(n / ALIGN) * ALIGN;
}
