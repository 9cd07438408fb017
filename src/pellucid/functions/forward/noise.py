"""What training adds to the numbers so that a network relies on none of them: numbers left out, and noise."""

from __future__ import annotations

from pellucid.formula import BATCH, Tensor, define
from pellucid.functions.registry import number


def dropout(x: Tensor, *, rate: float, seed: Tensor, step: Tensor, stream: int) -> Tensor:
    """Leave out each number with probability `rate`, and enlarge the others so that the mean stays (for training only).

    The mask m is drawn by the counter-based generator: the same seed, step and stream give the same mask anywhere.

    Args:
        seed, step: integers, of rank 0; the training step.
        stream: distinguishes this layer from the others.

    Source: Srivastava et al., Dropout, JMLR 15 (2014); the scaling by 1/(1 − rate) in training is their section 10.

    Raises:
        PellucidError: the rate is not in [0, 1).
    """
    rate = number("rate", rate, of="dropout", minimum=0, below=1)
    return define(
        """m[…] = [rate ≤ uniform(seed, stream, step, …)]/(1 − rate)
        y[…] = x[…]·m[…]""",
        x=x,
        rate=rate,
        seed=seed,
        step=step,
        stream=stream,
    )


def recurrent_dropout(units: int, *, rate: float, seed: Tensor, step: Tensor, stream: int) -> Tensor:
    """What the state of a recurrent layer is multiplied by at all steps of a sequence: 0 with probability `rate`, else
    1/(1 − rate). See `dropout`.

    Shapes: keep (n, q), for q < units.
    Source: Gal & Ghahramani, A theoretically grounded application of dropout in recurrent neural networks, NIPS 2016.

    Raises:
        PellucidError: the rate is not in [0, 1).
    """
    rate = number("rate", rate, of="dropout", minimum=0, below=1)
    return define(
        "keep[n,q] = [rate ≤ uniform(seed, stream, step, Q·n + q)]/(1 − rate)",
        extents={"n": BATCH, "q": units},
        rate=rate,
        seed=seed,
        step=step,
        stream=stream,
        Q=units,
    )


def spatial_dropout(x: Tensor, *, rate: float, seed: Tensor, step: Tensor, stream: int) -> Tensor:
    """Leave out whole channels of an example with probability `rate`. See `dropout`.

    Shapes: x (n, …, c), mask m (n, c) → (n, …, c).
    Source: Tompson et al., Efficient object localization using convolutional networks, CVPR 2015, section 3.2.

    Raises:
        PellucidError: the rate is not in [0, 1).
    """
    rate = number("rate", rate, of="dropout", minimum=0, below=1)
    channels = x.axes[-1].size
    return define(
        """m[n,c] = [rate ≤ uniform(seed, stream, step, C·n + c)]/(1 − rate)
        y[n,…,c] = x[n,…,c]·m[n,c]""",
        extents={"n": BATCH, "c": channels},
        x=x,
        rate=rate,
        seed=seed,
        step=step,
        stream=stream,
        C=channels,
    )


def gaussian_noise(x: Tensor, *, stddev: float, seed: Tensor, step: Tensor, streams: tuple[int, int]) -> Tensor:
    """Add a normal random number of mean 0 to each number (for training only).

    A normal number comes of two uniform ones; 1 − u is never 0, so its logarithm is finite.

    Args:
        stddev: the standard deviation of the noise.
        seed, step: as for `dropout`.
        streams: distinguish this layer's two uniform numbers from each other and from those of other layers.

    Source: Bishop, Training with noise is equivalent to Tikhonov regularization, Neural Computation 7 (1995); Box &
        Muller, A note on the generation of random normal deviates, Annals of Mathematical Statistics 29 (1958).
    """
    first, second = streams
    return define(
        """e[…] = √(−2·log(1 − uniform(seed, first, step, …)))·cos(2·π·uniform(seed, second, step, …))
        y[…] = x[…] + stddev·e[…]""",
        x=x,
        stddev=stddev,
        seed=seed,
        step=step,
        first=first,
        second=second,
    )
