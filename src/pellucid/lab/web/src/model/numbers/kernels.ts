// Kernels that everybody knows.

export const KERNELS = {
  identity: [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
  blur: [[0.11, 0.11, 0.11], [0.11, 0.12, 0.11], [0.11, 0.11, 0.11]],
  sharpen: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
  edges: [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
  horizontal: [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
  vertical: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
  emboss: [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
} as const satisfies Record<string, readonly (readonly number[])[]>;

/** A kernel of another size: grown with zeros around, or cut to its middle. */
export function resized(kernel: readonly (readonly number[])[], size: number): number[][] {
  const shift = Math.floor(kernel.length / 2) - Math.floor(size / 2);
  return Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) => kernel[i + shift]?.[j + shift] ?? 0),
  );
}
