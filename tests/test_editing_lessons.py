"""Lessons A7 to A11: what an edit must reduce to, on the model that ships and with few steps."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.jobs import Frame, JobSpec
from core.media import from_pixels, png, to_pixels
from core.pictures import load_picture
from core.trajectory import Trajectory
from core.views import VIEWS
from lessons import (
    denoising,
    hybrid_images,
    image_to_image,
    inpainting,
    text_image_to_image,
    visual_anagrams,
)
from lessons.editing import GREY, alone, beside, rms, together
from lessons.fields import BadValue
from lessons.loading import UPLOAD, PictureGone
from lessons.masks import SHAPES, MaskRef, as_picture, mask_of
from lessons.prompts import NULL_LIKE

STEPS = 4
APPLE = "red-apple"


def outcome(job) -> tuple[Trajectory, list[Frame]]:
    """What a job returns, and the frames before."""
    frames = []
    while True:
        try:
            frames.append(next(job))
        except StopIteration as end:
            return end.value, frames


@pytest.fixture(scope="module")
def run(shipped_context, emoji64_fingerprint):
    """Runs a lesson's job: `run(lesson's module, its values, steps=…, variant=…)`; each once."""
    known = {}

    def once(module, values, *, steps=STEPS, variant=None, **changes):
        values = module.LESSON.defaults() | values
        params = (
            dict(module.spec(values, emoji64_fingerprint, variant).params) | {"num_steps": steps} | changes
        )
        job = image_to_image.run if module is text_image_to_image else module.run
        key = JobSpec("test", {"module": module.__name__, **params})
        if key not in known:
            known[key] = outcome(job(params, shipped_context))
        return known[key]

    return once


@pytest.fixture(scope="module")
def sample(shipped_context, emoji64_fingerprint):
    """Lesson A5 and A6's job: plain sampling, or from a picture, with guidance."""

    def plain(*columns, **params) -> Trajectory:
        columns = [dict(zip(("prompt", "seed", "guidance_scale"), column, strict=True)) for column in columns]
        params = {"model": emoji64_fingerprint, "num_steps": STEPS, "columns": columns} | params
        return outcome(denoising.run(params, shipped_context))[0]

    return plain


# ---- A7 and A9: image to image -----------------------------------------------------------------------------


def test_every_column_is_the_run_of_its_own_i_start_bit_for_bit(run, sample):
    """Side by side is only how it is shown: each column is A4's job with guidance."""
    both, _ = run(image_to_image, {"picture": APPLE, "seed": 5, "gamma": 7.0}, i_starts=[1, 2])
    for k, i_start in enumerate((1, 2)):
        single = sample((NULL_LIKE, 5, 7.0), picture=APPLE, i_start=i_start)
        column = alone(both, k)
        assert column.arrays.keys() == single.arrays.keys()
        for name in single.arrays:
            np.testing.assert_array_equal(column[name], single[name], err_msg=name)
        assert column.meta["steps"] == single.meta["steps"]


def test_a_column_is_grey_until_its_run_begins(run):
    both, frames = run(image_to_image, {"picture": APPLE, "seed": 5, "gamma": 7.0}, i_starts=[1, 2])
    assert both.meta["begins"] == [0, 1]
    assert [frame.total for frame in frames] == [3, 3, 3]
    assert (both["x_t"][0, 1] == 0).all() and (both["x_t"][1, 1] != 0).any()
    for name in ("x_t", "clean_hat", "eps"):
        assert (frames[0].arrays[name][1] == GREY).all()
        assert (frames[0].arrays[name][0] != GREY).any() and (frames[1].arrays[name][1] != GREY).any()


def test_all_starts_get_the_same_noise(run):
    """Each start is signal x_0 + sigma noise; solved for the noise, it is one picture."""
    both, _ = run(image_to_image, {"picture": APPLE, "seed": 5, "gamma": 7.0}, i_starts=[1, 2])
    noises = [
        (start - number["signal"] * both["clean"][0]) / number["sigma"]
        for start, number in zip(text_image_to_image.starts(both), both.meta["steps"], strict=False)
    ]
    np.testing.assert_allclose(noises[0], noises[1], rtol=0, atol=2e-5)
    assert noises[0].std() == pytest.approx(1, abs=0.03)


def test_the_last_start_returns_almost_the_picture_and_earlier_ones_do_not(run):
    result, _ = run(image_to_image, {"picture": APPLE, "gamma": 7.0}, steps=34, i_starts=[27, 30, 33])
    far, middle, near = text_image_to_image.distances(result)
    assert near < 0.02 < middle < far  # 0.02 of 2: two levels and a half of 255
    np.testing.assert_array_equal(result["clean"], from_pixels(load_picture(APPLE))[None])


def test_the_null_like_prompt_makes_a9_the_very_job_of_a7():
    values = image_to_image.LESSON.defaults()
    seven = image_to_image.spec(values, "0" * 64)
    nine = text_image_to_image.spec(values | {"prompt": NULL_LIKE}, "0" * 64)
    assert seven == nine
    assert text_image_to_image.spec(values | {"prompt": "a car"}, "0" * 64) != nine


def test_starts_are_computed_once_and_in_order_however_they_are_typed():
    values = image_to_image.LESSON.defaults() | {"i_starts": (20, 1, 7)}
    assert image_to_image.spec(values, "0" * 64).params["i_starts"] == [1, 7, 20]


@pytest.mark.parametrize("text", ["1.5", "34", "-1", "", "1,2,3,4,5,6,7"])
def test_a_start_that_is_none_is_refused(text):
    with pytest.raises(BadValue, match=r"\.$"):
        image_to_image.LESSON.field("i_starts").parse(text)


def test_runs_of_different_lengths_come_apart_as_they_went_together():
    rng = np.random.default_rng(0)
    runs = [
        Trajectory(
            {
                "x_t": rng.normal(size=(n, 1, 3, 4, 4)),
                "result": rng.normal(size=(1, 3, 4, 4)),
                "clean": np.ones((1, 3, 4, 4)),
            },
            {"params": {}, "steps": [{"t": t} for t in range(n)][::-1]},
        )
        for n in (3, 5, 1)
    ]
    joined = together(runs, {})
    assert joined["x_t"].shape == (5, 3, 3, 4, 4) and joined["result"].shape == (3, 3, 4, 4)
    for k, one in enumerate(runs):
        for name in one.arrays:
            np.testing.assert_array_equal(alone(joined, k)[name], one[name])
        assert alone(joined, k).meta["steps"] == one.meta["steps"]


def test_frames_stand_beside_each_other():
    one = {"x_t": np.full((1, 2, 2, 3), 7, np.uint8)}
    row = beside([None, one, None])["x_t"]
    assert row[:, 0, 0, 0].tolist() == [GREY, 7, GREY]


# ---- A8: inpainting ----------------------------------------------------------------------------------------


def painted(job_context, mask: np.ndarray) -> str:
    return UPLOAD + job_context.store.blobs.put(png(as_picture(mask)))


def test_everything_painted_is_sampling_bit_for_bit(run, sample):
    filled, _ = run(inpainting, {"mask": "all", "count": 2, "seed": 3, "prompt": NULL_LIKE, "gamma": 7.0})
    free = sample((NULL_LIKE, 3, 7.0), (NULL_LIKE, 4, 7.0))
    for name in ("x_t", "clean_hat", "eps", "result"):
        np.testing.assert_array_equal(filled[name], free[name], err_msg=name)


def test_nothing_painted_is_the_original_bit_for_bit(run):
    filled, _ = run(inpainting, {"mask": "none", "picture": APPLE, "count": 1})
    np.testing.assert_array_equal(to_pixels(filled["result"])[0], load_picture(APPLE))


def test_outside_a_painted_mask_the_result_is_the_original_to_the_last_bit(run, job_context):
    """An irregular mask, through the store as the page puts it there; inside something else is made."""
    mask = np.random.default_rng(1).random((64, 64)) < 0.3
    filled, _ = run(inpainting, {"mask": painted(job_context, mask), "picture": "castle", "count": 2})
    original = load_picture("castle")
    np.testing.assert_array_equal(filled["mask"][0, 0].astype(bool), mask)
    for pixels in to_pixels(filled["result"]):
        np.testing.assert_array_equal(pixels[~mask], original[~mask])
        assert (pixels[mask] != original[mask]).mean() > 0.5


def test_what_is_kept_has_the_noise_of_its_step_and_fresh_noise_at_every_step(run):
    filled, _ = run(
        inpainting, {"mask": "left", "picture": APPLE, "count": 1, "prompt": NULL_LIKE, "gamma": 4.0}
    )
    steps, kept = filled.meta["steps"], ~SHAPES["left"]()
    noises = []
    for k in range(1, STEPS):  # x_0 of the loop is pure noise; after that the constraint has acted
        number = steps[k]
        noise = (filled["x_t"][k, 0] - number["signal"] * filled["clean"][0]) / number["sigma"]
        noises.append(noise[:, kept])
    count = noises[0].size
    for noise in noises[:-1]:  # at t = 0 sigma is too small to solve for the noise in float32
        assert noise.std() == pytest.approx(1, abs=5 / (2 * count) ** 0.5)
    assert abs((noises[0] * noises[1]).mean()) < 5 / count**0.5


def test_the_seam_is_measured_across_the_border_of_the_mask_alone():
    picture = np.zeros((3, 6, 6), dtype=np.float32)
    picture[:, :, 3:] = 0.5  # a step of 0.5 between columns 2 and 3
    mask = np.zeros((6, 6), dtype=bool)
    mask[:, :3] = True
    assert inpainting.seam(picture, mask) == pytest.approx(0.5)
    assert inpainting.seam(picture, mask.T) == pytest.approx(
        0
    )  # its border runs between rows, where nothing steps
    assert inpainting.seam(np.stack([picture, 2 * picture]), mask) == pytest.approx([0.5, 1.0])
    assert inpainting.seam(picture, np.ones_like(mask)) is None
    corner = np.zeros((6, 6), dtype=bool)
    corner[0, 3] = True  # three neighbours outside: left (a step of 0.5), right and below (none)
    assert inpainting.seam(picture, corner) == pytest.approx((0.25 / 3) ** 0.5)


@pytest.mark.parametrize(
    ("name", "share"), [("top", 1 / 2), ("left", 1 / 2), ("middle", 1 / 4), ("border", 3 / 4)]
)
def test_named_shapes_cover_their_share(name, share):
    assert SHAPES[name]().mean() == share
    assert SHAPES["top"]()[0].all() and not SHAPES["top"]()[-1].any()
    assert SHAPES["left"]()[:, 0].all() and not SHAPES["left"]()[:, -1].any()


def test_a_mask_comes_back_from_the_store_pixel_for_pixel(job_context):
    mask = np.random.default_rng(2).random((64, 64)) < 0.5
    np.testing.assert_array_equal(mask_of(painted(job_context, mask), job_context.store.blobs), mask)
    with pytest.raises(PictureGone):
        mask_of(UPLOAD + "0" * 64, job_context.store.blobs)


@pytest.mark.parametrize("text", ["", "../top", "upload-xyz", "Top", "upload-" + "0" * 63])
def test_what_is_no_mask_is_refused(text):
    with pytest.raises(BadValue, match="is no mask"):
        MaskRef("mask", "Mask", "top").parse(text)


# ---- A10: visual anagrams ----------------------------------------------------------------------------------

FACE, CAR = "a 3d render of a grinning face", "a 3d render of an automobile"


def anagram(run, view: str, p1: str, p2: str, gammas=(7.0, 7.0), **values) -> Trajectory:
    values = {
        "view": view,
        "p1": p1,
        "p2": p2,
        "gamma1": gammas[0],
        "gamma2": gammas[1],
        "count": 1,
        "seed": 2,
    } | values
    return run(visual_anagrams, values)[0]


def test_the_identity_with_equal_prompts_is_plain_guidance_bit_for_bit(run, sample):
    plain = sample((FACE, 2, 7.0))
    both = anagram(run, "identity", FACE, FACE)
    for name in ("x_t", "clean_hat", "eps", "result"):
        np.testing.assert_array_equal(both[name], plain[name], err_msg=name)
    assert visual_anagrams.cosine(both["eps_1"], both["eps_2"]).min() == pytest.approx(1)


@pytest.mark.parametrize(("view", "p2"), [("flip", FACE), ("identity", CAR)])
def test_one_of_the_two_alone_is_not_plain_guidance(run, sample, view, p2):
    """Equal prompts under a flip, or the identity with two prompts: the mean of two different estimates."""
    plain = sample((FACE, 2, 7.0))
    assert np.abs(anagram(run, view, FACE, p2)["result"] - plain["result"]).max() > 0.1


def test_each_branch_has_its_own_guidance(run):
    """At γ = 0 a prompt has no say in the noise, and that of the other branch goes on saying what it says.

    In the first step only: the variance is the conditional branch's at any γ, so later the paths part.
    """
    one, two = (anagram(run, "flip", p1, CAR, (0.0, 7.0)) for p1 in (FACE, "a lithograph of a skull"))
    np.testing.assert_array_equal(one["eps"][0], two["eps"][0])
    three = anagram(run, "flip", FACE, CAR, (7.0, 0.0))
    assert np.abs(one["eps"][0] - three["eps"][0]).max() > 0.02


def test_exchanging_the_prompts_under_the_identity_changes_nothing(run):
    one, two = anagram(run, "identity", FACE, CAR), anagram(run, "identity", CAR, FACE)
    np.testing.assert_allclose(one["result"], two["result"], rtol=0, atol=1e-5)


def test_the_expectations_lie_on_both_sides_of_the_step(run):
    """eps is the mean of the two, so the unclipped clean estimates average to the step's own."""
    film = anagram(run, "flip", FACE, CAR)
    mean = (film["clean_1"].astype(np.float32) + film["clean_2"].astype(np.float32)) / 2
    inside = (np.abs(film["clean_1"]) < 0.99) & (np.abs(film["clean_2"]) < 0.99)  # clipped nowhere
    np.testing.assert_allclose(mean[inside], film["clean_hat"][inside], rtol=0, atol=2e-3)
    assert inside.mean() > 0.1


@pytest.mark.parametrize(
    ("view", "operation"),
    [("flip", Image.Transpose.FLIP_TOP_BOTTOM), ("rotate 180", Image.Transpose.ROTATE_180),
     ("rotate 90", Image.Transpose.ROTATE_90)],
)  # fmt: skip
def test_the_turned_picture_is_the_one_that_pillow_turns(view, operation):
    pixels = load_picture("castle")
    turned = to_pixels(visual_anagrams.seen(from_pixels(pixels), VIEWS[view]))
    np.testing.assert_array_equal(turned, np.asarray(Image.fromarray(pixels).transpose(operation)))


def test_the_live_frames_show_the_second_reading(run):
    values = {"view": "flip", "p1": FACE, "p2": CAR, "count": 1, "seed": 2}
    _, frames = run(visual_anagrams, values)
    for frame in frames:
        np.testing.assert_array_equal(frame.arrays["turned"], frame.arrays["clean_hat"][:, ::-1])


def test_the_cosine_of_vectors():
    one = np.zeros((2, 1, 1, 2))
    one[:, 0, 0] = [[3, 4], [1, 0]]
    two = np.zeros((2, 1, 1, 2))
    two[:, 0, 0] = [[4, 3], [0, -2]]
    np.testing.assert_allclose(visual_anagrams.cosine(one, two), [24 / 25, 0])
    np.testing.assert_allclose(visual_anagrams.cosine(one, -5 * one), [-1, -1])


def test_views_that_break_the_noise_say_so():
    labels = visual_anagrams.VIEW_LABELS
    assert labels.keys() == visual_anagrams.CALLED.keys() == VIEWS.keys()
    for name, view in VIEWS.items():
        assert ("does not preserve the noise" in labels[name]) == (not view.preserves_noise)


# ---- A11: hybrid images ------------------------------------------------------------------------------------


def hybrid(run, p1: str, p2: str, gammas=(7.0, 7.0), **values) -> Trajectory:
    values = {"p1": p1, "p2": p2, "gamma1": gammas[0], "gamma2": gammas[1], "count": 1, "seed": 2} | values
    return run(hybrid_images, values)[0]


def test_equal_prompts_make_a_hybrid_plain_guidance(run, sample):
    plain = sample((FACE, 2, 7.0))
    np.testing.assert_allclose(hybrid(run, FACE, FACE)["result"], plain["result"], rtol=0, atol=1e-4)


def test_the_two_bands_add_up_to_the_estimate_and_come_from_their_prompts(run):
    film = hybrid(run, FACE, CAR)
    low, high = film["low"].astype(np.float32), film["high"].astype(np.float32)
    np.testing.assert_allclose(low + high, film["eps"], rtol=1e-3, atol=4e-3)  # kept in float16
    spectrum = np.abs(np.fft.fft2(low)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    assert spectrum[..., radius > 0.25].sum() < 1e-2 * spectrum.sum()


def test_each_band_has_its_own_guidance(run):
    one, two = (hybrid(run, p1, CAR, (0.0, 7.0)) for p1 in (FACE, "a lithograph of a skull"))
    np.testing.assert_array_equal(one["eps"][0], two["eps"][0])
    assert np.abs(one["eps"][0] - hybrid(run, FACE, CAR, (7.0, 0.0))["eps"][0]).max() > 0.02


@pytest.mark.parametrize(("kernel", "sigma"), [(33, 2.0), (5, 2.0), (63, 8.0)])
def test_the_chart_of_the_bands_is_the_transform_of_the_kernel(kernel, sigma):
    offsets = np.arange(kernel) - kernel // 2
    taps = np.exp(-(offsets**2) / (2 * sigma**2))
    padded = np.zeros(256)
    padded[offsets] = taps / taps.sum()
    expected = np.fft.fft(padded).real[:129]
    found = hybrid_images.gains(kernel, sigma, (np.arange(129) / 256).tolist())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_at_the_crossover_both_bands_get_half():
    assert hybrid_images.crossover(2.0) == pytest.approx(10.67, abs=0.01)
    assert hybrid_images.gains(63, 2.0, [1 / hybrid_images.crossover(2.0)])[0] == pytest.approx(0.5, abs=1e-3)


def test_root_mean_square():
    assert rms(np.array([[[3.0, -3.0]], [[3.0, -3.0]]])) == pytest.approx(3)
