"""What lessons A1 to A6 say about their pictures, measured on the model that ships.

With other weights a sentence may become false: then the test fails, and lessons/<slug>.md has to say
what is true now. Numbers that a lesson quotes are compared as they are quoted, rounded.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.media import from_pixels
from core.pictures import load_picture
from core.schedule import NoiseSchedule
from lessons import classical_denoising, forward_process
from lessons.classical_denoising import best_blur, psnr
from lessons.judged_guidance import judged_spec
from tests.lesson_runs import BY_CODE, result_of, spec_of

pytestmark = pytest.mark.claims

FISH, TOWER, TRUCK = "tropical-fish", "tower-at-sunset", "pickup-truck"


@pytest.fixture(scope="module")
def schedule(emoji64) -> NoiseSchedule:
    return emoji64.schedule


@pytest.fixture(scope="module")
def run(shipped_context, emoji64_fingerprint):
    """run("A4", i_start=20) -> the trajectory that the page shows for these values."""

    def run(code, variant=None, **values):
        lesson = BY_CODE[code]
        spec = spec_of(lesson, lesson.defaults() | values, emoji64_fingerprint, variant)
        return result_of(lesson, spec, shipped_context)[0]

    return run


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, np.float32))


def rms(array: np.ndarray) -> float:
    return float(np.sqrt(np.square(array, dtype=np.float64).mean()))


def roughness(picture: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels: edges and grain."""
    picture = np.asarray(picture, np.float64)
    return float(np.abs(np.diff(picture, axis=-1)).mean() + np.abs(np.diff(picture, axis=-2)).mean()) / 2


