"""The judge of illusions on pictures whose answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from scripts.emoji import judge_illusions as script
from scripts.emoji.judge_illusions import (
    LOWPASS,
    OBJECTS,
    PAIRS,
    TEMPLATES,
    Judge,
    afar,
    brightness,
    near,
    verdict,
)

NAMES = tuple("abcdefgh")


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Eight pictures of coloured blots on white, with edges: patches of 8×8 pixels, at random."""
    generator = torch.Generator().manual_seed(0)
    patches = torch.rand(len(NAMES), 3, 8, 8, generator=generator) * 2 - 1
    patches[:, :, 0] = patches[:, :, -1] = 1
    return Judge(NAMES, patches.repeat_interleave(8, -1).repeat_interleave(8, -2))


@pytest.mark.parametrize("features", [brightness, afar, near])
def test_a_picture_is_named_after_itself_mirrored_or_not(judge, features):
    for k, name in enumerate(NAMES):
        picture = judge.pictures[k].numpy()
        assert judge.ranking(picture, features)[0] == name
        assert judge.ranking(picture[..., ::-1].copy(), features)[0] == name
        assert sorted(judge.ranking(picture, features)) == sorted(NAMES)


def test_brightness_knows_neither_colour_nor_contrast(judge):
    """Channels exchanged, half the contrast, lighter: the same reading."""
    picture = judge.pictures[3].flip(0).numpy() * 0.5 + 0.3
    assert judge.ranking(picture, brightness)[0] == NAMES[3]
    found = brightness(judge.pictures)
    assert found.shape == (len(NAMES), 256)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(len(NAMES)))
    torch.testing.assert_close(found.mean(dim=1), torch.zeros(len(NAMES)), rtol=0, atol=1e-6)


def test_a_hybrid_made_of_two_pictures_is_read_as_both(judge):
    """Low frequencies of one, high ones of the other: what a hybrid has to be."""
    low, high = judge.pictures, judge.pictures - LOWPASS(judge.pictures)
    low = LOWPASS(low)
    for one, two in ((0, 1), (2, 5), (7, 3)):
        mixed = (low[one] + high[two]).numpy()
        assert judge.ranking(mixed, afar)[0] == NAMES[one]
        assert judge.ranking(mixed, near)[0] == NAMES[two]


def test_a_flipped_picture_is_read_after_turning_it_back(judge):
    picture = judge.pictures[2].flip(-2).numpy()
    assert judge.ranking(picture[:, ::-1].copy(), brightness)[0] == NAMES[2]


def test_the_verdict_counts_readings():
    pairs = [("a", "b"), ("a", "c"), ("d", "e"), ("h", "g")]
    rankings = [
        "abcdefgh", "bacdefgh",  # both named
        "abcdefgh", "abcdefgh",  # the first named; the second third, and behind the first
        "edcbafgh", "defghabc",  # each read as the other: both second, both behind
        "abcdefgh", "abcdefhg",  # eighth and eighth
    ]  # fmt: skip
    counts = verdict(rankings, pairs)
    assert (counts["first_named"], counts["second_named"], counts["both_named"]) == (2, 1, 1)
    assert (counts["both_in_five"], counts["both_before_the_other"]) == (3, 1)
    assert [row["ranks"] for row in counts["pairs"]] == [[1, 1], [1, 3], [2, 2], [8, 8]]
    assert counts["pairs"][2]["read_as"] == ["e", "d"]


def test_the_list_is_fixed_and_every_pair_has_two_objects():
    assert len(PAIRS) == len(set(PAIRS)) == 20
    assert {name for pair in PAIRS for name in pair} == set(OBJECTS)
    assert all(one != two for one, two in PAIRS)


def test_the_report_is_made_of_kept_pictures_and_goes_into_the_card(tmp_path):
    """Perfect illusions by construction: every reading is named, and the card says so."""
    generator = np.random.default_rng(0)
    rows, pictures = [], []
    for style in TEMPLATES:
        for name in OBJECTS:
            rows.append({"name": name, "style": style})
            patches = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            pictures.append(patches.repeat(8, 0).repeat(8, 1))
    (tmp_path / "captions.json").write_text(json.dumps(rows))
    np.savez(tmp_path / "pictures.npz", pictures=np.stack(pictures))
    by_style = script.judges(tmp_path)
    known = {
        (row["style"], row["name"]): np.moveaxis(picture / 127.5 - 1, -1, 0).astype(np.float32)
        for row, picture in zip(rows, pictures, strict=True)
    }
    colour, ink = TEMPLATES
    kept = {f"plain/{style}/{name}": known[style, name] for style in TEMPLATES for name in OBJECTS}
    for k, (one, two) in enumerate(PAIRS):
        kept[f"anagram/{k}"] = known[colour, one]
        low = LOWPASS(torch.from_numpy(known[colour, one])[None])[0].numpy()
        other = known[ink, two]
        kept[f"hybrid/{k}"] = low + other - LOWPASS(torch.from_numpy(other)[None])[0].numpy()
    report = {"guidance_scale": 7.0, "seed": 0} | script.judged(kept, by_style)
    assert report["plain"]["upright"] == {"named": len(OBJECTS), "in_five": len(OBJECTS)}
    assert report["anagram"]["first_named"] == 20  # upright it is the picture itself; flipped it is nobody's
    assert report["anagram"]["both_named"] < 20
    assert report["hybrid"]["both_named"] == 20
    text = script.section(report)
    assert "| Hybrid: from afar, from near | 20 of 20 | 20 of 20 | 20 of 20 |" in text
    assert text.count("\n| automobile / grinning face |") == 1


def test_a_folder_that_lacks_an_object_is_refused(tmp_path):
    (tmp_path / "captions.json").write_text(
        json.dumps([{"name": "skull", "style": style} for style in TEMPLATES])
    )
    np.savez(tmp_path / "pictures.npz", pictures=np.zeros((2, 64, 64, 3), np.uint8))
    with pytest.raises(ValueError, match="has no fluent-3d picture of automobile"):
        script.judges(tmp_path)
