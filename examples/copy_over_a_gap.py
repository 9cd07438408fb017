"""How far back a recurrent network remembers: it reads symbols, and at the end names the one that was marked.

python examples/copy_over_a_gap.py [--quick]
"""

import sys

import numpy as np

import pellucid as pl

SYMBOLS = 8
GAPS = (5, 10, 20, 40, 80)
LAYERS = {"RNN": (pl.RNN, 40), "GRU": (pl.GRU, 22), "LSTM": (pl.LSTM, 20)}  # each about 2,400 parameters


def sequences(n: int, length: int, gaps: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (n, length, SYMBOLS + 1) of random symbols and a mark on one of them; and which one it is, (n,).

    The gap, drawn from `gaps`, is how many symbols stand behind the marked one. They are of the same kind, so that what
    is remembered has to be kept from them.
    """
    random = np.random.default_rng(seed)
    symbols = random.integers(SYMBOLS, size=(n, length))
    rows, marked = np.arange(n), length - 1 - random.choice(gaps, n)
    x = np.zeros((n, length, SYMBOLS + 1), np.float32)
    x[..., :SYMBOLS] = np.eye(SYMBOLS)[symbols]
    x[rows, marked, SYMBOLS] = 1
    return x, symbols[rows, marked]


def accuracies(kind: str, gaps: np.ndarray, *, examples: int, epochs: int, seed: int) -> list[float]:
    """Learn all gaps at once; the accuracy at each of them, on new sequences."""
    length = int(gaps.max()) + 1
    layer, units = LAYERS[kind]
    net = pl.Network(
        layer(units),
        pl.Dense(SYMBOLS, activation="softmax"),
        input_shape=(length, SYMBOLS + 1),
        seed=seed,
    )
    x, y = sequences(examples, length, gaps, seed)
    net.fit(x, y, epochs=epochs, optimizer=pl.Adam(3e-3), clip_norm=1.0, verbose=0)
    scores = []
    for gap in gaps:
        test = sequences(500, length, np.array([gap]), seed=1000 + seed)
        scores.append(net.evaluate(*test, metrics=["accuracy"])["accuracy"])
    return scores


def main(*, quick: bool = False) -> dict[str, np.ndarray]:
    gaps = np.array([2, 5] if quick else GAPS)
    seeds = 1 if quick else 5
    print(f"accuracy over {seeds} seeds: mean (min … max); guessing gives {1 / SYMBOLS:.3f}")
    print("  ".join(["gap ", *(f"{gap:^21}" for gap in gaps)]))
    results = {}
    for kind in LAYERS:
        runs = [accuracies(kind, gaps, examples=2000 if quick else 6000, epochs=8, seed=seed) for seed in range(seeds)]
        results[kind] = np.array(runs)
        cells = [f"{a.mean():.3f} ({a.min():.3f} … {a.max():.3f})" for a in results[kind].T]
        print("  ".join([f"{kind:4}", *cells]))
    return results


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
