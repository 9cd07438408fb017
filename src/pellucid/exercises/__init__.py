"""Exercises: small problems to be worked by hand, drawn from the formulas, with answers that are the engine's numbers.

problem = exercise("backprop", seed=7)
print(problem)
print(problem.check(0.37))
print(problem.text(solution=True))
"""

from pellucid.errors import PellucidError, nearest
from pellucid.exercises.drawing import draw
from pellucid.exercises.problem import Choice as Choice
from pellucid.exercises.problem import Exercise as Exercise
from pellucid.exercises.problem import Slip as Slip
from pellucid.exercises.problem import Verdict as Verdict
from pellucid.exercises.problem import document as document
from pellucid.exercises.topics import TOPICS as TOPICS


def exercise(topic: str, *, seed: int = 0) -> Exercise:
    """An exercise of a topic; the same topic and seed give the same one.

    Args:
        topic: one of `TOPICS`.

    Raises:
        PellucidError: there is no such topic.
    """
    if topic not in TOPICS:
        raise PellucidError(
            f'there is no topic "{topic}", expected one of {", ".join(TOPICS)}.{nearest(topic, TOPICS)}'
        )
    return draw(topic, TOPICS[topic][0], seed)
