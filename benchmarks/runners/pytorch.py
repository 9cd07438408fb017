"""PyTorch: its own layers, eager or through torch.compile, and its fused optimizers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.runners import Array, Job, Steps, settings
from benchmarks.runners.graph import channels_first, turned
from benchmarks.runners.pytorch_layers import model
from benchmarks.workloads import target


class _Training:
    """A model with its loss and optimizer; data as PyTorch takes it."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        made = model(job.net, sums=True)
        self.run = _compiled(made) if job.compiled else made
        self.update = _optimizer(job, [p for p in made.parameters() if p.requires_grad])
        self._sought = target(job.net)
        self._measure = {
            "classes": nn.CrossEntropyLoss(),
            "images": nn.BCEWithLogitsLoss(),
            "values": nn.MSELoss(),
        }[self._sought]
        self.x = _input(job, job.x)
        # an image is a target as it is an input
        self.y = self.x if job.y is job.x or self._sought == "images" else torch.from_numpy(job.y)

    def step(self, x: Any, y: Any) -> Any:
        """A step on a batch; its loss."""
        self.update.zero_grad()
        output = self.run(x)
        if self._sought == "classes":
            output, y = output.reshape(-1, output.shape[-1]), y.reshape(-1)
        loss = self._measure(output, y)
        loss.backward()
        self.update.step()
        return loss.detach()


def training(job: Job) -> Steps:
    made = _Training(job)
    endless = itertools.cycle(list(zip(made.x.split(job.batch), made.y.split(job.batch), strict=True)))

    def steps(count: int) -> Array:
        losses = [made.step(x, y) for x, y in itertools.islice(endless, count)]
        return np.asarray(torch.stack(losses).numpy())

    return steps


def fit(job: Job) -> Steps:
    """The plain loop: every epoch in an order of its own, batches taken from tensors in memory."""
    made = _Training(job)

    def epochs(count: int) -> Array:
        losses = []
        for _ in range(count):
            total = torch.zeros(())
            for rows in torch.randperm(len(made.x)).split(job.batch):
                total += made.step(made.x[rows], made.y[rows]) * len(rows)
            losses.append(total.item() / len(made.x))
        return np.asarray(losses)

    return epochs


def inference(job: Job) -> Steps:
    torch.set_num_threads(job.threads)
    made = model(job.net, sums=False).eval()
    run = _compiled(made) if job.compiled else made
    inputs = _input(job, job.x)
    image = next(iter(job.net.output_shapes)) in channels_first(job.net)

    def calls(count: int) -> Array:
        with torch.inference_mode():
            for _ in range(count - 1):
                run(inputs)
            output = np.asarray(run(inputs).numpy())
        return np.moveaxis(output, 1, -1) if image else output

    return calls


def _compiled(module: Any) -> Any:
    """Compiled afresh: PyTorch gives up compiling code that it has compiled for too many networks before."""
    torch.compiler.reset()
    return torch.compile(module)


def _optimizer(job: Job, parameters: list[Any]) -> Any:
    chosen = settings(job.optimizer)
    rate = chosen["learning_rate"]
    if chosen["name"] == "sgd":
        return torch.optim.SGD(parameters, lr=rate, fused=True)
    betas = chosen["beta_1"], chosen["beta_2"]
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=chosen["epsilon"], fused=True)


def _input(job: Job, x: Array) -> Any:
    """The examples; sequences and images with their channels first where convolutions read them."""
    (path,) = job.net.input_shapes
    return torch.from_numpy(turned(x) if path in channels_first(job.net) else x)
