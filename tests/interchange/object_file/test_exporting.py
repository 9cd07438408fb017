"""Exported networks, run by C programs and by hosts of WebAssembly, against the engine's own numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.llvm.run.native import available, host

from .hosts import ARM64, HERE, MICRO, Array, Machine, Module, about, c_array, run_c

pytestmark = pytest.mark.skipif(
    host().architecture == "x86-64" and "v3" not in available(), reason="this CPU is older than what is exported for"
)
BOUND = 2e-6
"""In WebAssembly products are rounded before they are added: the largest difference, of the largest output."""


def reader(**more: Any) -> pl.Network:
    """A bidirectional LSTM over tokens, with what such networks use: embedding, mask, dropout."""
    return pl.Network(
        pl.Embedding(20, 6, mask_zero=True),
        pl.Bidirectional(pl.LSTM(9)),
        pl.Dropout(0.3),
        pl.Dense(3, activation="softmax"),
        input_shape=(5,),
        seed=1,
        **more,
    )


def lstm() -> pl.Network:
    return pl.Network(pl.LSTM(10), pl.Dense(2, activation="tanh"), input_shape=(6, 3), seed=2)


def lenet() -> pl.Network:
    return pl.Network(
        pl.Conv2D(4, kernel_size=3, padding="same", activation="relu"),
        pl.BatchNormalization(),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(17, activation="gelu"),
        pl.Dense(4, activation="softmax"),
        input_shape=(8, 8, 1),
        seed=3,
    )


def examples(net: pl.Network, n: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    ((path, shape),) = net.input_shapes.items()
    integers = net.reading().inputs[path].kind == "int"
    x = (
        rng.integers(0, 20, (n, *shape)).astype(np.int32)
        if integers
        else rng.normal(size=(n, *shape)).astype(np.float32)
    )
    ((path, out),) = net.output_shapes.items()
    if net.reading().last[path].activation == "softmax":
        return x, rng.integers(0, out[-1], n).astype(np.int32)
    return x, np.tanh(rng.normal(size=(n, *out))).astype(np.float32)


def words(*arrays: Array) -> Array:
    return np.concatenate([np.ascontiguousarray(a, np.float32).reshape(-1).view(np.uint32) for a in arrays])


def predicted(net: pl.Network, machine: Machine, folder: Path, batch: int) -> None:
    machine.need()
    x, _ = examples(net, batch)
    code = net.export(folder / "net.o", target=machine.target, batch=batch).files[0]
    y = net.predict(x)
    got = run_c(
        machine,
        code,
        f"{c_array('x', x)}    static float y[{y.size}];\n    if (net_predict(x, y, workspace)) return 1;\n"
        f"    print(y, {y.size});",
    )
    assert np.array_equal(got, words(y))


def trained(net: pl.Network, machine: Machine, folder: Path, batch: int) -> None:
    """Three steps, then a prediction, against `fit` and `predict`."""
    machine.need()
    x, t = examples(net, batch)
    code = net.export(folder / "net.o", target=machine.target, batch=batch, training=True).files[0]
    history = net.fit(x, t, epochs=3, batch_size=batch, optimizer=pl.Adam(0.01), shuffle=False, verbose=0)
    y = net.predict(x)
    got = run_c(
        machine,
        code,
        f"""{c_array("x", x)}{c_array("t", t)}    static float loss[1], y[{y.size}];
    net_start(state);
    for (int step = 0; step < 3; step++) {{
        if (net_train(x, t, 0.01f, loss, state, workspace)) return 1;
        print(loss, 1);
    }}
    if (net_predict(x, y, state, workspace)) return 1;
    print(y, {y.size});""",
    )
    assert np.array_equal(got, words(np.array(history["loss"]), y))


@pytest.mark.parametrize("batch", [1, 19])
def test_a_c_program_predicts_with_the_bits_of_the_engine(tmp_path: Path, batch: int) -> None:
    predicted(reader(), HERE, tmp_path, batch)


def test_a_c_program_trains_with_the_bits_of_fit(tmp_path: Path) -> None:
    trained(reader(), HERE, tmp_path, 5)
    trained(lenet(), HERE, tmp_path, 18)


def test_64_bit_arm_computes_the_same_bits(tmp_path: Path) -> None:
    trained(lstm(), ARM64, tmp_path, 3)


def test_a_microcontroller_computes_the_same_bits(tmp_path: Path) -> None:
    predicted(lstm(), MICRO, tmp_path, 1)
    trained(lstm(), MICRO, tmp_path, 3)


@pytest.mark.parametrize("training", [False, True])
def test_the_program_in_the_header_compiles_as_it_stands(tmp_path: Path, training: bool) -> None:
    HERE.need()
    _, beside = lstm().export(tmp_path / "my net.o", training=training).files
    text = beside.read_text(encoding="utf-8")
    (tmp_path / "main.c").write_text(_example(text), encoding="utf-8")
    for compiler in (HERE.compiler, ("g++", "-fsyntax-only", "-x", "c++", "-Wall", "-Werror")):
        if shutil.which(compiler[0]) is None:
            continue
        file = "main.c" if compiler is HERE.compiler else "my net.h"
        more = ["my net.o", "-o", "main"] if compiler is HERE.compiler else []
        done = subprocess.run([*compiler, file, *more], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    ran = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(ran.stdout.split()) == (2 + 2 * 10 if training else 2)


def _example(text: str) -> str:
    """The program that a header's comment shows."""
    lines = [line[7:] for line in text[: text.index("*/")].splitlines() if line.startswith(" *     ") or line == " *"]
    return "\n".join(lines)


