"""What `join("auto")` makes of an environment: python -m tests.engines.xla.environments, the environments as JSON.

Prints for each whom it would call: the coordinator's address, the number of processes, and which this one is; or the
error. Nobody is called. A Kubernetes cluster is two answers of its API, given by a module of that name here.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from types import ModuleType, SimpleNamespace
from typing import Any

from jax._src import distributed
from jax._src.clusters.k8s_cluster import K8sCluster

from pellucid.engines.xla.joining import join
from pellucid.errors import PellucidError


class Called(BaseException):
    pass


def call(*_: Any, **__: Any) -> Any:
    raise Called


def kubernetes(job: dict[str, Any]) -> Any:
    """The library's part that JAX asks."""
    module: Any = ModuleType("kubernetes")
    labels = {"job-name": "train", **job.get("labels", {})}
    pod = SimpleNamespace(
        metadata=SimpleNamespace(
            name="train-1", labels=labels, owner_references=[SimpleNamespace(controller=True, kind="Job")]
        ),
        spec=SimpleNamespace(subdomain=job.get("subdomain")),
    )
    whole = SimpleNamespace(
        metadata=SimpleNamespace(name="train", labels=labels), spec=SimpleNamespace(parallelism=job["parallelism"])
    )
    module.config = SimpleNamespace(load_incluster_config=lambda: None)
    core = SimpleNamespace(
        list_namespaced_pod=lambda **_: SimpleNamespace(items=[pod]),
        list_namespaced_service=lambda _: SimpleNamespace(items=[]),
    )
    batch = SimpleNamespace(read_namespaced_job=lambda **_: whole)
    module.client = SimpleNamespace(
        CoreV1Api=lambda: core, BatchV1Api=lambda: batch, exceptions=SimpleNamespace(ApiException=OSError)
    )
    return module


def asked(environment: dict[str, Any]) -> Any:
    job = environment.pop("job", None)
    os.environ.update(environment)
    K8sCluster._namespace = classmethod(lambda cls: "default")
    for name in ("_pod", "_job", "_controller", "_headless_svc"):  # which they keep, those that this JAX has
        if (known := getattr(K8sCluster, name, None)) is not None:
            known.__func__.cache_clear()
    sys.modules["kubernetes"] = kubernetes(job) if job else None  # type: ignore[assignment]
    distributed.global_state = state = distributed.State()
    try:
        join("auto", patience=0)
    except Called:
        return state.coordinator_address, state.num_processes, state.process_id
    except PellucidError as error:
        return str(error)
    finally:
        for name in environment:
            del os.environ[name]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    distributed._jax.get_distributed_runtime_client = call
    distributed._jax.get_distributed_runtime_service = lambda *_, **__: None
    print(json.dumps([asked(environment) for environment in json.loads(sys.stdin.read())]))
