"""A few CPU kernels in C (kernels.c), built with the machine's own compiler when they are first needed.

Without a compiler there are no kernels, and the networks run on PyTorch's: the same numbers, more slowly.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

SOURCE = Path(__file__).parent / "kernels.c"
# No -ffast-math: it would let denormal numbers vanish in the whole process.
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-fno-math-errno", "-shared", "-fPIC")
COMPILE_SECONDS = 60

log = logging.getLogger(__name__)


class NoKernels(RuntimeError):
    """The kernels could not be built here; the message says why."""


def build(folder: Path) -> Path:
    """Compiles kernels.c into `folder`, unless this very source has been compiled there for this machine.

    Raises:
        NoKernels: there is no C compiler, or it failed.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoKernels("there is no C compiler")
    made_of = [SOURCE.read_bytes(), repr(FLAGS).encode(), platform.machine().encode(), cpu_model().encode()]
    library = folder / f"kernels-{hashlib.sha256(b'|'.join(made_of)).hexdigest()[:16]}.so"
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    temporary = library.with_suffix(f".{os.getpid()}.tmp")
    command = [compiler, *FLAGS, "-o", str(temporary), str(SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMPILE_SECONDS)
    except subprocess.CalledProcessError as error:
        raise NoKernels(f"the compiler failed: {error.stderr.strip()[:500]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoKernels(f"the compiler could not be run: {error}") from error
    temporary.replace(library)
    return library


def cpu_model() -> str:
    """What -march=native depends on: a cache folder may be shared by different machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


class Kernels:
    """The compiled functions, called on tensors. They release Python's lock, so that threads share the rows."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)

    def call(self, name: str, tensors: list[Tensor], sizes: list[int]) -> None:
        """One function: pointers first, then sizes. Tensors must be on the CPU and stay alive during the call."""
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
        self._library[name](*pointers, *[ctypes.c_ssize_t(size) for size in sizes])

    def split(self, total: int, work: Callable[[int, int, int], None]) -> int:
        """work(part, first, last) over [0, total) in as many parts as torch has threads; returns how many."""
        parts = max(1, min(torch.get_num_threads(), total))
        edges = [part * total // parts for part in range(parts + 1)]
        if parts == 1:
            work(0, 0, total)
        else:
            list(self._pool.map(work, range(parts), edges[:-1], edges[1:]))  # list: raises what a part raised
        return parts


@functools.cache
def load_kernels() -> Kernels | None:
    """The kernels, built on the first call; None where they cannot be built."""
    folder = Path(tempfile.gettempdir()) / f"diffusion-lessons-kernels-{os.getuid()}"
    try:
        return Kernels(build(folder))
    except NoKernels as error:
        log.warning("Networks run on PyTorch's own kernels: %s.", error)
        return None
