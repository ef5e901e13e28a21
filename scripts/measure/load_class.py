"""A class on one server: real browsers and raw WebSocket visitors go from lesson to lesson, and the waits are measured.

    python -m scripts.measure.load_class [--browsers 20] [--sockets 80] [--minutes 10] [--data FOLDER]

Starts the server with the command of `make serve`, fills its store with what the lessons open with, and sends the
visitors in over half a minute. Each opens a lesson by its address, reads for 20 to 40 seconds, and goes on from inside its
session; one time in ten by an address again, as after a reload (--anew). A page counts as complete when its script has
ended (in a browser: and its heading is drawn and no exception). Prints a row for docs/reliability.md. Browsers need
Debian's chromium or its headless shell.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from core.settings import ROOT
from lessons.course import COURSE
from scripts.measure.load_sockets import PageFailed, Visitor

ANEW = 0.1  # share of the visits that open a new session, after the first
READS = (20.0, 40.0)  # seconds on a page
ARRIVAL = 30.0  # seconds in which all come
PATIENCE = 60.0  # seconds until a page that has not ended counts as lost
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")  # the first that is installed
VISITORS_NICE = 10  # the server comes first, as if the visitors sat at machines of their own
PATHS = [lesson.url_path for lesson in COURSE]


@dataclass
class Seen:
    """What the visitors of one kind have seen."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        total = len(self.seconds) + len(self.failures)
        if len(self.seconds) < 2:
            return f"{len(self.seconds)} of {total} pages complete"
        cuts = statistics.quantiles(self.seconds, n=100, method="inclusive")
        return (
            f"{len(self.seconds)} of {total} pages complete; median {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, "
            f"slowest {max(self.seconds):.1f} s"
        )


