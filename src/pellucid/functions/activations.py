"""Activations: what a unit makes of its sum.

A new one takes its formula and the decorator; derivative, tests, notation, layer name and JSON form come with them:

    @activation
    def softsign(z: Tensor) -> Tensor:
        return define("a[…] = z[…]/(1 + abs(z[…]))", z=z)

In every formula z is the sum that arrives and a, of the same shape, what the unit gives. The derivatives of the scalar
functions stand in one table, `formula/scalar.py`; those stated here are of whole formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Generic, Literal, ParamSpec, overload

from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Tensor, define
from pellucid.functions.registry import check_new, check_options, find, named, options_of

P = ParamSpec("P")


@dataclass(frozen=True)
class Activation(Generic[P]):
    """A registered activation, which is called like the function it was made from.

    Attributes:
        name: the function's name.
        function: from a tensor to a tensor of the same shape.
        options: the options that differ from the function's own defaults.
        learns: whether a gradient passes; False for step, whose derivative is 0 everywhere.
        probabilities: whether it gives probabilities, which cross-entropy can read.
    """

    name: str
    function: Callable[P, Tensor]
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    learns: bool = True
    probabilities: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.function.__doc__)
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        return self.function(*args, **{**self.options, **kwargs})  # type: ignore[arg-type]

    def __reduce__(self) -> Any:
        # By name: the function's own name in its module is the activation's by now.
        return _unpickled, (type(self), self.function.__module__, self.name, dict(self.options))

    @property
    def config(self) -> str | dict[str, object]:
        """What JSON keeps and `activation` reads: the name, or a dict of name and options."""
        return {"name": self.name, **self.options} if self.options else self.name

    def with_options(self, **options: object) -> Activation[P]:
        """The same activation with other options.

        Raises:
            PellucidError: there is no such option, or it cannot have this value.
        """
        if not options:
            return self
        defaults = options_of(self.function)
        check_options("activation", self.name, defaults, options)
        chosen = {key: value for key, value in {**self.options, **options}.items() if value != defaults[key]}
        changed = replace(self, options=chosen)
        trial: Callable[..., Tensor] = changed
        trial(Tensor.input("z", n=BATCH, o=2))  # a value that the formula refuses shows here, not in a network
        return changed


def _unpickled(kind: type[Activation[...]], module: str, name: str, options: dict[str, object]) -> Activation[...]:
    """A pickled activation; the module that defines it registers it."""
    import_module(module)
    known = activation(name)
    return kind(known.name, known.function, options, known.learns, known.probabilities)


ActivationLike = str | Mapping[str, object] | Callable[..., Tensor] | None
"""What `activation` makes an Activation of."""

ACTIVATIONS: dict[str, Activation[...]] = {}
ALIASES = {"swish": "silu", "logsoftmax": "log_softmax", "leakyrelu": "leaky_relu", "hardsigmoid": "hard_sigmoid"}
"""Other names of activations."""


@overload
def activation(spec: Callable[P, Tensor], /, **options: object) -> Activation[P]: ...
@overload
def activation(spec: str | Mapping[str, object] | None, /, **options: object) -> Activation[...]: ...
@overload
def activation(
    *, learns: bool = True, probabilities: bool = False
) -> Callable[[Callable[P, Tensor]], Activation[P]]: ...
def activation(spec: Any = ..., /, *, learns: Any = True, probabilities: Any = False, **options: object) -> Any:
    """The activation that is meant; as a decorator, it registers a function under its name.

    Args:
        spec: a name (`"relu"`), a dict of name and options, an Activation, None (linear), or a function, which is
            registered.
        learns, probabilities: as in Activation, of a function to be registered.
        options: the activation's own, as in `activation("leaky_relu", slope=0.1)`.

    Raises:
        PellucidError: no activation has this name (the message names the nearest), or it has no such option.
    """
    if isinstance(spec, Activation):
        return spec.with_options(**options)
    if callable(spec):
        return _register(spec, learns=learns, probabilities=probabilities).with_options(**options)
    if spec is None:
        return linear
    if spec is ...:
        return lambda function: _register(function, learns=learns, probabilities=probabilities)
    if isinstance(spec, Mapping):
        name, stored = named("activation", spec)
        return activation(name, **{**stored, **options})
    if not isinstance(spec, str):
        kind = type(spec).__name__
        raise PellucidError(f'activation: expected a name such as "relu" or a function of a tensor, got {kind}')
    known = ACTIVATIONS | {other: ACTIVATIONS[name] for other, name in ALIASES.items() if name in ACTIVATIONS}
    return find("activation", spec, known).with_options(**options)


def _register(function: Callable[P, Tensor], *, learns: bool, probabilities: bool) -> Activation[P]:
    name = getattr(function, "__name__", type(function).__name__)
    if not getattr(function, "__module__", "").startswith("pellucid."):
        _check_formula(function, name)
    if not name.isidentifier():
        raise PellucidError("an activation needs a name: define it by def, not by lambda")
    known = ACTIVATIONS.get(name)
    check_new("an activation", name, function, known and known.function)
    result = Activation(name, function, {}, learns, probabilities)
    ACTIVATIONS[name] = result
    return result


def _check_formula(function: Callable[..., object], name: str) -> None:
    """Refuse a function that computes numbers, as those of other libraries do, where a formula is wanted."""
    try:
        result = function(Tensor.input("z", n=BATCH, o=2))
    except PellucidError:
        raise
    except Exception as error:  # whatever a function of numbers makes of a tensor
        result = error
    if isinstance(result, Tensor):
        return
    word = name.lower()
    advice = (
        f'write activation="{word}"'
        if word in ACTIVATIONS
        else 'return a formula, define("a[…] = max(0, z[…])", z=z), from a function of a Tensor z'
    )
    raise PellucidError(f"activation: expected a function of a tensor, got {name}, which has no formula: {advice}")


@activation(learns=False)
def step(z: Tensor) -> Tensor:
    """Heaviside's step: 1 from z = 0 on, else 0. Its derivative is 0 everywhere, so nothing before it learns.

    Source: Rosenblatt, The perceptron, Psychological Review 65 (1958).
    """
    return define("a[…] = [0 ≤ z[…]]", z=z)


@activation(probabilities=True)
def sigmoid(z: Tensor) -> Tensor:
    """The logistic function σ(z) = 1/(1 + exp(−z)), between 0 and 1; σ′ = a·(1 − a)."""
    return define("a[…] = σ(z[…])", z=z)


@activation
def tanh(z: Tensor) -> Tensor:
    """The hyperbolic tangent 2·σ(2z) − 1, between −1 and 1; tanh′ = 1 − a².

    Source: LeCun et al., Efficient BackProp (1998), section 4.4, on why it learns faster than σ.
    """
    return define("a[…] = tanh(z[…])", z=z)


@activation
def relu(z: Tensor) -> Tensor:
    """The rectified linear unit max(0, z); its derivative at 0 is 0.

    Source: Nair & Hinton, Rectified linear units improve restricted Boltzmann machines, ICML 2010.
    """
    return define("a[…] = relu(z[…])", z=z)


@activation
def leaky_relu(z: Tensor, *, slope: float = 0.3) -> Tensor:
    """Leaky ReLU: z where it is positive, else slope·z, so that a negative sum still tells something.

    Source: Maas, Hannun & Ng, Rectifier nonlinearities improve neural network acoustic models, ICML 2013.
    """
    return define("a[…] = where(0 < z[…], z[…], slope·z[…])", z=z, slope=slope)


@activation
def elu(z: Tensor, *, alpha: float = 1.0) -> Tensor:
    """The exponential linear unit: z where it is positive, else alpha·(exp(z) − 1), which bends towards −alpha.

    Source: Clevert, Unterthiner & Hochreiter, Fast and accurate deep network learning by ELUs, ICLR 2016, equation 16.
    """
    return define("a[…] = where(0 < z[…], z[…], alpha·expm1(z[…]))", z=z, alpha=alpha)


@activation
def selu(z: Tensor) -> Tensor:
    """The scaled exponential linear unit: λ·z where z is positive, else λ·α·(exp(z) − 1).

    With λ = 1.0507… and α = 1.6732… mean 0 and variance 1 stay, given initial values "lecun_normal".

    Source: Klambauer et al., Self-normalizing neural networks, NIPS 2017, equation 2 and section 2.
    """
    text = "a[…] = λ·where(0 < z[…], z[…], α·expm1(z[…]))"
    return define(text, z=z, λ=1.0507009873554804934193349852946, α=1.6732632423543772848170429916717)


@activation
def gelu(z: Tensor, *, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """The Gaussian error linear unit z·Φ(z), Φ the normal distribution's function, exact or by a tanh close to it.

    The derivative of the exact form is stated as Φ(z) + z·φ(z), φ the normal density.

    Source: Hendrycks & Gimpel, Gaussian error linear units (2016), section 2.

    Raises:
        PellucidError: `approximate` is neither "none" nor "tanh".
    """
    match approximate:
        case "none":
            rule = "dz[…] = da[…]·((1 + erf(z[…]/√2))/2 + z[…]·exp(−z[…]²/2)/√(2·π))"
            return define("a[…] = z[…]·(1 + erf(z[…]/√2))/2", z=z, derivative={"z": rule})
        case "tanh":
            return define("a[…] = z[…]·(1 + tanh(√(2/π)·(z[…] + 0.044715·z[…]³)))/2", z=z)
    raise PellucidError(f'approximate of gelu: expected "none" or "tanh", got {approximate!r}')


@activation
def silu(z: Tensor) -> Tensor:
    """The sigmoid-weighted linear unit z·σ(z), also called swish; its derivative is stated as a + σ(z)·(1 − a).

    Source: Elfwing, Uchibe & Doya, Sigmoid-weighted linear units, Neural Networks 107 (2018).
    """
    return define("a[…] = z[…]·σ(z[…])", z=z, derivative={"z": "dz[…] = da[…]·(a[…] + σ(z[…])·(1 − a[…]))"})


@activation
def mish(z: Tensor) -> Tensor:
    """z·tanh(softplus(z)), smooth and not monotonous, as silu.

    Source: Misra, Mish: a self regularized non-monotonic activation function, BMVC 2020, equation 1.
    """
    return define("a[…] = z[…]·tanh(softplus(z[…]))", z=z)


@activation
def hard_sigmoid(z: Tensor) -> Tensor:
    """A straight line instead of the logistic function: z/6 + 1/2, kept between 0 and 1 (Keras's and PyTorch's).

    Source: Howard et al., Searching for MobileNetV3, ICCV 2019, section 5.2.
    """
    return define("a[…] = max(0, min(1, z[…]/6 + 0.5))", z=z)


@activation
def softplus(z: Tensor) -> Tensor:
    """log(1 + exp(z)), a ReLU without a corner; its derivative is σ(z).

    Source: Dugas et al., Incorporating second-order functional knowledge, NIPS 2000.
    """
    return define("a[…] = softplus(z[…])", z=z)


@activation(probabilities=True)
def softmax(z: Tensor) -> Tensor:
    """Probabilities of the last axis's units: exp(z[k]) over the sum of all of them.

    Taking the largest away first changes nothing but that no exp overflows. The derivative is stated in terms of the
    output: dz[k] = a[k]·(da[k] − Σ_o a[o]·da[o]).

    Source: Bridle, Training stochastic model recognition algorithms as networks, NIPS 1989.
    """
    return define(
        """e[…,k] = exp(z[…,k] − stop(max[o] z[…,o]))
        a[…,k] = e[…,k]/Σ[o] e[…,o]""",
        z=z,
        derivative={"z": "dz[…,k] = a[…,k]·(da[…,k] − Σ[o] a[…,o]·da[…,o])"},
    )


@activation
def log_softmax(z: Tensor) -> Tensor:
    """The logarithms of softmax's probabilities, exact also where those underflow.

    The derivative is stated in terms of the output: dz[k] = da[k] − exp(a[k])·Σ_o da[o].
    """
    return define(
        """s[…,k] = z[…,k] − stop(max[o] z[…,o])
        a[…,k] = s[…,k] − log(Σ[o] exp(s[…,o]))""",
        z=z,
        derivative={"z": "dz[…,k] = da[…,k] − exp(a[…,k])·Σ[o] da[…,o]"},
    )


@activation
def linear(z: Tensor) -> Tensor:
    """The sum itself."""
    return define("a[…] = z[…]", z=z)
