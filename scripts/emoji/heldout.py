"""The held-out pictures: emoji of no object that is learnt, none of them a near twin of one that is.

    python -m scripts.emoji.heldout --data FOLDER

chooses them by rule and writes `heldout.json`, which the evaluation and the lessons use. The rule: objects outside
the vocabulary with a picture in every style; every one of the four pictures lies further than `FAR` from all training
pictures in both feature spaces; of these objects 80 are drawn with a fixed seed, and each gives one picture, the
styles taking turns. What is listed already stays as long as the rule allows it, so that figures stay comparable when the
vocabulary grows. Looked at: below 0.13 in colour or 0.3 in gradients stand twins (a blue book beside the red one,
a snowman without snow), and `FAR` is well above that.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scripts.emoji.dataset import SHOWN, EmojiSet, load_set
from scripts.emoji.features import SPACES
from scripts.emoji.vocabulary import captions_of, with_article

LIST = Path(__file__).with_name("heldout.json")
FAR = {"pixels16": 0.15, "gradients": 0.5}
GROUPS = ("Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects")
COUNT, SEED = 80, 0


class HeldOutMissing(ValueError):
    """A picture of the list is not in the folder; the message names it."""


def load_heldout(folder: Path, path: Path = LIST) -> tuple[Tensor, list[str]]:
    """The held-out pictures, uint8 (N, 3, 64, 64), and their likeliest captions, in the order of the list."""
    rows = json.loads((folder / "captions.json").read_text())
    stored = np.load(folder / "pictures.npz")["pictures"]
    places = {(row["code"], row["style"]): i for i, row in enumerate(rows)}
    listed = json.loads(path.read_text())["pictures"]
    missing = [p["name"] for p in listed if (p["code"], p["style"]) not in places]
    if missing:
        raise HeldOutMissing(f"Build the data again: {folder} lacks the held-out picture {missing[0]!r}.")
    chosen = stored[[places[p["code"], p["style"]] for p in listed]]
    return torch.from_numpy(chosen).permute(0, 3, 1, 2), [p["caption"] for p in listed]


def nearest_training(pictures: np.ndarray, data: EmojiSet) -> dict[str, tuple[Tensor, Tensor]]:
    """For uint8 (N, 64, 64, 3), in each space: the distance to the nearest training picture (N,), and which it is."""
    queries = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    known = data.pictures.float() / 127.5 - 1
    found = {}
    for name, space in SPACES.items():
        nearest = torch.cdist(space(queries), space(known)).min(dim=1)
        found[name] = (nearest.values, nearest.indices)
    return found


def choose(
    rows: Sequence[Mapping], pictures: np.ndarray, data: EmojiSet, listed_before: Sequence[str] = ()
) -> list[dict]:
    """The list by the rule of this module; each with its nearest training picture in each space."""
    learnt = set(data.published)
    places = [i for i, row in enumerate(rows) if row["name"] not in learnt and row["group"] in GROUPS]
    nearest = nearest_training(pictures[places], data)
    of_object: dict[str, dict[str, int]] = {}
    for k, i in enumerate(places):
        of_object.setdefault(rows[i]["name"], {})[rows[i]["style"]] = k
    eligible = [
        name
        for name, styles in of_object.items()
        if len(styles) == len(SHOWN)
        and all(nearest[space][0][k] > far for k in styles.values() for space, far in FAR.items())
    ]
    others = [name for name in eligible if name not in listed_before]
    drawn = [others[int(k)] for k in np.random.default_rng(SEED).permutation(len(others))]
    listed = []
    for turn, name in enumerate([*(n for n in listed_before if n in eligible), *drawn][:COUNT]):
        style = list(SHOWN)[turn % len(SHOWN)]
        place = of_object[name][style]
        row = rows[places[place]]
        likeliest = max(captions_of(style, (with_article(name),)), key=lambda caption: caption[1])[0]
        twins = {
            space: {
                "distance": round(distance[place].item(), 3),
                "name": data.published[index[place]],
                "style": data.styles[index[place]],
            }
            for space, (distance, index) in nearest.items()
        }
        listed.append(
            {"code": row["code"], "style": style, "name": name, "caption": likeliest, "nearest": twins}
        )
    return listed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    rows = json.loads((args.data / "captions.json").read_text())
    before = [p["name"] for p in json.loads(LIST.read_text())["pictures"]] if LIST.exists() else []
    listed = choose(rows, np.load(args.data / "pictures.npz")["pictures"], load_set(args.data), before)
    LIST.write_text(json.dumps({"further_than": FAR, "pictures": listed}, indent=1) + "\n")
    print(f"{len(listed)} pictures in {LIST.name}")


if __name__ == "__main__":
    main()
