"""The pages of A7 to A11: what they ask for, what they show of it, and what they say to bad input."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.media import png, to_pixels
from core.pictures import load_picture
from core.views import VIEWS
from lessons import hybrid_images, image_to_image, inpainting, text_image_to_image, visual_anagrams
from lessons.exporting import slides
from lessons.loading import reference_pixels
from lessons.masks import SHAPES, as_picture, mask_of
from pages.components.canvas import Drawing
from pages.server import runtime
from tests.ui.fake_model import sentences

MODULES = (image_to_image, inpainting, text_image_to_image, visual_anagrams, hybrid_images)
each_page = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.LESSON.code)


def drawn(at, kind: str, drawing: Drawing, monkeypatch) -> None:
    """What happens when the student presses the canvas's button: `on_use`, and the drawing from then on."""
    used = []

    def canvas(*, on_use=None, **options):
        if not used:
            used.append(drawing)
            on_use(drawing)
        return drawing

    monkeypatch.setattr(f"pages.ui.{kind}.canvas", canvas)
    at.run()  # the callback's run
    at.run()  # the run after it
    assert not at.exception, at.exception


def mask_drawing(mask: np.ndarray) -> Drawing:
    return Drawing(as_picture(mask), "mask", blank=not mask.any())


# ---- every page --------------------------------------------------------------------------------------------


@each_page
def test_a_page_opens_on_its_reference_and_runs_it_by_itself(module, visit):
    at, executor = visit(module.LESSON.slug)
    opened = module.LESSON.defaults() | dict(module.LESSON.opens)
    assert executor.asked == [module.spec(opened, runtime.model_fingerprint())]
    assert at.title[0].value == f"{module.LESSON.code} · {module.LESSON.title}"
    assert sentences(at) == ""


@each_page
def test_every_preset_is_one_click_and_every_mistake_is_run_beside(module, visit):
    at, executor = visit(module.LESSON.slug)
    for preset in module.LESSON.presets[1:3]:
        at.button(key=f"{module.LESSON.slug}/preset/{preset.name}").click().run()
        assert not at.exception, at.exception
        values = module.LESSON.defaults() | dict(preset.values)
        assert executor.asked[-1] == module.spec(values, runtime.model_of(values))
    for variant in module.LESSON.variants:
        at.session_state[f"{module.LESSON.slug}/wrong"] = variant.name
        at.session_state[f"{module.LESSON.slug}/go"] = True
        at.run()
        assert not at.exception, at.exception
        assert (
            executor.asked[-1].params["variant"] == variant.name
            or executor.asked[-2].params["variant"] == variant.name
        )


@each_page
def test_a_link_reproduces_its_state(module, visit):
    query = {"gamma" if "gamma" in module.LESSON.defaults() else "gamma1": "3", "seed": "11"}
    _, executor = visit(module.LESSON.slug, **query)
    values = {name: module.LESSON.field(name).parse(text) for name, text in query.items()}
    assert executor.asked == [module.spec(module.LESSON.defaults() | values, runtime.model_fingerprint())]


# ---- sources -----------------------------------------------------------------------------------------------


def test_a_sketch_becomes_the_picture_to_the_pixel(visit, monkeypatch):
    at, executor = visit("image_to_image")
    at.session_state["image_to_image/source"] = "sheet"
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[20:40, 10:30] = (215, 38, 61)
    drawn(at, "sources", Drawing(pixels, "colour", blank=False), monkeypatch)
    reference = executor.asked[-1].params["picture"]
    np.testing.assert_array_equal(reference_pixels(reference, runtime.blobs()), pixels)
    assert at.query_params["picture"] == reference


def test_an_empty_sketch_is_not_run_and_says_what_to_do(visit, monkeypatch):
    at, executor = visit("image_to_image")
    at.session_state["image_to_image/source"] = "sheet"
    before = len(executor.asked)
    drawn(at, "sources", Drawing(np.full((64, 64, 3), 255, np.uint8), "colour", blank=True), monkeypatch)
    assert len(executor.asked) == before
    assert "The sheet is empty: draw a few strokes" in sentences(at)


