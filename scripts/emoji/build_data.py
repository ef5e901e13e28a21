"""Builds the picture-caption set of emoji64 from published npm packages.

    python -m pip install -r requirements-train.txt
    python -m scripts.emoji.build_data --to FOLDER [--tarballs FOLDER]

Writes `pictures.npz` (`pictures`: uint8, 5497 × 64 × 64 × 3, on white with a margin of two pixels), `captions.json` (a row a
picture, in the same order: code, style, name, tags, group, subgroup) and `licences.json`. The packages, 140 MB in all, are
fetched with `npm pack` into --tarballs, or taken from there, and checked against the checksums below. The same
pixels at every run. Left out: flags, keycaps, letters, skin tones.
"""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.packages import Package, fetch, read

SIZE, MARGIN = 64, 2
DRAWN = 128  # pixels at which an SVG is drawn before it is reduced
TAGS = 5  # of emojilib's keywords, after the name
LEFT_OUT = {"Flags", "Component"}, {"keycap", "alphanum", "skin-tone"}  # categories, subcategories


FLUENT = "MIT, Copyright (c) Microsoft Corporation (Fluent Emoji)"
PACKAGES = {
    "3d": Package(
        "@lobehub/fluent-emoji-3d", "1.1.0",
        "sha512-Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
        "pictures, fluent-3d", FLUENT,
    ),
    "noto": Package(
        "emoji-datasource-google", "16.0.0",
        "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
        "pictures, noto (img/google/64)", "Apache-2.0, Copyright Google LLC (Noto Emoji)",
    ),
    "svg": Package(
        "fluentui-emoji", "1.3.0",
        "sha512-JTXXwqIie2rWTgOkIJDJxr0WtwTz2WU4kdOq8buLVThYwQ264aFR2jdTyuon2oEbLqqGMT64zI4btyn1saB2xw==",
        "pictures, fluent-flat and fluent-high-contrast", FLUENT,
    ),
    "names": Package(
        "emojilib", "4.0.3",
        "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
        "names and tags", "MIT, Copyright (c) 2014 Mu-An Chiou",
    ),
    "groups": Package(
        "emoji-datasource", "16.0.0",
        "sha512-/qHKqK5Nr3+8zhgO6kHmF43Fm5C8HNn0AaFRIpgw8HF3+uF0Vfc8jgLI1ZQS5ba1vBzksS8NBCjHejwLb2D/Sg==",
        "code points, groups and subgroups", "MIT, Copyright (c) 2013 Cal Henderson",
    ),
}  # fmt: skip


def on_white(picture: Image.Image) -> np.ndarray:
    """Any picture with transparency → uint8 (64, 64, 3): reduced, then laid on white with its margin."""
    inside = SIZE - 2 * MARGIN
    reduced = picture.convert("RGBA").resize((inside, inside), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (SIZE, SIZE), "white")
    canvas.alpha_composite(reduced, (MARGIN, MARGIN))
    return np.asarray(canvas.convert("RGB"))


def draw_svg(source: bytes) -> Image.Image:
    """An SVG, 128 × 128, RGBA."""
    import resvg_py  # only this script needs it

    drawn = resvg_py.svg_to_bytes(svg_string=source.decode(), width=DRAWN, height=DRAWN)
    return Image.open(io.BytesIO(bytes(drawn)))


def slug(name: str) -> str:
    """'1st place medal' → '1st-place-medal', as fluentui-emoji names its files."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def rows(listed: list[Mapping], keywords: Mapping[str, list[str]]) -> Iterator[dict]:
    """A row for every emoji that is not left out, without a style yet, in the order of emoji-datasource."""
    for emoji in listed:
        if emoji["category"] in LEFT_OUT[0] or emoji["subcategory"] in LEFT_OUT[1]:
            continue
        code = emoji["unified"].lower()
        words = keywords["".join(chr(int(part, 16)) for part in code.split("-"))]
        name, *tags = (word.replace("_", " ") for word in words)
        yield {
            "code": code, "name": name, "tags": tags[:TAGS],
            "group": emoji["category"], "subgroup": emoji["subcategory"],
        }  # fmt: skip


def build(tarballs: Mapping[str, Path]) -> tuple[np.ndarray, list[dict]]:
    """All pictures, uint8 (N, 64, 64, 3), and their rows."""
    solid = read(tarballs["3d"], re.compile(r"assets/[0-9a-f-]+\.webp"))
    noto = read(tarballs["noto"], re.compile(r"img/google/64/[0-9a-f-]+\.png"))
    drawn = read(tarballs["svg"], re.compile(r"icons/(flat|high-contrast)/[^/]+\.svg"))
    keywords = json.loads(read(tarballs["names"], re.compile("dist/emoji-en-US.json")).popitem()[1])
    listed = json.loads(read(tarballs["groups"], re.compile("emoji.json")).popitem()[1])
    pictures, captions = [], []
    for row in rows(listed, keywords):
        code, file = row["code"], slug(row["name"])
        sources = {
            "fluent-3d": solid.get(f"assets/{code}.webp"),
            "noto": noto.get(f"img/google/64/{code}.png"),
            "fluent-high-contrast": drawn.get(f"icons/high-contrast/{file}.svg"),
            "fluent-flat": drawn.get(f"icons/flat/{file}.svg"),
        }
        for style, source in sources.items():
            if source is not None:
                svg = style in ("fluent-high-contrast", "fluent-flat")
                pictures.append(on_white(draw_svg(source) if svg else Image.open(io.BytesIO(source))))
                captions.append(
                    {"code": code, "style": style, **{k: v for k, v in row.items() if k != "code"}}
                )
    return np.stack(pictures), captions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True, help="folder that is written")
    parser.add_argument("--tarballs", type=Path, help="folder of the packages (default: TO/tarballs)")
    args = parser.parse_args()
    folder = args.tarballs or args.to / "tarballs"
    pictures, captions = build({key: fetch(package, folder) for key, package in PACKAGES.items()})
    args.to.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.to / "pictures.npz", pictures=pictures)
    (args.to / "captions.json").write_text(json.dumps(captions, ensure_ascii=False))
    (args.to / "licences.json").write_text(
        json.dumps([asdict(p) for p in PACKAGES.values()], indent=1) + "\n"
    )
    print(f"{len(pictures)} pictures in {args.to}")


if __name__ == "__main__":
    main()
