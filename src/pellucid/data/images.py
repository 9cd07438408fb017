"""Images: folders of them by class, one as a network takes it, and seeded changes to learn more from few.

Images become float32 from 0 (black) to 1 (white), (h, w, 1) in grey or (h, w, 3) in colour. Transparent parts turn
white; an image that a camera took sideways is turned upright.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_integer
from ..errors import DataError, ModelFileError, argument
from ..files import list_folder, open_regular, reason, replacing
from ..messages import gettext
from .dataset import Dataset

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.float32]
Size = tuple[int, int]
T = TypeVar("T")

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
SAMPLES = ("china", "flower")
MAX_PIXELS = 1 << 25
"""The maximum number of pixels that are decoded: as float32 in colour they take 400 MB."""
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # others run programs, as EPS does
_GREY = ("1", "L", "LA", "I", "F")


def read_image(
    path: str | os.PathLike[str], *, size: Size | None = None, channels: int | None = None, invert: bool = False
) -> Pixels:
    """An image file as (h, w, channels) float32.

    Args:
        size: (height, width) to bring it to, by default its own; proportions change with it.
        channels: 1 for grey, 3 for colour; by default as the file is.
        invert: swap dark and light, as a network needs that learned white digits on black paper.

    A JPEG of more than 2²⁵ pixels is decoded at a reduced size where a size is given; other files may have no more.

    Raises:
        DataError: a file that cannot be read, is no whole image, or has too many pixels; the message names it.
    """
    size = _checked(size)
    return _read(path, lambda: open_regular(path), size, channels, invert)


def image_in(
    content: bytes, path: str | os.PathLike[str], *, size: Size | None = None, channels: int | None = None
) -> Pixels:
    """As `read_image`, of an image whose bytes were read already from the file that messages name."""
    return _read(path, lambda: io.BytesIO(content), _checked(size), channels, False)


def size_in(content: bytes, path: str | os.PathLike[str]) -> Size:
    """The height and width of an image, of which nothing is decoded.

    Raises:
        DataError: as `read_image`.
    """
    from PIL import Image

    def measured() -> Size:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as file:
            return file.height, file.width

    return _guarded(path, measured)


def sample_image(name: str = "china") -> Pixels:
    """One of the photographs that come with scikit-learn: china or flower, (427, 640, 3)."""
    if name not in SAMPLES:
        raise DataError(f'there is no sample image "{name}", expected one of {", ".join(SAMPLES)}.')
    import importlib

    pixels = importlib.import_module("sklearn.datasets").load_sample_image(f"{name}.jpg")
    return np.asarray(pixels / np.float32(255), dtype=np.float32)


def write_image(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Write (h, w, 1) or (h, w, 3) from 0 to 1, cut off outside, in the format of the file's name.

    Raises:
        DataError: the name's ending is no format of images, or the path cannot be written.
    """
    from PIL import Image

    levels = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    try:
        with replacing(path) as beside:
            Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(beside)
    except ModelFileError as error:
        raise DataError(f"{error}.") from error
    except ValueError as error:
        raise DataError(f'"{path}" is not the name of an image, expected one that ends in .png or .jpg.') from error


def load_image_folder(
    folder: str | os.PathLike[str], *, size: Size | None = None, channels: int | None = None
) -> Dataset:
    """A folder with one folder of images for each class: x (n, h, w, channels), y (n,).

    Classes are named by their folders and numbered in sorted order. Files that are no images by name are passed over.

    Args:
        size: (height, width) to bring all to; by default they must have one size.
        channels: 1 or 3; by default 3 where any image has colours.

    Raises:
        DataError: fewer than two classes, a class without images, different sizes, a corrupt image (named).
    """
    root, size = Path(folder), _checked(size)
    classes, files = class_folders(root)
    paths = [path for files_of_class in files for path in files_of_class]
    images: list[Pixels] = []
    for path in paths:
        image = read_image(path, size=size, channels=channels)
        images.append(image)
        (h, w, _), (h0, w0, _) = image.shape, images[0].shape
        if (h, w) != (h0, w0):  # before the others are read
            how = argument("size", (h0, w0))
            fix = f"use {how} to bring all to one size" if how else "bring all to one size"
            raise DataError(f'"{path}" is {h}×{w} pixels and "{paths[0]}" {h0}×{w0}: {fix}.')
    try:
        x = stacked(images)
    except MemoryError as error:
        raise DataError(f'the {len(images)} images in "{folder}" do not fit into memory: {error}.') from error
    y = np.repeat(np.arange(len(classes)), [len(files_of_class) for files_of_class in files])
    description = f"{len(x)} images of {x.shape[1]}×{x.shape[2]} from {root.name}"
    return Dataset(root.resolve().name, x, y, class_names=tuple(c.name for c in classes), description=description)


def stacked(images: list[Pixels]) -> Pixels:
    """Images of one size, which are taken out of the list, as one array (n, h, w, channels)."""
    colours = max(p.shape[2] for p in images)
    x: Pixels = np.empty((len(images), *images[0].shape[:2], colours), np.float32)
    for row in reversed(range(len(x))):
        x[row] = images.pop()  # in grey it is repeated for every colour
    return x


def class_folders(folder: str | os.PathLike[str]) -> tuple[list[Path], list[list[Path]]]:
    """The folders of the classes, in sorted order, and the images in each.

    Raises:
        DataError: fewer than two classes, or a class without images.
    """
    root = Path(folder)
    try:
        classes = [p for p in list_folder(root) if p.is_dir() and not p.name.startswith(".")]
        files = [[f for f in list_folder(c) if f.suffix.lower() in SUFFIXES and f.name[0] != "."] for c in classes]
    except OSError as error:
        raise DataError(f'cannot read the folder "{folder}": {reason(error)}.') from error
    if len(classes) < 2:
        raise DataError(f'"{folder}" holds {len(classes)} folders, expected one folder of images for each class.')
    for place, files_of_class in zip(classes, files, strict=True):
        if not files_of_class:
            raise DataError(
                f'the folder "{place}" holds no image ({", ".join(SUFFIXES[:3])}, …): add some or remove it.'
            )
    return classes, files


