"""Explanations: traces of a run, the arithmetic of one value, receptive fields, the gradient's flow, diagnosis."""

from pellucid.explain.arithmetic import Source as Source
from pellucid.explain.arithmetic import Term as Term
from pellucid.explain.curve import Curve as Curve
from pellucid.explain.diagnosis import diagnose as diagnose
from pellucid.explain.explanation import Explanation as Explanation
from pellucid.explain.figures import plot as plot
from pellucid.explain.figures import plot_boundary as plot_boundary
from pellucid.explain.figures import plot_confusion as plot_confusion
from pellucid.explain.findings import Diagnosis as Diagnosis
from pellucid.explain.findings import Finding as Finding
from pellucid.explain.flow import Flow as Flow
from pellucid.explain.flow import LayerFlow as LayerFlow
from pellucid.explain.flow import flow as flow
from pellucid.explain.temporal import TemporalGradient as TemporalGradient
from pellucid.explain.trace import Trace as Trace
from pellucid.explain.trace import explain as explain
from pellucid.explain.trace import trace as trace
from pellucid.explain.trace import trace_examples as trace_examples
from pellucid.explain.trace import tracing as tracing
from pellucid.explain.watch import Watch as Watch
