from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Augmentation
from pellucid.errors import DataError
from pellucid.training.callbacks.augment import Augment


def test_every_epoch_sees_the_pictures_anew_and_the_original_stays() -> None:
    x = np.random.default_rng(0).random((6, 5, 5, 1), dtype=np.float32)
    before = x.copy()
    change = Augmentation(shift=1, rotate=10)
    augment = Augment(x, change, seed=3)
    seen = []

    class Watch(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: object) -> None:
            seen.append(augment.x.copy())

    net = pl.Network(pl.Flatten(), pl.Dense(2, activation="softmax"), input_shape=(5, 5, 1), seed=0)
    net.fit(augment.x, [0, 1, 0, 1, 0, 1], epochs=2, callbacks=[augment, Watch()], verbose=0)
    np.testing.assert_array_equal(x, before)
    for epoch, images in enumerate(seen):
        np.testing.assert_array_equal(images, change(x, range(6), seed=3, epoch=epoch))
    assert (seen[0] != seen[1]).any()


def test_what_is_trained_on_is_what_was_filled() -> None:
    # the weights are those of a training on the images as the first epoch changes them
    x = np.random.default_rng(0).random((8, 4, 4, 1), dtype=np.float32)
    y = np.arange(8) % 2
    augment = Augment(x, Augmentation(flip=True), seed=0)
    nets = [
        pl.Network(pl.Flatten(), pl.Dense(2, activation="softmax"), input_shape=(4, 4, 1), seed=0) for _ in range(2)
    ]
    nets[0].fit(augment.x, y, epochs=1, callbacks=[augment], verbose=0)
    nets[1].fit(Augmentation(flip=True)(x, range(8), seed=0, epoch=0), y, epochs=1, verbose=0)
    for path in nets[0].parameters:
        np.testing.assert_array_equal(nets[0].parameters[path], nets[1].parameters[path])


def test_fit_changes_the_pictures_itself() -> None:
    x = np.random.default_rng(0).random((8, 4, 4, 1), dtype=np.float32)
    y = np.arange(8) % 2
    nets = [
        pl.Network(pl.Flatten(), pl.Dense(2, activation="softmax"), input_shape=(4, 4, 1), seed=5) for _ in range(2)
    ]
    augment = Augment(x, Augmentation(shift=1), seed=5)
    nets[0].fit(augment.x, y, epochs=2, callbacks=[augment], verbose=0)
    nets[1].fit(x, y, epochs=2, augmentation=Augmentation(shift=1), verbose=0)
    for path in nets[0].parameters:
        np.testing.assert_array_equal(nets[0].parameters[path], nets[1].parameters[path])
    with pytest.raises(DataError, match="give validation_data"):
        nets[0].fit(x, y, augmentation=Augmentation(shift=1), validation_split=0.5, verbose=0)
    with pytest.raises(DataError, match="batches change their images themselves"):
        nets[0].fit([(x, y)], augmentation=Augmentation(shift=1), verbose=0)
    with pytest.raises(pl.PellucidError, match="augmentation is dict, expected"):
        nets[0].fit(x, y, augmentation={"shift": 1}, verbose=0)  # type: ignore[arg-type]


def test_pictures_are_expected() -> None:
    with pytest.raises(DataError, match=r"expected images \(n, h, w, c\)"):
        Augment(np.zeros((3, 4)), Augmentation())
