"""Explanations: traces of a run, the arithmetic of one value, receptive fields."""

from pellucid.explain.arithmetic import Source as Source
from pellucid.explain.arithmetic import Term as Term
from pellucid.explain.explanation import Explanation as Explanation
from pellucid.explain.trace import Trace as Trace
from pellucid.explain.trace import explain as explain
from pellucid.explain.trace import trace as trace
