"""Several processes as one run: they meet at a coordinator, each with its devices, and train one network."""

from __future__ import annotations

import logging

from pellucid.engines.processes import PART
from pellucid.errors import PellucidError

HEARTBEAT = 30
"""After so many seconds without a sign of life a process counts as gone."""
PATIENCE = 120
"""So many seconds the processes wait for each other at the beginning."""
AUTOMATIC = "auto"
"""A coordinator's address that SLURM, Kubernetes or Open MPI know."""


def join(
    coordinator: str, processes: int | None = None, process: int | None = None, *, patience: int = PATIENCE
) -> None:
    """Make this process one of several that train together; before anything is computed.

    Args:
        coordinator: HOST:PORT of process 0; or "auto", where SLURM, Kubernetes or Open MPI have started the processes.
        processes: how many there are.
        process: which this one is, from 0.
        patience: how many seconds to wait for the others.

    Raises:
        PellucidError: the others do not come, or the environment does not say who they are.
    """
    import jax

    automatic = coordinator == AUTOMATIC
    host = coordinator.rpartition(":")[0]
    # a coordinator that is asked to stay on this machine listens there alone
    bind = coordinator if host in ("localhost", "127.0.0.1", "[::1]") else None
    logging.getLogger("jax._src.distributed").setLevel(logging.ERROR)
    try:
        jax.distributed.initialize(
            coordinator_address=None if automatic else coordinator,
            num_processes=processes,
            process_id=process,
            cluster_detection_method=None if automatic else "deactivate",
            initialization_timeout=patience,
            heartbeat_timeout_seconds=HEARTBEAT,
            coordinator_bind_address=bind,
        )
    except Exception as error:  # the library's errors have several kinds
        first = str(error).strip().partition("\n")[0]
        # what the environment lacks is seen before anybody is called, and is an error of Python's, not of the runtime
        if isinstance(error, ValueError) or (automatic and not isinstance(error, jax.errors.JaxRuntimeError)):
            raise PellucidError(
                f"the environment does not say who takes part ({first[:200]}): give --coordinator HOST:PORT, "
                "--processes and --process"
            ) from None
        raise PellucidError(
            f"the processes of the run did not come together at {coordinator} within {patience} s ({first[:200]}): "
            "start all of them, with the same --coordinator and --processes"
        ) from None
    PART.process, PART.processes = jax.process_index(), jax.process_count()


def lost(error: BaseException) -> bool:
    """Whether an error says that another process of the run is gone."""
    import jax

    return PART.processes > 1 and isinstance(error, jax.errors.JaxRuntimeError)