@dataclass(frozen=True)
class Augmentation:
    """Small changes of images that leave their class as it is; every image changes anew in every epoch.

    What happens to an image depends on the seed, the epoch and the image's index alone, so batches may come in any
    order, and a run that was interrupted continues with exactly the images it would have seen.

    Args:
        flip: mirror every other image left to right (not for digits: a mirrored 3 is none).
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
        """The images x (n, h, w, c), whose places in the data set are ``index`` (n,), as this epoch sees them.

        Between pixels values are interpolated linearly; outside the image its edge continues.
        """
        if x.ndim != 4 or len(x) != len(index):
            raise DataError(f"expected x of shape (n, h, w, c) and n indices, got {x.shape} and {len(index)} indices.")
        draws = uniforms(np.asarray(index), seed, epoch)
        mirrored = self.flip & (draws[:, 0] < 0.5)
        down, right = ((2 * draws[:, 1:3] - 1) * self.shift).T
        angle = np.deg2rad((2 * draws[:, 3] - 1) * self.rotate)
        return _moved(x, mirrored, down, right, angle)


def uniforms(index: NDArray[Any], seed: int, epoch: int) -> NDArray[np.float64]:
    """Four numbers in [0, 1) for each index (n,): Philox with the key (seed, epoch) at the counter (index, 0, 0, 1).

    The last word keeps them apart from the numbers that shuffle the epoch, whose counter ends in 0.
    """
    key = np.array([check_integer(seed, "seed"), check_integer(epoch, "epoch")], dtype=np.uint64)
    if len(index) == 0:
        return np.empty((0, 4))
    first = check_integer(index.min(), "index")
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
    """Each image turned about its middle and moved: for every pixel of the result, the place it comes from."""
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


def _read(
    path: str | os.PathLike[str], opened: Callable[[], BinaryIO], size: Size | None, channels: int | None, invert: bool
) -> Pixels:
    return _guarded(path, lambda: _pixels(_decoded(path, opened, size), size, channels, invert))


def _guarded(path: str | os.PathLike[str], read: Callable[[], T]) -> T:
    """What is read of an image; whatever Pillow makes of a damaged one is an error that names it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on damaged metadata, which is not read
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return read()
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f'there is not enough memory for "{path}": make it smaller.') from error
    except UnidentifiedImageError as error:
        sentence = gettext('"{path}" is no image that Pillow knows: save it as PNG or JPEG.', path=path)
        raise DataError(sentence) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f'"{path}" has too many pixels ({error}): make it smaller.') from error
    except Exception as error:  # a damaged file makes Pillow's decoders raise whatever comes
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(f'cannot read "{path}": {reason(error)}.') from error
        sentence = gettext(
            '"{path}" is a corrupt image ({error}): save it again or leave it out.', path=path, error=str(error)
        )
        raise DataError(sentence) from error


def _decoded(path: str | os.PathLike[str], opened: Callable[[], BinaryIO], size: Size | None) -> Image:
    """The image, as large as it is in its file, or at least ``size``."""
    from PIL import Image, ImageOps

    with opened() as source, Image.open(source, formats=_FORMATS) as file:
        if size is not None and _count(file) > MAX_PIXELS:
            file.draft(None, (2 * max(size), 2 * max(size)))  # which only a JPEG takes
        if _count(file) > MAX_PIXELS:
            raise DataError(
                gettext(
                    '"{path}" has {height}×{width} pixels, expected at most {most:,} in all: make it smaller.',
                    path=path,
                    height=file.height,
                    width=file.width,
                    most=MAX_PIXELS,
                )
            )
        file.load()  # reads the pixels: a truncated file shows here
        return ImageOps.exif_transpose(file)


def _checked(size: Size | None) -> Size | None:
    if size is None:
        return None
    if not isinstance(size, Sequence) or len(size) != 2:
        raise DataError(f"size is {size!r}, expected the height and the width, such as (28, 28).")
    height, width = (check_integer(s, "size", minimum=1, below=1 << 15) for s in size)
    return height, width


def _count(image: Image) -> int:
    return image.width * image.height


def _pixels(image: Image, size: Size | None, channels: int | None, invert: bool) -> Pixels:
    from PIL import Image

    if channels not in (None, 1, 3):
        raise DataError(f"channels is {channels!r}, expected 1 for grey or 3 for colour.")
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off at 255
        levels = np.empty((image.height, image.width), np.uint8)
        for row, values in enumerate(np.asarray(image)):  # row by row, so that large images take little memory
            levels[row] = (values / 257).clip(0, 255)
        image = Image.fromarray(levels)
    if image.has_transparency_data:
        image = image.convert("RGBA" if channels != 1 and image.mode not in _GREY else "LA")
        paper = Image.new(image.mode, image.size, "white")
        image = Image.alpha_composite(paper.convert("RGBA"), image.convert("RGBA")).convert(image.mode[:-1])
    grey = channels == 1 or (channels is None and image.mode in _GREY)
    image = image.convert("L" if grey else "RGB")
    if size is not None:
        height, width = size
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)  # averages where it shrinks
    pixels: Pixels = np.divide(np.asarray(image), np.float32(255), dtype=np.float32)
    if invert:
        np.subtract(1, pixels, out=pixels)
    return pixels.reshape(image.height, image.width, -1)
