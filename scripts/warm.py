"""Computes what the lessons open with, and their presets, so that a class finds everything there: make warm

Each is computed by the lesson's own job and kept in the store, under the model's fingerprint; what is there
already, or ships (scripts/openings.py), is not computed again. Can be interrupted and repeated. `ARGS="A4 A6"` warms
these lessons only.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date

from core.compute.choose import make_executor
from core.compute.executor import Executor, JobStatus
from core.compute.store import Openings, Store
from core.jobs import ComputeError, JobSpec, State
from core.model_card import read_card
from core.model_folder import ModelNotFound, find_model_folder, fingerprint
from core.prompt_file import BadEmbeddings
from core.settings import BadSetting, Settings
from lessons.any_model import fitted
from lessons.course import COURSE, JOBS
from lessons.opening import opening_jobs
from lessons.training_pace import pace_spec

POLL_SECONDS = 0.1


def computed(executor: Executor, spec: JobSpec, owner: str) -> JobStatus:
    """Asks for a job and waits for its end. Raises ComputeError where it is refused."""
    job = executor.submit(spec, owner=owner)
    while not (status := executor.status(job)).state.final:
        time.sleep(POLL_SECONDS)
    return status


def read_arguments(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, list[str]]:
    """The options, and the codes of the lessons that are wanted; ends with a sentence where there is no such lesson."""
    codes = [lesson.code for lesson in COURSE]
    parser.add_argument("lessons", nargs="*", metavar="lesson", help=f"of {', '.join(codes)}; default: all")
    options = parser.parse_args()
    wanted = options.lessons or codes
    if unknown := sorted(set(wanted) - set(codes)):
        parser.error(f"there is no lesson {', '.join(unknown)}; choose from {', '.join(codes)}")
    return options, wanted


def main() -> None:
    parser = argparse.ArgumentParser(prog="make warm", description=__doc__.splitlines()[0])
    _, wanted = read_arguments(parser)
    try:
        settings = Settings.from_environment()
        model = fingerprint(find_model_folder(settings.model), settings.embeddings)
        card = read_card(settings)
        store = Store(settings.data_dir)
        executor = make_executor(settings, store, JOBS, openings=Openings(settings.openings))
    except (BadSetting, ModelNotFound, BadEmbeddings, OSError) as error:
        sys.exit(str(error))
    chosen = [fitted(lesson, card) for lesson in COURSE if lesson.code in wanted]
    jobs = [job for lesson in chosen for job in opening_jobs(lesson, model)]
    if any(code.startswith("B") for code in wanted):  # the training panels ask for it; it lasts for a day
        jobs.append(
            ("How fast this machine trains today", pace_spec(date.today(), settings.environment()["device"]))
        )
    print(f"{card.name} computes on {settings.computing()}; results go to {settings.data_dir}.", flush=True)
    failed = []
    try:
        for number, (title, spec) in enumerate(jobs, start=1):
            began = time.monotonic()
            status = computed(executor, spec, "make warm")
            seconds = time.monotonic() - began
            if status.state is State.DONE:
                print(f"[{number}/{len(jobs)}] {title}: {seconds:.1f} s", flush=True)
            else:
                failed.append(title)
                print(f"[{number}/{len(jobs)}] {title}: {status.message}", file=sys.stderr, flush=True)
    except ComputeError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. What was computed is kept; make warm goes on from there.")
    finally:
        executor.close()
        store.close()
    if failed:
        sys.exit(f"{len(failed)} of {len(jobs)} could not be computed.")
    print(f"Everything the lessons open with is in {settings.data_dir}.")


if __name__ == "__main__":
    main()
