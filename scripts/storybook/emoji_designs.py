"""The same object in up to ten designs: which package draws it, under which name, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scripts.emoji.build_data import TAGS, slug

GROUPS_LEFT_OUT = {"Symbols", "Flags", "Component"}
SUBGROUPS_LEFT_OUT = {"family"}

UNSEEN = frozenset(
    """
aerial_tramway baby_bottle battery blueberries bookmark briefcase bubble_tea chess_pawn chestnut clapper classical_building
clock9 clubs confetti_ball cricket date diya_lamp fallen_leaf fax flashlight fog fork_and_knife gloves hamsa harp
hatching_chick hearts hedgehog high_heel hocho hook jigsaw leaves maracas mirror_ball mountain_railway necktie ox oyster
page_with_curl pea_pod petri_dish pickup_truck pie postal_horn potted_plant receipt rice_cracker ring_buoy roller_coaster
shorts snowman_without_snow spider_web star2 stethoscope synagogue toolbox vertical_traffic_light volleyball wheel
""".split()
)
"""Short names of emoji-datasource: objects that stay out in every design, so that something is left that nobody drew for
the model."""

REDUCED = ("fxemoji", "streamline-emojis")  # sets that name faces without the word, or write words together
SETS = (  # of iconify, in the order of the rows
    "fluent-emoji-flat", "fluent-emoji", "noto", "noto-v1", "twemoji", "emojione", "fxemoji", "streamline-emojis",
)  # fmt: skip


def objects(listed: list[Mapping], keywords: Mapping[str, list[str]]) -> Iterator[dict]:
    """A row for every emoji that is not left out, without its style, in the order of emoji-datasource.

    Args:
        listed: emoji-datasource's emoji.json.
        keywords: emojilib's emoji → its name and tags, words joined with underscores.
    """
    for emoji in listed:
        if emoji["category"] in GROUPS_LEFT_OUT or emoji["subcategory"] in SUBGROUPS_LEFT_OUT:
            continue
        if emoji["short_name"] in UNSEEN:
            continue
        code = emoji["unified"].lower()
        words = keywords["".join(chr(int(part, 16)) for part in code.split("-"))]
        name, *tags = (word.replace("_", " ") for word in words)
        yield {
            "name": name, "tags": tags[:TAGS], "group": emoji["category"], "subgroup": emoji["subcategory"], "code": code,
        }  # fmt: skip


@dataclass(frozen=True)
class IconSet:
    """An icon set of iconify: drawings by name, as its icons.json lists them."""

    style: str
    icons: Mapping

    def names(self, name: str) -> list[str]:
        """What the set may call an emoji of this name, the likeliest first."""
        found = [slug(name)]
        if self.style in REDUCED:
            found += [slug(name).replace("-", ""), slug(re.sub(" face$", "", name))]
        return found

    def svg(self, name: str) -> str | None:
        """The drawing of the emoji with this name, within its own view box; None if the set has none.

        An alias that turns or mirrors its parent counts as none: it is another's drawing.
        """
        for icon in self.names(name):
            while set(alias := self.icons.get("aliases", {}).get(icon, {})) == {"parent"}:
                icon = alias["parent"]
            if icon in self.icons["icons"]:
                return self.wrapped(self.icons["icons"][icon])
        return None

    def wrapped(self, icon: Mapping) -> str:
        left, top = icon.get("left", 0), icon.get("top", 0)
        width, height = icon.get("width", self.icons["width"]), icon.get("height", self.icons["height"])
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
        )