def test_integers_that_name_nothing_are_told_and_nothing_is_done(tmp_path: Path) -> None:
    net = reader()
    x, t = examples(net, 2)
    module = Module(net.export(tmp_path / "net.wasm", batch=2, training=True).files[0])
    module.call("predict", input_1=x)
    bad = x.copy()
    for wrong in (20, -1):
        bad[1, 4] = wrong
        assert module.call("predict", input_1=bad)[0] == 1
        assert module.call("train", 0.1, input_1=bad, dense_1_target=t)[0] == 1
    assert module.call("train", 0.1, input_1=x, dense_1_target=np.array([0, 3]))[0] == 1
    assert module.read(module.about["state"]["step"]) == 0
    for path, place in module.about["parameters"].items():
        assert np.array_equal(module.read(place), net.parameters[path])


@pytest.mark.parametrize("make", [reader, lstm, lenet])
def test_webassembly_is_within_its_bound(tmp_path: Path, make: Any) -> None:
    net = make()
    x, t = examples(net, 18)
    module = Module(net.export(tmp_path / "net.wasm", batch=18, training=True).files[0])
    name = f"{next(iter(net.output_shapes))}_target"
    history = net.fit(x, t, epochs=3, batch_size=18, optimizer=pl.Adam(0.01), shuffle=False, verbose=0)
    for expected in history["loss"]:
        status, outputs = module.call("train", 0.01, input_1=x, **{name: t})
        assert status == 0
        assert outputs["loss"] == pytest.approx(expected, rel=1e-5)
    y = net.predict(x)
    _, outputs = module.call("predict", input_1=x)
    (got,) = outputs.values()
    assert np.abs(got - y).max() <= 20 * BOUND * np.abs(y).max()  # after steps whose differences add up


def test_webassembly_computes_the_bits_of_the_engine_if_it_is_asked_to(tmp_path: Path) -> None:
    net = reader()
    x, t = examples(net, 5)
    module = Module(net.export(tmp_path / "net.wasm", batch=5, training=True, exact=True).files[0])
    assert module.about["exact"]
    (history,) = net.fit(x, t, batch_size=5, optimizer=pl.Adam(0.01), shuffle=False, verbose=0)["loss"]
    assert module.call("train", 0.01, input_1=x, dense_1_target=t)[1]["loss"] == np.float32(history)
    for path, place in module.about["parameters"].items():
        assert np.array_equal(module.read(place), net.parameters[path]), path
    assert np.array_equal(module.call("predict", input_1=x)[1]["dense_1"], net.predict(x))


