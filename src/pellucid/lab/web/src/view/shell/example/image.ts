// An image file as pixels of the input's size.

/** Red, green, blue and opacity of `h` by `w` pixels: the whole image, in the middle, its sides in proportion. */
export async function pixelsOf(file: Blob, h: number, w: number): Promise<Uint8ClampedArray> {
  const bitmap = await createImageBitmap(file);
  try {
    // In halves down to the size: one leap would skip most pixels of a large image.
    let [width, height] = [bitmap.width, bitmap.height];
    let source: CanvasImageSource = bitmap;
    const scale = Math.min(w / width, h / height);
    while (scale * bitmap.width * 2 < width) {
      const half = canvas(Math.max(1, Math.ceil(width / 2)), Math.max(1, Math.ceil(height / 2)));
      half.context.drawImage(source, 0, 0, half.element.width, half.element.height);
      [source, width, height] = [half.element, half.element.width, half.element.height];
    }
    const { context } = canvas(w, h);
    context.imageSmoothingQuality = "high";
    const [dw, dh] = [bitmap.width * scale, bitmap.height * scale];
    context.drawImage(source, (w - dw) / 2, (h - dh) / 2, dw, dh);
    return context.getImageData(0, 0, w, h).data;
  } finally {
    bitmap.close();
  }
}

function canvas(width: number, height: number) {
  const element = document.createElement("canvas");
  element.width = width;
  element.height = height;
  const context = element.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser gives no canvas");
  return { element, context };
}
