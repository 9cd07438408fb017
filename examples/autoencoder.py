"""An autoencoder: images through a bottleneck, for codes, for anomalies and against noise.

python examples/autoencoder.py [--quick]
"""

import sys

import numpy as np

import pellucid as pl
from pellucid.data import load


def autoencoder(seed: int = 0) -> tuple[pl.Network, pl.Network, pl.Network]:
    """Encoder 64 → 8, decoder 8 → 64, and both in a row: three networks that share their parameters."""
    encoder = pl.Network(pl.Dense(32, activation="relu"), pl.Dense(8), input_shape=(64,), seed=seed)
    unfolding = pl.Dense(32, activation="relu"), pl.Dense(64, activation="sigmoid")
    decoder = pl.Network(*unfolding, input_shape=(8,), seed=seed + 1)
    return encoder, decoder, pl.Network(encoder, decoder, seed=seed)


def ranks_above(one: np.ndarray, other: np.ndarray) -> float:
    """How often a value of `one` is above a value of `other` (the area under the ROC curve)."""
    return float((one[:, None] > other).mean())


def main(*, quick: bool = False) -> dict[str, float]:
    (x, y), (x_test, y_test) = load("digits", images=False).split(test_size=0.2, seed=0)
    epochs = 20 if quick else 100
    scores = {}

    encoder, decoder, whole = autoencoder()
    whole.fit(x, x, epochs=epochs, optimizer=pl.Adam(3e-3), loss="mse", verbose=0)
    codes = encoder.predict(x_test)
    np.testing.assert_allclose(decoder.predict(codes), whole.predict(x_test), atol=1e-6)
    scores["error"] = whole.evaluate(x_test, x_test, loss="mse")["loss"]
    scores["error of the mean image"] = float(((x_test - x.mean(axis=0)) ** 2).mean())

    # anomalies: what it has not learned it reconstructs badly
    errors = ((whole.predict(x_test) - x_test) ** 2).mean(axis=1)
    shuffled = np.random.default_rng(0).permuted(x_test, axis=1)  # the same pixels in another order
    odd = ((whole.predict(shuffled) - shuffled) ** 2).mean(axis=1)
    scores["shuffled images found"] = ranks_above(odd, errors)

    # and of the digits, one that it never saw
    _, _, without = autoencoder(seed=2)
    known = y != 4
    without.fit(x[known], x[known], epochs=epochs, optimizer=pl.Adam(3e-3), loss="mse", verbose=0)
    errors = ((without.predict(x_test) - x_test) ** 2).mean(axis=1)
    scores["unseen 4s found"] = ranks_above(errors[y_test == 4], errors[y_test != 4])

    # noise: from noisy images to clean ones
    random = np.random.default_rng(0)
    noisy, noisy_test = (np.float32(a + 0.3 * random.standard_normal(a.shape)) for a in (x, x_test))
    _, _, cleaner = autoencoder(seed=4)
    cleaner.fit(noisy, x, epochs=epochs, optimizer=pl.Adam(3e-3), loss="mse", verbose=0)
    scores["error of noisy images"] = float(((noisy_test - x_test) ** 2).mean())
    scores["error after cleaning"] = float(((cleaner.predict(noisy_test) - x_test) ** 2).mean())

    for name, value in scores.items():
        print(f"{name:28} {value:.4f}")
    return scores


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
