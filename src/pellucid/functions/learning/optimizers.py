"""Updates: what an optimiser makes of a weight w and its gradient dw, as formulas.

lr, the learning rate, and t, the number of this update counted from 1, are tensors of rank 0: they change while a
program stays. What an optimiser remembers of a weight (its slots) has the weight's shape and starts at 0. Each function
gives the new values by name: "weight", and its slots'.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.errors import PellucidError
from pellucid.formula import Tensor, define, define_all
from pellucid.functions.learning.schedules import Schedule, config, rate_at, restored
from pellucid.functions.registry import check_options, find, named, number
from pellucid.habits import Spelled


def sgd(w: Tensor, dw: Tensor, *, lr: Tensor) -> dict[str, Tensor]:
    """Gradient descent.

    Source: Robbins & Monro, A stochastic approximation method, Annals of Mathematical Statistics 22 (1951).
    """
    return {"weight": define("w′[…] = w[…] − lr·dw[…]", w=w, dw=dw, lr=lr)}


def momentum(
    w: Tensor, dw: Tensor, *, velocity: Tensor, lr: Tensor, momentum: float, nesterov: bool = False
) -> dict[str, Tensor]:
    """Gradient descent with momentum (μ), or with Nesterov's, where w is the point one look ahead, at which the
    gradient was taken, as Keras and PyTorch write it.

    The learning rate stands inside the velocity (Sutskever's and Keras's convention). PyTorch keeps it outside,
    v′ = μ·v + dw and w′ = w − lr·v′, which differs only while lr changes.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013,
        equations 1 to 4; Polyak, Some methods of speeding up the convergence of iteration methods (1964); for
        Nesterov's change of variable Bengio et al., Advances in optimizing recurrent networks, ICASSP 2013, equation 7.
    """
    step = "μ·v′[…] − lr·dw[…]" if nesterov else "v′[…]"
    new = define_all(
        f"""v′[…] = μ·v[…] − lr·dw[…]
        w′[…] = w[…] + {step}""",
        w=w,
        dw=dw,
        v=velocity,
        lr=lr,
        μ=momentum,
    )
    return {"weight": new["w′"], "velocity": new["v′"]}


def rmsprop(
    w: Tensor, dw: Tensor, *, mean_square: Tensor, lr: Tensor, rho: float = 0.9, epsilon: float = 1e-7
) -> dict[str, Tensor]:
    """The gradient over the root of its running mean square v. ε stands outside the root, as in Adam and in PyTorch.

    Source: Tieleman & Hinton, Lecture 6.5: rmsprop, Coursera (2012).
    """
    new = define_all(
        """v′[…] = ρ·v[…] + (1 − ρ)·dw[…]²
        w′[…] = w[…] − lr·dw[…]/(√(v′[…]) + ε)""",
        w=w,
        dw=dw,
        v=mean_square,
        lr=lr,
        ρ=rho,
        ε=epsilon,
    )
    return {"weight": new["w′"], "mean_square": new["v′"]}


def adam(
    w: Tensor,
    dw: Tensor,
    *,
    first_moment: Tensor,
    second_moment: Tensor,
    lr: Tensor,
    step: Tensor,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> dict[str, Tensor]:
    """The gradient's running mean m over the root of its running mean square v, both corrected for their start at 0.

    Args:
        weight_decay: AdamW, which also shrinks the weights by lr·λ, apart from the gradient and so from its running
            means.

    Source: Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1; Loshchilov & Hutter,
    Decoupled weight decay regularization, ICLR 2019, algorithm 2, λ times lr as Keras and PyTorch have it.
    """
    decay: dict[str, Any] = {} if weight_decay is None else {"λ": weight_decay}
    new = define_all(
        f"""m′[…] = β1·m[…] + (1 − β1)·dw[…]
        v′[…] = β2·v[…] + (1 − β2)·dw[…]²
        w′[…] = w[…]{" − lr·λ·w[…]" if decay else ""} − lr·(m′[…]/(1 − β1^t))/(√(v′[…]/(1 − β2^t)) + ε)""",
        w=w,
        dw=dw,
        m=first_moment,
        v=second_moment,
        lr=lr,
        t=step,
        β1=beta_1,
        β2=beta_2,
        ε=epsilon,
        **decay,
    )
    return {"weight": new["w′"], "first_moment": new["m′"], "second_moment": new["v′"]}


def nadam(
    w: Tensor,
    dw: Tensor,
    *,
    first_moment: Tensor,
    second_moment: Tensor,
    spent: Tensor,
    lr: Tensor,
    step: Tensor,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> dict[str, Tensor]:
    """Adam that looks ahead: the next step's momentum is applied already, with a momentum μ that rises to β1.

    `spent` is 1 − Π μ over the steps so far, which begins at 0: by that m is corrected for its start.

    Source: Dozat, Incorporating Nesterov momentum into Adam, ICLR 2016 workshop, algorithm 2, with μ as in section 2 of
    the appendix and in Keras.
    """
    new = define_all(
        """μ[] = β1·(1 − 0.5·0.96^t)
        ν[] = β1·(1 − 0.5·0.96^(t + 1))
        q′[…] = 1 − (1 − q[…])·μ
        m′[…] = β1·m[…] + (1 − β1)·dw[…]
        v′[…] = β2·v[…] + (1 − β2)·dw[…]²
        w′[…] = w[…] − lr·(ν·m′[…]/(1 − (1 − q′[…])·ν) + (1 − μ)·dw[…]/q′[…])/(√(v′[…]/(1 − β2^t)) + ε)""",
        w=w,
        dw=dw,
        m=first_moment,
        v=second_moment,
        q=spent,
        lr=lr,
        t=step,
        β1=beta_1,
        β2=beta_2,
        ε=epsilon,
    )
    return {"weight": new["w′"], "first_moment": new["m′"], "second_moment": new["v′"], "spent": new["q′"]}


def adagrad(
    w: Tensor,
    dw: Tensor,
    *,
    accumulator: Tensor,
    lr: Tensor,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
) -> dict[str, Tensor]:
    """The gradient over the root of the sum s of all its squares, which begins at s₀.

    Source: Duchi, Hazan & Singer, Adaptive subgradient methods, JMLR 12 (2011), section 1.2; ε stands inside the root,
    as in Keras.
    """
    new = define_all(
        """s′[…] = s[…] + dw[…]²
        w′[…] = w[…] − lr·dw[…]/√(s0 + s′[…] + ε)""",
        w=w,
        dw=dw,
        s=accumulator,
        lr=lr,
        s0=initial_accumulator_value,
        ε=epsilon,
    )
    return {"weight": new["w′"], "accumulator": new["s′"]}


def lion(
    w: Tensor, dw: Tensor, *, moment: Tensor, lr: Tensor, beta_1: float = 0.9, beta_2: float = 0.99
) -> dict[str, Tensor]:
    """The sign of the gradient's running mean, so that every weight moves by lr.

    Source: Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023, program 1, without weight decay.
    """
    new = define_all(
        """w′[…] = w[…] − lr·sign(β1·m[…] + (1 − β1)·dw[…])
        m′[…] = β2·m[…] + (1 − β2)·dw[…]""",
        w=w,
        dw=dw,
        m=moment,
        lr=lr,
        β1=beta_1,
        β2=beta_2,
    )
    return {"weight": new["w′"], "moment": new["m′"]}


def clip_by_value(dw: Tensor, *, limit: float) -> Tensor:
    """The gradient with every element kept in [−limit, limit]."""
    limit = number("clip value", limit, of="gradient clipping", above=0)
    return define("g[…] = max(−limit, min(limit, dw[…]))", dw=dw, limit=limit)


def clip_by_global_norm(gradients: Mapping[str, Tensor], *, limit: float, exponent: int = 128) -> dict[str, Tensor]:
    """The gradients, all shortened by one factor if the norm of all of them together is above the limit.

    Squares of large numbers overflow. Where the norm is above B, it is that of the gradients times k, a power of two;
    up to B, no square that counts comes near to overflowing, and the others are cut off.

    Args:
        exponent: what the type of the numbers can hold, 2^exponent: 128 for float32, 1024 for float64.

    Source: Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
    """
    limit = number("clip norm", limit, of="gradient clipping", above=0)
    if not gradients:
        return {}
    k, bound = 2.0 ** (-3 * exponent // 4), 2.0 ** (3 * exponent // 8)
    norm = _root_of_sums("norm", "s", "max(−B, min(B, dw[…]))²", gradients, B=bound)
    scaled = _root_of_sums("scaled", "u", "(k·dw[…])²", gradients, k=k)
    factor = define("f[] = limit/max(scaled[], k·limit)", scaled=scaled, limit=limit, k=k)
    text = "g[…] = where(scaled ≤ k·B, dw[…]·limit/max(norm, limit), dw[…]/d·f)"
    known: dict[str, Any] = {
        "norm": norm,
        "scaled": scaled,
        "f": factor,
        "limit": limit,
        "k": k,
        "d": 1 / k,
        "B": bound,
    }
    return {name: define(text, dw=dw, **known) for name, dw in gradients.items()}


def _root_of_sums(name: str, letter: str, square: str, gradients: Mapping[str, Tensor], **numbers: Any) -> Tensor:
    """The root of the sum of all squares of all gradients. Rank 0."""
    sums: dict[str, Any] = {
        f"{letter}{place}": define(f"{letter}[] = Σ[…] {square}", dw=dw, **numbers)
        for place, dw in enumerate(gradients.values(), 1)
    }
    return define(f"{name}[] = √({' + '.join(sums)})", **sums)


@dataclass(frozen=True)
class Optimizer(metaclass=Spelled):
    """A way to learn from gradients, and its settings.

    The learning rate is a number, or a schedule: a function of the number of steps taken, such as CosineDecay.

    Raises:
        PellucidError: a setting is not a number in its range.
    """

    name: ClassVar[str]
    learning_rate: float | Schedule

    def __post_init__(self) -> None:
        ranges: dict[str, dict[str, float]] = {
            "learning_rate": {"above": 0},
            "epsilon": {"above": 0},
            "weight_decay": {"minimum": 0},
            "initial_accumulator_value": {"minimum": 0},
        }
        for key in dataclasses.fields(self):
            value = getattr(self, key.name)
            if key.name == "learning_rate" and isinstance(value, Mapping) and not isinstance(value, dict):
                raise PellucidError(
                    f"learning_rate of {type(self).__name__}: expected a number or a schedule, got "
                    f"{type(value).__name__}: the network gives an optimizer its parameters, you give settings alone"
                )
            if key.name == "learning_rate" and isinstance(value, Mapping):
                object.__setattr__(self, key.name, restored(value))
            elif key.name == "learning_rate" and callable(value):
                rate_at(value, 0, "step")
            elif key.type == "float" or key.name == "learning_rate":
                limits = ranges.get(key.name, {"minimum": 0, "below": 1})
                object.__setattr__(self, key.name, number(key.name, value, of=type(self).__name__, **limits))
            elif not isinstance(value, bool):
                raise PellucidError(f"{key.name} of {type(self).__name__}: expected True or False, got {value!r}")

    @property
    def schedule(self) -> Schedule | None:
        """The learning rate as a function of the steps taken, where it is one."""
        return self.learning_rate if callable(self.learning_rate) else None

    @property
    def initial_rate(self) -> float:
        """The learning rate of the first step."""
        return rate_at(self.learning_rate, 0, "step") if callable(self.learning_rate) else self.learning_rate

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of what it remembers of each weight."""
        return ()

    @abstractmethod
    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        """The new values of "weight" and of the slots, by name.

        Args:
            slots: a tensor of w's shape for each name in `self.slots`.
            lr: the learning rate of this update.
            step: the number of this update, counted from 1.
        """

    def config(self) -> dict[str, Any]:
        """What JSON keeps and `optimizer` reads."""
        settings = {"name": self.name, **dataclasses.asdict(self)}
        return settings if self.schedule is None else settings | {"learning_rate": config(self.schedule)}


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's look ahead if wanted."""

    name = "sgd"
    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise PellucidError("SGD with nesterov=True: expected a momentum, as in momentum=0.9")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        if not self.momentum:
            return sgd(w, dw, lr=lr)
        return momentum(w, dw, **slots, lr=lr, momentum=self.momentum, nesterov=self.nesterov)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """The gradient over the root of its running mean square."""

    name = "rmsprop"
    learning_rate: float | Schedule = 0.001
    rho: float = 0.9
    epsilon: float = 1e-7

    @property
    def slots(self) -> tuple[str, ...]:
        return ("mean_square",)

    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        return rmsprop(w, dw, **slots, lr=lr, rho=self.rho, epsilon=self.epsilon)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, with Keras's settings (the paper's, but for ε = 1e-7 in place of 1e-8)."""

    name = "adam"
    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment", "second_moment")

    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        settings = {**dataclasses.asdict(self), **slots}
        del settings["learning_rate"]
        return adam(w, dw, lr=lr, step=step, **settings)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay."""

    name = "adamw"
    weight_decay: float = 0.004


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov's look ahead."""

    name = "nadam"

    @property
    def slots(self) -> tuple[str, ...]:
        return ("first_moment", "second_moment", "spent")

    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        return nadam(w, dw, **slots, lr=lr, step=step, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """The gradient over the root of the sum of all its squares so far, which begins at `initial_accumulator_value`."""

    name = "adagrad"
    learning_rate: float | Schedule = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    @property
    def slots(self) -> tuple[str, ...]:
        return ("accumulator",)

    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        begin = self.initial_accumulator_value
        return adagrad(w, dw, **slots, lr=lr, initial_accumulator_value=begin, epsilon=self.epsilon)


@dataclass(frozen=True)
class Lion(Optimizer):
    """The sign of the gradient's running mean: every weight moves by the learning rate."""

    name = "lion"
    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.99

    @property
    def slots(self) -> tuple[str, ...]:
        return ("moment",)

    def update(
        self, w: Tensor, dw: Tensor, slots: Mapping[str, Tensor], *, lr: Tensor, step: Tensor
    ) -> dict[str, Tensor]:
        return lion(w, dw, **slots, lr=lr, beta_1=self.beta_1, beta_2=self.beta_2)


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (SGD, RMSprop, Adam, AdamW, Nadam, Adagrad, Lion)}


def optimizer(spec: str | Mapping[str, object] | Optimizer, **settings: Any) -> Optimizer:
    """The optimizer of this name, or of a stored configuration, with settings such as `learning_rate=0.01`.

    Raises:
        PellucidError: none has this name (the message names the nearest), or it has no such setting.
    """
    if isinstance(spec, Optimizer):
        return dataclasses.replace(spec, **settings)
    if isinstance(spec, Mapping):
        name, stored = named("optimizer", spec)
        return optimizer(name, **{**stored, **settings})
    if isinstance(spec, type) and issubclass(spec, Optimizer):
        raise PellucidError(f"optimizer: got the class {spec.__name__}; write {spec.__name__}(), with the brackets")
    if not isinstance(spec, str):
        raise PellucidError(f'optimizer: expected a name such as "adam" or pl.Adam(), got {type(spec).__name__}')
    kind = find("optimizer", spec, OPTIMIZERS)
    known = {f.name: f.default for f in dataclasses.fields(kind)}
    numbers = {k: v for k, v in settings.items() if k != "learning_rate" or not (callable(v) or isinstance(v, Mapping))}
    check_options("optimizer", kind.name, known, numbers)
    return kind(**settings)