def test_drawing_over_a_picture_starts_from_it(visit, monkeypatch):
    at, _ = visit("image_to_image", picture="castle")
    at.session_state["image_to_image/source"] = "over"
    seen = {}
    monkeypatch.setattr("pages.ui.sources.canvas", lambda **options: seen.update(options))
    at.run()
    np.testing.assert_array_equal(seen["under"], load_picture("castle"))


@pytest.mark.parametrize("fit", ["crop", "letterbox"])
def test_a_picture_of_one_to_five_with_transparency_is_cropped_or_letterboxed(visit, fit):
    """Red with a transparent half: on white, and either all of it with margins or the middle of it."""
    picture = np.zeros((40, 200, 4), np.uint8)
    picture[..., 0] = 255
    picture[:, 100:, 3], picture[:, :100, 3] = 0, 255
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    at, executor = visit("image_to_image")
    at.session_state["image_to_image:picture/fit"] = fit
    at.run()
    at.get("file_uploader")[0].upload("long.png", file.getvalue(), "image/png").run()
    assert not at.exception, at.exception
    pixels = reference_pixels(executor.asked[-1].params["picture"], runtime.blobs())
    assert pixels[32, 8].tolist() == [255, 0, 0] and pixels[32, 56].tolist() == [255, 255, 255]
    white_rows = (pixels == 255).all(axis=(1, 2)).sum()
    assert white_rows in ((51, 52) if fit == "letterbox" else (0,))


def test_a_result_goes_on_to_another_lesson(visit):
    at, executor = visit("visual_anagrams", count="3")
    result = to_pixels(executor.result(runtime.job_id(executor.asked[-1]))["result"])
    at.button(key="visual_anagrams/continue/1/image_to_image").click().run()
    at.switch_page("image_to_image.py").run()
    assert not at.exception, at.exception
    asked = executor.asked[-1]
    assert asked.kind == "edit"
    np.testing.assert_array_equal(reference_pixels(asked.params["picture"], runtime.blobs()), result[1])


def test_results_of_other_lessons_are_offered_as_a_source(visit):
    at, executor = visit("visual_anagrams", count="3")
    result = to_pixels(executor.result(runtime.job_id(executor.asked[-1]))["result"])
    at.switch_page("image_to_image.py").run()
    at.button(key="image_to_image/made/0/2").click().run()
    assert not at.exception, at.exception
    pixels = reference_pixels(executor.asked[-1].params["picture"], runtime.blobs())
    np.testing.assert_array_equal(pixels, result[2])


def test_a_picture_that_is_gone_is_said_to_be(visit):
    at, executor = visit("image_to_image", picture="upload-" + "0" * 64)
    assert "upload it again" in sentences(at)
    assert executor.asked[-1].params["picture"] == image_to_image.LESSON.field("picture").default


# ---- masks -------------------------------------------------------------------------------------------------


def test_the_painted_mask_is_the_mask_that_the_job_gets_pixel_for_pixel(visit, monkeypatch):
    at, executor = visit("inpainting")
    mask = np.random.default_rng(0).random((64, 64)) < 0.4
    drawn(at, "masks", mask_drawing(mask), monkeypatch)
    reference = executor.asked[-1].params["mask"]
    np.testing.assert_array_equal(mask_of(reference, runtime.blobs()), mask)
    kept = to_pixels(executor.result(runtime.job_id(executor.asked[-1]))["result"])[0][~mask]
    np.testing.assert_array_equal(kept, load_picture(inpainting.LESSON.field("picture").default)[~mask])
    assert "**0 of " in "\n".join(element.value for element in at.markdown)


def test_a_named_shape_that_is_painted_keeps_its_name(visit, monkeypatch):
    at, executor = visit("inpainting")
    drawn(at, "masks", mask_drawing(SHAPES["left"]()), monkeypatch)
    assert executor.asked[-1].params["mask"] == "left"


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [("none", "Nothing is painted"), ("all", "Everything is painted: nothing of the picture is kept")],
)
def test_the_two_ends_of_a_mask_are_explained(visit, mask, sentence):
    at, executor = visit("inpainting")
    at.button(key=f"inpainting/shape/{mask}").click().run()
    assert not at.exception, at.exception
    assert sentence in sentences(at)
    asked = {spec.params["mask"] for spec in executor.asked}
    assert (mask in asked) == (mask == "all")  # an empty one does not cost a run
    assert mask == "all" or at.button(key="inpainting/main/start").disabled


