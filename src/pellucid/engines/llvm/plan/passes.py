"""The passes in order: from a program to a plan of what runs when, and where every value lives.

A pass takes a plan and gives one that is a step further; at the end `lay_out` gives every value a place.
"""

from __future__ import annotations

from collections.abc import Callable

from pellucid.engines.llvm.plan.embedding_fusion import fold_embeddings
from pellucid.engines.llvm.plan.layout import Layout, lay_out
from pellucid.engines.llvm.plan.light_loops import join_light_loops
from pellucid.engines.llvm.plan.long_sums import split_long_sums
from pellucid.engines.llvm.plan.nests import make_nests
from pellucid.engines.llvm.plan.order import check_order
from pellucid.engines.llvm.plan.panels import pack_panels
from pellucid.engines.llvm.plan.phases import join_updates, make_phases, write_in_place
from pellucid.engines.llvm.plan.shared_kernels import share_kernels
from pellucid.engines.llvm.plan.small_batch import for_small_batches, share_recurrences
from pellucid.engines.llvm.plan.split_reductions import split_reductions
from pellucid.engines.llvm.plan.stepwise import go_step_by_step
from pellucid.engines.llvm.plan.tiles import choose_tiles
from pellucid.engines.llvm.plan.work import Plan, Request
from pellucid.formula.program import Program

PASSES: tuple[Callable[[Plan], Plan], ...] = (
    fold_embeddings,  # an embedding times a kernel becomes a table
    split_long_sums,  # more terms than an accumulator should add up are added up in two levels
    make_nests,  # statements become nests of loops; what only has another shape becomes an alias
    join_light_loops,  # light statements move into the recurrence that alone reads them
    make_phases,  # what shards do one after the other, what all threads do between; nests that share loads become one
    join_updates,  # what only continues a nest of a phase before joins it: an update its gradient
    write_in_place,  # new parameters go where the old ones are, if nothing reads these any more
    for_small_batches,  # for a few examples, other axes than the batch's are in the lanes
    split_reductions,  # long sums over the examples are added up shard by shard
    share_kernels,  # a kernel larger than the cache is read once for all shards
    go_step_by_step,  # light work on large values goes through a sequence a step at a time
    share_recurrences,  # threads share the work of a large recurrence, however few shards there are
    choose_tiles,  # how many points of a nest are computed at once
    pack_panels,  # weights that are read often are packed as the tiles read them
    check_order,  # nothing is read before it is made
)


def planned(program: Program, request: Request | None = None) -> Layout:
    """The plan of a program, with a place for every value.

    Raises:
        Unsupported: a statement cannot be compiled, or not for what is requested.
    """
    plan = Plan(program, request or Request())
    for apply in PASSES:
        plan = apply(plan)
    return lay_out(plan)
