"""Films of the runs of Part B's flows: which rows, which curves, which formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.media import difference_pixels, unit_pixels
from core.trajectory import Trajectory
from lessons.flow_sampling import VELOCITY_LIMIT, kept_steps, to_the_end
from pages.components.player import Curve, Film, Row
from pages.server.served.progress import Pixels
from pages.ui.films import Films

UPDATE = r"x_{t+1/T} = x_t + \frac{1}{T}\,u"
# name in the trajectory -> label, caption, in the order in which they are read
QUANTITIES = {
    "x_t": ("x_t", "where the picture is"),
    "clean_hat": (r"\hat{x}_1", "where a straight line from here would end"),
    "velocity": ("u", "velocity: blue −, orange +"),
}
END = {  # what stands beside a quantity at t = 1
    "x_t": "where the path ends",
    "clean_hat": "now the same as xₜ",
    "velocity": "of the step that led here: blue −, orange +",
}
WRONG = (213, 94, 0)  # frames what the judge reads as another digit
BETWEEN = 128  # the grey between a digit's samples
NONE = float("nan")  # no value of a curve at this frame


def flow(
    num_steps: int,
    count: int,
    networks: Sequence[str] = ("",),
    columns: Sequence[str] = (),
    shown: Sequence[str] = ("x_t", "clean_hat", "velocity"),
    solver: str = "euler",
    pick: int | None = None,
    rests: float = 1.0,
    name: str = "flow",
    formula: bool = True,
) -> Films:
    """Films of `lessons.flow_sampling.run`.

    `networks` name the networks ("epoch 1", ...), the oldest last: it is shown, and of each before it x_t behind a chip of
    its own; with `pick` that one alone. `columns` name the pictures; `shown` are the quantities whose rows are open at
    first, and the film rests on the frame at this share of its length. `formula` writes Euler's step below it.
    """
    chosen = [(k, network) for k, network in enumerate(networks) if pick in (None, k)]
    kept = kept_steps(num_steps, count * len(networks))
    strip = f"{'clean_hat' if 'clean_hat' in shown else 'x_t'}-{chosen[-1][0]}"
    times = titles(num_steps, kept)

    def rows(pixels: Mapping[str, np.ndarray]) -> list[Row]:
        """pixels: uint8 (frames, networks * count, 28, 28, 1 or 3)."""

        def of(quantity: str, k: int) -> np.ndarray:
            return pixels[quantity][:, k * count : (k + 1) * count]

        last, age = chosen[-1]
        found = [
            Row(f"{quantity}-{last}", label, of(quantity, last), age if len(chosen) > 1 else caption,
                shown=quantity in shown, ends=END[quantity] if len(chosen) == 1 else f"{age}: {END[quantity]}",
                limit=VELOCITY_LIMIT if quantity == "velocity" else 0.0)
            for quantity, (label, caption) in QUANTITIES.items()
        ]  # fmt: skip
        return found + [
            Row(f"x_t-{k}", rf"\text{{{age}}}", of("x_t", k), "x_t of the same network, earlier", shown=False)
            for k, age in chosen[:-1]
        ]

    def live(pixels: Pixels, total: int) -> Film:
        return Film(
            rows=rows(pixels), steps=times[: len(pixels["x_t"])], total=total + 1, columns=columns, clock="flow",
            marks=marks(total + 1), strip_row=strip, name=name,
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        steps = trajectory.meta["steps"]
        return Film(
            rows=rows(pixels_to_the_end(trajectory)), steps=times, columns=columns, clock="flow", marks=marks(len(times)),
            strip_row=strip, name=name, start=round(rests * (len(times) - 1)),
            formula=UPDATE if formula and solver == "euler" else "",
            curves=[
                *(
                    Curve(r"\text{RMS}(u)", [*(step["speed"][k] for step in steps), NONE], panel="speed", meaning=network)
                    for k, network in chosen
                ),
                *(
                    Curve(r"\text{RMS}(\hat{x}_1 - x_1)", away(trajectory, k, count), panel="away",
                          meaning=network or "from the estimate to the end")
                    for k, network in chosen
                ),
            ],
        )  # fmt: skip

    return Films(finished, live, key=f"{name}/{pick}")


def titles(num_steps: int, kept: Sequence[int]) -> list[str]:
    """What the frames of a run are called: the times of the steps that were kept, and its end."""
    return [f"t = {index / num_steps:.3f}" for index in (*kept, num_steps)]


def pixels_to_the_end(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """The pictures of a run, uint8 (frames + 1, networks * count, 28, 28, 1 or 3): at each kept step, and where it ends."""
    whole = to_the_end(trajectory)
    pixels = {name: unit_pixels(whole[name]) for name in ("x_t", "clean_hat")}
    if "velocity" in whole.arrays:
        pixels["velocity"] = difference_pixels(whole["velocity"], VELOCITY_LIMIT)
    return pixels


def marks(total: int) -> list[int]:
    """About eight frames for the strip, the first and the last among them."""
    return sorted({round(k * (total - 1) / 7) for k in range(8)})


def away(trajectory: Trajectory, network: int, count: int) -> list[float]:
    """How far x̂₁ still is from where the run ends, for one of its networks: RMS at each step, and no number at its end."""
    own = slice(network * count, (network + 1) * count)
    gap = trajectory["clean_hat"][:, own].astype(np.float32) - trajectory["result"][own][None]
    return [*np.sqrt((gap**2).mean(axis=(1, 2, 3, 4))).tolist(), NONE]


def in_fours(pixels: np.ndarray, asked: Sequence[int], read: Sequence[int]) -> np.ndarray:
    """uint8 (frames, 4 * 10, 28, 28, 1) -> (frames, 10, 30, 120, 3): the samples of each digit side by side, on grey.

    A frame stands around what the judge `read` as another digit than was `asked` for.
    """
    frames, count = pixels.shape[:2]
    each = count // 10
    tiles = np.full((frames, count, 30, 30, 3), BETWEEN, np.uint8)
    tiles[:, np.not_equal(asked, read)] = WRONG
    tiles[:, :, 1:-1, 1:-1] = pixels
    fours = tiles.reshape(frames, each, 10, 30, 30, 3).transpose(0, 2, 3, 1, 4, 5)
    return fours.reshape(frames, 10, 30, each * 30, 3)
