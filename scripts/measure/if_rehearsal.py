"""Rehearses DeepFloyd IF without its weights and without a GPU: make if-rehearsal

Builds a folder of IF-I-M's shape (0.37 billion parameters, and two of T5's 24 layers) with random weights in float16, and
takes what an instructor's server does with it through processes of their own: loading, embedding, Part A's lessons with few
steps, two steps beside IFPipeline, and a class of two in a browser, which needs Chromium. Prints peak memory and times, and
writes them with --json. It needs 2.5 GB of disk and 6 GB of memory. `--only` takes parts of it, `--folder` keeps the built
folder for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.settings import ROOT
from scripts.measure.benchmarks.measure import ENVIRONMENT, peak_memory

PROMPT = "a photo of a dog"
STEPS = 2  # of each lesson's run: the loop is the same for 34


def own_memory() -> float:
    """The memory of this process that is not pages of files, in MB; Linux only."""
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("RssAnon"))


# ---- parts: each runs in a process of its own, and prints one JSON object ------------------------------------


def build(folder: Path) -> dict[str, Any]:
    from scripts.measure.if_shapes import save_rehearsal

    if not (folder / "model_index.json").exists():
        save_rehearsal(folder)
    files = {path.parent.name: path.stat().st_size / 2**20 for path in folder.glob("*/*.safetensors")}
    return {f"{part}, MB on disk": round(size) for part, size in files.items()}


def load(folder: Path, dtype: str) -> dict[str, Any]:
    """The network loaded, then asked once with 2 rows and once with 8."""
    import torch

    from core.pretrained import load_pretrained

    before, began = own_memory(), time.perf_counter()
    model = load_pretrained(folder, dtype=getattr(torch, dtype), with_encoder=False)
    found: dict[str, Any] = {
        "load, s": time.perf_counter() - began,
        "own after load, MB": own_memory() - before,
    }
    for rows in (2, 8):
        x_t = torch.randn(rows, *model.picture_shape)
        embedding = torch.randn(rows, model.text_tokens, model.text_width, dtype=model.unet.dtype)
        began = time.perf_counter()
        assert model(x_t, 500, embedding).isfinite().all()
        found[f"evaluation of {rows} rows, s"] = time.perf_counter() - began
        found[f"peak with {rows} rows, MB"] = peak_memory()
    return found


def load_float16(folder: Path) -> dict[str, Any]:
    return load(folder, "float16")


def load_float32(folder: Path) -> dict[str, Any]:
    return load(folder, "float32")


def encode(folder: Path) -> dict[str, Any]:
    """Two prompts through the streamed encoder."""
    from core.streamed_encoder import StreamedT5

    before, began = own_memory(), time.perf_counter()
    embeddings = StreamedT5(folder, 77)([PROMPT, ""])
    seconds = time.perf_counter() - began
    assert embeddings.shape == (2, 77, 4096) and embeddings.isfinite().all()
    return {
        "encode 2 prompts, s": seconds,
        "own growth, MB": own_memory() - before,
        "peak, MB": peak_memory(),
    }


def parity(folder: Path) -> dict[str, Any]:
    """Two guided steps beside IFPipeline in float32, and in float16 beside float32."""
    import torch
    from diffusers import IFPipeline

    from core.diffusion import DynamicThreshold, draw_noise, iterative_denoise
    from core.guidance import ClassifierFree
    from core.pretrained import load_pretrained

    torch.manual_seed(1)
    conditional, unconditional = torch.randn(1, 77, 4096), torch.randn(1, 77, 4096)

    def ours(dtype: torch.dtype) -> tuple[Any, torch.Tensor]:
        model = load_pretrained(folder, dtype=dtype, with_encoder=False)
        timesteps, generators = model.schedule.strided_timesteps(STEPS), [torch.Generator().manual_seed(3)]
        both = (embedding.to(dtype) for embedding in (conditional, unconditional))
        x_t = draw_noise(torch.empty(1, *model.picture_shape), generators)
        estimate = ClassifierFree(model, *both, 7.0)
        *_, last = iterative_denoise(
            x_t, timesteps, estimate, model.schedule, generators, limit=DynamicThreshold()
        )
        return model, last.update.x_next

    _, half = ours(torch.float16)
    model, single = ours(torch.float32)
    pipeline = IFPipeline.from_pretrained(
        folder, local_files_only=True, unet=model.unet, text_encoder=None, tokenizer=None, watermarker=None
    )
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        timesteps=model.schedule.strided_timesteps(STEPS), guidance_scale=7.0, prompt_embeds=conditional,
        negative_prompt_embeds=unconditional, generator=[torch.Generator().manual_seed(3)], output_type="pt",
    ).images  # fmt: skip
    return {
        "float32, largest difference from IFPipeline": (single - theirs).abs().max().item(),
        "float16, RMS difference from float32": (half - single).square().mean().sqrt().item(),
    }


def lessons(folder: Path) -> dict[str, Any]:
    """Part A's lessons as a worker runs them, with few steps and pictures; the encoder by its process, once."""
    os.environ["DIFFUSION_MODEL"], os.environ["DIFFUSION_DTYPE"] = (
        str(folder),
        os.environ.get("DIFFUSION_DTYPE", "float32"),
    )
    from importlib import import_module

    from core.compute.context import JobContext
    from core.compute.store import Store
    from core.model_card import read_card
    from core.model_folder import fingerprint
    from core.settings import Settings
    from lessons.any_model import course_prompts, fitted
    from lessons.course import COURSE
    from lessons.loading import load_model

    found: dict[str, Any] = {}
    model, card = fingerprint(folder), read_card(Settings())
    with tempfile.TemporaryDirectory() as place:
        context = JobContext("cpu", Store(Path(place)), {})
        began = time.perf_counter()
        load_model(model, context).prepare(course_prompts())
        found["embed the course's prompts, s"] = time.perf_counter() - began
        for lesson in (
            fitted(lesson, card) for lesson in COURSE if lesson.part == "A" and lesson.code != "A12"
        ):
            module = import_module(f"lessons.{lesson.slug}")
            spec = module.spec(lesson.defaults(), model)
            params = json.loads(spec.canonical)
            if lesson.code not in ("A13", "A14"):  # their columns are the two ways that they compare
                params |= {"columns": params["columns"][:1]} if "columns" in params else {}
            params |= {"evaluations": [4], "limit_evaluations": 4} if "evaluations" in params else {}
            params |= {"num_steps": STEPS} if "num_steps" in params else {}
            params |= {"i_start": 1} if params.get("i_start") else {}
            params |= {"i_starts": [0, 1]} if "i_starts" in params else {}
            place_of, name = lesson.jobs[spec.kind].split(":")
            began, job = time.perf_counter(), getattr(import_module(place_of), name)(params, context)
            try:
                while True:
                    next(job)
            except StopIteration as end:
                assert end.value.arrays
            found[f"{lesson.code}, s"] = time.perf_counter() - began
    return found | {"peak, MB": peak_memory()}


