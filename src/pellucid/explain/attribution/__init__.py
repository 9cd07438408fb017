"""Attribution: how much of an output every input, unit, step and word accounts for, with what is missing."""

from pellucid.explain.attribution.attribute import METHODS as METHODS
from pellucid.explain.attribution.attribute import attribute as attribute
from pellucid.explain.attribution.result import Attribution as Attribution
from pellucid.explain.attribution.result import Missing as Missing