def memory(process: int) -> float:
    """Megabytes that the server's own process holds (not its worker, whose model is the same for any class)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("The server has ended.")


def start(port: int, data: Path, log: Path) -> subprocess.Popen:
    """The server, with the settings of a class that nobody has to join."""
    environment = os.environ | {
        f"DIFFUSION_CLASS_{name}": value
        for name, value in {
            "SECRET": "load-test-secret", "COOKIE_SECRET": "load-test-cookies", "HOSTS": "127.0.0.1",
            "PORT": str(port), "MEMBERS_ONLY": "false",
        }.items()
    } | {"DIFFUSION_DATA_DIR": str(data)}  # fmt: skip
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "scripts.serve"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return server
        except OSError:
            if server.poll() is not None:
                raise RuntimeError(f"The server has not come up:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.5)
    raise RuntimeError("The server has not come up in two minutes.")


async def by_socket(origin: str, until: float, seen: Seen, chance: random.Random, share: float) -> None:
    """One raw visitor from its arrival to the end."""
    visitor = Visitor(origin)
    await asyncio.sleep(chance.uniform(0, ARRIVAL))
    try:
        while time.monotonic() < until:
            try:
                anew = chance.random() < share
                seen.seconds.append(await visitor.open(chance.choice(PATHS), anew=anew, patience=PATIENCE))
            except PageFailed as failed:
                seen.failures.append(str(failed))
                await visitor.close()
            await asyncio.sleep(chance.uniform(*READS))
    finally:
        await visitor.close()


async def by_browser(
    context, origin: str, until: float, seen: Seen, chance: random.Random, share: float
) -> None:
    """One real browser, with a profile of its own."""
    from playwright.async_api import Error

    await asyncio.sleep(chance.uniform(0, ARRIVAL))
    page = await context.new_page()
    while time.monotonic() < until:
        lesson, began = chance.choice(COURSE), time.perf_counter()
        try:
            link = page.get_by_test_id("stSidebarNav").get_by_role(
                "link", name=f"{lesson.code} · {lesson.title}", exact=True
            )
            if page.url != "about:blank" and chance.random() >= share:
                await link.click(timeout=1000 * PATIENCE)
            else:
                await page.goto(f"{origin}/{lesson.url_path}", timeout=1000 * PATIENCE)
            left = 1000 * (PATIENCE - (time.perf_counter() - began))
            await (
                page.get_by_role("heading", level=1)
                .filter(has_text=lesson.title)
                .wait_for(timeout=max(left, 1))
            )
            await page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(
                timeout=max(left, 1)
            )
            if await page.get_by_test_id("stException").count():
                raise PageFailed(f"{lesson.url_path}: an exception is shown")
            seen.seconds.append(time.perf_counter() - began)
        except (Error, PageFailed) as failed:
            seen.failures.append(f"{lesson.url_path}: {str(failed).splitlines()[0]}")
        await asyncio.sleep(chance.uniform(*READS))


async def attend(
    origin: str, browsers: int, sockets: int, minutes: float, server: int, share: float
) -> tuple[Seen, Seen, float, float]:
    """Everybody visits; what browsers and sockets have seen, and the server's memory before and at most, in MB."""
    from playwright.async_api import async_playwright

    real, raw, chance = Seen(), Seen(), random.Random(0)
    os.nice(VISITORS_NICE)
    first = Visitor(origin)
    for path in PATHS:  # everything that the pages import and cache is there before the class comes
        await first.open(path, anew=True, patience=300)
    await first.close()
    before = highest = memory(server)
    until = time.monotonic() + 60 * minutes
    async with async_playwright() as playwright:
        chromium = None
        if browsers:
            executable = next(filter(None, map(shutil.which, BROWSERS)), None)
            chromium = await playwright.chromium.launch(
                executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            )
        visits = [
            by_socket(origin, until, raw, random.Random(chance.random()), share) for _ in range(sockets)
        ]
        for _ in range(browsers):
            # Films stand still: whoever visits a server paints them on a machine of their own.
            context = await chromium.new_context(
                viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
            )
            visits.append(by_browser(context, origin, until, real, random.Random(chance.random()), share))
        everybody = asyncio.gather(*visits)
        while not everybody.done():
            await asyncio.sleep(5)
            highest = max(highest, memory(server))
            left = max(0, until - time.monotonic())
            print(
                f"{left:4.0f} s left · browsers {real} · sockets {raw} · {highest:.0f} MB",
                file=sys.stderr,
                flush=True,
            )
        await everybody
        if chromium:
            await chromium.close()
    return real, raw, before, highest


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.measure.load_class", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--sockets", type=int, default=80)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--anew", type=float, default=ANEW, help="share of the visits that open a new session"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="a data directory that `make warm` has filled; default: a new one, filled first",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        data = options.data or Path(folder, "data")
        subprocess.run(
            [sys.executable, "-m", "scripts.warm"],
            cwd=ROOT,
            check=True,
            env=os.environ | {"DIFFUSION_DATA_DIR": str(data)},
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = Path(folder, "log")
        server = start(port, data, log)
        try:
            real, raw, before, highest = asyncio.run(
                attend(
                    f"http://127.0.0.1:{port}",
                    options.browsers,
                    options.sockets,
                    options.minutes,
                    server.pid,
                    options.anew,
                )
            )
        finally:
            server.terminate()
            server.wait(60)
        errors = log.read_text(errors="replace").count("Traceback")
    visitors = options.browsers + options.sockets
    growth = (highest - before) / visitors * 50
    together = Seen(real.seconds + raw.seconds, real.failures + raw.failures)
    share = len(together.seconds) / max(1, len(together.seconds) + len(together.failures))
    p95 = statistics.quantiles(together.seconds, n=20)[-1] if len(together.seconds) > 1 else float("inf")
    holds = share >= 0.99 and p95 < 5 and growth < 100 and not errors
    who = f"{options.browsers} browsers and {options.sockets} raw WebSocket visitors for {options.minutes:g} minutes, "
    who += f"{options.anew:.0%} of the visits in a new session"
    demanded = "≥ 99 % of page loads complete, p95 < 5 s, no deadlock, memory growth < 100 MB per 50 users"
    grown = f"the server grew from {before:.0f} to {highest:.0f} MB, {growth:.0f} MB per 50 users"
    measured = (
        f"together: {together}; browsers: {real}; sockets: {raw}; {grown}; {errors} tracebacks in its log"
    )
    print(f"| {who} | {demanded} | {measured} | {'yes' if holds else 'NO'} |")
    for failure, times in sorted(
        {f: together.failures.count(f) for f in together.failures}.items(), key=lambda one: -one[1]
    )[:10]:
        print(f"{times} × {failure}", file=sys.stderr)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
