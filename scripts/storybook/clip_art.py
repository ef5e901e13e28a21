"""Clip art of the Open Clip Art Library, as Debian packs it: which pictures are taken, and what they are called.

An SVG carries its title, keywords and licence as RDF; a PNG of the same name is the picture, drawn by Debian.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import numpy as np

PNG, SVG = "usr/share/openclipart/png/", "usr/share/openclipart/svg/"
LONGEST_TITLE, KEYWORDS = 100, 8

FOLDERS = frozenset("""
animals animals/amphibian animals/birds animals/birds/penguin animals/bugs animals/dinosaurs animals/fantasy animals/fish
animals/mammals animals/mammals/bears animals/mammals/big_cats animals/mammals/dogs animals/mammals/horses
animals/mammals/housecats buildings buildings/furniture buildings/homes computer/hardware containers decorations education
education/books electronics electronics/bulb food food/beverages food/beverages/alcohol food/breads_and_carbs food/dairy
food/desserts food/fruit food/meats_and_eggs food/vegetables geography geography/astronomy office office/telephone people
people/bodypart people/clothing people/clothing/hats people/clothing/jewelry people/clothing/pantyhose people/smilies plants
plants/flowers plants/trees plants/trees/evergreen recreation recreation/art recreation/games recreation/games/dice
recreation/holiday recreation/holiday/christmas recreation/holiday/easter recreation/holiday/thanksgiving
recreation/holiday/valentines recreation/music recreation/music/CD_Player recreation/party recreation/religion
recreation/religion/christianity recreation/sports recreation/toys science science/astronomy science/medicine tools
tools/toys tools/weapons transportation transportation/boating transportation/vehicles transportation/vehicles/hummers
""".split())  # fmt: skip
"""Folders that are taken; left out are icons, signs, flags, cards, shapes, stick figures and what is unsorted."""

WORDS_LEFT_OUT = ("sign", "flag", "map", "chess", "sunwheel")
UNSEEN = (
    "baby_bottle",
    "cricket",
    "harp",
    "maracas",
    "shorts",
)  # as in emoji_designs: nothing is to be trained on them
LARGEST_SVG = 500_000  # bytes; what is larger was traced from photographs, or is covered with detail that 60 pixels lose
LEAST_DRAWN = 0.04  # share of the 64 × 64 pixels that must be more than half opaque: thin outlines vanish


def taken(name: str) -> str | None:
    """What a file within one of the packages is called in the library, 'animals/bat.svg'; None if it is left out."""
    for root, ending in ((SVG, ".svg"), (PNG, ".png")):
        if name.startswith(root) and name.endswith(ending):
            path = PurePosixPath(name.removeprefix(root)).with_suffix(".svg")
            left_out = any(word in str(path) for word in WORDS_LEFT_OUT + UNSEEN)
            return None if left_out or str(path.parent) not in FOLDERS else str(path)
    return None


def row(path: str, svg: str) -> dict:
    """Name, tags, group, subgroup and code of one picture, from its path in the library and its SVG's RDF.

    The name is the first title that is not empty and not a paragraph, which in some files is that of the library; without
    one it is the file's name.
    """
    titles = (title.strip() for title in re.findall(r"<dc:title[^>]*>([^<]*)<", svg))
    named = next((title for title in titles if 0 < len(title) <= LONGEST_TITLE), PurePosixPath(path).stem)
    keywords = (word.strip().lower() for word in re.findall(r"<rdf:li>([^<]*)</rdf:li>", svg))
    return {
        "name": named.lower(),
        "tags": [word for word in keywords if word][:KEYWORDS],
        "group": path.split("/")[0],
        "subgroup": str(PurePosixPath(path).parent),
        "code": path,
    }


def shows(sprite: np.ndarray) -> bool:
    """Whether enough is drawn to be seen at 64 × 64; `sprite` is uint8 (64, 64, 4)."""
    return (sprite[..., 3] > 128).mean() >= LEAST_DRAWN
