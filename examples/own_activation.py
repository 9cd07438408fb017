"""An activation of your own, stated once as a formula: its derivative and its code are read off it.

python examples/own_activation.py [--quick]
"""

import sys

import numpy as np

import pellucid as pl
from pellucid.data import spirals
from pellucid.formula import BATCH, derivative, unicode


@pl.activation
def gentle(z: pl.Tensor) -> pl.Tensor:
    """Between −1 and 1 like tanh, but it approaches its limits more slowly."""
    return pl.define("a[…] = z[…]/(1 + abs(z[…]))", z=z)


def main(*, quick: bool = False) -> float:
    z = pl.Tensor.input("z", n=BATCH, o=1)
    a = gentle(z)
    da = pl.Tensor.input("da", n=BATCH, o=1)
    (dz,) = derivative(a, [z], upstream=da).values()
    for tensor in (a, dz):
        assert tensor.definition is not None
        print(unicode(tensor.definition))

    (x, y), (x_test, y_test) = spirals(200 if quick else 1000, seed=0).split(test_size=0.25, seed=0)
    net = pl.Network(
        pl.Dense(32, activation=gentle),
        pl.Dense(32, activation="gentle"),  # its name works too
        pl.Dense(2, activation="softmax"),
        input_shape=(2,),
        seed=0,
        dtype=np.float64,
    )

    # the derivative that was read off the formula, against a difference of losses
    path, step = "dense_1.kernel", 1e-6
    _, gradients = net.gradients(x, y)
    kernel = net.parameters[path].copy()
    moved = np.zeros_like(kernel)
    moved[0, 0] = step
    losses = []
    for sign in (1, -1):
        net.parameters[path] = kernel + sign * moved
        losses.append(net.evaluate(x, y)["loss"])
    net.parameters[path] = kernel
    print(f"gradient {gradients[path][0, 0]:+.8f}, by differences {(losses[0] - losses[1]) / (2 * step):+.8f}")

    net.fit(x, y, epochs=30 if quick else 200, batch_size=16, optimizer=pl.Adam(1e-2), verbose=0)
    accuracy = net.evaluate(x_test, y_test, metrics=["accuracy"])["accuracy"]
    print(f"test accuracy on two spirals: {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
