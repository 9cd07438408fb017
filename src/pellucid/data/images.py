"""Pictures: folders of them by class, one as a network takes it, and seeded changes to learn more from few.

Pictures become float32 from 0 (black) to 1 (white), (h, w, 1) in grey or (h, w, 3) in colour. Transparent parts turn
white; a picture that a camera took sideways is turned upright.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_whole
from ..errors import DataError
from .dataset import Dataset

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.float32]
Size = tuple[int, int]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
SAMPLES = ("china", "flower")
_GREY = ("1", "L", "LA", "I", "F")


def read_picture(
    path: str | os.PathLike[str], *, size: Size | None = None, channels: int | None = None, invert: bool = False
) -> Pixels:
    """A picture file as (h, w, channels) float32.

    Args:
        size: (height, width) to bring it to, by default its own; proportions change with it.
        channels: 1 for grey, 3 for colour; by default as the file is.
        invert: swap dark and light, as a network needs that learned white digits on black paper.

    Raises:
        DataError: a file that cannot be read, or is no whole picture; the message names it.
    """
    return _pixels(_open(path), size, channels, invert)


def sample_picture(name: str = "china") -> Pixels:
    """One of the photographs that come with scikit-learn: china or flower, (427, 640, 3)."""
    if name not in SAMPLES:
        raise DataError(f'there is no sample picture "{name}", expected one of {", ".join(SAMPLES)}.')
    import importlib

    pixels = importlib.import_module("sklearn.datasets").load_sample_image(f"{name}.jpg")
    return np.asarray(pixels / np.float32(255), dtype=np.float32)


def write_picture(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Write (h, w, 1) or (h, w, 3) from 0 to 1, cut off outside, in the format that the file's name says.

    Raises:
        DataError: the name's ending is no format of pictures.
    """
    from PIL import Image

    levels = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    try:
        Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(path)
    except ValueError as error:
        raise DataError(f'"{path}" is no name of a picture, expected one that ends in .png or .jpg.') from error


def load_image_folder(
    folder: str | os.PathLike[str], *, size: Size | None = None, channels: int | None = None
) -> Dataset:
    """A folder with one folder of pictures for each class: x (n, h, w, channels), y (n,).

    Classes are named by their folders and numbered in sorted order. Files that are no pictures by name are passed over.

    Args:
        size: (height, width) to bring all to; by default they must have one size.
        channels: 1 or 3; by default 3 where any picture has colours.

    Raises:
        DataError: fewer than two classes, a class without pictures, different sizes, a corrupt picture (named).
    """
    root = Path(folder)
    try:
        classes = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
        files = [sorted(f for f in c.iterdir() if f.suffix.lower() in SUFFIXES and f.name[0] != ".") for c in classes]
    except OSError as error:
        raise DataError(f'cannot read the folder "{folder}": {error.strerror or error}.') from error
    if len(classes) < 2:
        raise DataError(f'"{folder}" holds {len(classes)} folders, expected one folder of pictures for each class.')
    for place, found in zip(classes, files, strict=True):
        if not found:
            raise DataError(
                f'the folder "{place}" holds no picture ({", ".join(SUFFIXES[:3])}, …): add some or remove it.'
            )
    paths = [path for found in files for path in found]
    pictures = [_pixels(_open(path), size, channels, False) for path in paths]
    if channels is None and len({p.shape[2] for p in pictures}) > 1:
        pictures = [np.repeat(p, 3, axis=2) if p.shape[2] == 1 else p for p in pictures]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            (h, w, _), (h0, w0, _) = picture.shape, pictures[0].shape
            raise DataError(f'"{path}" is {h}×{w} pixels and "{paths[0]}" {h0}×{w0}: give a size to bring all to.')
    x = np.stack(pictures)
    y = np.repeat(np.arange(len(classes)), [len(found) for found in files])
    said = f"{len(x)} pictures of {x.shape[1]}×{x.shape[2]} from {root.name}"
    return Dataset(root.resolve().name, x, y, class_names=tuple(c.name for c in classes), description=said)


@dataclass(frozen=True)
class Augmentation:
    """Small changes of pictures that leave their class as it is; every picture changes anew in every epoch.

    What happens to a picture depends on the seed, the epoch and the picture's index alone, so batches may come in any
    order, and a run that was interrupted goes on with the very pictures it would have seen.

    Args:
        flip: mirror every other picture left to right (not for digits: a mirrored 3 is none).
        shift: move by up to this many pixels in each direction.
        rotate: turn by up to this many degrees.
    """

    flip: bool = False
    shift: float = 0.0
    rotate: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.shift < np.inf and 0 <= self.rotate <= 180):
            raise DataError(
                f"shift is {self.shift!r} and rotate {self.rotate!r}, expected pixels from 0 and degrees from 0 to 180."
            )

    def __call__(self, x: NDArray[Any], index: Sequence[int] | NDArray[Any], *, seed: int, epoch: int) -> Pixels:
        """The pictures x (n, h, w, c), whose places in the data set are ``index`` (n,), as this epoch sees them.

        Between pixels values are interpolated linearly; outside the picture its edge goes on.
        """
        if x.ndim != 4 or len(x) != len(index):
            raise DataError(f"x of shape {x.shape} and {len(index)} indices came, expected (n, h, w, c) and n.")
        draws = uniforms(np.asarray(index), seed, epoch)
        mirrored = self.flip & (draws[:, 0] < 0.5)
        down, right = ((2 * draws[:, 1:3] - 1) * self.shift).T
        angle = np.deg2rad((2 * draws[:, 3] - 1) * self.rotate)
        return _moved(x, mirrored, down, right, angle)


