"""The next stock price: an LSTM beside "tomorrow = today" and a linear autoregression.

python examples/stock_prices.py [PRICES.csv COLUMN] [--quick]
"""

import sys

import numpy as np

import pellucid as pl
from pellucid.data import (
    Autoregression,
    Standardizer,
    choose_changes,
    levels,
    load_series,
    read_series,
    series_windows,
    verdict,
    walk_forward,
)


def main(path: str | None = None, column: str = "Close", *, quick: bool = False) -> dict[str, float]:
    series = load_series("google") if path is None else read_series(path, column)
    print(f"{series.name}: {series.description}, {len(series)} rows")
    logs = levels(series.values, choose_changes(series.values))
    windows = series_windows(logs, window=20)  # x: the last twenty changes, y: the next

    errors: dict[str, list[np.ndarray]] = {}
    for train, test in walk_forward(windows, test_size=0.2, folds=1 if quick else 4):  # the past alone is learned from
        x, y = windows.x[train], windows.y[train]
        inputs, outputs = Standardizer.fit(x), Standardizer.fit(y)
        net = pl.Network(pl.LSTM(16), pl.Dense(1), input_shape=x.shape[1:], seed=0)
        scaled = inputs.transform(x), outputs.transform(y)
        net.fit(*scaled, epochs=2 if quick else 10, batch_size=64, loss="mse", verbose=0)
        forecasts: dict[str, np.ndarray] = {
            "the LSTM": outputs.inverse(net.predict(inputs.transform(windows.x[test]))),
            '"tomorrow = today"': np.zeros_like(windows.y[test]),
            "the autoregression": Autoregression().fit(x, y).predict(windows.x[test]),
        }
        for name, forecast in forecasts.items():
            errors.setdefault(name, []).append((forecast - windows.y[test])[:, 0])

    joined = {name: np.concatenate(parts) for name, parts in errors.items()}
    means = {name: float(np.abs(error).mean()) for name, error in joined.items()}
    for name, mean in means.items():
        print(f"{name:20} mean error {100 * mean:.3f} %, spread {100 * joined[name].std():.3f} %")
    print(verdict(joined, "the LSTM"))
    return means


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--quick"]
    main(*given, quick="--quick" in sys.argv)
