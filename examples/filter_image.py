"""Convolution on an image, with the same layer that networks use.

python examples/filter_image.py [IMAGE] [--quick]
"""

import sys

import numpy as np

import pellucid as pl
from pellucid.data import read_image, sample_image, write_image
from pellucid.data.kernels import kernel


def main(path: str | None = None, *, quick: bool = False, output: str = "edges.png") -> np.ndarray:
    image = sample_image("china") if path is None else read_image(path, channels=3)
    if quick:
        image = image[::8, ::8]
    grey = image.mean(axis=2, keepdims=True)

    # two filters: how much lighter it gets to the right, and downwards
    net = pl.Network(pl.Conv2D(2, 3, padding="same", use_bias=False), input_shape=grey.shape)
    # a layer slides its kernel as it is; convolution turns it by 180° first
    turned = [kernel(name)[::-1, ::-1] for name in ("sobel-x", "sobel-y")]
    net.parameters["conv2d_1.kernel"] = np.stack(turned, axis=-1)[:, :, None, :]
    right, down = np.moveaxis(net.predict(grey[None])[0], -1, 0)

    edges: np.ndarray = np.hypot(right, down)
    write_image(output, (edges / edges.max())[..., None])
    print(f"wrote {output}, {edges.shape[0]} × {edges.shape[1]} pixels")
    return edges


if __name__ == "__main__":
    paths = [argument for argument in sys.argv[1:] if argument != "--quick"]
    main(*paths, quick="--quick" in sys.argv)
