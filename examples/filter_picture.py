"""Convolution on a picture, with the very layer that networks are made of.

python examples/filter_picture.py [PICTURE] [--quick]
"""

import sys

import numpy as np

import pellucid as pl
from pellucid.data import read_picture, sample_picture, write_picture
from pellucid.data.kernels import kernel


def main(path: str | None = None, *, quick: bool = False, output: str = "edges.png") -> np.ndarray:
    picture = sample_picture("china") if path is None else read_picture(path, channels=3)
    if quick:
        picture = picture[::8, ::8]
    grey = picture.mean(axis=2, keepdims=True)

    # two filters: how much lighter it gets to the right, and downwards
    net = pl.Network(pl.Conv2D(2, 3, padding="same", use_bias=False), input_shape=grey.shape)
    # a layer slides its kernel as it is; convolution turns it by 180° first
    turned = [kernel(name)[::-1, ::-1] for name in ("sobel-x", "sobel-y")]
    net.parameters["conv2d_1.kernel"] = np.stack(turned, axis=-1)[:, :, None, :]
    right, down = np.moveaxis(net.predict(grey[None])[0], -1, 0)

    edges: np.ndarray = np.hypot(right, down)
    write_picture(output, (edges / edges.max())[..., None])
    print(f"wrote {output}, {edges.shape[0]} × {edges.shape[1]} pixels")
    return edges


if __name__ == "__main__":
    paths = [argument for argument in sys.argv[1:] if argument != "--quick"]
    main(*paths, quick="--quick" in sys.argv)
