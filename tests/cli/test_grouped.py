"""Options stand in groups, each once; shells complete commands, options and names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pellucid.cli import COMMANDS, cli
from pellucid.cli.grouped import SHARED, Grouped

from .conftest import Run


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "bench"])
def test_every_option_stands_in_one_group(run: Run, name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, Grouped)
    known = {param.name for param in command.params}
    assert not {n for head, names in command.groups.items() if head not in SHARED for n in names} - known
    said = run(name, "--help").output.split("Examples:")[0]
    options = [p for p in command.params if isinstance(p, click.Option)]
    for option in options:
        lines = re.findall(rf"^  (?:-[-\w]+, )*{re.escape(option.opts[-1])}(?: [A-Z[/]|  |$)", said, re.MULTILINE)
        assert len(lines) == 1, (option.opts, lines)
    assert said.count("-h, --help") == 1
    if len(command.groups) > len(SHARED):
        assert not re.search(r"^Options:\n(?!  -h)", said, re.MULTILINE), "every option has its group"


def completed(words: str) -> list[str]:
    """What the shell is offered behind these words, the last of which is not complete."""
    environment = {**os.environ, "_PELLUCID_COMPLETE": "bash_complete"}
    environment |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    code = [sys.executable, "-m", "pellucid.cli"]
    done = subprocess.run(code, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pellucid tr", ["plain,train"]),
        ("pellucid train ir", ["plain,iris", "file,ir"]),
        ("pellucid train iris --optimizer a", ["plain,adam", "plain,adamw"]),
        ("pellucid train iris --class", ["plain,--class-weight"]),
        ("pellucid export m", ["file,m"]),
    ],
)
def test_what_is_completed(words: str, offered: list[str]) -> None:
    assert completed(words) == offered


def test_completing_a_command_imports_none() -> None:
    code = "import sys; from pellucid.cli import cli; import click; cli.shell_complete(click.Context(cli), 't')"
    code += "; print([m for m in sys.modules if m.startswith('pellucid.cli.t')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_shells(run: Run, shell: str, tmp_path: Path) -> None:
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("click asks bash for its version")
    script = run("completion", shell).stdout
    assert f"_PELLUCID_COMPLETE={shell}_complete" in script
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(script, encoding="utf-8")
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