def test_one_prediction_in_webassembly(tmp_path: Path) -> None:
    net = reader()
    x, _ = examples(net, 1)
    module = Module(net.export(tmp_path / "net.wasm").files[0])
    got = module.call("predict", input_1=x)[1]["dense_1"]
    assert np.abs(got - net.predict(x)).max() <= BOUND
    assert module.about["functions"].keys() == {"predict"}
    assert module.about["state"] == {}


def test_sines_are_exact_far_round_the_circle_in_webassembly(tmp_path: Path) -> None:
    """Their reduction needs products with one rounding, in double precision."""

    @pl.activation
    def wave(x: pl.Tensor) -> pl.Tensor:
        return pl.define("y[...] = sin(x[...])", x=x)

    net = pl.Network(pl.Activation(wave), input_shape=(64,))
    x = (np.random.default_rng(0).normal(size=(1, 64)) * np.logspace(0, 12, 64)).astype(np.float32)
    module = Module(net.export(tmp_path / "net.wasm").files[0])
    assert np.array_equal(module.call("predict", input_1=x)[1]["activation_1"], net.predict(x))


def test_what_a_module_says_of_itself(tmp_path: Path) -> None:
    net = lstm()
    file = net.export(tmp_path / "net.wasm", training=True, batch=4, optimizer="sgd", loss="mae").files[0]
    said = about(file)
    assert said["batch"] == 4
    assert said["loss"] == {"dense_1": "mean_absolute_error"}
    assert said["optimizer"]["name"] == "sgd"
    assert said["functions"]["train"]["inputs"].keys() == {"input_1", "dense_1.target"}
    assert {path: tuple(p["shape"]) for path, p in said["parameters"].items()} == {
        path: net.parameters[path].shape for path in net.parameters
    }
    assert said["state"].keys() == {"seed", "step"}


@pytest.mark.parametrize(
    "path, options, said",
    [
        ("net.so", {}, r"ends in \.o .* or \.wasm .*, got"),
        ("net.o", {"target": "pdp11"}, r'a target that LLVM knows, such as .*, got "pdp11"'),
        ("net.o", {"cpu": "z80"}, 'a CPU that LLVM knows .*, got "z80"'),
        ("net.wasm", {"target": "aarch64-linux-gnu"}, r"for other CPUs write a file \.o"),
        ("net.o", {"target": "s390x-linux-gnu"}, "big-endian"),
        ("net.o", {"target": "thumbv6m-none-eabi"}, "choose a CPU that computes real numbers itself"),
        ("net.o", {"batch": 0}, "batch"),
        ("net.o", {"exact": True}, "exact=True is for WebAssembly"),
        ("nowhere/net.wasm", {}, "there is no such folder"),
    ],
)
def test_errors(tmp_path: Path, path: str, options: dict[str, Any], said: str) -> None:
    net = pl.Network(pl.Dense(2, activation="tanh"), input_shape=3)
    with pytest.raises(pl.PellucidError, match=said):
        net.export(tmp_path / path, **options)
    assert list(tmp_path.iterdir()) == []


def test_double_precision_needs_a_library(tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(2, activation="tanh"), input_shape=3, dtype="float64")
    with pytest.raises(pl.PellucidError, match=r"got tanh .* export a network of dtype float32"):
        net.export(tmp_path / "net.o")
    pl.Network(pl.Dense(2, activation="relu"), input_shape=3, dtype="float64").export(tmp_path / "net.o")
    assert "const double *input_1" in (tmp_path / "net.h").read_text(encoding="utf-8")


def test_names_are_those_of_c(tmp_path: Path) -> None:
    a = pl.Input(2, name="float")
    net = pl.Network(inputs=[a], outputs=[pl.Dense(1, name="state")(a)])
    _, beside = net.export(tmp_path / "3-d.o").files
    text = beside.read_text(encoding="utf-8")
    assert re.search(r"int net_3_d_predict\(const float \*float_, float \*state_, void \*workspace\);", text)
