"""``pellucid exercise``: small problems to be worked by hand, with solutions, and a checker of answers."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import DataError, nearest
from ..exercises import TOPICS, document, exercise
from ..exercises.problem import FORMATS
from ..files import replacing
from . import grouped, options
from .output import check_writable, table
from .reporting import Report, reporting, with_force

EPILOG = """\b
Examples:
  pellucid exercise list                                 the topics
  pellucid exercise backprop --seed 7                    one problem
  pellucid exercise backprop --seed 7 --check 0.37       whether 0.37 is right, and if not, which slip gives it
  pellucid exercise backprop --seed 7 --solution         with the solution, step by step
  pellucid exercise lstm --count 5 --solution --output lstm.tex   five problems and their solutions in LaTeX
  pellucid exercise softmax --format html --language zh --output softmax.html
"""


@grouped.command(epilog=EPILOG)
@click.argument("topic")
@options.seed()
@click.option(
    "--count",
    type=options.IntRange(1, 100),
    default=1,
    show_default=True,
    help="So many exercises, with the seed and those after it.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Markdown, LaTeX or a page of HTML.  [default: by the name of --output, else md]",
)
@click.option("--solution", is_flag=True, help="Also the solutions, step by step, after all exercises.")
@click.option("--check", "answer", help="An answer, a number or the letter of a choice: say whether it is right.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write.  [default: print it]")
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the text."
)
@with_force
@reporting()
def command(
    topic: str,
    seed: int,
    count: int,
    form: str | None,
    solution: bool,
    answer: str | None,
    output: Path | None,
    language: str,
    report: Report,
) -> None:
    """TOPIC is list, or one of the topics that it shows. A topic and a seed give the same problem on every machine. Its
    numbers are small; its answer is the engine's number, and the wrong ones among the choices are what classic slips
    give, such as a missing σ′, a transposed index or a flipped kernel.

    With --check it says whether an answer is right, or which slip gives it; the exit code is 0 or 1.
    """
    if topic == "list":
        report["topics"] = {name: about.text(language) for name, (_, about) in TOPICS.items()}
        table(["topic", "what"], [[name, about.text(language)] for name, (_, about) in TOPICS.items()])
        return
    if topic not in TOPICS:
        known = ", ".join(TOPICS)
        raise DataError(f'there is no topic "{topic}", expected list or one of {known}.{nearest(topic, TOPICS)}')
    if answer is not None:
        if count > 1:
            raise DataError("--check is for one exercise: leave --count out.")
        verdict = exercise(topic, seed=seed).check(answer)
        report |= {"right": verdict.right, "message": verdict.message.text(language)}
        click.echo(verdict.message.text(language))
        click.get_current_context().exit(0 if verdict.right else 1)
    if form is None:
        ending = "" if output is None else output.suffix.lower().removeprefix(".")
        form = ending if ending in FORMATS else "md"
    check_writable(output)
    drawn = [exercise(topic, seed=seed + k) for k in range(count)]
    text = document(drawn, form, solution=solution, language=language)
    report |= {"topic": topic, "text": text, "file": output}
    report["exercises"] = [{"seed": e.seed, "choices": {c.letter: c.text for c in e.choices}} for e in drawn]
    if solution:
        for record, each in zip(report["exercises"], drawn, strict=True):
            record["answer"] = each.answer
    if output is None:
        click.echo(text, nl=False)
        return
    with replacing(output) as beside:
        beside.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}")
