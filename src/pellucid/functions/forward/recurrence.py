"""Recurrences: RNN, LSTM and GRU as formulas that read their own past.

Nothing here is a loop. A state reads itself one step before, `h[n, t − 1, q | h0[n,q]]`, and a program finds from
that which statements have to run step after step. The reverse direction reads t + 1, a mask holds the state, truncated
backpropagation stops the gradient on the read.

Notation: n batch, t step, i input unit, q and j state unit, g gate. x (n,t,i) is the sequence; hidden h0 and cell c0
(n,q) are the states before the first step, 0 where none is given; the mask m (n,t) is 0 where a sequence has no such
step, and the state stays there as it was. With `dropout`, keep (n,q), the state is multiplied by it at every step on
its way into the recurrent kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pellucid.errors import PellucidError
from pellucid.formula import Tensor, define, define_all
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import Expression, Read, reads, transform
from pellucid.formula.parser import Binding
from pellucid.functions.activations import ActivationLike, activation, tanh
from pellucid.functions.initialization.initial_values import register
from pellucid.messages import chained, gettext

SCALARS = {"tanh": "tanh", "sigmoid": "σ", "relu": "relu", "softplus": "softplus", "linear": ""}
"""The activations that can stand inside the formulas of LSTM and GRU, as those write them."""


def rnn(
    x: Tensor,
    *,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    hidden: Tensor | None = None,
    mask: Tensor | None = None,
    dropout: Tensor | None = None,
    activate: Callable[[Tensor], Tensor] = tanh,
    reverse: bool = False,
    truncate: int | None = None,
) -> dict[str, Tensor]:
    """The plain recurrent network, with any activation.

    Shapes: kernel W (i,j), recurrent_kernel U (q,j), bias b (j,) → the sums z and the states h, (n,t,j).

    Args:
        activate: from the sums to the states.
        reverse: from the last step to the first: h[t] depends on the steps from t on.
        truncate: the gradient passes back over so many steps at most; the states are the same.
        dropout: what the state is multiplied by on its way into U, (n,q), the same at all steps.

    Source: Elman, Finding structure in time, Cognitive Science 14 (1990).
    """
    past = Past(x, mask=mask, dropout=dropout, reverse=reverse, truncate=truncate, h=hidden)
    # An activation is a function of a tensor, so its formula cannot stand in the same text: the state is a stand-in
    # at first.
    h = Tensor("h", (*(a.fresh() for a in x.axes[:2]), recurrent_kernel.axes[-1].fresh("j")))
    tensors = past.define(
        f"z[n,t,j] = {_plus('b[j]', bias)}Σ[i] x[n,t,i]·W[i,j] + Σ[q] {past.dropped('q')}·U[q,j]",
        h=h,
        W=kernel,
        U=recurrent_kernel,
        b=bias,
    )
    a = activate(tensors["z"])
    if mask is not None:
        text = f"y[n,t,j] = {past.hold('h', 'a[n,t,j]')}"
        a = define(text, **_read_in(text, past.bindings | tensors | {"h": h, "a": a}))
    _tie(h, a)
    return {"z": tensors["z"], "h": a}


def lstm(
    x: Tensor,
    *,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    hidden: Tensor | None = None,
    cell: Tensor | None = None,
    mask: Tensor | None = None,
    dropout: Tensor | None = None,
    activation: ActivationLike = "tanh",
    gate_activation: ActivationLike = "sigmoid",
    reverse: bool = False,
    truncate: int | None = None,
) -> dict[str, Tensor]:
    """Long short-term memory; the gates stand along an axis, in the order input i, forget f, cell g, output o.

    Shapes: kernel W (i,g,j), recurrent_kernel U (q,g,j), bias b (g,j) → z (n,t,g,j) and i, f, g, o, the cells c, the
    states h (n,t,j).

    Args:
        activation, gate_activation: tanh and σ of the textbook, or others of SCALARS.
        reverse, truncate, dropout: as in `rnn`.

    Source: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9 (1997); the forget gate: Gers,
    Schmidhuber & Cummins, Learning to forget, Neural Computation 12 (2000).

    Raises:
        PellucidError: an activation is not among SCALARS.
    """
    f, σ = _scalar(activation), _scalar(gate_activation)
    past = Past(x, mask=mask, dropout=dropout, reverse=reverse, truncate=truncate, h=hidden, c=cell)
    return past.define(
        f"""z[n,t,g,j] = {_plus("b[g,j]", bias)}Σ[i] x[n,t,i]·W[i,g,j] + Σ[q] {past.dropped("q")}·U[q,g,j]
        i[n,t,j] = {σ}(z[n,t,0,j])
        f[n,t,j] = {σ}(z[n,t,1,j])
        g[n,t,j] = {f}(z[n,t,2,j])
        o[n,t,j] = {σ}(z[n,t,3,j])
        c[n,t,j] = {past.hold("c", f"f[n,t,j]·{past('c', 'j')} + i[n,t,j]·g[n,t,j]")}
        h[n,t,j] = {past.hold("h", f"o[n,t,j]·{f}(c[n,t,j])")}""",
        W=kernel,
        U=recurrent_kernel,
        b=bias,
    )


def gru(
    x: Tensor,
    *,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    hidden: Tensor | None = None,
    mask: Tensor | None = None,
    dropout: Tensor | None = None,
    activation: ActivationLike = "tanh",
    gate_activation: ActivationLike = "sigmoid",
    reset_after: bool = True,
    reverse: bool = False,
    truncate: int | None = None,
) -> dict[str, Tensor]:
    """The gated recurrent unit; the gates stand along an axis, in the order update z, reset r, candidate c.

    Shapes: kernel W (i,g,j), recurrent_kernel U (q,g,j), bias b and recurrent_bias d (g,j) → z, r, c, and the states
    h (n,t,j).

    Args:
        recurrent_bias: a bias of the state's part alone; only with `reset_after`.
        reset_after: the reset gate multiplies the state's part of the candidate's sum (as cuDNN, PyTorch and Keras
            compute it), not the state before the product with U (as the paper has it).
        activation, gate_activation, reverse, truncate, dropout: as in `lstm`.

    Source: Cho et al., Learning phrase representations using RNN encoder–decoder, EMNLP 2014, equations 5 to 8, where
    the reset comes first; z and 1 − z stand as there.

    Raises:
        PellucidError: an activation is not among SCALARS.
    """
    f, σ = _scalar(activation), _scalar(gate_activation)
    past = Past(x, mask=mask, dropout=dropout, reverse=reverse, truncate=truncate, h=hidden)
    if reset_after:
        candidate = f"""u[n,t<T,g,j] = {_plus("d[g,j]", recurrent_bias)}Σ[q] {past.dropped("q")}·U[q,g,j]
        z[n,t,j] = {σ}(a[n,t,0,j] + u[n,t,0,j])
        r[n,t,j] = {σ}(a[n,t,1,j] + u[n,t,1,j])
        c[n,t,j] = {f}(a[n,t,2,j] + r[n,t,j]·u[n,t,2,j])"""
    else:
        candidate = f"""u[n,t,j] = a[n,t,0,j] + Σ[q] {past.dropped("q")}·U[q,0,j]
        v[n,t,j] = a[n,t,1,j] + Σ[q] {past.dropped("q")}·U[q,1,j]
        z[n,t,j] = {σ}(u[n,t,j])
        r[n,t,j] = {σ}(v[n,t,j])
        s[n,t,j] = r[n,t,j]·{past.dropped("j")}
        w[n,t,j] = a[n,t,2,j] + Σ[q] s[n,t,q]·U[q,2,j]
        c[n,t,j] = {f}(w[n,t,j])"""
    return past.define(
        f"""a[n,t,g,j] = {_plus("b[g,j]", bias)}Σ[i] x[n,t,i]·W[i,g,j]
        {candidate}
        h[n,t,j] = {past.hold("h", f"z[n,t,j]·{past('h', 'j')} + (1 − z[n,t,j])·c[n,t,j]")}""",
        W=kernel,
        U=recurrent_kernel,
        b=bias,
        d=recurrent_bias if reset_after else None,
    )


class Past:
    """How the formulas of one recurrence write its states one step before.

    `past("h", "q")` is the text of h one step before: `h[n, t − 1, q | h0[n,q]]`, or with truncation h′[n,t,q], which
    is the same without its gradient at every K-th step. `past.hold` keeps a state where the mask is 0, `past.dropped`
    is h on its way into the recurrent kernel: kept[n,t,q], where there is dropout.
    """

    def __init__(
        self,
        x: Tensor,
        *,
        mask: Tensor | None,
        dropout: Tensor | None,
        reverse: bool,
        truncate: int | None,
        **states: Tensor | None,
    ) -> None:
        steps = x.axes[1].size
        self.bindings: dict[str, Binding] = {"x": x, "T": steps}
        self.lines: list[str] = []
        self._masked = mask is not None
        if mask is not None:
            self.bindings["m"] = mask
        self._reads: dict[str, str] = {}
        for letter, initial in states.items():
            if initial is not None:
                self.bindings[f"{letter}0"] = initial
            outside = "0" if initial is None else f"{letter}0[n,{{axis}}]"
            self._reads[letter] = f"{letter}[n, t {'+' if reverse else '−'} 1, {{axis}} | {outside}]"
        if truncate is not None and truncate < steps:
            self._truncate(steps, truncate, reverse)
        self._dropout = dropout is not None
        if dropout is not None:
            self.bindings["keep"] = dropout
            self.lines.append(f"kept[n,t<T,j] = {self('h', 'j')}·keep[n,j]")

    def _truncate(self, steps: int, every: int, reverse: bool) -> None:
        # The first segment keeps its gradient to h0, so the cuts are at K, 2K, … steps from where the recurrence
        # begins.
        place = "L − K·s − K" if reverse else "K·s + K"
        self.bindings |= {"K": every, "S": (steps - 1) // every} | ({"L": steps - 1} if reverse else {})
        self.lines.append(f"cut[t<T] = Σ[s<S] [t = {place}]")
        for letter, read in self._reads.items():
            before = read.format(axis="j")
            self.lines.append(f"{letter}′[n,t,j] = where(0 < cut[t], stop({before}), {before})")
            self._reads[letter] = f"{letter}′[n,t,{{axis}}]"

    def __call__(self, letter: str, axis: str) -> str:
        return self._reads[letter].format(axis=axis)

    def dropped(self, axis: str) -> str:
        """The text of h one step before, as the recurrent kernel reads it."""
        return f"kept[n,t,{axis}]" if self._dropout else self("h", axis)

    def hold(self, letter: str, new: str) -> str:
        """The new state, or where the mask is 0 the one before."""
        return f"where(0 < m[n,t], {new}, {self(letter, 'j')})" if self._masked else new

    def define(self, text: str, **bindings: Binding | None) -> dict[str, Tensor]:
        """The tensors of the text and of the truncation's lines before it; bindings that nothing reads are left out."""
        whole = "\n".join([*self.lines, text])
        return define_all(whole, **_read_in(whole, self.bindings | bindings))


