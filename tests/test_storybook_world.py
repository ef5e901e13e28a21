"""The world: the same picture for the same number, what is held out stays out, words fit what is seen."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from core.caption_phrases import FOLDERS, CaptionPhrases, load_phrases
from scripts.emoji.vocabulary import entries
from scripts.storybook.captions import plural, with_adjective
from scripts.storybook.ground import CANVAS
from scripts.storybook.grounds import GROUNDS, PAINTS
from scripts.storybook.phrases import listed
from scripts.storybook.sprites import HELD_OUT, Sprites, SpritesMissing, called, hue_of, recoloured
from scripts.storybook.textures import TEXTURES, spectrum
from scripts.storybook.world import World

STYLES = ("fluent-3d", "fluent-high-contrast", "noto", "twemoji")


def disc(colour: tuple[int, int, int]) -> np.ndarray:
    """A sprite: a filled disc, 60 pixels wide, on nothing."""
    y, x = np.mgrid[:64, :64] - 31.5
    return np.dstack(
        [np.full((64, 64, 3), colour, np.uint8), np.where(np.hypot(x, y) < 30, 255, 0).astype(np.uint8)]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sprites of all vocabulary names, three others, one held-out object, and clip art."""
    to = tmp_path_factory.mktemp("sprites")
    names = sorted({name for entry in entries() for name in (entry.name, *entry.others)})
    held_out = json.loads(HELD_OUT.read_text())["objects"][0]
    rows, pictures = [], []
    for k, name in enumerate([*names, "spoon", "fork", "anvil", held_out]):
        for style in STYLES:
            rows.append(
                {
                    "name": name,
                    "style": style,
                    "tags": [],
                    "group": "Objects",
                    "subgroup": "x",
                    "code": f"{k}",
                }
            )
            pictures.append(disc((220, 30, 30) if k % 2 else (40, 40, 210)))
    for name, tags in (("old boat", []), ("a thing", [held_out])):
        rows.append(
            {"name": name, "style": "clipart", "tags": tags, "group": "x", "subgroup": "x", "code": name}
        )
        pictures.append(disc((30, 160, 60)))
    (to / "sprites.json").write_text(json.dumps(rows))
    np.savez(to / "sprites.npz", sprites=np.stack(pictures))
    return to


@pytest.fixture(scope="module")
def world(folder) -> World:
    return World(folder)


def test_a_number_always_names_the_same_picture(world, folder):
    again = World(folder)
    for number in range(25):
        one, two = world.compose(3, number), again.compose(3, number)
        assert np.array_equal(one.pixels, two.pixels) and one.caption == two.caption
        assert one.pixels.shape == (64, 64, 3) and one.pixels.dtype == np.uint8
    assert not np.array_equal(world.compose(3, 0).pixels, world.compose(4, 0).pixels)


def test_hardly_two_of_three_hundred_pictures_are_alike(world):
    pictures = {world.compose(0, number).pixels.tobytes() for number in range(300)}
    assert len(pictures) >= 296  # plain grounds without an object, white above all, may repeat


def test_what_is_held_out_is_never_drawn(world):
    held_out = json.loads(HELD_OUT.read_text())
    assert len(held_out["objects"]) >= 60
    forbidden = {tuple(union) for union in held_out["unions"]}
    rows = world.sprites.rows
    rng = np.random.default_rng(0)
    for _ in range(1000):
        choice = world.sprites.draw(rng)
        row = rows[choice.sprite]
        assert row["name"] not in held_out["objects"] and not set(row["tags"]) & set(held_out["objects"])
    for number in range(600):
        picture = world.compose(1, number)
        assert (picture.name, picture.ground) not in forbidden
        assert (picture.name, picture.colour) not in forbidden


def test_held_out_objects_are_none_that_the_model_is_asked_for():
    held_out = json.loads(HELD_OUT.read_text())
    names = {name for entry in entries() for name in (entry.name, *entry.others)}
    assert not set(held_out["objects"]) & names
    assert {name for name, _ in held_out["unions"]} <= names
    assert {what for _, what in held_out["unions"]} <= {"night", "sunset", "grass", "sea", "snow", "desert", "mountains",
        "forest", "city", "room", "red", "orange", "yellow", "green", "blue", "purple", "pink"}  # fmt: skip


def test_a_tenth_is_shown_without_words(world):
    """Binomial, within five deviations; textures that have no word are left out."""
    counts = Counter(p.caption == "" for p in (world.compose(2, n) for n in range(500)) if p.words)
    total = sum(counts.values())
    assert abs(counts[True] - 0.1 * total) < 5 * (0.09 * total) ** 0.5


def test_the_object_is_where_the_mask_says(world):
    """A red or blue disc on white: inside the mask its colour, outside none."""
    rng = np.random.default_rng(5)
    entry = world.sprites.vocabulary[0]
    for _ in range(20):
        choice = world.sprites.of_entry(entry, rng)
        ground = next(iter(GROUNDS))(rng)  # white
        picture = world.with_object(choice, rng, ground, alone=True)
        spread = np.ptp(picture.pixels.astype(int), axis=2)
        assert picture.inside.any()
        if picture.style != "fluent-high-contrast" and picture.colour is None:
            assert (spread[picture.inside] > 60).mean() > 0.95
        assert (spread[~picture.inside] > 60).mean() < 0.12  # the disc's rim


