"""Films of the editing lessons A7 to A11: which rows and curves say what the edit did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.edits import GaussianLowpass
from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from core.views import VIEWS
from lessons.denoising import EPS_RANGE
from lessons.editing import GREY, alone, rms
from lessons.inpainting import seam
from lessons.text_image_to_image import distances, starts
from lessons.visual_anagrams import cosine, seen
from pages.components.player import Curve, Film, Row
from pages.server.served.progress import Pixels
from pages.ui.films import Films, denoising, endings

SEAM = (255, 0, 160)  # a colour that few pictures have


def _rebuilt(film: Film, rows: Sequence[Row], hidden: Sequence[str], curves: Sequence[Curve] = ()) -> Film:
    """The film with `rows` first, its own rows named in `hidden` behind their chips, and `curves` on top."""
    names = {row.name for row in rows}
    own = [
        replace(row, shown=row.shown and row.name not in hidden) for row in film.rows if row.name not in names
    ]
    kept = [curve for curve in film.curves if curve.panel != "weights"] if curves else film.curves
    return replace(film, rows=[*rows, *own], curves=[*curves, *kept])


def _one_row(film: Film) -> Film:
    """With the estimate behind its chip: at rest it is the picture, and one row alone is larger."""
    rows = [replace(row, shown=row.shown and row.name != "clean_hat") for row in film.rows]
    return replace(film, rows=rows, strip_row="x_t")


# ---- A7 and A9 ---------------------------------------------------------------------------------------------


def grid(timesteps: Sequence[int], i_starts: Sequence[int], name: str) -> Films:
    """All i_start side by side over one t; a column is grey until its run begins. The picture stands last.

    `timesteps` are those of the first of them.
    """
    columns = [f"from t = {timesteps[i - i_starts[0]]} (i_start {i})" for i in i_starts]
    plain = denoising(timesteps, columns, name)

    def finished(trajectory: Trajectory) -> Film:
        original = trajectory["clean"]  # (1, 3, H, W)
        total, begins = len(trajectory["x_t"]), trajectory.meta["begins"]
        ends = endings({key: to_pixels(trajectory[key]) for key in ("x_t", "clean_hat")})

        def row(key: str, label: str, caption: str) -> Row:
            pixels = to_pixels(trajectory[key])
            for k, begin in enumerate(begins):
                pixels[:begin, k] = GREY
            last = to_pixels(original)[None].repeat(total, 0)
            return Row(
                key,
                label,
                np.concatenate([pixels, last], axis=1),
                caption,
                blank=GREY,
                ends=ends.get(key, ""),
            )

        away = rms(trajectory["clean_hat"].astype(np.float32) - original)  # (steps, columns)
        curves = [
            Curve(
                rf"i_{{start}}={i}",
                [float(value) if step >= begin else float("nan") for step, value in enumerate(away[:, k])],
                panel="distance", meaning="from x̂₀ to the picture" if k == 0 else "",
            )
            for k, (i, begin) in enumerate(zip(i_starts, begins, strict=True))
        ]  # fmt: skip
        return _one_row(Film(
            rows=[
                row("x_t", "x_t", "the noisy picture"),
                row("clean_hat", r"\hat{x}_0", "the estimate of the clean picture"),
            ],
            steps=[f"t = {t}" for t in timesteps], columns=[*columns, "the picture"], curves=curves,
            marks=range(0, total, 5), name=name,
        ))  # fmt: skip

    def live(pixels: Pixels, total: int) -> Film:
        film = plain.live(pixels, total)
        return _one_row(replace(film, rows=[row for row in film.rows if row.name != "eps"]))

    return Films(finished, live, key=f"grid/{name}")


def inside(trajectory: Trajectory, column: int, name: str) -> Film:
    """One of the runs by itself, with every term of its steps."""
    run = alone(trajectory, column)
    film = denoising([step["t"] for step in run.meta["steps"]], name=name).finished(run)
    return with_original(film, to_pixels(run["clean"][None]))


def with_original(film: Film, pixels: np.ndarray) -> Film:
    """The film of one sample with the picture that it should come back to in front; pixels: uint8 (1, 1, H, W, 3).

    Three pictures in a line are large; the estimated noise waits behind its chip.
    """
    rows = [replace(row, shown=row.shown and row.name != "eps") for row in film.rows]
    return replace(film, rows=[Row("clean", "x_0", pixels, "the original"), *rows])


def morph(trajectory: Trajectory, i_starts: Sequence[int], name: str) -> Film:
    """The results as frames, from unlike to like, and the picture itself at the end. Every frame is a run's result."""
    original = trajectory["clean"][None]  # (1, 1, 3, H, W)
    results = np.concatenate([trajectory["result"][:, None], original])
    noised = np.concatenate([starts(trajectory)[:, None], original])
    return Film(
        rows=[
            Row("clean", r"\text{picture}", to_pixels(original), "what it is made of"),
            Row("start", r"x_t", to_pixels(noised), "where the run begins"),
            Row("result", r"\text{result}", to_pixels(results), "where it ends"),
        ],
        steps=[*(f"i_start = {i}" for i in i_starts), "the picture itself"],
        curves=[
            Curve(r"\text{RMS}", [*distances(trajectory), 0.0], panel="distance", meaning="from the result to the picture")
        ],
        marks=range(len(i_starts) + 1), strip_row="result", start=len(i_starts) // 2, name=name,
    )  # fmt: skip


# ---- A8 ----------------------------------------------------------------------------------------------------


