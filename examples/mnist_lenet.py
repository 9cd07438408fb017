"""LeNet-5 on MNIST, or on scikit-learn's small digits where no folder is given.

    python examples/mnist_lenet.py [FOLDER] [--quick]

FOLDER holds the four IDX files of MNIST, plain or gzipped.
"""

import sys

import pellucid as pl
from pellucid.data import load, load_idx_folder


def main(folder: str | None = None, *, quick: bool = False) -> float:
    if folder is None:
        print("no folder of IDX files is given: taking the 8×8 digits that come with scikit-learn")
        (x, y), (x_test, y_test) = load("digits").split(test_size=0.2, seed=0)
        size, padding = 3, "same"
    else:
        train, test = load_idx_folder(folder)
        (x, y), (x_test, y_test) = (train.x, train.y), (test.x, test.y)
        size, padding = 5, "valid"
    if quick:
        x, y, x_test, y_test = x[:1000], y[:1000], x_test[:500], y_test[:500]

    # LeCun et al. 1998, with ReLU and max pooling in the place of tanh and trained averages
    net = pl.Network(
        pl.Conv2D(6, size, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, size, padding=padding, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(120, activation="relu"),
        pl.Dense(84, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=x.shape[1:],
        seed=0,
    )
    net.summary()
    net.fit(x, y, epochs=3 if quick else 10, batch_size=64, optimizer=pl.Adam(2e-3), metrics=["accuracy"])
    accuracy = net.evaluate(x_test, y_test, metrics=["accuracy"])["accuracy"]
    print(f"test accuracy: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    folders = [argument for argument in sys.argv[1:] if argument != "--quick"]
    main(*folders, quick="--quick" in sys.argv)