def test_disjoint_halves_share_no_sprite(folder):
    one, two = Sprites(folder, 0), Sprites(folder, 1)
    of = [{i for designs in s.of_name.values() for i in designs} for s in (one, two)]
    assert of[0] and of[1] and not of[0] & of[1]


def test_a_folder_without_sprites_says_how_to_make_them(tmp_path):
    with pytest.raises(SpritesMissing, match="build_sprites"):
        World(tmp_path)


@pytest.mark.parametrize("draw", [*GROUNDS, *TEXTURES], ids=lambda draw: draw.__name__)
def test_every_ground_fills_its_canvas(draw):
    rng = np.random.default_rng(1)
    for _ in range(5):
        ground = draw(rng)
        assert ground.image.size == (CANVAS, CANVAS) and ground.image.mode == "RGB"
        assert ground.floor is None or 0.3 < ground.floor < 1


def test_the_noise_of_photographs_falls_as_its_slope_says():
    """Amplitude ∝ f^−slope: the mean power of a ring at 4f is 4^(−2·slope) of that at f."""
    rng = np.random.default_rng(2)
    power = np.mean([np.abs(np.fft.fft2(spectrum(rng, 1.0, 1)[..., 0])) ** 2 for _ in range(40)], axis=0)
    f = np.hypot(np.fft.fftfreq(CANVAS)[:, None], np.fft.fftfreq(CANVAS)[None]) * CANVAS
    low, high = (power[np.abs(f - at) < 0.5].mean() for at in (8, 32))
    assert high / low == pytest.approx(1 / 16, rel=0.1)


@pytest.mark.parametrize(("name", "hue"), [("red", 0), ("green", 120), ("blue", 220), ("yellow", 52)])
def test_a_recoloured_sprite_has_the_named_hue(name, hue):
    changed = np.asarray(recoloured(Image.fromarray(disc((60, 60, 230))), name))
    seen = changed[changed[..., 3] > 128][:, :3] / 255
    assert np.abs((hue_of(seen) - hue + 180) % 360 - 180).max() < 8
    grey = np.asarray(recoloured(Image.fromarray(disc((60, 60, 230))), "white"))[32, 32, :3]
    assert np.ptp(grey.astype(int)) <= 1 and grey.min() > 130


@pytest.mark.parametrize(
    ("rgb", "hue"),
    [((1, 0, 0), 0), ((1, 1, 0), 60), ((0, 1, 0), 120), ((0, 1, 1), 180), ((0, 0, 1), 240), ((1, 0, 1), 300)],
)
def test_hues_are_those_of_the_colour_circle(rgb, hue):
    assert hue_of(np.array([rgb], dtype=float))[0] == pytest.approx(hue)


@pytest.mark.parametrize(
    ("one", "many"),
    [("an owl", "owls"), ("a fox", "foxes"), ("a cherry", "cherries"), ("a man", "men"), ("a monkey", "monkeys"),
     ("a tropical fish", "tropical fish"), ("a cup of tea", None), ("glasses", None), ("the sun", None)],
)  # fmt: skip
def test_plurals(one, many):
    assert plural(one) == many


def test_words_fit_together():
    assert with_adjective("an apple", "green") == "a green apple"
    assert with_adjective("a car", "orange") == "an orange car"
    assert with_adjective("the sun", "red") == "the red sun"
    assert with_adjective("glasses", "blue") == "blue glasses"
    assert (called("ant"), called("clapping hands"), called("cactus")) == (
        "an ant",
        "clapping hands",
        "a cactus",
    )
    assert set(PAINTS) >= {"red", "blue", "white"} - {"white"}


def test_every_word_of_its_captions_is_listed_and_none_of_what_is_held_out(world):
    phrases = listed(world.sprites)
    shown = CaptionPhrases(**{name: tuple(texts) for name, texts in phrases.items()})
    captions = [world.compose(5, number).caption for number in range(800)]
    assert {word for caption in captions for word in shown.never_shown(caption)} == set()
    assert {"an anvil", "a fork", "a spoon"} <= set(phrases["more"])
    assert {"a red apple", "a snowy village", "a beach"} <= set(phrases["phrases"])
    held_out = json.loads(HELD_OUT.read_text())["objects"][0]
    assert shown.never_shown(held_out) == ("admission", "tickets")


def test_the_list_that_ships_has_no_phrase_of_a_held_out_object():
    shown = load_phrases(FOLDERS["storybook64"])
    held_out = {called(name) for name in json.loads(HELD_OUT.read_text())["objects"]}
    assert held_out & {*shown.phrases, *shown.more} == {
        "a desert"
    }  # what is held out is an object; a ground is called so too
    assert len(shown.phrases) >= 471 and shown.never_shown("two blue dogs by the sea") == ()
    assert shown.near("bicyle")[0] == "a bicycle"
