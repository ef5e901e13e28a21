"""The numbers of a run as one NPZ file, small enough to be sent to somebody, readable with `allow_pickle=False`.

A run in the store keeps what computes on: x_t in float32. For reading, plotting and checking, less will do, and bits
that nobody looks at are most of the bytes, because noise does not compress. So what has a value for every step is kept in
float16, rounded to a fixed step (`ROUNDING`); what belongs to the run as a whole, its result above all, is kept as it is;
and what is a sum of others in the file is left out. The entry `about` says all this, so that the file explains itself.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from core.provenance import KEY, Provenance
from core.trajectory import Trajectory

# How many steps between two whole numbers a value is rounded to; half a step is the largest error. One level of grey on a
# screen is 1/128 of the range from -1 to 1.
ROUNDING = {"x_t": 256, "clean_hat": 128}
OTHER_ROUNDING = 64  # predicted noises and velocities, whose standard deviation is about 1
SUMS = {"eps": ("eps_u", "eps_c")}  # left out where the parts are there: eps_u + gamma (eps_c - eps_u)
_FIRST_AXES = (
    3  # (steps, batch, channels, height, width): what has more axes than a picture is there for every step
)
_PLAIN = re.compile(r"\W")
TEXTS = ("about", KEY, "lesson", "app", "link", "model", "fingerprint")

ABOUT = {
    "x_t": "the picture at each step",
    "clean_hat": "the network's estimate of the clean picture at each step",
    "eps": "the estimate of the noise at each step",
    "eps_u": "the estimate of the noise without the prompt",
    "eps_c": "the estimate of the noise with the prompt",
    "noise_added": "the noise added by each step",
    "velocity": "the velocity at each step",
    "result": "the finished pictures",
    "clean": "the picture that the run began with",
}


def npz(
    trajectory: Trajectory,
    about: Provenance,
    tick: Callable[[int], None] = lambda done: None,
    *,
    low: float = -1.0,
) -> bytes:
    """The arrays of a run and what made it.

    Besides the run's own arrays there are: `t` (steps,) and, where the run has them, the numbers of each step as
    `step_...` (steps,); `prompt` text, `seed` int64 and `gamma` float64 (NaN: no guidance), one for each picture where the
    run has them by picture, otherwise as `Provenance` has them; `lesson`, `model`, `fingerprint`, `app`, `link`,
    `provenance` (all as JSON) and `about`, texts.

    tick: told how many arrays are done; what it raises ends the work. low: the value of black; 1 is white.
    """
    numbers = _numbers(trajectory.meta, about)
    entries: dict[str, np.ndarray] = {}
    sentences = [f"{about.lesson}. Made by {about.app}. Arrays of a run, one entry each:"]
    for name, array in trajectory.arrays.items():
        if name in SUMS and all(part in trajectory.arrays for part in SUMS[name]) and about.gammas:
            sentences.append("eps: left out, because it is eps_u + gamma * (eps_c - eps_u).")
            continue
        plain = _plain(name, {*entries, *numbers, *TEXTS})
        entries[plain], rounding = _rounded(name, array)
        sentences.append(_sentence(plain, name, entries[plain], rounding))
    entries |= numbers
    sentences += [
        f"Pictures run from {low:g} (black) to 1 (white); noise and what is unfinished goes beyond.",
        "t: the time of every step. step_...: the numbers of the step, such as the weights of its terms.",
        "prompt, seed, gamma: of each picture, or of the run. gamma is NaN where there was no guidance.",
        "provenance: everything as JSON. The notebook of the same run computes all of it again, exactly.",
    ]
    texts = {
        "about": "\n".join(sentences), KEY: about.to_json(), "lesson": about.lesson, "app": about.app, "link": about.link,
        "model": list(about.model), "fingerprint": list(about.fingerprint),
    }  # fmt: skip
    entries |= {name: np.array(text, dtype=np.str_) for name, text in texts.items()}
    return _zipped(entries, tick)


def _plain(name: str, taken: Collection[str]) -> str:
    """A name of Python: "weights/epoch-1" becomes "weights_epoch_1", and a number behind it if that is taken."""
    plain = base = _PLAIN.sub("_", name) if not name[:1].isdigit() else f"_{_PLAIN.sub('_', name)}"
    number = 2
    while plain in taken:
        plain, number = f"{base}_{number}", number + 1
    return plain


def _rounded(name: str, array: np.ndarray) -> tuple[np.ndarray, int | None]:
    """The array as it is kept, and how many steps there are between two whole numbers; None: as it is."""
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.ndim <= _FIRST_AXES + 1:
        return array, None
    steps = ROUNDING.get(name, OTHER_ROUNDING)
    with np.errstate(over="ignore"):  # a run that diverged holds more than float16 can: infinity then says so
        return (np.rint(array.astype(np.float32) * steps) / steps).astype(np.float16), steps


def _sentence(plain: str, name: str, array: np.ndarray, rounding: int | None) -> str:
    what = f"{plain} {array.dtype} {array.shape}"
    if name in ABOUT:
        what += f", {ABOUT[name]}"
    if rounding is None:
        return f"{what}, as computed."
    return f"{what}, rounded to 1/{rounding} (and to float16's eleven bits where it is large)."


def _numbers(meta: Mapping[str, Any], about: Provenance) -> dict[str, np.ndarray]:
    columns = about.job.get("params", {}).get("columns")
    prompts = [column["prompt"] for column in columns] if columns else about.prompts
    found = {
        "t": np.array(about.t),
        "prompt": np.array(prompts, dtype=np.str_),
        "seed": np.array(about.seeds, dtype=np.int64),
        "gamma": np.array([np.nan if g is None else g for g in about.gammas], dtype=np.float64),
    }
    steps = meta.get("steps", ())
    if isinstance(steps, Sequence) and all(isinstance(step, Mapping) for step in steps):
        for name in {name: None for step in steps for name in step}:
            values = [step.get(name) for step in steps]
            if all(isinstance(value, int | float | None) for value in values):
                found[f"step_{_PLAIN.sub('_', name)}"] = np.array(
                    [np.nan if v is None else v for v in values]
                )
    return found


def _zipped(entries: Mapping[str, np.ndarray], tick: Callable[[int], None]) -> bytes:
    """What `np.savez_compressed` writes, entry by entry."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, (name, array) in enumerate(entries.items(), start=1):
            plain = io.BytesIO()
            np.lib.format.write_array(plain, np.asanyarray(array), allow_pickle=False)
            # a fixed date, so that the same run gives the same bytes
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), plain.getvalue(), zipfile.ZIP_DEFLATED
            )
            tick(done)
    return file.getvalue()
