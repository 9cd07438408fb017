"""Handwritten digits with dense layers: train, test, look inside, save.

python examples/digits_mlp.py [--quick]
"""

import sys

import pellucid as pl
from pellucid.data import load


def main(*, quick: bool = False) -> float:
    digits = load("digits", images=False)  # 1,797 images of 8×8, a row of 64 numbers each
    (x, y), (x_test, y_test) = digits.split(test_size=0.2, seed=0)

    net = pl.Network(
        pl.Dense(64, activation="relu"),
        pl.Dense(32, activation="tanh"),
        pl.Dense(10, activation="softmax"),
        input_shape=(64,),
        seed=0,
    )
    net.summary()
    net.fit(x, y, epochs=5 if quick else 30, optimizer=pl.Adam(2e-3), metrics=["accuracy"], verbose=0)
    accuracy = net.evaluate(x_test, y_test, metrics=["accuracy"])["accuracy"]
    print(f"test accuracy: {accuracy:.3f}")

    trace = net.trace(x_test[:1])  # every value on the way, by its path
    print("the ten sums before the softmax:", trace["dense_3.sum"][0].round(2))
    loss, gradients = net.gradients(x_test[:1], y_test[:1])
    print(f"the loss of that digit is {loss:.4f}; the gradient of a weight: {gradients['dense_3.kernel'][0, 0]:+.5f}")
    return accuracy


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
