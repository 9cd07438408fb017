"""Sets that everybody knows by name, downloaded when they are asked for the first time."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import DataError, nearest
from .dataset import Dataset
from .downloads import data_folder, download
from .idx import load_idx_folder


@dataclass(frozen=True)
class PublicSet:
    """A set in files of a server.

    Attributes:
        folders: where the files are to be had.
        files: the digest of each file.
    """

    title: str
    folders: tuple[str, ...]
    files: dict[str, str]
    classes: tuple[str, ...] = ()


_DIGITS = tuple("0123456789")
_IDX = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
PUBLIC = {
    "mnist": PublicSet(
        "MNIST",
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        dict(
            zip(
                _IDX,
                (
                    "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
                    "md5:d53e105ee54ea40749a09fcbcd1e9432",
                    "md5:9fb629c4189551a2d022fa330f9573f3",
                    "md5:ec29112dd5afa0611ce80d1b7f02629c",
                ),
                strict=True,
            )
        ),
        _DIGITS,
    ),
    "fashion_mnist": PublicSet(
        "Fashion-MNIST",
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        dict(
            zip(
                _IDX,
                (
                    "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    "md5:25c81989df183df01b3e8a0aad5dffbe",
                    "md5:bef4ecab320f06d8554ea6380940ec79",
                    "md5:bb300cfdad3c16e7a12a480ee83cd310",
                ),
                strict=True,
            )
        ),
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
    "cifar10": PublicSet(
        "CIFAR-10",
        ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
        {"cifar-10-binary.tar.gz": "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
    "shakespeare": PublicSet(
        "tiny Shakespeare",
        (
            "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
        ),
        {"input.txt": "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
    ),
}
PUBLIC_TEXTS = ("shakespeare",)
PUBLIC_IMAGES = tuple(name for name in PUBLIC if name not in PUBLIC_TEXTS)
_CIFAR_RECORD = 1 + 3 * 32 * 32


def fetch(name: str) -> tuple[Dataset, Dataset]:
    """A set of images by name, its training and its test part: "mnist", "fashion_mnist" or "cifar10".

    x (n, h, w, channels) from 0 to 1, y (n,). It is downloaded the first time, with a progress bar, checked by its
    digest, and kept in Pellucid's cache folder (`PELLUCID_DATA` names another one); a download that broke off goes on
    where it was.

    Raises:
        DataError: another name; no connection; a damaged file.
    """
    files = _files(name, PUBLIC_IMAGES)
    classes = PUBLIC[name].classes
    if name == "cifar10":
        return _cifar(files[0], classes)
    train, test = load_idx_folder(files[0].parent)
    return replace(train, name=name, class_names=classes), replace(test, name=f"{name} test", class_names=classes)


def fetch_text(name: str) -> str:
    """A text by name: "shakespeare", a megabyte of his plays. See `fetch`.

    Raises:
        DataError: another name; no connection; a damaged file.
    """
    return _files(name, PUBLIC_TEXTS)[0].read_text(encoding="utf-8")


def _files(name: str, choices: Sequence[str]) -> list[Path]:
    if name not in choices:
        raise DataError(f'there is no set "{name}", expected {" or ".join(choices)}.{nearest(str(name), choices)}')
    known, folder = PUBLIC[name], data_folder() / name
    return [
        download([base + file for base in known.folders], folder / file, digest, what=f"{known.title} ({file})")
        for file, digest in known.files.items()
    ]


def _cifar(path: Path, classes: tuple[str, ...]) -> tuple[Dataset, Dataset]:
    """The records of the binary form: a label, then a plane of 32 × 32 for red, green and blue."""
    parts: dict[str, list[bytes]] = {"data": [], "test": []}
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            stem = Path(member.name).name
            if stem.endswith(".bin") and member.isfile() and (file := archive.extractfile(member)) is not None:
                parts["test" if stem.startswith("test") else "data"].append(file.read())
    sets = []
    for title, pieces in zip(("cifar10", "cifar10 test"), parts.values(), strict=True):
        records = np.frombuffer(b"".join(pieces), dtype=np.uint8).reshape(-1, _CIFAR_RECORD)
        planes = records[:, 1:].reshape(-1, 3, 32, 32)
        x = np.moveaxis(planes, 1, -1).astype(np.float32, order="C") / np.float32(255)
        y = records[:, 0].astype(np.int64)
        sets.append(Dataset(title, x, y, class_names=classes, description=f"{len(x)} images of 32×32 in 10 classes"))
    return sets[0], sets[1]
