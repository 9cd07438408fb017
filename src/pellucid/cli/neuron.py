"""``pellucid neuron``: one neuron, its arithmetic, and one update of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

import pellucid as pl

from ..activation_functions import ActivationFunction
from ..errors import DataError
from ..files import replacing
from . import grouped, options
from .output import check_figure, check_writable
from .reporting import Report, reporting, with_force
from .updating import Step

GROUPS = {
    "The neuron": ("weights", "bias", "activation"),
    "The example": ("inputs",),
    "The update": ("target", "loss", "learning_rate"),
}
EPILOG = """\b
Examples:
  pellucid neuron --weights 2,-1 --bias 0.5 --input 1,1
  pellucid neuron --weights 2,-1 --bias 0.5 --input 1,1 --activation sigmoid
  pellucid neuron --weights 2,-1 --input 1,3 --activation leaky_relu:slope=0.3
  pellucid neuron --weights 1,1 --bias -1.5 --activation step --input 0,0 --input 0,1 --input 1,1   AND
  pellucid neuron --weights 2,-1 --input 1,1 --activation sigmoid --target 0 --learning-rate 0.5 --plot neuron.png
"""


def numbers(ctx: click.Context, param: click.Parameter, value: str | tuple[str, ...]) -> list[Any]:
    """Numbers such as 2,-1; a list of them for each time that the option was given."""
    if isinstance(value, tuple):
        return [_numbers(ctx, param, each) for each in value]
    return _numbers(ctx, param, value)


def _numbers(ctx: click.Context, param: click.Parameter, text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [float("inf")]
    if not np.isfinite(found).all():
        raise click.BadParameter(f'expected numbers such as 2,-1, got "{text}".', ctx, param)
    return found


def _activation(ctx: click.Context, param: click.Parameter, value: str) -> ActivationFunction:
    """An activation such as relu, or leaky_relu:slope=0.3."""
    name, _, given = value.partition(":")
    settings: dict[str, float] = {}
    for part in filter(None, given.split(",")):
        option, _, number = part.partition("=")
        try:
            settings[option] = float(number)
        except ValueError:
            text = f'expected options such as leaky_relu:slope=0.3, got "{value}".'
            raise click.BadParameter(text, ctx, param) from None
    return pl.activation(name, **settings)


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.option("--weights", metavar="NUMBERS", required=True, callback=numbers, help="A weight an input, such as 2,-1.")
@click.option("--bias", type=float, default=0.0, show_default=True, help="What is added to the sum.")
@click.option(
    "--activation",
    default="linear",
    show_default=True,
    callback=_activation,
    help="The function of the sum, such as step, sigmoid, tanh, relu or leaky_relu:slope=0.3.",
)
@click.option(
    "--input",
    "inputs",
    metavar="NUMBERS",
    multiple=True,
    required=True,
    callback=numbers,
    help="The inputs, such as 1,1; may be repeated.",
)
@click.option("--target", type=float, help="The true output: show the loss, its gradients and one update.")
@click.option("--loss", default="mse", show_default=True, help="With --target: the loss.")
@click.option(
    "--learning-rate",
    type=options.FloatRange(min=0, min_open=True),
    default=0.1,
    show_default=True,
    help="With --target: of the update by gradient descent.",
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the neuron, such as neuron.png.")
@with_force
@reporting()
def command(
    weights: list[float],
    bias: float,
    activation: ActivationFunction,
    inputs: list[list[float]],
    target: float | None,
    loss: str,
    learning_rate: float,
    plot: Path | None,
    report: Report,
) -> None:
    """Its output is the activation of the bias and the sum of the inputs times their weights. With --target it also
    takes one step of gradient descent: the loss, the gradient of every weight term by term, and the weights after it.
    """
    check_figure(plot)
    check_writable(plot)
    net = pl.Neuron(weights, bias=bias, activation=activation)
    for x in inputs:
        if len(x) != len(weights):
            raise DataError(f"--input has {len(x)} numbers, expected {len(weights)}, one for each of the --weights.")
    if target is not None and len(inputs) > 1:
        raise DataError("--target belongs to one example: give --input once.")
    if plot is not None:
        with replacing(plot) as beside:
            net.plot().savefig(beside)
    report["examples"] = []
    for x in inputs:
        run = net.trace(np.array([x], dtype=np.float32))
        parts = [run.explain(path, unit=0) for path in ("dense_1.sum", "dense_1") if path in run]
        for part in parts:
            click.echo(part.text())
        value = float(run["dense_1"][0, 0])
        report["examples"].append({"input": x, "output": value, "explanation": [part.json() for part in parts]})
        click.echo()
    if target is not None:
        report["update"] = _updated(net, np.array([inputs[0]], np.float32), target, loss, learning_rate)
    if plot is not None:
        click.echo(f"drew {plot}")


def _updated(net: pl.Neuron, x: np.ndarray, target: float, loss: str, rate: float) -> Report:
    y = np.array([[target]], dtype=np.float32)
    step = Step(net, x, y, rate=rate, loss=loss)
    click.echo(net.explain("loss", x=x, y=y, loss=loss).text())
    updates = []
    for path in ("dense_1.kernel", "dense_1.bias"):
        for index in np.ndindex(net.parameters[path].shape):
            found = net.explain(path, x=x, y=y, loss=loss, index=index, backward=True)
            updates.append(step.of(path, index))
            click.echo(f"\n{found.text()}\n  one update: {updates[-1].text()}")
    click.echo()
    step.show()
    parameters = [update.json() for update in updates]
    return {"loss": float(step.loss), "loss_after": step.new_loss, "parameters": parameters}
