"""Losses: how wrong each example's prediction is, l[n]; `total` makes one number of a batch of them.

p is the prediction, y the target, z a sum before the last activation (a logit). All axes of an example but the classes
are averaged, so a sequence's loss is the mean over its steps; with a mask (n,t) of 1 and 0, over those where it is 1.
A prediction of one unit, (n, 1), may face a target (n,).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Axis, Tensor, define
from pellucid.functions.forward.masks import counts, weights
from pellucid.functions.forward.shaping import squeeze
from pellucid.functions.registry import check_new, check_options, find, named, number, options_of
from pellucid.messages import chained, gettext

EPSILON = 1e-7
"""The smallest probability whose logarithm is taken (Keras's number); where p is smaller, no gradient passes. From
logits, nothing is clipped."""

Reads = Literal["values", "binary", "categorical", "either"]


@dataclass(frozen=True)
class Loss:
    """A registered loss.

    Attributes:
        name: the function's name.
        function: from prediction and target to l[n].
        reads: what the prediction has to be: any "values"; or probabilities (with `logits=True`, logits) of one class
            against the rest ("binary"), of classes that exclude each other ("categorical"), or "either", as its shape
            tells.
        aliases: other names.
        options: the options that differ from the function's own defaults.
    """

    name: str
    function: Callable[..., Tensor]
    reads: Reads
    aliases: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __call__(self, prediction: Tensor, target: Tensor, **options: object) -> Tensor:
        return self.function(prediction, target, **{**self.options, **options})

    @property
    def config(self) -> str | dict[str, object]:
        """What JSON keeps and `loss` reads: the name, or a dict of name and options."""
        return {"name": self.name, **self.options} if self.options else self.name

    def with_options(self, **options: object) -> Loss:
        """The same loss with other options.

        Raises:
            PellucidError: there is no such option, or it cannot have this value.
        """
        if not options:
            return self
        defaults = {k: v for k, v in options_of(self.function).items() if k not in ("logits", "mask")}
        check_options("loss", self.name, defaults, options)
        chosen = {key: value for key, value in {**self.options, **options}.items() if value != defaults[key]}
        changed = replace(self, options=chosen)
        # a value that the formula refuses shows here, not in a network
        changed(Tensor.input("p", n=BATCH, k=2), Tensor.input("y", n=BATCH, k=2))
        return changed

    def of(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        activation: str,
        logits: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss of a network's output in the form that is stable: after softmax or sigmoid, from their sums.

        Args:
            prediction: the output.
            activation: the name of the activation that gave it; "linear" outputs are taken as logits by cross-entropy.
            logits: that activation's argument, where there is one.
            mask: which steps count, (n,t) of 1 and 0, for the output of a sequence.

        Raises:
            PellucidError: this loss cannot read what the activation gives, or takes no mask.
        """
        if mask is not None and "mask" not in options_of(self.function):
            raise PellucidError(
                f"a mask leaves steps of the output out, but the loss {self.name} takes none; give its function a mask"
            )
        options: dict[str, object] = {} if mask is None else {"mask": mask}
        if self.reads == "values":
            return self(prediction, target, **options)
        self._check_activation(prediction, activation)
        function = self
        if self.reads == "either" and activation == "sigmoid":
            function = LOSSES["binary_crossentropy"].with_options(**self.options)
        if activation in ("linear", "log_softmax"):  # log_softmax of log_softmax is log_softmax
            return function(prediction, target, logits=True, **options)
        if logits is None:
            return function(prediction, target, **options)
        return function(logits, target, logits=True, **options)

    def _check_activation(self, prediction: Tensor, activation: str) -> None:
        good = {"binary": ("sigmoid", "linear"), "categorical": ("softmax", "log_softmax", "linear")}
        known = good.get(self.reads, ("softmax", "sigmoid", "log_softmax", "linear"))
        if activation not in known:
            expected = chained(known, gettext("{first} or {then}"))
            raise PellucidError(
                gettext(
                    "the loss {name} reads probabilities or logits, but the last layer's activation is {activation}; "
                    "expected {known} there",
                    name=self.name,
                    activation=activation,
                    known=expected,
                )
            )
        if activation == "softmax" and _units(prediction) == 1:
            raise PellucidError(
                gettext('softmax over one unit is always 1; use activation="sigmoid" or a unit for each class')
            )


LOSSES: dict[str, Loss] = {}
_NAMES: dict[str, Loss] = {}


def loss(spec: str | Mapping[str, object] | Loss | Callable[..., Tensor], /, **options: object) -> Loss:
    """The loss of this name ("mean_squared_error", "mse", …), with options such as `delta=2.0`; as a decorator, it
    registers a loss of one's own:

        @pl.loss
        def quartic(y: pl.Tensor, p: pl.Tensor) -> pl.Tensor:
            return pl.define("l[…] = (p[…] − y[…])^4", y=y, p=p)

        net.fit(x, y, loss=quartic)

    The function takes the targets y and the predictions p, both of the output's shape (n, …), and gives the loss of
    each example, l[n], or of each of its numbers, l[n,…], of which an example's loss is the mean. What it takes by name
    alone, with defaults, are its options: `pl.loss("quartic", power=6)`.

    Raises:
        PellucidError: no loss has this name (the message names the nearest), or it has no such option.
    """
    if isinstance(spec, Loss):
        return spec.with_options(**options)
    if callable(spec):
        return _own(spec).with_options(**options)
    if isinstance(spec, Mapping):
        name, stored = named("loss", spec)
        return loss(name, **{**stored, **options})
    if not isinstance(spec, str):
        raise PellucidError(
            f'loss: expected a name such as "crossentropy", or a function of two tensors, got {type(spec).__name__}'
        )
    return find("loss", spec, _NAMES).with_options(**options)


def _own(function: Callable[..., Tensor]) -> Loss:
    """A loss of one's own, registered under its function's name."""
    name = getattr(function, "__name__", type(function).__name__)
    for known in LOSSES.values():
        if known.function is function or getattr(known.function, "__wrapped__", None) is function:
            return known
    _check_formula(function, name)
    if not name.isidentifier():
        raise PellucidError("a loss needs a name: define it by def, not by lambda")
    other = _NAMES.get(name)
    check_new("a loss", name, function, other and getattr(other.function, "__wrapped__", other.function))

    def each(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None, **options: object) -> Tensor:
        result = function(target, prediction, **options)
        if not isinstance(result, Tensor) or not result.rank or result.axes[0].extent is not BATCH:
            given = f"one of shape {_shape(result)}" if isinstance(result, Tensor) else type(result).__name__
            raise PellucidError(f"the loss {name}: expected a tensor of examples, l[n] or l[n,…], got {given}")
        if result.rank == 1:
            if mask is not None:
                raise PellucidError(
                    f"a mask leaves steps of the output out, but the loss {name} gives one number an example: "
                    "give the loss of each step, l[n,t] or l[n,t,…]"
                )
            return result
        mean, w = _mean(mask, result.axes[1:])
        return define(f"l[n] = Σ[…] e[n,…]{mean}", e=result, **w)

    given = inspect.signature(function).parameters.values()
    named = [p for p in given if p.kind is p.KEYWORD_ONLY]
    mask = inspect.Parameter("mask", inspect.Parameter.KEYWORD_ONLY, default=None)
    places = [inspect.Parameter(key, inspect.Parameter.POSITIONAL_ONLY) for key in ("prediction", "target")]
    each.__signature__ = inspect.Signature([*places, *named, mask])  # type: ignore[attr-defined]
    each.__wrapped__ = function  # type: ignore[attr-defined]
    each.__doc__ = function.__doc__
    entry = Loss(name, each, "values")
    LOSSES[name] = _NAMES[name] = entry
    return entry


def _check_formula(function: Callable[..., object], name: str) -> None:
    """Refuse a function that computes numbers, as those of other libraries do, where a formula is wanted."""
    try:
        result = function(Tensor.input("y", n=BATCH, o=2), Tensor.input("p", n=BATCH, o=2))
    except PellucidError:
        raise
    except Exception as error:  # whatever a function of numbers makes of a tensor
        result = error
    if not isinstance(result, Tensor):
        raise PellucidError(
            f"loss: expected a function of two tensors, the targets y and the predictions p, got {name}, which has no "
            'formula: return one, define("l[…] = (p[…] − y[…])^4", y=y, p=p)'
        )


def register(*aliases: str, reads: Reads) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Register a loss under its function's name and these."""

    def decorate(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        entry = Loss(function.__name__, function, reads, aliases)
        LOSSES[entry.name] = entry
        _NAMES.update(dict.fromkeys((entry.name, *aliases), entry))
        return function

    return decorate


def _shape(tensor: Tensor) -> str:
    sizes = [str(axis.name if axis.extent is BATCH else axis.extent) for axis in tensor.axes]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _units(prediction: Tensor) -> int:
    return prediction.axes[-1].size if prediction.rank > 1 else 1


def _facing(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both of the same shape: an axis of one unit that only one of them has goes."""
    pair = [prediction, target]
    for one, other in ((0, 1), (1, 0)):
        if pair[one].rank == pair[other].rank + 1 and _units(pair[one]) == 1:
            pair[one] = squeeze(pair[one])
    if pair[0].shape[1:] != pair[1].shape[1:]:
        raise ShapeError(
            f"the target has shape {_shape(target)}, but the prediction has {_shape(prediction)}; expected the same"
        )
    return pair[0], pair[1]


def _mean(mask: Tensor | None, axes: Sequence[Axis]) -> tuple[str, dict[str, Any]]:
    """What turns a sum over these axes of an example into their mean, and what it reads."""
    if mask is None:
        return "/size(…)", {}
    return "·w[n,…]", {"w": weights(mask, *(axis.size for axis in axes[1:]))}


@register("mse", "l2", "squared_error", reads="values")
def mean_squared_error(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The mean squared error of each example.

    Shapes: both (n, …) → (n,).
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(f"l[n] = Σ[…] (p[n,…] − y[n,…])²{mean}", p=p, y=y, **w)


@register("mae", "l1", "absolute_error", reads="values")
def mean_absolute_error(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The mean absolute error of each example; its derivative where they agree is 0.

    Shapes: both (n, …) → (n,).
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(f"l[n] = Σ[…] abs(p[n,…] − y[n,…]){mean}", p=p, y=y, **w)


@register("huber_loss", reads="values")
def huber(prediction: Tensor, target: Tensor, *, delta: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """Half the squared error d where it is at most delta, beyond it the straight line that goes on from there.

    Shapes: both (n, …) → (n,).
    Source: Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35 (1964).

    Raises:
        PellucidError: delta is not positive.
    """
    delta = number("delta", delta, of="huber", above=0)
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(
        f"""d[n,…] = p[n,…] − y[n,…]
        l[n] = Σ[…] where(abs(d[n,…]) ≤ delta, 0.5·d[n,…]², delta·(abs(d[n,…]) − 0.5·delta)){mean}""",
        p=p,
        y=y,
        delta=delta,
        **w,
    )


@register("logcosh", reads="values")
def log_cosh(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The logarithm of the hyperbolic cosine of the error d: about d²/2 near 0, |d| − log 2 far from it.

    Written as |d| + softplus(−2·|d|) − log 2, which no error overflows; the derivative is tanh(d).

    Shapes: both (n, …) → (n,).
    Source: Green, Bayesian reconstructions from emission tomography data using a modified EM algorithm, IEEE
        Transactions on Medical Imaging 9 (1990), section III.
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(
        f"l[n] = Σ[…] (abs(p[n,…] − y[n,…]) + softplus(−2·abs(p[n,…] − y[n,…])) − log(2)){mean}",
        p=p,
        y=y,
        derivative={
            "p": f"dp[n,…] = dl[n]·tanh(p[n,…] − y[n,…]){mean}",
            "y": f"dy[n,…] = −dl[n]·tanh(p[n,…] − y[n,…]){mean}",
        },
        **w,
    )


@register("pinball", reads="values")
def quantile(prediction: Tensor, target: Tensor, *, quantile: float = 0.5, mask: Tensor | None = None) -> Tensor:
    """The pinball loss, which is least where a fraction `quantile` of the targets lies below the prediction.

    Shapes: both (n, …) → (n,).
    Source: Koenker & Bassett, Regression quantiles, Econometrica 46 (1978).

    Raises:
        PellucidError: the quantile is not between 0 and 1.
    """
    q = number("quantile", quantile, of="quantile", above=0, below=1)
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(
        f"l[n] = Σ[…] where(p[n,…] < y[n,…], q·(y[n,…] − p[n,…]), (1 − q)·(p[n,…] − y[n,…])){mean}",
        p=p,
        y=y,
        q=q,
        **w,
    )


@register("poisson_loss", reads="values")
def poisson(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """−log of the probability that a Poisson distribution of mean p gives to the count y, without log y!.

    For p above 0, as softplus gives it. p < EPSILON counts as EPSILON in the logarithm, but a gradient passes: it leads
    away from there.

    Shapes: both (n, …) → (n,).
    Source: McCullagh & Nelder, Generalized linear models (1989), section 6.2.
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(
        f"l[n] = Σ[…] (p[n,…] − y[n,…]·log(max(p[n,…], ε))){mean}",
        p=p,
        y=y,
        ε=EPSILON,
        derivative={
            "p": f"dp[n,…] = dl[n]·(1 − y[n,…]/max(p[n,…], ε)){mean}",
            "y": f"dy[n,…] = −dl[n]·log(max(p[n,…], ε)){mean}",
        },
        **w,
    )


@register(reads="values")
def hinge(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """max(0, 1 − s·p), where the sign s is 1 for targets above 0 and −1 for the others (0 or −1).

    Shapes: both (n, …) → (n,).
    Source: Cortes & Vapnik, Support-vector networks, Machine Learning 20 (1995).
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(f"l[n] = Σ[…] max(0, 1 − where(0 < y[n,…], p[n,…], −p[n,…])){mean}", p=p, y=y, **w)


@register(reads="values")
def squared_hinge(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The square of `hinge`, which has no corner.

    Shapes: both (n, …) → (n,).
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    return define(f"l[n] = Σ[…] max(0, 1 − where(0 < y[n,…], p[n,…], −p[n,…]))²{mean}", p=p, y=y, **w)


@register("kld", "kl_div", reads="values")
def kl_divergence(prediction: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """How far the predicted distribution p is from the true one y: Σ y·log(y/p) over the last axis.

    Numbers < EPSILON count as EPSILON.

    Shapes: both (n, …, k) → (n,).
    Source: Kullback & Leibler, On information and sufficiency, Annals of Mathematical Statistics 22 (1951).
    """
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:-1])
    term = "max(y[n,…,k], ε)·log(max(y[n,…,k], ε)/max(p[n,…,k], ε))"
    return define(f"l[n] = Σ[…,k] {term}{mean}", p=p, y=y, ε=EPSILON, **w)


@register("focal", reads="binary")
def binary_focal_crossentropy(
    prediction: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    apply_class_balancing: bool = False,
    logits: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy times (1 − q)^γ, q the probability of the true side: examples that are sure already count
    little. With class balancing, times α for targets of 1 and 1 − α for those of 0.

    Shapes: both (n, …), or (n, 1) and (n,) → (n,).
    Source: Lin et al., Focal loss for dense object detection, ICCV 2017, equations 4 and 5.

    Raises:
        PellucidError: gamma is negative, or alpha not between 0 and 1.
    """
    power = number("gamma", gamma, of="binary_focal_crossentropy", minimum=0)
    balance = number("alpha", alpha, of="binary_focal_crossentropy", above=0, below=1)
    p, y = _facing(prediction, target)
    mean, w = _mean(mask, p.axes[1:])
    if logits:
        c = define("c[…] = y[…]·softplus(−z[…]) + (1 − y[…])·softplus(z[…])", z=p, y=y)
        p = define("p[…] = σ(z[…])", z=p)
    else:
        c = define("c[…] = −y[…]·log(max(p[…], ε)) − (1 − y[…])·log(max(1 − p[…], ε))", p=p, y=y, ε=EPSILON)
    rest = "max(1 − (y[n,…]·p[n,…] + (1 − y[n,…])·(1 − p[n,…])), ε)^γ"
    weight = "(y[n,…]·α + (1 − y[n,…])·(1 − α))·" if apply_class_balancing else ""
    known: dict[str, Any] = {"γ": power, "ε": EPSILON} | ({"α": balance} if apply_class_balancing else {})
    return define(f"l[n] = Σ[…] {weight}{rest}·c[n,…]{mean}", p=p, y=y, c=c, **known, **w)


@register(reads="categorical")
def categorical_focal_crossentropy(
    prediction: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    logits: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """Categorical cross-entropy times α·(1 − p)^γ, class by class: classes that are sure already count little.

    Shapes: prediction (n, …, k); target class numbers (n, …) or one-hot rows (n, …, k) → (n,).
    Source: as `binary_focal_crossentropy`.

    Raises:
        PellucidError: gamma or alpha is negative.
    """
    power = number("gamma", gamma, of="categorical_focal_crossentropy", minimum=0)
    balance = number("alpha", alpha, of="categorical_focal_crossentropy", minimum=0)
    p = prediction
    y = smoothed(target, _units(p), 0.0, labels=True) if target.rank < p.rank else target
    mean, w = _mean(mask, p.axes[1:-1])
    if logits:
        s = define("s[…,k] = z[…,k] − stop(max[o] z[…,o])", z=p)
        c = log_sum_exp(s)
        logs = define("q[…,k] = s[…,k] − c[…]", s=s, c=c)
        p = define("p[…,k] = exp(q[…,k])", q=logs)
    else:
        logs = define("q[…,k] = log(max(p[…,k], ε))", p=p, ε=EPSILON)
    text = f"l[n] = −Σ[…,k] α·max(1 − p[n,…,k], ε)^γ·y[n,…,k]·q[n,…,k]{mean}"
    return define(text, p=p, y=y, q=logs, α=balance, γ=power, ε=EPSILON, **w)


@register("cross_entropy", reads="either")
def crossentropy(
    prediction: Tensor,
    target: Tensor,
    *,
    label_smoothing: float = 0.0,
    logits: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of one unit, categorical cross-entropy of more. See these."""
    choice = binary_crossentropy if _units(prediction) == 1 else categorical_crossentropy
    return choice(prediction, target, label_smoothing=label_smoothing, logits=logits, mask=mask)


def smoothed(target: Tensor, classes: int, smoothing: float, *, labels: bool = False) -> Tensor:
    """Targets drawn towards the even distribution: (1 − α)·y + α/K.

    Shapes: target (n, …) → the same; with `labels`, class numbers (n, …) → rows (n, …, k).
    Source: Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016, section 7.

    Raises:
        PellucidError: the smoothing is not in [0, 1).
    """
    part = number("label_smoothing", smoothing, of="crossentropy", minimum=0, below=1)
    numbers: dict[str, Any] = {"α": part, "K": classes}
    if labels:
        return define("s[…,k<K] = (1 − α)·[k = y[…]] + α/K", y=target, **numbers)
    return define("s[…] = (1 − α)·y[…] + α/K", y=target, **numbers)


@register("sparse_categorical_crossentropy", "categorical_cross_entropy", "nll", reads="categorical")
def categorical_crossentropy(
    prediction: Tensor,
    target: Tensor,
    *,
    label_smoothing: float = 0.0,
    logits: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """−log of the probability that the prediction gives to the true class.

    With label smoothing the targets are drawn towards the even distribution. From probabilities, p < EPSILON counts as
    EPSILON. From logits it is fused with softmax: s are the logits without
    their largest, c is the logarithm of the sum of their exponentials, and the derivative is exp(s − c) − [k = y],
    softmax minus target.

    Shapes: prediction (n, …, k); target class numbers (n, …), also (n, …, 1), or one-hot (n, …, k) → (n,).
    Source: Bishop, Pattern Recognition and Machine Learning (2006), equations 4.108 and 4.109.

    Raises:
        ShapeError: the target has neither shape.
        PellucidError: class numbers are real numbers.
    """
    p, y = prediction, target
    hot = y.rank == p.rank and (_units(y) == _units(p))
    wide = y.rank == p.rank and not hot and _units(y) == 1
    if not hot and (not (wide or y.rank == p.rank - 1) or p.shape[1:-1] != y.shape[1 : p.rank - 1]):
        raise ShapeError(
            f"the target has shape {_shape(y)}, but the prediction has {_shape(p)}; expected class numbers, "
            f"one axis less, or one-hot rows, the same shape"
        )
    if not hot and y.kind != "int":
        raise PellucidError("class numbers: expected integers or one-hot rows, got real numbers")
    if number("label_smoothing", label_smoothing, of="crossentropy", minimum=0, below=1):
        y = smoothed(squeeze(y) if wide else y, _units(p), label_smoothing, labels=not hot)
        hot, wide = True, False
    label = "y[n,…,0]" if wide else "y[n,…]"
    mean, w = _mean(mask, p.axes[1:-1])
    if not logits and hot:
        return define(f"l[n] = −Σ[…,k] y[n,…,k]·log(max(p[n,…,k], ε)){mean}", p=p, y=y, ε=EPSILON, **w)
    if not logits:
        return define(f"l[n] = −Σ[…] log(max(p[n,…,{label}], ε)){mean}", p=p, y=y, ε=EPSILON, **w)
    s = define("s[…,k] = z[…,k] − stop(max[o] z[…,o])", z=p)
    c = log_sum_exp(s)
    if hot:
        return define(f"l[n] = Σ[…,k] y[n,…,k]·(c[n,…] − s[n,…,k]){mean}", c=c, s=s, y=y, **w)
    return define(f"l[n] = Σ[…] (c[n,…] − s[n,…,{label}]){mean}", c=c, s=s, y=y, **w)


def log_sum_exp(s: Tensor) -> Tensor:
    """The logarithm of the sum of exponentials over the last axis; the argument's largest should be near 0.

    Stated derivative: exp(s[k] − c) is softmax, with no second sum.
    """
    rule = "ds[…,k] = dc[…]·exp(s[…,k] − c[…])"
    return define("c[…] = log(Σ[k] exp(s[…,k]))", s=s, derivative={"s": rule})


@register("bce", "binary_cross_entropy", reads="binary")
def binary_crossentropy(
    prediction: Tensor,
    target: Tensor,
    *,
    label_smoothing: float = 0.0,
    logits: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """−log of the probability that each unit gives to its own target, from 0 to 1: one class, or several labels.

    From probabilities, p or 1 − p < EPSILON counts as EPSILON. From logits it is fused with σ, −log σ(z) being
    softplus(−z), and the derivative is σ(z) − y.

    Shapes: both (n, …), or (n, 1) and (n,) → (n,).
    Source: Bishop, Pattern Recognition and Machine Learning (2006), equations 4.90 and 4.91.

    Raises:
        ShapeError: the shapes differ.
    """
    p, y = _facing(prediction, target)
    if number("label_smoothing", label_smoothing, of="crossentropy", minimum=0, below=1):
        y = smoothed(y, 2, label_smoothing)
    mean, w = _mean(mask, p.axes[1:])
    if not logits:
        return define(
            f"l[n] = −Σ[…] (y[n,…]·log(max(p[n,…], ε)) + (1 − y[n,…])·log(max(1 − p[n,…], ε))){mean}",
            p=p,
            y=y,
            ε=EPSILON,
            **w,
        )
    return define(
        f"l[n] = Σ[…] (y[n,…]·softplus(−z[n,…]) + (1 − y[n,…])·softplus(z[n,…])){mean}",
        z=p,
        y=y,
        derivative={
            "z": f"dz[n,…] = dl[n]·(σ(z[n,…]) − y[n,…]){mean}",
            "y": f"dy[n,…] = −dl[n]·z[n,…]{mean}",
        },
        **w,
    )


def total(each: Tensor, weights: Tensor | None = None, *, mask: Tensor | None = None) -> Tensor:
    """The loss of a batch, rank 0: the mean of the examples' losses.

    With a mask (n,t) it is the mean over the real steps of the batch, so a sequence counts as often as it has steps
    (Keras's convention); a batch without any has a loss of 0. With example weights, the sum is still divided by the
    number of examples or real steps, not by the sum of the weights (Keras's convention): doubling all weights doubles
    the loss.

    Shapes: each (n,), weights (n,), mask (n,t) → ().
    """
    if mask is not None:
        part = "c[n]·l[n]" if weights is None else "c[n]·w[n]·l[n]"
        given: dict[str, Any] = {} if weights is None else {"w": weights}
        return define(
            f"""C[] = max(Σ[n] c[n], 1)
            loss[] = (Σ[n] {part})/C[]""",
            l=each,
            c=counts(mask),
            **given,
        )
    if weights is None:
        return define("loss[] = Σ[n] l[n]/size(n)", l=each)
    return define("loss[] = Σ[n] w[n]·l[n]/size(n)", l=each, w=weights)
