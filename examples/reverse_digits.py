"""An encoder–decoder that writes digits in reverse, trained on 3 to 20 of them, and exact on more than it ever saw.

python examples/reverse_digits.py [--quick]
"""

import sys
import time

import numpy as np

import pellucid as pl

EDGE = 11  # begins and ends what is written; 0 is padding, d + 1 the digit d


def strings(n: int, low: int, high: int, random: np.random.Generator) -> list[np.ndarray]:
    """n strings of low to high digits."""
    return [random.integers(10, size=length) for length in random.integers(low, high + 1, size=n)]


def some_places(count: int, longest: int, random: np.random.Generator) -> np.ndarray:
    """Numbers for so many places in training: some of 0, 1, …, longest − 1 in their order, so that a network that reads
    20 digits meets all the places that the longest string has. In use they are 0, 1, 2, …
    """
    return np.sort(random.choice(longest, count, replace=False))


def encoder_inputs(digits: list[np.ndarray], numbers: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The edge and the digits behind it (n, t), and the numbers of their places, which fall towards the end."""
    read = [np.concatenate([[EDGE], d + 1]) for d in digits]
    return {"read": padded(read), "read_places": padded([n[::-1] for n in numbers])}


def lessons(
    digits: list[np.ndarray], random: np.random.Generator, longest: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Teacher forcing: the decoder is given what it should have written so far, and learns what comes next."""
    numbers = [some_places(len(d) + 1, longest, random) for d in digits]
    next_ones = padded([np.concatenate([d[::-1] + 1, [EDGE]]) for d in digits])
    written = padded([np.concatenate([[EDGE], d[::-1] + 1]) for d in digits])
    return encoder_inputs(digits, numbers) | {"written_places": padded(numbers), "written": written}, next_ones


def padded(rows: list[np.ndarray]) -> np.ndarray:
    table = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def network(units: int, longest: int) -> pl.Network:
    """An encoder that gives a state for each digit: which it is, and its place; and a decoder, a GRU that reads what it
    wrote, with attention over all states of the encoder.

    The attention asks by place, so what it finds does not depend on how many digits there are.
    """
    read, read_places = pl.Input((None,), name="read"), pl.Input((None,), name="read_places")
    written_places, written = pl.Input((None,), name="written_places"), pl.Input((None,), name="written")
    token, place = pl.Embedding(EDGE + 1, units // 2, mask_zero=True), pl.Embedding(longest, units)
    states = pl.Concatenate()(token(read), place(read_places))
    found = pl.MultiHeadAttention(1, units, name="attention")(place(written_places), states)
    writing = pl.GRU(units, return_sequences=True)(token(written))
    next_one = pl.Dense(EDGE + 1, activation="softmax")(pl.Concatenate()(found, writing))
    return pl.Network(inputs=[read, read_places, written_places, written], outputs=next_one, seed=0)


def exact(net: pl.Network, digits: list[np.ndarray], *, num_beams: int = 1) -> float:
    """The fraction of strings, all of one length, that are written in reverse without a mistake."""
    numbers = [np.arange(len(d) + 1) for d in digits]
    steps = len(digits[0]) + 1
    inputs = encoder_inputs(digits, numbers) | {"written_places": np.tile(np.arange(steps), (len(digits), 1))}
    written = net.decode(inputs, start=EDGE, end=EDGE, max_length=steps, num_beams=num_beams)
    return float(np.mean([np.array_equal(ids - 1, d[::-1]) for ids, d in zip(written, digits, strict=True)]))


def main(*, quick: bool = False) -> dict[int, float]:
    low, high, longest, epochs = (3, 6, 10, 10) if quick else (3, 20, 64, 8)
    examples = 2000 if quick else 20_000
    random = np.random.default_rng(0)
    net = network(32 if quick else 64, longest)
    begin = time.perf_counter()
    for epoch in range(epochs):  # new strings in every epoch
        x, y = lessons(strings(examples, low, high, random), random, longest)
        rate = 3e-3 * 0.5 ** max(0, epoch - epochs // 2)
        history = net.fit(
            x, y, batch_size=64, epochs=1, optimizer=pl.Adam(rate), clip_norm=1.0, keep_optimizer=True, verbose=0
        )
        print(f"epoch {epoch + 1:2}: loss {history.history['loss'][-1]:.2g}", flush=True)
    print(f"trained on {low} to {high} digits in {time.perf_counter() - begin:.0f} s")
    results = {}
    for length in (3, 9) if quick else (3, 10, 20, 21, 25, 30, 40, 50, 63):
        test = [np.random.default_rng([7, length, row]).integers(10, size=length) for row in range(500)]
        results[length] = exact(net, test)
        more = "" if length <= high else ", longer than any it was trained on"
        print(f"{length:2} digits: {results[length]:.1%} of {len(test)} strings exact{more}")
    beams = exact(net, test[:50], num_beams=3)
    print(f"{length} digits along 3 beams: {beams:.1%} exact")
    return results


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