def test_neither_a_link_nor_a_pin_runs_an_empty_mask(visit):
    at, executor = visit("inpainting", mask="none", pin="mask=none&seed=4")
    assert not executor.asked
    assert "Nothing is painted" in sentences(at)
    assert "A pinned run was left out: Nothing is painted in its mask" in sentences(at).replace("\\", "")


def test_the_canvas_gets_the_picture_and_the_mask_of_the_link(visit, monkeypatch):
    at, _ = visit("inpainting", mask="middle", picture="castle")
    seen = {}
    monkeypatch.setattr("pages.ui.masks.canvas", lambda **options: seen.update(options))
    at.run()
    np.testing.assert_array_equal(seen["under"], load_picture("castle"))
    np.testing.assert_array_equal(seen["start"], SHAPES["middle"]())


def test_a_mask_that_is_gone_is_said_to_be(visit):
    at, executor = visit("inpainting", mask="upload-" + "0" * 64)
    assert "paint it again" in sentences(at)
    assert executor.asked[-1].params["mask"] == inpainting.LESSON.field("mask").default


def test_a_mask_in_a_link_survives_in_the_store(visit, monkeypatch):
    at, executor = visit("inpainting")
    mask = np.eye(64, dtype=bool)
    reference = "upload-" + runtime.blobs().put(png(as_picture(mask)))
    at.query_params["mask"] = reference
    at.session_state["page"] = "elsewhere"  # entered anew, by the link
    at.run()
    assert executor.asked[-1].params["mask"] == reference


# ---- prompts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "query", "sentence"),
    [
        ("visual_anagrams", {"p1": "a cat", "p2": "a cat"}, "Both prompts are equal, so both readings"),
        ("visual_anagrams", {"p1": "a cat", "p2": "a cat", "view": "identity"}, "plain guided sampling, bit for bit"),
        ("visual_anagrams", {"view": "identity"}, "halfway between both prompts"),
        ("visual_anagrams", {"view": "half contrast"}, "does not preserve Gaussian noise"),
        ("visual_anagrams", {"view": "tilt 30"}, "does not preserve Gaussian noise"),
        ("hybrid_images", {"p1": "a cat", "p2": "a cat"}, "Both prompts are equal"),
        ("hybrid_images", {"kernel": "5", "sigma": "4"}, "cuts a Gaussian"),
        ("visual_anagrams", {"p1": "", "p2": ""}, "Both prompts are equal"),
    ],
)  # fmt: skip
def test_what_holds_for_special_controls_is_said(visit, slug, query, sentence):
    at, executor = visit(slug, **query)
    assert sentence in sentences(at)
    assert executor.asked, "it is run all the same: what happens is the lesson"


def test_starts_that_are_none_are_not_run(visit):
    at, executor = visit("image_to_image")
    before = len(executor.asked)
    at.text_input(key="image_to_image:i_starts").set_value("1, 40").run()
    assert not at.exception, at.exception
    assert "must lie between 0 and 33" in sentences(at)
    assert len(executor.asked) == before


def test_each_run_of_the_grid_can_be_opened(visit):
    at, _ = visit("image_to_image")
    for column in (0, 5):
        at.session_state["image_to_image/column"] = column
        at.run()
        assert not at.exception, at.exception


# ---- taking it home ----------------------------------------------------------------------------------------


def frames_of(gif: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(gif)) as film:
        frames = []
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(np.asarray(film.convert("RGB")).astype(int))
        return frames


def test_both_readings_of_an_anagram_are_one_animation():
    """The second frame is the first one's tiles, each upside down (a GIF has 256 colours, so nearly)."""
    castle = np.moveaxis(load_picture("castle") / 127.5 - 1, -1, 0).astype(np.float32)[None]
    both = np.stack([castle, visual_anagrams.seen(castle, VIEWS["flip"])])
    upright, turned = frames_of(slides(both, 1200))
    assert np.abs(upright[::-1] - turned).mean() < 3 < np.abs(upright - turned).mean()
