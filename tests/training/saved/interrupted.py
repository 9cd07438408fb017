"""A training that `test_checkpoint.py` runs in a process of its own and kills.

    python interrupted.py DATA CHECKPOINT RESULT

It goes on from CHECKPOINT where there is one, and at its end writes weights and history to RESULT.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pellucid.files import write_tensors
from pellucid.functions.learning.optimizers import Adam
from pellucid.layers import BatchNormalization, Dense, Dropout
from pellucid.model import Network
from pellucid.training import Checkpoint, CosineDecay, EarlyStopping, LearningRateSchedule, ReduceLROnPlateau


def main(data: Path, checkpoint: Path, result: Path) -> None:
    with np.load(data) as arrays:
        x, y = arrays["x"], arrays["y"]
    layers = Dense(24, activation="relu"), BatchNormalization(), Dropout(0.2), Dense(10, activation="softmax")
    net = Network(*layers, input_shape=64, seed=3)
    print("ready", flush=True)
    history = net.fit(
        x,
        y,
        epochs=24,
        batch_size=48,
        optimizer=Adam(5e-3),
        metrics=["accuracy", "f1", "auc"],
        validation_split=0.2,
        class_weight={0: 2.0},
        clip_norm=1.0,
        callbacks=[
            Checkpoint(checkpoint, every_steps=3),
            LearningRateSchedule(CosineDecay(5e-3, 800), per="step"),
            EarlyStopping(patience=24),
            ReduceLROnPlateau("loss", patience=2),
        ],
        resume=checkpoint if checkpoint.exists() else None,
        verbose=0,
    )
    write_tensors(result, "result", {"history": history.history, "epoch": history.epoch}, dict(net.parameters))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
