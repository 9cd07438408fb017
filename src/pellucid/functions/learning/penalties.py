"""Penalties on the size of a kernel's weights, which the loss adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pellucid.errors import PellucidError
from pellucid.formula import Tensor, define
from pellucid.functions.registry import check_options, find, named, number
from pellucid.habits import spelled


def l1(w: Tensor, *, strength: float) -> Tensor:
    """Lasso's penalty: it drives small weights to 0. Rank 0.

    Source: Tibshirani, Regression shrinkage and selection via the lasso, JRSS B 58 (1996).
    """
    return define("p[] = λ1·Σ[…] abs(w[…])", w=w, λ1=strength)


def l2(w: Tensor, *, strength: float) -> Tensor:
    """Ridge's penalty, without the ½ that some textbooks put in front (Keras's convention). Rank 0.

    Source: Krogh & Hertz, A simple weight decay can improve generalization, NIPS 1991.
    """
    return define("p[] = λ2·Σ[…] w[…]²", w=w, λ2=strength)


@dataclass(frozen=True)
class Penalty:
    """What a kernel adds to the loss: the strengths of `l1` and `l2`.

    Raises:
        PellucidError: a strength is negative or not a finite number.
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            object.__setattr__(self, key, number(key, value, of="a penalty", minimum=0))

    def __call__(self, w: Tensor) -> list[Tensor]:
        """The penalties of this kernel, each of rank 0, which the loss adds up."""
        terms = [l1(w, strength=self.l1)] if self.l1 else []
        return [*terms, l2(w, strength=self.l2)] if self.l2 else terms

    @property
    def config(self) -> dict[str, float]:
        """What JSON keeps and `penalty` reads."""
        return {"l1": self.l1, "l2": self.l2}


@spelled
def L1(strength: float = 0.01) -> Penalty:
    """A penalty on the sum of the absolute weights."""
    return Penalty(l1=strength)


@spelled
def L2(strength: float = 0.01) -> Penalty:
    """A penalty on the sum of the squared weights."""
    return Penalty(l2=strength)


@spelled
def L1L2(l1: float = 0.01, l2: float = 0.01) -> Penalty:
    """Both penalties: the elastic net."""
    return Penalty(l1=l1, l2=l2)


PENALTIES = {"l1": L1(), "l2": L2(), "l1_l2": L1L2()}
"""By name, with Keras's strengths."""

PenaltyLike = Penalty | str | Mapping[str, object] | None
"""What `penalty` makes a Penalty of."""


def penalty(spec: PenaltyLike) -> Penalty | None:
    """The penalty that is meant: a Penalty, a name ("l2"), a dict ({"l1": 0.01} or {"name": "l2"}), or None.

    Raises:
        PellucidError: there is no such penalty; the message names the nearest.
    """
    if spec is None or isinstance(spec, Penalty):
        return spec
    if isinstance(spec, Mapping) and "name" in spec:
        spec = named("penalty", spec)[0]
    if isinstance(spec, Mapping):
        check_options("penalty", "of a kernel", {"l1": 0.0, "l2": 0.0}, spec)
        return Penalty(**spec)  # type: ignore[arg-type]
    if not isinstance(spec, str):
        raise PellucidError(f"penalty: expected pl.L1(…), pl.L2(…), a name or None, got {type(spec).__name__}")
    return find("penalty", spec, PENALTIES)


def total(penalties: Sequence[tuple[Tensor, Penalty]]) -> Tensor | None:
    """The sum of the penalties of these kernels, rank 0; None if there are none."""
    terms: dict[str, Any] = {f"p{k}": t for k, t in enumerate((t for w, p in penalties for t in p(w)), 1)}
    return define(f"penalty[] = {' + '.join(terms)}", **terms) if terms else None