def coarse(pictures: np.ndarray, side: int = 4) -> np.ndarray:
    """Means over squares of side x side pixels."""
    *lead, h, w = pictures.shape
    return pictures.astype(np.float64).reshape(*lead, h // side, side, w // side, side).mean((-3, -1))


def spread(pictures: np.ndarray) -> float:
    """Root mean square difference of two of the pictures, over all pairs."""
    pictures = np.asarray(pictures, np.float32)
    return float(np.mean([rms(one - other) for k, one in enumerate(pictures) for other in pictures[:k]]))


# ---- A1, A2: closed forms ----------------------------------------------------------------------------


def test_a1_weights_crossing_and_signal_to_noise_ratio(schedule):
    assert [round(schedule.signal(t), 2) for t in (250, 500, 750)] == [0.92, 0.70, 0.38]
    assert round(schedule.sigma(500), 2) == 0.71
    assert schedule.abar(495) > 0.5 > schedule.abar(496)
    assert round(1 / schedule.snr(950)) == 171
    assert round(schedule.abar(0), 5) == 0.99996


def test_a1_the_table_is_the_cosine_of_the_derivation(schedule):
    s = np.arange(1001)
    f = np.cos((s / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(schedule.alphas_cumprod.numpy()[:999], f[1:1000] / f[0], atol=1e-6)
    assert round(1 - schedule.abar(999) / schedule.abar(998), 3) == 0.999


def test_a1_broken_the_picture_stays(schedule):
    clean = from_pixels(load_picture(FISH))
    wrong = forward_process.compute(clean, schedule, 0, "alpha").meta["steps"]
    weights = {step["t"]: step["sigma"] for step in wrong}
    assert round(weights[500], 2) == 0.06
    assert weights[975] < 0.5 < weights[999]


@pytest.mark.parametrize(
    ("picture", "scale", "best"),
    [(FISH, "xt", [0.9, 1.2, 1.7]), (FISH, "unscaled", [0.9, 1.6, 3.5]), (TOWER, "xt", [1.2, 1.9, 2.7])],
)
def test_a2_the_best_blurs(schedule, picture, scale, best):
    found = classical_denoising.compute(
        from_pixels(load_picture(picture)), schedule, {"seed": 0, "scale": scale}
    )
    assert found.meta["best"] == best
    highest = [max(curve) for curve in found.meta["psnr"]]
    assert highest[0] > highest[1] > highest[2]  # and the result is worse


def test_a2_contrast_gains_4_db(schedule):
    clean = from_pixels(load_picture(FISH))
    xt, unscaled = (
        max(classical_denoising.compute(clean, schedule, {"seed": 0, "scale": scale}).meta["psnr"][2])
        for scale in ("xt", "unscaled")
    )
    assert round(unscaled - xt) == 4


def test_a2_psnr_without_a_blur(schedule):
    """10 log10(4 SNR), whatever the picture."""
    for picture in (FISH, TOWER):
        values = {"seed": 0, "scale": "unscaled"}
        curves = classical_denoising.compute(from_pixels(load_picture(picture)), schedule, values).meta[
            "psnr"
        ]
        np.testing.assert_allclose([curve[0] for curve in curves], [13.4, 5.9, -1.8], atol=0.1)


def test_a2_ratios_of_the_best_blurs(schedule):
    s = [schedule.snr(t) ** -0.5 for t in (250, 500, 750)]
    assert [round((x / s[0]) ** (2 / 3), 1) for x in s] == [1.0, 1.8, 3.2]


# ---- A3 ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a3_network_and_blur(run):
    """At home in emoji the network wins, by far where it knows the picture; on a scene the blur does."""
    shows = (
        (TRUCK, {250: 0.15, 500: 0.25}, True),
        (FISH, {500: 0.05}, True),
        ("raccoon", {500: 0.18}, True),
        (TOWER, {500: 0.6}, False),
    )
    for picture, errors, wins in shows:
        shown = run("A3", picture=picture)
        timesteps, clean = shown.meta["timesteps"], tensor(shown["clean"][0])
        for t in (250, 500, 750):
            k = timesteps.index(t)
            estimate = psnr(tensor(shown["clean_hat"][k, 0]), clean)
            blur = psnr(best_blur(tensor(shown["x_t"][k, 0]), clean)[0], clean)
            assert (estimate > blur) == wins
            if t in errors:
                assert round(rms(shown["clean_hat"][k] - shown["clean"]), 2) == errors[t]


def test_a3_the_best_blurs_beside_it(run):
    for picture, t, error in (
        (TRUCK, 250, 0.18),
        (TRUCK, 500, 0.35),
        ("raccoon", 500, 0.31),
        (TOWER, 500, 0.23),
    ):
        shown = run("A3", picture=picture)
        noisy = tensor(shown["x_t"][shown.meta["timesteps"].index(t), 0])
        blurred, _ = best_blur(noisy, tensor(shown["clean"][0]))
        assert round(rms(blurred.numpy() - shown["clean"][0]), 2) == error


@pytest.mark.slow
def test_a3_two_errors_are_one(run, schedule):
    shown = run("A3")
    of_noise = [rms(miss) for miss in shown["eps"] - shown["noise"][None]]
    of_picture = [rms(miss) for miss in shown["clean_hat"] - shown["clean"][None]]
    assert shown.meta["params"]["picture"] == TRUCK
    assert np.argmax(of_noise) == 0 and np.argmin(of_noise) == len(of_noise) - 1
    assert np.argmin(of_picture) == 0 and np.argmax(of_picture) == len(of_picture) - 1
    k = shown.meta["timesteps"].index(500)  # hardly anything is clipped there
    assert of_picture[k] == pytest.approx(of_noise[k] / schedule.snr(500) ** 0.5, rel=0.05)
    assert round(schedule.snr(25) ** -0.5, 2) == 0.05 and round(schedule.snr(990) ** -0.5) == 71


@pytest.mark.slow
def test_a3_at_the_end_every_picture_gives_the_same_mean(run):
    fish, tower, truck = (run("A3", picture=picture)["clean_hat"] for picture in (FISH, TOWER, TRUCK))
    for one, other in ((fish, tower), (fish, truck), (tower, truck)):
        assert rms(one[-1] - other[-1]) < 0.12
        assert rms(one[-2] - other[-2]) > 0.35  # and at t = 950 it does not yet


# ---- A4 ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("picture", "sharper", "quoted"),
    [(TRUCK, 1.1, [16.5, 14.4]), ("raccoon", 1.05, [18.9, 17.9]), (FISH, 1.0, [28.3, 29.4])],
)
def test_a4_sharper_and_not_closer_unless_it_is_known(run, picture, sharper, quoted):
    shown = run("A4", picture=picture)
    clean, one_step, result = shown["clean"][0], shown["clean_hat"][0, 0], shown["result"][0]
    assert roughness(result) > sharper * roughness(one_step)
    quality = [round(psnr(tensor(picture), tensor(clean)), 1) for picture in (one_step, result)]
    assert quality == quoted
    assert quality[0] - quality[1] < 3.1


@pytest.mark.slow
def test_a4_coarse_before_fine(run):
    """At t = 240 three quarters of the coarse changes are made, and more than a third of the fine ones are not."""
    shown = run("A4")
    assert shown.meta["steps"][15]["t"] == 240
    result = shown["result"].astype(np.float64)
    far, near = shown["clean_hat"][0] - result, shown["clean_hat"][15] - result
    fine = [x - coarse(x).repeat(4, -1).repeat(4, -2) for x in (far, near)]
    assert rms(coarse(near)) < 0.26 * rms(coarse(far))
    assert rms(fine[1]) > 0.35 * rms(fine[0])


@pytest.mark.slow
def test_a4_more_or_less_is_kept(run):
    def quality(picture, i_start):
        shown = run("A4", picture=picture, i_start=i_start)
        return psnr(tensor(shown["result"][0]), tensor(shown["clean"][0]))

    truck = [quality(TRUCK, i_start) for i_start in (5, 10, 20)]
    assert truck == sorted(truck)
    assert quality(FISH, 5) > 25 > 15 > quality(FISH, 3)  # what it knows by heart comes back, or does not


@pytest.mark.slow
def test_a4_numbers_of_the_step(run):
    steps = run("A4")["x_t"], run("A4").meta["steps"]
    assert round(steps[1][0]["clean"], 1) == 0.1 and steps[1][-1]["clean"] == 1
    assert round(steps[1][0]["noise"], 2) == 0.39 and steps[1][-1]["noise"] == 0


@pytest.mark.slow
def test_a4_broken(run):
    right = run("A4")
    clean = tensor(right["clean"][0])
    smooth = run("A4", "no_noise")
    assert roughness(smooth["result"]) < 0.85 * roughness(right["result"])
    assert rms(smooth["x_t"][4]) < 0.85 * rms(right["x_t"][4])
    noisy = run("A4", "unscaled_noise")
    assert rms(noisy["x_t"][8]) > 2 > 1 > rms(right["x_t"][8])
    assert psnr(tensor(noisy["result"][0]), clean) < 8
    grown = run("A4", "root_over_beta")
    assert 15 < rms(grown["x_t"][-1]) / rms(right["x_t"][-1]) < 25
    assert (np.abs(grown["result"]) > 1).mean() > 0.95  # beyond what can be drawn: pure colours
    unchanged = run("A4", "alpha")
    assert round(unchanged.meta["steps"][0]["sigma"], 2) == 0.08
    assert round(right.meta["steps"][0]["sigma"], 2) == 0.89
    assert rms(unchanged["result"] - unchanged["x_t"][0]) < 0.1


@pytest.mark.slow
def test_a4_a_scene_becomes_something_else(run):
    shown = run("A4", picture=TOWER)
    clean = tensor(shown["clean"][0])
    assert (
        psnr(tensor(shown["result"][0]), clean)
        < psnr(best_blur(tensor(shown["x_t"][0, 0]), clean)[0], clean) - 3
    )


# ---- A5 ----------------------------------------------------------------------------------------------


def test_a5_how_much_noise_a_step_keeps(schedule):
    """(2): kept and fresh noise make up the variance of t', and the shares are as quoted."""
    for t, t_next, percent in ((990, 960, 5), (750, 720, 77), (30, 0, 1)):
        c = schedule.coefficients(t, t_next)
        kept, wanted = c.x_t**2 * (1 - schedule.abar(t)), 1 - schedule.abar(t_next)
        assert kept + np.exp(c.log_variance_min) == pytest.approx(wanted, rel=1e-12)
        assert c.clean + c.x_t * schedule.signal(t) == pytest.approx(schedule.signal(t_next), rel=1e-12)
        assert round(100 * kept / wanted) == percent
    assert round(schedule.signal(990), 3) == 0.014 and round(schedule.sigma(990), 4) == 0.9999


@pytest.mark.slow
def test_a5_when_it_is_decided(run):
    shown = run("A5", count=3)
    estimates, results = shown["clean_hat"].astype(np.float64), coarse(shown["result"], 8)
    final = spread(shown["result"])
    assert spread(estimates[0]) < 0.3 * final
    for frame, share in ((7, 0.8), (10, 0.85)):
        assert spread(estimates[frame]) > share * final
        places = coarse(estimates[frame], 8)
        nearest = [int(np.argmin([rms(place - result) for result in results])) for place in places]
        assert nearest == [0, 1, 2]
    assert [shown.meta["steps"][frame]["t"] for frame in (7, 10)] == [780, 690]  # as the phrases say


@pytest.mark.slow
def test_a5_broken(run, schedule):
    right, wrong = run("A5", count=3), run("A5", "no_noise", count=3)
    c = schedule.coefficients(990, 960)
    noise = wrong["x_t"][1] - c.clean * wrong["clean_hat"][0].astype(
        np.float32
    )  # of (2) what is kept of the old
    assert round(rms(noise), 2) == round(c.x_t * schedule.sigma(990), 2) == 0.23
    assert rms(right["x_t"][1]) == pytest.approx(1, abs=0.02)
    assert roughness(wrong["result"]) < 0.4 * roughness(right["result"])
    assert spread(wrong["result"]) < 0.45 * spread(right["result"])


# ---- A6 ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a6_scales(run):
    shown = run("A6", gammas=(0.0, 1.0, 12.0))
    clipped = [float((np.abs(estimate) >= 0.999).mean()) for estimate in shown["clean_hat"][0]]
    assert clipped[1] == pytest.approx(0.25, abs=0.02) and clipped[2] == pytest.approx(0.9, abs=0.02)
    np.testing.assert_array_equal(shown["eps"][:, 0], shown["eps_u"][:, 0])
    difference = shown["eps_c"][15].astype(np.float64) - shown["eps_u"][15]
    assert rms(difference) / rms(shown["eps_u"][15]) == pytest.approx(0.05, abs=0.005)
    share = {  # of the energy that averages over 4 x 4 pixels keep; 1/16 for noise
        name: rms(coarse(x)) ** 2 / rms(x) ** 2
        for name, x in (("difference", difference), ("eps", shown["eps_u"][15]))
    }
    assert share["difference"] > 4 * share["eps"]


@pytest.mark.slow
def test_a6_opens_on_two_dogs_that_become_one(run):
    """From two noises: different dogs at γ = 1, at γ = 12 the same head; and a difference of 8 % half way."""
    shown = run("A6", **BY_CODE["A6"].opens)
    rows = shown["result"].reshape(2, 4, 3, 64, 64)  # a row for each noise, γ = 0, 1, 7, 12
    apart = [float(rms(rows[0, k] - rows[1, k])) for k in range(4)]
    assert apart[1] > 0.3 and apart[3] < 0.15, apart
    difference = shown["eps_c"][15].astype(np.float64) - shown["eps_u"][15]
    assert rms(difference) / rms(shown["eps_u"][15]) == pytest.approx(0.08, abs=0.005)


@pytest.mark.slow
def test_a6_more_alike(run):
    dogs = [run("A6", gammas=(g,), count=5, prompt="a photo of a dog")["result"] for g in (1.0, 7.0, 12.0)]
    assert [round(spread(five), 2) for five in dogs] == [0.35, 0.24, 0.08]
    faces = [run("A6", gammas=(g,), count=5)["result"] for g in (1.0, 7.0)]
    assert [round(spread(five), 2) for five in faces] == [0.07, 0.05]


def test_a6_judged_fidelity_is_at_its_ceiling_from_one_on_and_variety_falls(
    shipped_context, emoji64_fingerprint
):
    values = BY_CODE["A6"].defaults() | {
        "prompt": "a photo of a dog",
        "gammas": (0.0, 0.5, 1.0, 3.0, 7.0, 12.0),
    }
    found, _ = result_of(BY_CODE["A6"], judged_spec(values, emoji64_fingerprint), shipped_context)
    assert (8 * found["fidelity"]).tolist() == [0, 5, 8, 8, 8, 8]
    assert found["variety"].round(2).tolist() == [0.63, 0.31, 0.34, 0.27, 0.17, 0.08]


@pytest.mark.slow
def test_a6_broken(run):
    """The wrong unconditional prompt is all of γ = 0 and nothing of γ = 1."""
    right, wrong = (
        run("A6", variant, gammas=(0.0, 1.0, 12.0))["result"] for variant in (None, "wrong_unconditional")
    )
    assert rms(right[0] - wrong[0]) > 0.2
    assert rms(right[1] - wrong[1]) < 1e-4
    assert rms(right[2] - wrong[2]) > 0.1
