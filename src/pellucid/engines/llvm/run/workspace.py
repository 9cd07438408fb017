"""What a call writes beside its results. Every call has a workspace of its own for as long as it lasts, so that code,
which nothing changes, may run in any number of threads at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.engines.base import Array
from pellucid.engines.llvm.emit.barriers import SYNC
from pellucid.engines.llvm.plan.layout import HEADER
from pellucid.engines.llvm.run import buffers
from pellucid.engines.llvm.run.cache import Metadata


class Workspace:
    """The memory of one call: the shards' arena, that of each thread, that for all examples together (`shared`), and
    the counters of the threads' barriers. It grows with the batch and is kept for the next call.

    Args:
        lanes: examples of a shard.
    """

    def __init__(self, code: Metadata, lanes: int) -> None:
        self._code = code
        self._lanes = lanes
        self._shards = self._threads = 0
        self.arena = self.local = buffers.aligned(64, "a call")
        self.shared = buffers.aligned(max(code.global_bytes, 64), "gradients", advice="the network is too large")
        self.sync = buffers.aligned((code.phases + 2) * SYNC * 8, "threads")
        self.sync[:] = 0

    def words(self, pointers: Mapping[tuple[str, str], int], examples: int, count: int) -> Array:
        """The words that the code reads, for a call of so many examples on at most so many threads."""
        code = self._code
        shards = -(-examples // self._lanes)
        if shards > self._shards:
            self.arena = buffers.aligned(max(shards * code.shard_bytes, 64), f"a batch of {examples} examples")
            self._shards = shards
        threads = min(count, max(shards * code.pieces, 1))
        if threads > self._threads:
            self.local = buffers.aligned(max(threads * code.local_bytes, 64), f"{threads} threads")
            self._threads = threads
        words = np.zeros(HEADER + len(code.words), dtype=np.int64)
        words[:5] = (examples, shards, self.arena.ctypes.data, code.shard_bytes, self.shared.ctypes.data)
        words[6:9] = (threads, self.sync.ctypes.data, 1)
        words[11] = self.local.ctypes.data
        for place, word in enumerate(code.words):
            words[HEADER + place] = pointers[word]
        return words

    def poison(self, *, keep_shared: bool = False) -> None:
        """Fill all of it with NaN; `keep_shared` leaves what earlier calls made of the parameters."""
        for part in (self.arena, self.local) if keep_shared else (self.arena, self.local, self.shared):
            buffers.poison(part)
