"""Images of a person's own, in a folder for each class, brought to one size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np

from pellucid.data import Dataset
from pellucid.data.images import SUFFIXES, image_in, size_in, stacked
from pellucid.default_layers import TEST_SIZE, example_layers
from pellucid.errors import DataError
from pellucid.lab.edit.plain_code import literal
from pellucid.lab.own_data.beginning import SEED, Beginning, divided
from pellucid.lab.protocol.requests import DataChoices
from pellucid.messages import Message, gettext

SIDE = 32
"""Of the squares that images are brought to, where they are larger or differ."""
LARGEST_SIDE = 64
MAX_NUMBERS = 1 << 26
"""Of all images together: 256 MiB."""


def is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


class OwnImages:
    """Images, and what a person chose of them.

    Raises:
        DataError: they are not in folders side by side, at least two, or are more than is taken in the lab.
    """

    def __init__(self, files: Mapping[str, bytes], choices: DataChoices, archives: Mapping[str, str]) -> None:
        names = sorted(PurePosixPath(name) for name in files if is_image(name))
        self.others = len(files) - len(names)
        self.folders: dict[PurePosixPath, list[PurePosixPath]] = {}
        for name in names:
            self.folders.setdefault(name.parent, []).append(name)
        if len(self.folders) < 2:
            raise DataError(
                gettext(
                    "the images ({count}) came in one folder, expected a folder for each class, at least two: give the "
                    "folder that holds them, or a zip of it",
                    count=len(names),
                )
            )
        roots = {folder.parent: folder for folder in self.folders}
        if len(roots) > 1:
            one, two = list(roots.values())[:2]
            raise DataError(
                gettext(
                    'the folders "{one}" and "{two}" lie in different folders, expected those of the classes side by '
                    "side: give the folder in which they are",
                    one=one,
                    two=two,
                )
            )
        (self.root,) = roots
        self.archive = archives.get(self.root.parts[0]) if self.root.parts else None
        self.name = self.root.name or "images"
        self.files, self.choices = files, choices
        sizes = {size_in(files[str(name)], name) for name in names}
        given = choices.size
        self.size = next(iter(sizes)) if len(sizes) == 1 else (SIDE, SIDE)
        if given is not None or max(self.size) > LARGEST_SIDE:
            self.size = (given or SIDE, given or SIDE)
        self._check(len(names))

    def data(self) -> Dataset:
        """The examples.

        Raises:
            DataError: an image that cannot be read.
        """
        images = [
            image_in(self.files[str(name)], name, size=self.size, channels=self.choices.channels)
            for names in self.folders.values()
            for name in names
        ]
        y = np.repeat(np.arange(len(self.folders)), [len(names) for names in self.folders.values()])
        return Dataset(self.name, stacked(images), y, class_names=tuple(folder.name for folder in self.folders))

    def _check(self, count: int) -> None:
        numbers = 3 * count * self.size[0] * self.size[1]
        if numbers > MAX_NUMBERS:
            raise DataError(
                gettext(
                    "{count:,} images of {height}×{width} pixels are {numbers:,} numbers, expected at most {most:,} in "
                    "the lab: choose a smaller size, or give fewer",
                    count=count,
                    height=self.size[0],
                    width=self.size[1],
                    numbers=numbers,
                    most=MAX_NUMBERS,
                )
            )

    def beginning(self, data: Dataset) -> Beginning:
        """The task that is begun with.

        Raises:
            DataError: a class without enough images, or a network too large for the lab.
        """
        learned, test = divided(data)
        return Beginning(
            self.name,
            example_layers(learned, convolves=True),
            (learned.x, learned.y),
            (test.x, test.y),
            code=self.code(data),
            classes=data.class_names,
        )

    def code(self, data: Dataset) -> str:
        """Python that makes `x`, `y` and `validation_data`."""
        channels = f", channels={data.x.shape[3]}" if self.choices.channels is not None else ""
        unpacked = ""
        if self.archive is not None:
            top = literal(self.root.parts[0])
            unpacked = f"import shutil\n\nshutil.unpack_archive({literal(self.archive)}, {top})\n"
        return (
            f"{unpacked}data = pl.data.load_image_folder({literal(str(self.root))}, size={self.size}{channels})\n"
            f"learned, test = data.divide(test_size={TEST_SIZE}, seed={SEED})\n"
            "x, y, validation_data = learned.x, learned.y, (test.x, test.y)"
        )

    def notes(self) -> list[Message]:
        """What was done to the files that may surprise."""
        said = [
            gettext(
                "Each image has {height} × {width} pixels for the network.", height=self.size[0], width=self.size[1]
            )
        ]
        if self.others:
            said.append(
                gettext("Files that are no images by their names, and were left out: {count}.", count=self.others)
            )
        return said
