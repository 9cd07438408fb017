"""A real Chromium against the installed wheel: what a person gets, with nothing of the repository on the path."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

playwright = pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright  # noqa: E402
from tests.lab.browser.person import Person  # noqa: E402
from tests.lab.browser.process import Process  # noqa: E402

ROOT = Path(__file__).parents[3]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# A test machine's network is often closed, and Chromium would look for its own services in the background.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000
"""How long an expectation may take, in milliseconds, on a machine that does other work as well."""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel of this repository was installed; made once for all workers."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "installed"
    with (shared / "installed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "pellucid").is_dir():
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            # What builds it is taken from here, if it is here: then no other machine is asked.
            here = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
            wheels = shared / "wheels"
            _run([*pip, "wheel", "--no-deps", *here, "--wheel-dir", str(wheels), str(ROOT)])
            (wheel,) = wheels.glob("*.whl")
            _run([*pip, "install", "--no-deps", "--target", str(folder), str(wheel)])
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def environment(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For a process that knows the installed wheel alone."""
    return {
        **os.environ,
        "PYTHONPATH": str(installed),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PELLUCID_THREADS": "1",
        "BROWSER": "true",
        "HOME": str(tmp_path_factory.mktemp("home")),
    }


@contextlib.contextmanager
def _processes(environment: dict[str, str], folder: Path) -> Iterator[Callable[..., Process]]:
    """Starts Python processes; Ctrl-C ends them, and they must end without a complaint."""
    running: list[Process] = []

    def start(*arguments: str) -> Process:
        running.append(Process(arguments, environment, folder))
        return running[-1]

    yield start
    for process in running:
        said = process.end(signal.SIGINT)
        assert "Traceback" not in said, said


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts a Python process with the installed wheel."""
    with _processes(environment, tmp_path) as start:
        yield start


@pytest.fixture
def lab(started: Callable[..., Process]) -> Callable[..., str]:
    """`pellucid lab` with options: its address."""
    return lambda *options: started(*LAB, *options).address()


LAB = ("-m", "pellucid.cli", "lab", "--no-browser", "--port", "0")


@pytest.fixture(scope="module")
def gallery(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a lab that opens with its gallery, shared by the tests of a module."""
    with _processes(environment, tmp_path_factory.mktemp("gallery")) as start:
        yield start(*LAB).address()


# Not for the whole session: while Playwright runs, nothing else can use asyncio in this thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Watched:
    """Opens addresses in browsers of their own, and keeps what no page may do: ask another machine, log an error."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium = chromium
        self.contexts: list[BrowserContext] = []
        self.pages: list[Page] = []
        self.strangers: list[str] = []
        self.errors: list[str] = []

    def context(self, home: str, **options: object) -> BrowserContext:
        """A browser whose pages may talk to `home`, host and port, alone."""
        given = {
            "viewport": {"width": 1440, "height": 900},
            "color_scheme": "light",
            "locale": "en-GB",
            "reduced_motion": "reduce",
        }
        context = self.chromium.new_context(**{**given, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)

        def only_home(route: Route) -> None:
            url = urlsplit(route.request.url)
            if url.scheme in {"data", "blob"} or (url.netloc == home and url.scheme in {"http", "file"}):
                route.continue_()
            else:
                self.strangers.append(route.request.url)
                route.abort()

        context.route("**/*", only_home)
        context.on("page", lambda page: self._watch(page, home))
        return context

    def _watch(self, page: Page, home: str) -> None:
        self.pages.append(page)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on(
            "websocket",
            lambda socket: None if urlsplit(socket.url).netloc == home else self.strangers.append(socket.url),
        )

    def __call__(self, address: str, **options: object) -> Person:
        page = self.context(urlsplit(address).netloc, **options).new_page()
        page.goto(address)
        return Person(page)

    def close(self) -> None:
        for context in self.contexts:
            with contextlib.suppress(playwright.Error):
                context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A machine that is busy may keep a browser waiting longer than anybody foresees: such a test is tried again."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps a picture of what was seen when a test failed, and tells where."""
    report = yield
    if call.when == "call" and report.failed:
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        browse = getattr(item, "funcargs", {}).get("browse")
        if isinstance(browse, Watched) and folder is not None:
            for number, page in enumerate(browse.pages):
                with contextlib.suppress(playwright.Error):
                    page.screenshot(path=folder / f"page-{number}.png")
                    report.sections.append(("the page as it was", f"{folder}/page-{number}.png at {page.url}"))
    return report


@pytest.fixture
def browse(chromium: Browser, tmp_path: Path) -> Iterator[Watched]:
    """Opens an address in a browser of its own, which may reach no other machine and may log no error."""
    watched = Watched(chromium)
    yield watched
    watched.close()
    assert not watched.strangers, f"the page asked other machines: {watched.strangers}"
    assert not watched.errors, f"the page complained: {watched.errors}"