def _read_in(text: str, bindings: Mapping[str, Binding | None]) -> dict[str, Any]:
    """The bindings without tensors that the text does not read."""
    return {n: b for n, b in bindings.items() if b is not None and (not isinstance(b, Tensor) or f"{n}[" in text)}


def _plus(term: str, tensor: Tensor | None) -> str:
    return f"{term} + " if tensor is not None else ""


def _scalar(spec: ActivationLike) -> str:
    chosen = activation(spec)
    if chosen.name not in SCALARS or chosen.options:
        known = chained(list(SCALARS), gettext("{first}, {then}"))
        raise PellucidError(
            gettext(
                "an LSTM or GRU takes {known} as activation, got {name}; an RNN takes any",
                known=known,
                name=chosen.name,
            )
        )
    return SCALARS[chosen.name]


def _tie(stand_in: Tensor, state: Tensor) -> None:
    """Close the circle: what reads the stand-in reads the state itself, which takes its name."""
    state.name, state.letter = stand_in.name, stand_in.letter

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read) and e.tensor is stand_in:
            return transform(Read(state, e.indices, e.outside), change)
        return None

    for statement in reachable([state]):
        if statement.target is state or any(r.tensor is stand_in for r in reads(statement.expression)):
            letters = {**statement.letters, state: stand_in.letter}
            statement.target.define(transform(statement.expression, change), letters)


def last(states: Tensor, *, reverse: bool = False) -> Tensor:
    """The state after all steps, (n,t,j) → (n,j); where a mask held it, that is the one of the last real step."""
    return define("y[n,j] = h[n,e,j]", h=states, e=0 if reverse else states.axes[1].size - 1)


@register()
def forget_ones(extents: Mapping[str, int], *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """1 for the second place of the first axis, which is the forget gate of an LSTM's bias (g,j), else 0.

    A new network then keeps what its cells hold. Source: Jozefowicz, Zaremba & Sutskever, An empirical exploration of
    recurrent network architectures, ICML 2015, section 2.2.
    """
    first, *_ = extents
    return define(f"b[{','.join(f'{a}<{e}' for a, e in extents.items())}] = [{first} = 1]")
