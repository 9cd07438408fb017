"""An LSTM that learns which character comes next, and writes.

python examples/next_character.py [TEXT.txt] [--quick]
"""

import sys

import numpy as np

import pellucid as pl
from pellucid.data import Trigram, Vocabulary, read_text, split_tail, text_windows, topics

LENGTH = 48


def main(path: str | None = None, *, quick: bool = False) -> float:
    text = topics() if path is None else read_text(path)  # by default Python's own help topics
    if quick:
        text = text[:8000]
    learned, tested = split_tail(text)  # the last tenth is for testing
    vocabulary = Vocabulary.fit(learned, by="char")
    x, y = text_windows(vocabulary.encode(learned), LENGTH)  # y[n,t] is the character after x[n,t]
    x_test, y_test = text_windows(vocabulary.encode(tested), LENGTH)

    net = pl.Network(
        pl.Embedding(len(vocabulary), 32),
        pl.LSTM(32 if quick else 128, return_sequences=True),
        pl.Dense(len(vocabulary), activation="softmax"),
        input_shape=(LENGTH,),
        seed=0,
    )
    net.fit(x, y, epochs=3 if quick else 8, batch_size=16, optimizer=pl.Adam(5e-3), loss="crossentropy")
    nats = net.evaluate(x_test, y_test, loss="crossentropy")["loss"]
    trigram = Trigram(vocabulary.encode(learned), len(vocabulary)).nats(vocabulary.encode(tested))
    print(f"nats a character on the last tenth: network {nats:.3f}, interpolated trigram {trigram:.3f}")

    # write: the network gives the probabilities of the next character, one is drawn, and so on
    random = np.random.default_rng(0)
    step = net.stepper()  # reads a character at a time, and carries the states of the LSTM on
    ids = list(vocabulary.encode("The "))
    for token in ids:
        p = step([token])[0]
    for _ in range(40 if quick else 300):
        p = p.astype(np.float64)
        ids.append(int(random.choice(len(p), p=p / p.sum())))
        p = step([ids[-1]])[0]
    print(vocabulary.decode(ids))
    return nats


if __name__ == "__main__":
    paths = [argument for argument in sys.argv[1:] if argument != "--quick"]
    main(*paths, quick="--quick" in sys.argv)