def inpainting(timesteps: Sequence[int], columns: Sequence[str], name: str) -> Films:
    """With what is kept and what is made on their own, and the step across the seam as a curve."""
    plain = denoising(timesteps, columns, name)

    def large(film: Film) -> Film:
        return replace(_one_row(film), terms=())  # the step's sum holds inside the hole alone

    def finished(trajectory: Trajectory) -> Film:
        mask = trajectory["mask"][0, 0].astype(bool)
        x_t = to_pixels(trajectory["x_t"])  # (steps, B, H, W, 3)
        kept, made = x_t.copy(), x_t.copy()
        kept[:, :, mask], made[:, :, ~mask] = GREY, GREY
        drawn_in = outlined(to_pixels(trajectory["clean_hat"]), mask)
        film = plain.finished(trajectory)
        rows = [
            *(row for row in film.rows if row.name in ("x_t", "clean_hat")),
            Row("kept", r"\text{kept}", kept, "what is kept: the original, freshly noised", shown=False, blank=GREY),
            Row("made", r"\text{made}", made, "what is made", shown=False, blank=GREY),
            Row("seam", r"\text{seam}", drawn_in, "the estimate, with the seam drawn in", shown=False, drawn=True),
        ]  # fmt: skip
        step = seam(trajectory["clean_hat"], mask)
        curves = []
        if step is not None:
            before = float(seam(trajectory["clean"][0], mask))
            curves = [
                Curve(
                    r"\text{step across the seam}", step.mean(axis=1).tolist(), panel="seam", meaning="in x̂₀"
                ),
                Curve(
                    r"\text{in the original}", [before] * len(step), panel="seam", meaning="at the same place"
                ),
            ]
        return large(_rebuilt(film, rows, ("eps",), curves))

    return Films(finished, lambda pixels, total: large(plain.live(pixels, total)))


def outlined(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pixels (..., H, W, 3) with the mask's outermost pixels painted over; mask: bool (H, W)."""
    padded = np.pad(mask, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    pixels = pixels.copy()
    pixels[..., mask & ~inner, :] = SEAM
    return pixels


# ---- A10 ---------------------------------------------------------------------------------------------------


def anagram(timesteps: Sequence[int], columns: Sequence[str], view: str, name: str) -> Films:
    """Both readings at every t, and how far the two estimates point in the same direction."""
    plain = denoising(timesteps, columns, name)
    label, caption = r"A\,\hat{x}_0", "the same, turned"

    def live(pixels: Pixels, total: int) -> Film:
        film = plain.live({key: pixels[key] for key in ("x_t", "clean_hat", "eps")}, total)
        rows = [
            *(row for row in film.rows if row.name != "eps"),
            Row("turned", label, pixels["turned"], caption),
        ]
        return replace(film, rows=rows)

    def finished(trajectory: Trajectory) -> Film:
        film = plain.finished(trajectory)
        one, two = trajectory["clean_1"], trajectory["clean_2"]
        second = seen(two, VIEWS[view])
        turned = seen(trajectory["clean_hat"], VIEWS[view])
        rows = [
            *(row for row in film.rows if row.name in ("x_t", "clean_hat")),
            Row("turned", label, to_pixels(turned), caption),
            Row("one", r"\hat{x}_0(\varepsilon_1)", to_pixels(one), "expected by the upright reading", shown=False),
            Row("two", r"A\,\hat{x}_0(\varepsilon_2)", to_pixels(second),
                "expected by the turned reading", shown=False),
        ]  # fmt: skip
        curves = [
            Curve(r"\cos(\varepsilon_1,\varepsilon_2)", cosine(trajectory["eps_1"], trajectory["eps_2"]).mean(1).tolist(),
                  panel="cosine", meaning="of the two noise estimates"),
            Curve(r"\cos(\hat{x}_0(\varepsilon_1),\hat{x}_0(\varepsilon_2))", cosine(one, two).mean(1).tolist(),
                  panel="cosine", meaning="of the pictures that they expect"),
        ]  # fmt: skip
        return _rebuilt(film, rows, ("eps",), curves)

    return Films(finished, live)


# ---- A11 ---------------------------------------------------------------------------------------------------


def hybrid(timesteps: Sequence[int], columns: Sequence[str], lowpass: GaussianLowpass, name: str) -> Films:
    """The bands of the two noise estimates, and the bands of the picture that they lead to."""
    import torch

    plain = denoising(timesteps, columns, name)

    def finished(trajectory: Trajectory) -> Film:
        film = plain.finished(trajectory)
        clean_hat = trajectory["clean_hat"].astype(np.float32)
        flat = torch.from_numpy(clean_hat.reshape(-1, *clean_hat.shape[2:]))
        low = lowpass(flat).numpy().reshape(clean_hat.shape)
        rows = [
            *(row for row in film.rows if row.name == "clean_hat"),
            Row("low", r"\text{low}(\varepsilon_1)", difference_pixels(trajectory["low"], EPS_RANGE / 6),
                "from the prompt from afar", limit=EPS_RANGE / 6),
            Row("high", r"\text{high}(\varepsilon_2)", difference_pixels(trajectory["high"], EPS_RANGE),
                "from the prompt from near", limit=EPS_RANGE),
            Row("low_hat", r"\text{low}(\hat{x}_0)", to_pixels(low), "what is left from afar", shown=False),
            Row("high_hat", r"\text{high}(\hat{x}_0)", difference_pixels(clean_hat - low, 1.0), "its detail", shown=False,
                limit=1.0),
        ]  # fmt: skip
        return _rebuilt(film, rows, ("eps", "x_t"))

    return Films(finished, plain.live)
