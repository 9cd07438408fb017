"""The language of formulas: axes, expressions, statements, programs; parser, derivative, notation. It knows nothing
else."""

from pellucid.formula.axes import BATCH as BATCH
from pellucid.formula.axes import Affine as Affine
from pellucid.formula.axes import Axis as Axis
from pellucid.formula.definition import define as define
from pellucid.formula.definition import define_all as define_all
from pellucid.formula.definition import read_back as read_back
from pellucid.formula.derivative import derivative as derivative
from pellucid.formula.expressions import Expression as Expression
from pellucid.formula.expressions import Statement as Statement
from pellucid.formula.expressions import Tensor as Tensor
from pellucid.formula.notation.json import from_json as from_json
from pellucid.formula.notation.json import to_json as to_json
from pellucid.formula.notation.latex import latex as latex
from pellucid.formula.notation.unicode import unicode as unicode
from pellucid.formula.program import Loop as Loop
from pellucid.formula.program import Program as Program
