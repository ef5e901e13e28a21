"""The judge of objects: what it is shown, what is kept from it, what it says, and that it learns."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from core.object_judge import ObjectJudge, load_object_judge
from scripts.storybook import classifier as module
from scripts.storybook.classifier import (
    EVERY,
    KEPT,
    Examples,
    accuracy,
    main,
    rate,
    seen,
    train,
    worn,
)
from scripts.storybook.sprites import SpritesMissing

NAMES = ("ship", "star", "skull", "anchor")  # not in the vocabulary's order


def shape(kind: int) -> np.ndarray:
    """A disc, a bar, a ring or two dots: bool (64, 64)."""
    y, x = np.mgrid[:64, :64] - 31.5
    return (
        np.hypot(x, y) < 30,
        (abs(y) < 5) & (abs(x) < 30),
        (np.hypot(x, y) < 30) & (np.hypot(x, y) > 20),
        (abs(abs(x) - 22) < 8) & (abs(y) < 8),
    )[kind]


@pytest.fixture(scope="module")
def sprites(tmp_path_factory):
    """Four objects of twenty drawings each, every twentieth of which is kept from the training."""
    to = tmp_path_factory.mktemp("sprites")
    rng = np.random.default_rng(0)
    rows, pictures = [], []
    for drawing, kind in itertools.product(range(20), range(4)):
        rows.append(
            {"name": NAMES[kind], "style": "noto", "tags": [], "group": "", "subgroup": "", "code": ""}
        )
        colour = np.broadcast_to(rng.integers(60, 200, 3), (64, 64, 3))
        pictures.append(np.dstack([colour, 255 * shape(kind)]).astype(np.uint8))
        assert len(rows) == 4 * drawing + kind + 1
    rows.append({"name": "a thing", "style": "clipart", "tags": [], "group": "", "subgroup": "", "code": ""})
    pictures.append(pictures[0])
    (to / "sprites.json").write_text(json.dumps(rows))
    np.savez(to / "sprites.npz", sprites=np.stack(pictures))
    return to


def test_a_number_always_names_the_same_picture(sprites):
    one, two = Examples(sprites), Examples(sprites)
    assert all(torch.equal(one[n][0], two[n][0]) and one[n][1] == two[n][1] for n in range(6))
    assert one[0][0].shape == (64, 64, 3) and one[0][0].dtype == torch.uint8
    assert len({one[n][0].numpy().tobytes() for n in range(20)}) == 20
    assert {one[n][1] for n in range(60)} == {0, 1, 2, 3}


def test_one_drawing_in_twenty_is_kept_from_the_training(sprites):
    world, shown = Examples(sprites).ready()
    _, kept = Examples(sprites, shown=False).ready()
    of = {True: shown, False: kept}
    numbers = {key: {d.choice.sprite for drawn in value for d in drawn} for key, value in of.items()}
    assert numbers[False] == {n for n in range(80) if n % EVERY == KEPT}
    assert numbers[True] == set(range(80)) - numbers[False]
    for drawing in itertools.chain(*shown, *kept):
        assert world.sprites.rows[drawing.choice.sprite]["name"] == world.sprites.names[drawing.label]


class Saying(ObjectJudge):
    """Answers with the first pixels of the picture."""

    def forward(self, pictures):
        return pictures[:, 0, 0, : len(self.names)]


def test_among_the_likeliest():
    saying = Saying(["a", "b", "c", "d"])
    pictures = torch.zeros(2, 3, 64, 64)
    pictures[0, 0, 0, :4] = torch.tensor([0.1, 0.4, 0.3, 0.2])
    pictures[1, 0, 0, :4] = torch.tensor([0.9, 0.1, 0.8, 0.7])
    assert saying.ranked(pictures).tolist() == [[1, 2, 3, 0], [0, 2, 3, 1]]
    assert saying.named(pictures, ["c", "a"]).tolist() == [False, True]
    assert saying.named(pictures, ["c", "d"], k=2).tolist() == [True, False]
    with pytest.raises(ValueError, match="Ask for one of the 4 classes: e, f is none"):
        saying.named(pictures, ["f", "e"])


def test_pictures_are_worn_a_little():
    generator = torch.Generator().manual_seed(0)
    picture = seen(torch.randint(0, 256, (4, 64, 64, 3), generator=generator, dtype=torch.uint8))
    assert picture.min() >= -1 and picture.max() <= 1 and picture.shape == (4, 3, 64, 64)
    found = [worn(picture, generator) for _ in range(40)]
    assert all(f.abs().max() <= 1 for f in found)
    untouched = sum(torch.equal(f, picture) for f in found)
    assert 5 <= untouched <= 25  # 0.6 · 0.6 of 40 are 14


def test_the_rate_rises_and_falls():
    assert rate(0.0) == 0 and rate(0.02) == pytest.approx(2e-3, rel=0.01)
    assert rate(0.5) == pytest.approx(0.505 * 2e-3) and rate(1.0) == pytest.approx(2e-5)


def test_it_learns_is_saved_and_goes_on(sprites, tmp_path, monkeypatch, capsys):
    """By a clock that strikes once a step."""
    clock = itertools.count()
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    figures = train(sprites, tmp_path, minutes=1, workers=0, batch=16, checked=80)
    assert figures["steps"] == 59 and figures["minutes"] == 1
    assert figures["new drawings"]["top-1"] >= 0.6  # a guess is right in one of four
    assert json.loads((tmp_path / module.FIGURES).read_text()) == figures
    loaded = load_object_judge(tmp_path)
    assert accuracy(loaded, sprites, 80)["new drawings"]["top-1"] == pytest.approx(
        figures["new drawings"]["top-1"], abs=0.03
    )
    further = train(sprites, tmp_path, minutes=0.05, workers=0, batch=16, checked=80)
    assert further["steps"] == 61 and further["minutes"] == 1.1
    monkeypatch.setattr(
        "sys.argv", ["classifier", "check", "--sprites", str(sprites), "--run", str(tmp_path)]
    )
    monkeypatch.setattr(module, "accuracy", lambda classifier, folder: accuracy(classifier, folder, 20))
    main()
    assert json.loads(capsys.readouterr().out).keys() == {"learnt drawings", "new drawings"}

    other = json.loads((tmp_path / module.FIGURES).read_text())
    (tmp_path / module.FIGURES).write_text(json.dumps({**other, "names": ["a", "b", "c", "d"]}))
    with pytest.raises(ValueError, match="Train in another folder than"):
        train(sprites, tmp_path, minutes=0.05, workers=0, batch=16, checked=80)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(SpritesMissing):
        train(tmp_path, tmp_path, minutes=1, workers=0)
    with pytest.raises(FileNotFoundError):
        load_object_judge(tmp_path)
