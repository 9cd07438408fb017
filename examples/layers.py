"""Layers: a network of 3 inputs, 3 hidden units and 1 output with all its numbers, and one whose hidden layers have a
sigmoid, a ReLU and a tanh.

python examples/layers.py
"""

import numpy as np

import pellucid as pl

# warmth, rain and wind of six days, and whether we went for a walk
DAYS = np.array([[2, 1, 0.5], [3, 0, 1], [1, 2, 1], [2.5, 0, 0], [0.5, 0, 2], [1.5, 3, 0.5]])
WALKED = np.array([1, 1, 0, 1, 0, 0])


def three_three_one() -> pl.Network:
    """The network that the guide works out by hand."""
    net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(1, activation="sigmoid"), input_shape=3, dtype="float64")
    net.parameters["dense_1.kernel"] = [[1.0, 0.5, -1.0], [-1.5, 1.0, 0.0], [-1.0, -0.5, 2.0]]
    net.parameters["dense_1.bias"] = [0.5, -1.0, 1.0]
    net.parameters["dense_2.kernel"] = [[1.0], [-1.0], [0.5]]
    net.parameters["dense_2.bias"] = [0.25]
    return net


def mixed() -> tuple[pl.Network, list[float]]:
    """Three hidden layers with an activation each, trained on the six days; and the loss of every epoch."""
    net = pl.Network(
        pl.Dense(3, activation="sigmoid"),
        pl.Dense(3, activation="relu"),
        pl.Dense(3, activation="tanh"),
        pl.Dense(1, activation="sigmoid"),
        input_shape=3,
        seed=0,
    )
    history = net.fit(DAYS, WALKED, epochs=300, batch_size=6, optimizer=pl.Adam(0.03), loss="crossentropy", verbose=0)
    return net, list(history["loss"])


def main() -> float:
    net = three_three_one()
    trace = net.trace(DAYS[:1])
    print("day 1, hidden units:", trace["dense_1"][0].tolist(), "output:", trace["dense_2"].item())
    print(net.explain("dense_2.sum", unit=0, x=DAYS[0]))
    net, losses = mixed()
    right = float(np.mean((net.predict(DAYS)[:, 0] > 0.5) == WALKED))
    print(f"sigmoid, ReLU and tanh: loss {losses[0]:.3f} -> {losses[-1]:.3f}, {right:.0%} of the days right")
    return right


if __name__ == "__main__":
    main()
