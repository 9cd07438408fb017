"""Files that are truncated, damaged or hostile: one clear error, nothing read outside the folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interchange.onnx.test_import import node, written

import pellucid as pl
from pellucid.errors import ModelFileError, PellucidError

onnx = pytest.importorskip("onnx")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model y = relu(x·w) in a folder of its own."""
    folder = tmp_path / "models"
    folder.mkdir()
    weights = {"w": np.arange(6, dtype=np.float32).reshape(3, 2)}
    return written(folder / "net.onnx", [node("MatMul", "x w", "a"), node("Relu", "a", "y")], ["n", 3], weights)


def changed(path: Path, change: Callable[[Any], object]) -> Path:
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises(PellucidError, match=message) as caught:
        pl.from_onnx(path)
    assert "\n" not in str(caught.value)


def test_no_file_a_folder_and_no_model(path: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "none.onnx.* cannot be read")
    refused(tmp_path, "cannot be read: it is a folder|cannot be read")
    other = tmp_path / "other.onnx"
    for content in (b"", b"PK\x03\x04 something else", b"\xff" * 50):
        other.write_bytes(content)
        refused(other, "no ONNX model")


def test_truncated_files(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            pl.from_onnx(path)


def test_newer_versions(path: Path) -> None:
    newest = onnx.defs.onnx_opset_version()
    refused(
        changed(path, lambda m: setattr(m.opset_import[0], "version", newest + 1)),
        f"opset {newest + 1} .* 1 to {newest}",
    )
    changed(path, lambda m: setattr(m.opset_import[0], "version", 17))
    refused(changed(path, lambda m: setattr(m, "ir_version", 999)), "file format 999")


def test_circles_and_names_that_nothing_gives(path: Path) -> None:
    content = path.read_bytes()
    refused(changed(path, lambda m: m.graph.node[0].input.__setitem__(0, "y")), '"y", which a later node .* circle')
    path.write_bytes(content)
    refused(changed(path, lambda m: m.graph.node[0].input.__setitem__(0, "z")), '"z", which nothing gives')
    path.write_bytes(content)
    refused(changed(path, lambda m: m.graph.node[1].output.__setitem__(0, "a")), '"a", which is there already')
    path.write_bytes(content)
    refused(changed(path, lambda m: setattr(m.graph.output[0], "name", "z")), 'nothing gives the output "z"')


def test_shapes_that_contradict_the_data(path: Path) -> None:
    content = path.read_bytes()
    refused(changed(path, lambda m: m.graph.initializer[0].dims.__setitem__(0, 4)), '"w" has 24 bytes, expected 32')
    path.write_bytes(content)
    refused(changed(path, lambda m: m.graph.initializer[0].dims.__setitem__(0, -3)), '"w" has the shape')
    path.write_bytes(content)
    refused(
        changed(path, lambda m: m.graph.initializer[0].dims.__setitem__(slice(None), [2, 3])),
        "node .*MatMul.* do not|inner axes",
    )


def external(path: Path, location: str, **entries: object) -> Path:
    def change(model: Any) -> None:
        weights = model.graph.initializer[0]
        weights.ClearField("raw_data")
        weights.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            entry = weights.external_data.add()
            entry.key, entry.value = key, str(value)

    return changed(path, change)


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "", ".", "link", "deeper/../../secret", "a\0b"])
def test_nothing_outside_the_folder_is_read(location: str, path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_bytes(bytes(24))
    (path.parent / "deeper").mkdir()
    os.symlink(secret, path.parent / "link")
    refused(external(path, location), "outside the folder of the model, where nothing is read")


def test_external_data_in_the_folder(path: Path) -> None:
    content = path.read_bytes()
    (path.parent / "weights").write_bytes(b"1234" + np.arange(6, dtype="<f4").tobytes())
    net = pl.from_onnx(external(path, "weights", offset=4, length=24))
    np.testing.assert_array_equal(net.predict(np.eye(3, dtype=np.float32)), np.arange(6).reshape(3, 2))
    for entries, message in (
        ({"offset": 8}, "too short"),
        ({"length": 12}, "12 bytes at 0, expected 24"),
        ({"offset": -4}, "at -4"),
        ({"offset": "x"}, "no integer"),
    ):
        path.write_bytes(content)
        refused(external(path, "weights", **entries), message)
    path.write_bytes(content)
    refused(external(path, "missing"), '"missing" of the tensor "w" cannot be read')


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("ConstantOfShape", "big", "c"), node("Add", "x c", "y")], {"big": [1 << 40]}),
        ([node("Tile", "x times", "y")], {"times": [1, 1 << 40]}),
        ([node("Expand", "x shape", "y")], {"shape": [1 << 31, 1, 3]}),
        ([node("Pad", "x pads", "y")], {"pads": [0, 1 << 40, 0, 0]}),
        ([node("Range", "a b c", "r"), node("Add", "x r", "y")], {"a": 0, "b": 1 << 60, "c": 1}),
        ([node("OneHot", "x depth values", "y")], {"depth": [1 << 40], "values": [0.0, 1.0]}),
        ([node("Upsample", "x scales", "y", mode="nearest")], {"scales": [1.0, 1e12]}),
    ],
    ids=lambda given: given[0].op_type if isinstance(given, list) else "",
)
def test_sizes_that_no_memory_has(nodes: list[Any], constants: dict[str, Any], tmp_path: Path) -> None:
    opset = 9 if nodes[0].op_type == "Upsample" else 17
    path = written(tmp_path / "net.onnx", nodes, ["n", 3], constants, opset=opset)
    refused(path, "expected at most")
