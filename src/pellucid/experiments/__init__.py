"""Experiments: claims about neural networks, each measured, drawn and judged by its numbers.

A claim is one class in one file; `claims/` holds those of Pellucid, and `claim_in` reads one from any folder.
"""

from .claim import Claim as Claim
from .claim import Table as Table
from .claim import Verdict as Verdict
from .known_claims import NAMES as NAMES
from .known_claims import claim_in as claim_in
from .known_claims import claim_named as claim_named
from .runner import Outcome as Outcome
from .runner import run as run
from .trial import Trial as Trial
