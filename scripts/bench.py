"""How long a student waits, beside what the bare network calls take: make bench

One round of each in turn, so that a busy machine slows both: 34 guided steps asked of the executor as a page asks
for them (its own process, frames streamed, the result stored), and the 34 bare network calls of the same two
branches in a process of the same kind. With Chromium there is a round in the browser too, from the click on Run to
the first picture and to the finished one. Prints one JSON line for each round, and the medians.

    make bench ARGS="--rounds 5 --no-browser"
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.compute.jobs import Frame, JobSpec
from core.compute.local import LocalExecutor
from core.compute.store import Store
from core.model_folder import find_model_folder, fingerprint
from core.settings import ROOT, Settings
from lessons.course import JOBS

NUM_STEPS = 34
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# A process of its own, with the worker's environment: the same network, batch and timesteps, and nothing else.
BARE = f"""
import sys, time, torch
from core.pretrained import load_pretrained
model = load_pretrained(sys.argv[1], sys.argv[2])
embedding = model.embed(["a red apple", ""])
x_t = torch.randn(2, *model.picture_shape, device=model.device)
model(x_t, 500, embedding)
print("ready", flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    for t in model.schedule.strided_timesteps({NUM_STEPS})[:-1]:
        model(x_t, t, embedding)
    model(x_t, 0, embedding).sum().item()
    print(time.perf_counter() - began, flush=True)
"""


class BareCalls:
    """The network calls alone, in a process that is kept between rounds."""

    def __init__(self, folder: Path, device: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", BARE, str(folder), device],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")},
        )
        assert self._process.stdout.readline().strip() == "ready"

    def seconds(self) -> float:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def spec_of(seed: int, model: str) -> JobSpec:
    column = {"prompt": "a red apple", "seed": seed, "guidance_scale": 7.0}
    return JobSpec("denoise", {"model": model, "num_steps": NUM_STEPS, "columns": [column]})


def executor_round(executor: LocalExecutor, spec: JobSpec) -> tuple[float, float]:
    """Seconds from submit to the first frame, and to the finished trajectory."""
    began, first = time.perf_counter(), None
    job = executor.submit(spec, owner="bench")
    while not (status := executor.status(job)).state.final:
        if first is None and any(isinstance(event, Frame) for _, event in executor.events(job)):
            first = time.perf_counter() - began
        time.sleep(0.005)
    if status.message:
        sys.exit(f"The job failed: {status.message}")
    executor.result(job)
    return first or time.perf_counter() - began, time.perf_counter() - began


@contextmanager
def server() -> Iterator[str]:
    """The app, on a free port, with an empty data directory."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as data:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port),
             "--server.headless", "true", "--server.address", "127.0.0.1"],
            cwd=ROOT, env={**os.environ, "DIFFUSION_DATA_DIR": data}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait()


def browser_rounds(rounds: int, bare: BareCalls) -> Iterator[dict[str, float]]:
    """Clicks Run on lesson A6 with one γ and one sample, for a new seed each time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, server() as address:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(180_000)
        page.goto(f"{address}/classifier-free-guidance?gammas=7&count=1&prompt=a+red+apple")
        page.get_by_role("button", name="Take it home").first.wait_for()
        for _ in range(rounds):
            seed = page.get_by_label("Seed", exact=True)
            seed.fill(str(int(seed.input_value()) + 1))
            seed.press("Enter")
            run = page.get_by_role("button", name="Run", exact=True)
            run.wait_for()
            began = time.perf_counter()
            run.click()
            page.locator(".player canvas").first.wait_for()
            first = time.perf_counter() - began
            page.get_by_role("button", name="Cancel").wait_for(state="detached")
            page.locator(".player canvas").first.wait_for()
            last = time.perf_counter() - began
            yield {
                "click_to_first_picture": first,
                "click_to_last": last,
                "bare_network_calls": bare.seconds(),
            }
        browser.close()


def report(title: str, rounds: list[dict[str, float]]) -> None:
    """The medians of a part, and how much longer than the network calls it took."""
    medians = {name: round(statistics.median(r[name] for r in rounds), 3) for name in rounds[0]}
    last = "last" if "last" in medians else "click_to_last"
    ratio = statistics.median(r[last] / r["bare_network_calls"] for r in rounds)
    print(
        f"{title}, {len(rounds)} rounds: {json.dumps({**medians, 'last_over_bare': round(ratio, 3)})}",
        flush=True,
    )


def show(round_: dict[str, float]) -> dict[str, float]:
    print(json.dumps({name: round(seconds, 3) for name, seconds in round_.items()}), flush=True)
    return round_


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    environment, folder = settings.environment(), find_model_folder(settings.model)
    model = fingerprint(folder)
    print(f"{NUM_STEPS} guided steps on {environment['device']}, {os.cpu_count()} cores; seconds", flush=True)
    bare = BareCalls(folder, environment["device"])
    with tempfile.TemporaryDirectory() as data:
        store = Store(Path(data))
        executor = LocalExecutor(store, JOBS, device=environment["device"], environment=environment)
        try:
            first, last = executor_round(executor, spec_of(0, model))
            show({"cold_first_frame": first, "cold_last": last})  # the worker starts and loads the model
            rounds = []
            for seed in range(1, arguments.rounds + 1):
                first, last = executor_round(executor, spec_of(seed, model))
                rounds.append(
                    show({"first_frame": first, "last": last, "bare_network_calls": bare.seconds()})
                )
            report("executor", rounds)
        finally:
            executor.close()
            store.close()
    if arguments.no_browser or CHROMIUM is None:
        print(
            "No round in the browser: "
            + ("as asked." if arguments.no_browser else "Chromium is not installed.")
        )
    else:
        report("browser", [show(r) for r in browser_rounds(arguments.rounds, bare)])
    bare.close()


if __name__ == "__main__":
    main()
