"""Rounding: a value with its error bar, and where on the way to it digits are lost."""

from pellucid.explain.rounding.error_bar import RoundedStep as RoundedStep
from pellucid.explain.rounding.error_bar import Rounding as Rounding
from pellucid.explain.rounding.error_bar import rounding as rounding
