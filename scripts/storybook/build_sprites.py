"""Builds storybook64's sprites from published packages: objects in up to ten designs, and clip art, on nothing.

    python -m pip install -r requirements-train.txt
    python -m scripts.storybook.build_sprites --to FOLDER [--packages FOLDER]

Writes `sprites.npz` (`sprites`: uint8, 12054 × 64 × 64 × 4, RGBA, straight alpha, longest side 60 pixels, centred),
`sprites.json` (a row a picture, in the same order: name, style, tags, group, subgroup, code) and `licences.json`. The
packages, 240 MB in all, are fetched with npm and, the clip art, with Debian's apt-get into --packages, or taken from there,
and checked against the checksums below. The same pixels at every run. Left out: flags, keycaps, letters, skin tones,
families, arrows and abstract symbols; of the clip art signs, flags, maps, cards, stick figures and icons; and 60 objects
that nothing is to be trained on.
"""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.emoji.build_data import FLUENT, slug
from scripts.emoji.build_data import PACKAGES as EMOJI64
from scripts.packages import DEBIAN, Package, fetch, read
from scripts.storybook import clip_art
from scripts.storybook.emoji_designs import SETS, IconSet, objects
from scripts.storybook.pixels import draw_svg, drawn_part, sprite

CLIP_ART = "clipart"
NOTO = "Apache-2.0, Copyright Google LLC (Noto Emoji)"
PUBLIC_DOMAIN = "public domain dedication, each picture by its author (Open Clip Art Library)"


def icon_set(style: str, version: str, integrity: str, licence: str) -> Package:
    return Package(f"@iconify-json/{style}", version, integrity, f"pictures, {style}", licence)


PACKAGES = {
    "fluent-3d": EMOJI64["3d"],
    "fluent-high-contrast": replace(EMOJI64["svg"], used="pictures, fluent-high-contrast"),
    "fluent-emoji-flat": icon_set(
        "fluent-emoji-flat", "1.2.6",
        "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==", FLUENT,
    ),
    "fluent-emoji": icon_set(
        "fluent-emoji", "1.2.7",
        "sha512-D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==", FLUENT,
    ),
    "noto": icon_set(
        "noto", "1.2.9",
        "sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==", NOTO,
    ),
    "noto-v1": icon_set(
        "noto-v1", "1.2.5",
        "sha512-/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==", NOTO,
    ),
    "twemoji": icon_set(
        "twemoji", "1.2.5",
        "sha512-uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==",
        "CC BY 4.0, Copyright Twitter, Inc and other contributors (Twemoji)",
    ),
    "emojione": icon_set(
        "emojione", "1.2.3",
        "sha512-T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfeUi4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg==",
        "CC BY 4.0, EmojiTwo, originally released as EmojiOne 2.2 by Ranks.com",
    ),
    "fxemoji": icon_set(
        "fxemoji", "1.2.2",
        "sha512-UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZNQqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ==",
        "CC BY 4.0 for the visual design, Apache-2.0 for the rest, Copyright 2015 Mozilla Foundation (FxEmojis)",
    ),
    "streamline-emojis": icon_set(
        "streamline-emojis", "1.2.4",
        "sha512-iNr9T9XuZVTyQPJO8ZlLxBzPkpi7qMl+z1l0C31vpEMqhPMelth3n7CeWQYtixdetDPdI81yeG4ROqjWpYJE6A==",
        "CC BY 4.0, Streamline (Streamline Emojis, streamlinehq.com)",
    ),
    "names": EMOJI64["names"],
    "groups": EMOJI64["groups"],
    "clip art": Package(
        "openclipart-png", "1:0.18+dfsg-19",
        "sha256:f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
        "pictures, clipart", PUBLIC_DOMAIN, DEBIAN,
    ),
    "clip art's words": Package(
        "openclipart-svg", "1:0.18+dfsg-19",
        "sha256:989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
        "titles and keywords of the clip art", PUBLIC_DOMAIN, DEBIAN,
    ),
}  # fmt: skip

Item = tuple[np.ndarray, dict]


def emoji_sprites(files: Mapping[str, Path]) -> Iterator[Item]:
    """Pictures and rows of all designs: every object's designs one after the other."""
    solid = read(files["fluent-3d"], re.compile(r"assets/[0-9a-f-]+\.webp"))
    ink = read(files["fluent-high-contrast"], re.compile(r"icons/high-contrast/[^/]+\.svg"))
    sets = [
        IconSet(style, json.loads(read(files[style], re.compile("icons.json"))["icons.json"]))
        for style in SETS
    ]
    keywords = json.loads(read(files["names"], re.compile("dist/emoji-en-US.json")).popitem()[1])
    listed = json.loads(read(files["groups"], re.compile("emoji.json"))["emoji.json"])
    for row in objects(listed, keywords):
        name, tags = row["name"], {key: value for key, value in row.items() if key != "name"}
        drawings = {}
        if (webp := solid.get(f"assets/{row['code']}.webp")) is not None:
            drawings["fluent-3d"] = Image.open(io.BytesIO(webp))
        if (svg := ink.get(f"icons/high-contrast/{slug(name)}.svg")) is not None:
            drawings["fluent-high-contrast"] = draw_svg(svg.decode())
        for icons in sets:
            if (svg := icons.svg(name)) is not None:
                drawings[icons.style] = draw_svg(svg)
        for style, drawing in drawings.items():
            if (part := drawn_part(drawing)) is not None:
                yield sprite(part), {"name": name, "style": style, **tags}


def clip_art_sprites(files: Mapping[str, Path]) -> Iterator[Item]:
    """Pictures and rows of the clip art, in the order of the names of their files."""
    words = {
        clip_art.taken(name): svg for name, svg in read(files["clip art's words"], clip_art.taken).items()
    }
    drawn = {clip_art.taken(name): png for name, png in read(files["clip art"], clip_art.taken).items()}
    Image.MAX_IMAGE_PIXELS = None  # the checksum stands for these files; some have 170 million pixels
    for path, svg in sorted(words.items()):
        part = drawn_part(Image.open(io.BytesIO(drawn[path])))
        if part is not None and len(svg) <= clip_art.LARGEST_SVG and clip_art.shows(picture := sprite(part)):
            row = clip_art.row(path, svg.decode("utf-8", errors="replace"))
            yield picture, {"name": row.pop("name"), "style": CLIP_ART, **row}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True, help="folder that is written")
    parser.add_argument("--packages", type=Path, help="folder of the packages (default: TO/packages)")
    args = parser.parse_args()
    folder = args.packages or args.to / "packages"
    files = {key: fetch(package, folder) for key, package in PACKAGES.items()}
    items = [*emoji_sprites(files), *clip_art_sprites(files)]
    args.to.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.to / "sprites.npz", sprites=np.stack([picture for picture, _ in items]))
    (args.to / "sprites.json").write_text(json.dumps([row for _, row in items], ensure_ascii=False))
    (args.to / "licences.json").write_text(
        json.dumps([asdict(p) for p in PACKAGES.values()], indent=1) + "\n"
    )
    print(f"{len(items)} sprites in {args.to}")


if __name__ == "__main__":
    main()