def a_class(folder: Path) -> dict[str, Any]:
    """The browser test of a class on a folder in this format, with this one."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "browser", "tests/browser/test_class_on_if.py"],
        cwd=ROOT, env=ENVIRONMENT | {"IF_FOLDER": str(folder)}, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout)
    return {"passed": int("1 passed" in done.stdout)}


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    part.__name__: part for part in (build, load_float16, load_float32, encode, parity, lessons, a_class)
}


def apart(name: str, folder: Path, seconds: int) -> dict[str, Any]:
    """One part in its own process, with its time; what goes wrong is raised."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.measure.if_rehearsal", "--folder", str(folder), "--here", name],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, timeout=seconds, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1]) | {"part, s": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make if-rehearsal", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, help="where the built folder is kept (default: a temporary one)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(PARTS), help="these parts only; build is always done"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--seconds", type=int, default=3600, help="the limit of a part")
    parser.add_argument("--here", choices=list(PARTS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(PARTS[arguments.here](arguments.folder)))
        return
    names = dict.fromkeys(["build", *(arguments.only or PARTS)])
    with tempfile.TemporaryDirectory(prefix="if-rehearsal-") as temporary:
        folder, found = arguments.folder or Path(temporary), {}
        for name in names:
            found[name] = apart(name, folder, arguments.seconds)
            for figure, value in found[name].items():
                print(f"{name:14} {figure:50} {value:.4g}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
