"""A recurrent network that forecasts a series: from past changes to the change ahead, scaled by its own past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Standardizer
from pellucid.default_layers import SERIES_BATCH, SERIES_RATE
from pellucid.functions.learning.optimizers import Adam
from pellucid.layers import GRU, LSTM, RNN, Dense
from pellucid.model import Network

Floats = NDArray[np.float64]
CELLS = {"lstm": LSTM, "rnn": RNN, "gru": GRU}


class RecurrentForecaster:
    """Fitted on windows of changes x (n, window, columns) and the changes to come y (n, columns).

    Args:
        cell: the recurrent layer, "lstm", "rnn" or "gru".
    """

    def __init__(self, x: Floats, y: Floats, *, cell: str, units: int, epochs: int, seed: int) -> None:
        self.inputs, self.outputs = Standardizer.fit(x), Standardizer.fit(y)
        self.net = Network(CELLS[cell](units), Dense(x.shape[2]), input_shape=x.shape[1:], seed=seed)
        self.net.fit(
            self.inputs.transform(x),
            self.outputs.transform(y),
            epochs=epochs,
            batch_size=SERIES_BATCH,
            optimizer=Adam(SERIES_RATE),
            loss="mse",
            verbose=0,
        )

    def predict(self, x: Floats) -> Floats:
        """The changes to come after windows x (n, window, columns), shape (n, columns)."""
        return self.outputs.inverse(self.net.predict(self.inputs.transform(x))).astype(np.float64)
