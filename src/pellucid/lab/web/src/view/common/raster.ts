/** Makes a canvas of one pixel a cell, which `fill` gives red, green, blue and opacity; where it gives none it is clear. */
export function raster(
  canvas: HTMLCanvasElement, width: number, height: number, fill: (rgba: Uint8ClampedArray) => void,
): void {
  const context = canvas.getContext("2d");
  if (!context || !width || !height) return;
  canvas.width = width;
  canvas.height = height;
  const image = context.createImageData(width, height);
  fill(image.data);
  context.putImageData(image, 0, 0);
}
