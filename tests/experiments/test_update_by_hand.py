"""One step of gradient descent, worked by hand with fractions, is the engine's to the last bit.

A network 2 → 2 → 1 with ReLU, the squared error, one example and a rate of 1/2. All numbers are small multiples of
powers of 2, which float32 holds exactly.
"""

from __future__ import annotations

import numpy as np

import pellucid as pl

X, TARGET, RATE = (1.0, 2.0), 2.0, 0.5
KERNEL_1, BIAS_1 = [[0.5, -1.0], [0.25, 0.75]], [0.5, 0.25]
KERNEL_2, BIAS_2 = [[2.0], [-1.0]], [0.5]

# forward:   z1 = 1·0.5 + 2·0.25 + 0.5 = 1.5       z2 = 1·(−1) + 2·0.75 + 0.25 = 0.75      both positive
#            y = 1.5·2 + 0.75·(−1) + 0.5 = 2.75    loss = (2.75 − 2)² = 0.5625
# backward:  δ = 2·(2.75 − 2) = 1.5                δ1 = 1.5·2 = 3          δ2 = 1.5·(−1) = −1.5
# update:    w − 0.5·(input · δ)
UPDATED = {
    "dense_2.kernel": [[2 - 0.5 * 1.5 * 1.5], [-1 - 0.5 * 0.75 * 1.5]],
    "dense_2.bias": [0.5 - 0.5 * 1.5],
    "dense_1.kernel": [[0.5 - 0.5 * 1 * 3, -1 + 0.5 * 1 * 1.5], [0.25 - 0.5 * 2 * 3, 0.75 + 0.5 * 2 * 1.5]],
    "dense_1.bias": [0.5 - 0.5 * 3, 0.25 + 0.5 * 1.5],
}


def test_the_update_by_hand_is_the_engine_s() -> None:
    net = pl.Network(pl.Dense(2, activation="relu"), pl.Dense(1), input_shape=2)
    for path, value in (
        ("dense_1.kernel", KERNEL_1),
        ("dense_1.bias", BIAS_1),
        ("dense_2.kernel", KERNEL_2),
        ("dense_2.bias", BIAS_2),
    ):
        net.parameters[path] = value
    x, y = np.array([X], dtype=np.float32), np.array([[TARGET]], dtype=np.float32)
    assert net.predict(x)[0, 0] == 2.75
    loss, gradients = net.gradients(x, y, loss="mse")
    assert loss == 0.5625
    assert gradients["dense_1.bias"].tolist() == [3.0, -1.5]
    net.fit(x, y, loss="mse", optimizer=pl.SGD(RATE), verbose=0)
    assert {path: value.tolist() for path, value in net.parameters.snapshot().items()} == UPDATED
