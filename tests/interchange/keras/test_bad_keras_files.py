"""Keras files that are truncated, damaged or hostile: one clear error, nothing executed, nothing read elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interchange.keras.test_keras_files import WEIGHTS, functional, layer, numbers, sequential, value, written

import pellucid as pl
from pellucid.errors import ModelFileError, PellucidError

h5py = pytest.importorskip("h5py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    arrays = {"layers/dense/vars/0": numbers(4, 3), "layers/dense/vars/1": numbers(3)}
    return written(tmp_path / "net.keras", sequential(layer("Dense", "dense", units=3)), arrays)


def refused(path: Path, message: str) -> None:
    with pytest.raises(PellucidError, match=message) as caught:
        pl.from_keras(path)
    assert "\n" not in str(caught.value)


def changed(path: Path, change: Callable[[Any], object], *, name: str = "config.json") -> Path:
    """The file with another member."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    if name == WEIGHTS:
        stream = io.BytesIO(members[name])
        with h5py.File(stream, "r+") as file:
            change(file)
        members[name] = stream.getvalue()
    else:
        config = json.loads(members[name])
        change(config)
        members[name] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def test_no_file_and_no_model(path: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none.keras", "none.keras.* cannot be read")
    refused(tmp_path, "cannot be read")
    for content in (b"", b"PK\x03\x04 something else", b"\xff" * 50):
        path.write_bytes(content)
        refused(path, "no .keras file")
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    refused(path, "is an HDF5 file, expected a .keras file")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    refused(path, "expected one config.json in it, got 'word/document.xml'")


def test_truncated(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 61):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            pl.from_keras(path)


def test_truncated_weights(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        config, weights = archive.read("config.json"), archive.read(WEIGHTS)
    for length in range(0, len(weights), 173):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr(WEIGHTS, weights[:length])
        with pytest.raises(ModelFileError):
            pl.from_keras(path)


def test_a_zip_bomb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.interchange.keras.archive.MAX_CONFIG", 1 << 16)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
        archive.writestr(WEIGHTS, b"\0" * (1 << 24))
    refused(path, "model.weights.h5 in it is larger than")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (1 << 20))
        archive.writestr(WEIGHTS, b"")
    refused(path, "config.json in it is larger than")


def test_links_to_other_files_are_not_followed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = numbers(4, 3)
    place = "layers/dense/vars/0"

    def external(file: Any) -> None:
        del file[place]
        file[place] = h5py.ExternalLink(str(other), "secret")

    def soft(file: Any) -> None:
        del file[place]
        file[place] = h5py.SoftLink("/layers/dense/vars/1")

    def stored(file: Any) -> None:
        del file[place]
        file.create_dataset(place, (4, 3), np.float32, external=[(str(other), 0, 48)])

    original = path.read_bytes()
    for change, message in (
        (external, "is a link to another place, which is not followed"),
        (soft, "is a link to another place, which is not followed"),
        (stored, "lie in another file, where nothing is read"),
    ):
        path.write_bytes(original)
        refused(changed(path, change, name=WEIGHTS), message)


def test_weights_that_contradict_the_layers(path: Path) -> None:
    original = path.read_bytes()

    def put(array: Any) -> Callable[[Any], object]:
        def change(file: Any) -> None:
            del file["layers/dense/vars/0"]
            if array is not None:
                file.create_dataset("layers/dense/vars/0", **array)

        return change

    for array, message in (
        (None, r"have no layers/dense/vars/0, expected an array of shape \(4, 3\)"),
        ({"data": numbers(4, 5)}, r"has the shape \(4, 5\), expected 12 numbers"),
        ({"data": numbers(3, 4)}, r"has the shape \(3, 4\), expected \(4, 3\)"),
        ({"shape": (1 << 40,), "dtype": "f4", "chunks": (1024,)}, "expected 12 numbers"),
        ({"shape": (4, 3), "dtype": "f4"}, "is declared, but its numbers are missing"),
        ({"data": ["a", "b"]}, "is no array of numbers"),
    ):
        path.write_bytes(original)
        refused(changed(path, put(array), name=WEIGHTS), message)


def test_sizes_that_exhaust_memory(path: Path) -> None:
    def huge(config: Any) -> None:
        config["config"]["layers"][1]["config"]["units"] = 1 << 40

    refused(changed(path, huge), "dense")


def test_graphs_that_make_no_sense(tmp_path: Path) -> None:
    dense = [layer("Dense", "a", units=4), layer("Dense", "b", units=4)]
    cases: tuple[tuple[dict[str, list[Any]], str], ...] = (
        ({"a": [[value("b")]], "b": [[value("a")]]}, 'has a cycle through the layer "[ab]"'),
        ({"a": [[value("given")]], "b": [[value("none")]]}, 'a layer "none", which is not there'),
        ({"a": [[value("given")]], "b": [[value("a", 3)]]}, 'use 3 of the layer "a"'),
        ({"a": [[value("given")]], "b": [[]]}, r'"b" \(Dense\) takes nothing'),
        ({"a": [[value("given")]], "b": [[value("a"), 3]]}, "called with 3, expected values of the graph"),
    )
    for calls, message in cases:
        config = functional(json.loads(json.dumps(dense)), calls, ["b", 0, 0])
        refused(written(tmp_path / "net.keras", config, {}), message)


def test_nothing_is_executed(path: Path) -> None:
    def own(config: Any) -> None:
        config.update(class_name="Mine", module="os", registered_name="os>system")

    def activation(config: Any) -> None:
        config["config"]["layers"][1]["config"]["activation"] = {"class_name": "__lambda__", "config": {"value": "x"}}

    original = path.read_bytes()
    refused(changed(path, own), "the model is a Mine, expected a Sequential or a Functional one")
    path.write_bytes(original)
    refused(changed(path, activation), "has activation=")


def test_models_inside_each_other(path: Path) -> None:
    def nested(config: Any) -> None:
        for _ in range(40):
            inner = json.loads(json.dumps(config))
            inner["config"]["name"] = "inner"
            config["config"]["layers"] = [config["config"]["layers"][0], inner]

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    nested(config)
    refused(written(path, config, {}), "damaged|expected a Sequential|name")
