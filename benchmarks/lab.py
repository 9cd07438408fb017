"""What the lab costs: how soon the page answers a person, and how fast a network trains while the page is open.

    python -m benchmarks.lab [--json lab.json] [--times 60] [--seconds 4] [--rounds 5]

In a real Chromium (playwright and chromium have to be there), with networks of 1 thousand, 20 thousand and 1 million
parameters. A time is from the event of the mouse or the key, as the browser stamps it, to the frame that shows the
answer; of a live frame, from its arrival to the frame that shows it. The speed of training is that with the page open
and playing against `fit` alone, in turn, each in a process of its own: by the clock, and by the processor time of that
process, which shows what the lab takes from training also on a machine that does other work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl

EXAMPLES, BATCH = 2048, 32
BUDGET_MS, BUDGET_SPEED = 100.0, 0.8
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def thousand() -> pl.Network:
    return pl.Network(
        pl.Dense(24, activation="relu"),
        pl.Dense(16, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(20,),
        seed=0,
    )


def twenty_thousand() -> pl.Network:
    return pl.Network(
        pl.Conv2D(8, 5, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, 5, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(40, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
    )


def million() -> pl.Network:
    return pl.Network(
        pl.Dense(1024, activation="relu"),
        pl.Dense(200, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(784,),
        seed=0,
    )


NETWORKS: dict[str, tuple[Callable[[], pl.Network], str, str]] = {
    "1 thousand": (thousand, "dense_1", "dense_2.sum"),
    "20 thousand": (twenty_thousand, "conv2d_1", "dense_1.sum"),
    "1 million": (million, "dense_1", "dense_2.sum"),
}
"""With the layer whose units are clicked, and the value that is looked at while the example changes."""


def data(net: pl.Network) -> tuple[Any, Any]:
    (shape,) = net.input_shapes.values()
    rng = np.random.default_rng(0)
    return rng.random((EXAMPLES, *shape), dtype=np.float32), rng.integers(0, 10, EXAMPLES)


# The processes that are measured: each obeys the lines that it is given.


class Clock(pl.Callback):
    """When the epochs end."""

    def on_train_begin(self) -> None:
        self.ends = [time.perf_counter()]

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.ends.append(time.perf_counter())


def obey_fit(name: str) -> None:
    """For each line, a number of seconds, trains about as long and prints the steps a second."""
    net = NETWORKS[name][0]()
    x, y = data(net)
    steps = -(-EXAMPLES // BATCH)

    def timed(epochs: int) -> float:
        clock = Clock()
        net.fit(x, y, epochs=epochs, batch_size=BATCH, metrics=["accuracy"], verbose=0, callbacks=[clock])
        return statistics.fmean(np.diff(clock.ends)[1:])

    each = timed(3)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        epochs = max(2, round(float(line) / each) + 1)
        worked = time.process_time()
        each = timed(epochs)
        worked = time.process_time() - worked
        print(json.dumps({"speed": steps / each, "worked": steps * epochs / worked}), flush=True)


def obey_lab(name: str) -> None:
    """Serves the lab, and for each line prints at what step it is."""
    from pellucid.lab.serve.lab_session import Session
    from pellucid.lab.serve.server import Server
    from pellucid.lab.task import task_of

    net = NETWORKS[name][0]()
    session = Session(task_of(net, *data(net), batch_size=BATCH, title=name))
    server = Server(session, port=0)
    print(json.dumps({"url": server.url, "parameters": sum(int(p.size) for p in net.parameters.values())}), flush=True)
    for _ in sys.stdin:
        step = session.stage.run.state()["step"]
        now = {"time": time.perf_counter(), "worked": time.process_time(), "step": step}
        print(json.dumps(now), flush=True)
    server.close()


class Child:
    """A process of the above."""

    def __init__(self, mode: str, name: str) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PELLUCID_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, mode, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.first = self.answer()

    def ask(self, line: str = "") -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


# In the page: what is measured, and when it is done.

WATCH = """
const times = { live: [] };
const painted = (then) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => then(performance.now());
  port2.postMessage(0);
});
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      const came = performance.now();
      if (!(data instanceof ArrayBuffer)) return;
      const head = new TextDecoder().decode(new Uint8Array(data, 8, Math.min(64, data.byteLength - 8)));
      if (head.includes('"live"') && head.includes('"event"')) painted((now) => times.live.push(now - came));
    });
  }
};
const text = (selector) => document.querySelector(selector)?.textContent ?? "";
const whole = () => document.querySelector(".arithmetic .terms li.total") !== null;
const shown = {
  // The arithmetic of another element, with its terms.
  unit: (before) => text(".arithmetic h2") !== before && whole(),
  // Other numbers in the arithmetic of the same element.
  example: (before) => text(".arithmetic .substituted") !== before && whole(),
  point: (before) => text(".tip") !== before && text(".tip") !== "",
  batch: (before) => text(".time dl dd") !== before,
};
const before = { unit: ".arithmetic h2", example: ".arithmetic .substituted", point: ".tip", batch: ".time dl dd" };
window.lab = {
  live: () => times.live,
  arm(kind, type) {
    const was = text(before[kind]);
    window.lab.done = new Promise((resolve) => {
      addEventListener(type, (event) => {
        const watch = new MutationObserver(() => check());
        const check = () => {
          if (!shown[kind](was)) return;
          watch.disconnect();
          painted((now) => resolve(now - event.timeStamp));
        };
        watch.observe(document.body, { subtree: true, childList: true, characterData: true });
        check();
      }, { capture: true, once: true });
    });
  },
};
"""


class Visitor:
    """A page of the lab, and a hand on its mouse."""

    def __init__(self, browser: Any, url: str, layer: str, looked: str) -> None:
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.url, self.looked = url, looked
        self.page.goto(url)
        network = self.page.get_by_role("region", name="Network", exact=True)
        self.picture = network.get_by_role("button", name=f"{layer}, ").first
        self.picture.wait_for()
        self.random = random.Random(0)

    def _timed(self, kind: str, event: str, act: Callable[[], None]) -> float:
        self.page.evaluate("([kind, event]) => lab.arm(kind, event)", [kind, event])
        act()
        return float(self.page.evaluate("() => lab.done"))

    def _somewhere(self) -> tuple[float, float]:
        box = self.picture.bounding_box()
        high = min(box["y"] + box["height"], 640)  # what lies below is covered by the time panel
        return (
            round(self.random.uniform(box["x"] + 1, box["x"] + box["width"] - 1)),
            round(self.random.uniform(box["y"] + 1, high - 1)),
        )

    def _element(self) -> tuple[float, float]:
        """Where there is an element, another than that which is looked at."""
        heading = self.page.locator(".arithmetic h2").all_inner_texts()
        while True:
            at = self._somewhere()
            self.page.mouse.move(*at)
            self.page.wait_for_timeout(30)
            tip = self.page.locator(".tip span").all_inner_texts()
            if tip and tip[0] not in heading:
                return at

    def clicks(self, times: int) -> list[float]:
        """A click on a unit until its arithmetic is shown."""
        latencies = []
        for _ in range(times):
            at = self._element()
            latencies.append(self._timed("unit", "click", lambda at=at: self.page.mouse.click(*at)))  # type: ignore[misc]
        return latencies

    def points(self, times: int) -> list[float]:
        """The mouse over a unit until its number is shown."""
        latencies = []
        for _ in range(times):
            at = self._element()
            self.page.mouse.move(5, 300)
            self.page.wait_for_timeout(20)
            latencies.append(self._timed("point", "pointermove", lambda at=at: self.page.mouse.move(*at)))  # type: ignore[misc]
        return latencies

    def examples(self, times: int) -> list[float]:
        """The next example until the arithmetic of the unit in focus has its numbers."""
        self.page.goto(f"{self.url}#/{self.looked}/index/3")
        self.page.locator(".arithmetic .terms li.total").wait_for()
        self.page.wait_for_timeout(300)
        button = self.page.get_by_role("button", name="Next example")
        return [self._timed("example", "click", button.click) for _ in range(times)]

    def batches(self, times: int) -> list[float]:
        """One batch until it is answer that it was taken."""
        button = self.page.get_by_role("button", name="Batch", exact=True)
        return [self._timed("batch", "click", button.click) for _ in range(times)]

    def frames(self) -> list[float]:
        """The live frames so far."""
        return list(self.page.evaluate("() => lab.live()"))

    def home(self) -> None:
        self.page.goto(f"{self.url}#/")

    def plays(self) -> None:
        self.page.get_by_role("button", name="Play", exact=True).click()

    def pauses(self) -> None:
        self.page.get_by_role("button", name="Pause", exact=True).click()
        self.page.get_by_role("button", name="Play", exact=True).wait_for()


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("benchmarks/lab.py: error: there is no Chromium on this machine")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def percentile(times: list[float], fraction: float) -> float:
    return float(np.percentile(times, 100 * fraction))


def interaction(browser: Any, child: Child, name: str, times: int) -> dict[str, list[float]]:
    """All times of a kind, in milliseconds; those "in training" while it plays as fast as it can."""
    visitor = Visitor(browser, child.first["url"], *NETWORKS[name][1:])
    visitor.batches(2)
    visitor.clicks(3)
    latencies = {"click a unit": visitor.clicks(times), "point at a unit": visitor.points(times)}
    latencies["next example"] = visitor.examples(times)
    visitor.home()
    latencies["one batch"] = visitor.batches(times)
    visitor.plays()
    visitor.page.wait_for_timeout(1500)
    latencies["click a unit, in training"] = visitor.clicks(times)
    visitor.home()
    visitor.page.wait_for_timeout(3000)
    latencies["live frame"] = visitor.frames()[5:]
    visitor.pauses()
    visitor.context.close()
    return latencies


def training(browser: Any, child: Child, name: str, seconds: float, rounds: int) -> dict[str, list[float]]:
    """Steps a second with the lab open and playing, and of `fit` alone, in turn."""
    alone = Child("fit", name)
    visitor = Visitor(browser, child.first["url"], *NETWORKS[name][1:])
    speeds: dict[str, list[float]] = {"fit": [], "lab": [], "fit, worked": [], "lab, worked": []}
    for _ in range(rounds):
        answer = alone.ask(str(seconds))
        speeds["fit"].append(answer["speed"])
        speeds["fit, worked"].append(answer["worked"])
        visitor.plays()
        visitor.page.wait_for_timeout(1000)
        began = child.ask()
        visitor.page.wait_for_timeout(1000 * seconds)
        ended = child.ask()
        visitor.pauses()
        steps = ended["step"] - began["step"]
        speeds["lab"].append(steps / (ended["time"] - began["time"]))
        speeds["lab, worked"].append(steps / (ended["worked"] - began["worked"]))
    visitor.context.close()
    alone.close()
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the lab in a real Chromium.")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--times", type=int, default=60, help="how often each thing is done")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each training is watched")
    parser.add_argument("--rounds", type=int, default=5, help="how many pairs of trainings")
    parser.add_argument("--only", choices=NETWORKS, help="one of the networks alone")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    names = [options.only] if options.only else list(NETWORKS)
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 0.3 * cores:
        print(
            f"This machine does other work (load {load:.1f} on {cores} cores): the times are greater than they need be."
        )
    print(f"{'parameters':<12} {'what':<28} {'median':>9} {'95 %':>9}   (ms; the aim is {BUDGET_MS:g} at 95 %)")
    with chromium() as browser:
        for name in names:
            child = Child("lab", name)
            latencies = interaction(browser, child, name, options.times)
            for what, times in latencies.items():
                middle, high = percentile(times, 0.5), percentile(times, 0.95)
                sign = "" if high < BUDGET_MS else "  ← over"
                print(f"{name:<12} {what:<28} {middle:9.1f} {high:9.1f}{sign}", flush=True)
            speed = training(browser, child, name, options.seconds, options.rounds)
            ratio = statistics.median(b / a for a, b in zip(speed["fit"], speed["lab"], strict=True))
            pairs = zip(speed["fit, worked"], speed["lab, worked"], strict=True)
            worked = statistics.median(b / a for a, b in pairs)
            sign = "" if ratio >= BUDGET_SPEED else "  ← under"
            answer = f"{statistics.median(speed['lab']):.0f} of {statistics.median(speed['fit']):.0f} steps/s"
            print(f"{name:<12} {'training in the lab':<28} {answer}: {ratio:.0%} of fit{sign}", end="")
            print(f" ({worked:.0%} by processor time)", flush=True)
            report[name] = {
                "parameters": child.first["parameters"],
                "ms": latencies,
                "speed": speed,
                "ratio": ratio,
                "worked": worked,
            }
            child.close()
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["fit"]:
        obey_fit(sys.argv[2])
    elif sys.argv[1:2] == ["lab"]:
        obey_lab(sys.argv[2])
    else:
        main()
