"""Training in several processes: the options, and the process that watches over the one that trains."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..engines.processes import PART
from ..errors import DataError
from . import options

WORKER = "PELLUCID_WORKER"
"""In the environment of a process that trains: how often it was begun before."""
LOST = 75
"""How a process ends that has lost another one."""
PAUSE = 5.0
"""Seconds until all processes of a run have noticed that one is gone."""


def several_processes(function: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that trains on an engine, in one process or in several; it is given `engine`."""

    @options.engine()
    @click.option(
        "--coordinator",
        metavar="HOST:PORT",
        help="With --engine xla: train together with other processes, which meet at process 0's address; auto where "
        "SLURM, Kubernetes or Open MPI have started them.",
    )
    @click.option("--processes", type=options.IntRange(min=1), help="How many processes train together.")
    @click.option("--process", type=options.IntRange(), help="Which of them this is, from 0.")
    @click.option(
        "--restarts",
        type=options.IntRange(),
        default=0,
        show_default=True,
        help="How often to continue from the checkpoint when a process is lost.",
    )
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        engine: str | None,
        coordinator: str | None,
        processes: int | None,
        process: int | None,
        restarts: int,
        **given: Any,
    ) -> None:
        if coordinator is None:
            for option, value in {"--processes": processes, "--process": process, "--restarts": restarts}.items():
                if value:
                    raise DataError(f"expected --coordinator HOST:PORT with {option}, got none.")
            return function(*args, engine=engine, **given)
        _check(engine, coordinator, processes, process)
        if restarts and given["checkpoint"] is None:
            raise DataError("expected --checkpoint FILE with --restarts, the checkpoint to continue from, got none.")
        if WORKER not in os.environ:
            sys.exit(supervised(restarts, given["checkpoint"], process))
        begun = int(os.environ[WORKER])
        _die_with(os.getppid())
        if begun and given["checkpoint"].exists():
            given["resume"] = True
        _work(lambda: function(*args, engine=engine, **given), given, coordinator, processes, process)
        return None

    return wrapped


def _check(engine: str | None, coordinator: str, processes: int | None, process: int | None) -> None:
    if engine is None or not engine.startswith("xla"):
        raise DataError("expected --engine xla with --coordinator: the other engines train in one process.")
    if coordinator == "auto":
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise DataError(f'--coordinator is "{coordinator}", expected HOST:PORT such as 10.0.0.1:4040, or auto.')
    if processes is None or process is None:
        raise DataError("expected --processes N and --process I with --coordinator HOST:PORT, got one of them or none.")
    if process >= processes:
        raise DataError(
            f"--process is {process}, expected 0 to {processes - 1}: {processes} processes are counted from 0."
        )


def _work(
    run: Callable[[], None], given: dict[str, Any], coordinator: str, processes: int | None, process: int | None
) -> None:
    """Join the others and train; a process that has lost another one ends at once."""
    from ..engines.xla import joining

    joining.join(coordinator, processes, process)
    if not PART.first:
        given["plot"] = None
    with contextlib.ExitStack() as silence:
        if not PART.first:  # one of them speaks for all
            nowhere = silence.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            silence.enter_context(contextlib.redirect_stdout(nowhere))
        try:
            run()
        except Exception as error:
            if not joining.lost(error):
                raise
            click.echo(f"process {PART.process} of {PART.processes} has lost another process of the run.", err=True)
            sys.stderr.flush()
            os._exit(LOST)  # the usual way out would wait for the one that is gone


def supervised(restarts: int, checkpoint: Path | None, process: int | None) -> int:
    """Run this command in a process of its own, again where it loses another process; gives its exit status."""
    name = "this process" if process is None else f"process {process}"
    for begun in range(restarts + 1):
        environment = {**os.environ, WORKER: str(begun), "TF_CPP_MIN_LOG_LEVEL": "3"}
        worker = subprocess.Popen([sys.executable, "-m", "pellucid.cli", *sys.argv[1:]], env=environment)
        status = _ended(worker)
        if status not in (LOST, -signal.SIGABRT) and (status >= 0 or status == -signal.SIGINT):
            return status
        how = (
            "has ended, as another one is gone"
            if status in (LOST, -signal.SIGABRT)
            else f"was ended by {_signal(status)}"
        )
        if begun == restarts:
            again = (
                "begin all processes again, with --resume"
                if checkpoint
                else "give --checkpoint FILE to be able to continue"
            )
            click.echo(
                f"{name} {how}: the run is over; {again}, and with --restarts N they continue by themselves.", err=True
            )
            return 1
        click.echo(f"{name} {how}: it begins again from {checkpoint}, restart {begun + 1} of {restarts}.", err=True)
        time.sleep(PAUSE)
    raise AssertionError("the last attempt has returned")


def _signal(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _ended(worker: subprocess.Popen[bytes]) -> int:
    """The exit status of a worker, which signals reach through this process."""
    before = signal.signal(signal.SIGTERM, lambda *_: worker.terminate())
    try:
        while True:
            try:
                return worker.wait()
            except KeyboardInterrupt:  # the worker has got it too, and ends by itself
                continue
    finally:
        signal.signal(signal.SIGTERM, before)


def _die_with(parent: int) -> None:
    """End this process when the one that watches over it is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(LOST)

    threading.Thread(target=watch, daemon=True).start()