def uniforms(index: NDArray[Any], seed: int, epoch: int) -> NDArray[np.float64]:
    """Four numbers in [0, 1) for each index (n,): Philox with the key (seed, epoch) at the counter (index, 0, 0, 1).

    The last word keeps them apart from the numbers that shuffle the epoch, whose counter ends in 0.
    """
    key = np.array([check_whole(seed, "seed"), check_whole(epoch, "epoch")], dtype=np.uint64)
    if len(index) == 0:
        return np.empty((0, 4))
    first = check_whole(index.min(), "index")
    # one counter gives four words; NumPy counts up before it draws, which shifts every index alike
    stream = np.random.Philox(key=key, counter=[first, 0, 0, 1])
    words = stream.random_raw(4 * (int(index.max()) - first + 1)).reshape(-1, 4)[index - first]
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def _moved(
    x: NDArray[Any],
    mirrored: NDArray[np.bool_],
    down: NDArray[np.float64],
    right: NDArray[np.float64],
    angle: NDArray[np.float64],
) -> Pixels:
    """Each picture turned about its middle and moved: for every pixel of the result, the place it comes from."""
    n, h, w, _ = x.shape
    i, j = np.meshgrid(np.arange(h) - (h - 1) / 2, np.arange(w) - (w - 1) / 2, indexing="ij")
    i, j = i - down[:, None, None], j - right[:, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    row, column = cos * i + sin * j, cos * j - sin * i
    column = np.where(mirrored[:, None, None], -column, column)
    row = np.clip(row + (h - 1) / 2, 0, h - 1)
    column = np.clip(column + (w - 1) / 2, 0, w - 1)
    top, left = np.minimum(row.astype(int), max(h - 2, 0)), np.minimum(column.astype(int), max(w - 2, 0))
    bottom, other = np.minimum(top + 1, h - 1), np.minimum(left + 1, w - 1)
    v, u = (row - top)[..., None].astype(np.float32), (column - left)[..., None].astype(np.float32)
    which = np.arange(n)[:, None, None]
    upper = x[which, top, left] * (1 - u) + x[which, top, other] * u
    lower = x[which, bottom, left] * (1 - u) + x[which, bottom, other] * u
    return np.asarray(upper * (1 - v) + lower * v, dtype=np.float32)


def _open(path: str | os.PathLike[str]) -> Image:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                file.load()  # reads the pixels: a truncated file shows here
                return ImageOps.exif_transpose(file)
    except UnidentifiedImageError as error:
        raise DataError(f'"{path}" is no picture that Pillow knows: save it as PNG or JPEG.') from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f'"{path}" has too many pixels ({error}): make it smaller.') from error
    except OSError as error:
        if error.errno is not None:
            raise DataError(f'cannot read "{path}": {error.strerror or error}.') from error
        raise DataError(f'"{path}" is a corrupt picture ({error}): save it again or leave it out.') from error
    except (
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        TypeError,
    ) as error:  # from damaged headers
        raise DataError(f'"{path}" is a corrupt picture ({error}): save it again or leave it out.') from error


def _pixels(picture: Image, size: Size | None, channels: int | None, invert: bool) -> Pixels:
    from PIL import Image

    if channels not in (None, 1, 3):
        raise DataError(f"channels is {channels!r}, expected 1 for grey or 3 for colour.")
    if picture.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off at 255
        picture = Image.fromarray((np.asarray(picture, dtype=np.float64) / 257).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA" if channels != 1 and picture.mode not in _GREY else "LA")
        paper = Image.new(picture.mode, picture.size, "white")
        picture = Image.alpha_composite(paper.convert("RGBA"), picture.convert("RGBA")).convert(picture.mode[:-1])
    grey = channels == 1 or (channels is None and picture.mode in _GREY)
    picture = picture.convert("L" if grey else "RGB")
    if size is not None:
        height, width = (check_whole(s, "size", least=1, below=1 << 15) for s in size)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)  # averages where it shrinks
    pixels = np.asarray(picture, dtype=np.float32) / 255
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.asarray(1 - pixels if invert else pixels, dtype=np.float32)
