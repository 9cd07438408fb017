"""Interventions: a network run with values set by hand, what that changes, and why."""

from pellucid.explain.intervention.ablation import ablate as ablate
from pellucid.explain.intervention.comparison import Comparison as Comparison
from pellucid.explain.intervention.differences import Difference as Difference
from pellucid.explain.intervention.differences import compare as compare
from pellucid.explain.intervention.patched_run import Change as Change
from pellucid.explain.intervention.patched_run import Changes as Changes
from pellucid.explain.intervention.patched_run import PatchedRun as PatchedRun
from pellucid.explain.intervention.patching import patch as patch
from pellucid.explain.intervention.sweeping import Sweep as Sweep
from pellucid.explain.intervention.sweeping import sweep as sweep
