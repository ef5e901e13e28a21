"""Cuts the photographs on which a model is measured that never saw one, and which the lessons open on.

    python -m scripts.storybook.photographs [--packages FOLDER] [--to FOLDER]

Writes PNGs of 64 × 64 pixels and `photographs.json`: what is shown, source, author, licence, crop. The photographs come from
two published packages, fetched with pip and checked against the checksums below, and are never installed. No crop overlaps
another. No script here trains on them.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from scripts.packages import WHEEL, Package, fetch, read

SIZE = 64
TO = Path(__file__).resolve().parents[2] / "assets" / "data" / "photographs"
CC0 = "CC0 1.0"
PUBLIC_DOMAIN = "public domain"

SKIMAGE = Package(
    "scikit-image", "0.26.0", "sha256:74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    "photographs", "each photograph's own", WHEEL,
    "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
)  # fmt: skip
SKLEARN = Package(
    "scikit-learn", "1.9.1", "sha256:52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
    "photographs", "CC BY 2.0", WHEEL,
    "scikit_learn-1.9.1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
)  # fmt: skip


@dataclass(frozen=True)
class Photograph:
    """A whole photograph in a package.

    Attributes:
        file: within the package.
        author, licence: as the package's own documentation gives them.
        origin: the page that it names, if it names one.
    """

    package: Package
    file: str
    author: str
    licence: str
    origin: str = ""


CHELSEA = Photograph(SKIMAGE, "skimage/data/chelsea.png", "Stefan van der Walt", CC0)
COFFEE = Photograph(
    SKIMAGE, "skimage/data/coffee.png", "Rachel Michetti, courtesy of Pikolo Espresso Bar", CC0
)
ASTRONAUT = Photograph(
    SKIMAGE, "skimage/data/astronaut.png", "NASA", PUBLIC_DOMAIN, "https://flic.kr/p/r9qvLn"
)
ROCKET = Photograph(
    SKIMAGE,
    "skimage/data/rocket.jpg",
    "SpaceX",
    PUBLIC_DOMAIN,
    "https://www.flickr.com/photos/spacexphotos/16511594820/",
)
HUBBLE = Photograph(
    SKIMAGE, "skimage/data/hubble_deep_field.jpg", "NASA", PUBLIC_DOMAIN,
    "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
)  # fmt: skip
RETINA = Photograph(
    SKIMAGE, "skimage/data/retina.jpg", "Mikael Häggström", CC0,
    "https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
)  # fmt: skip
CAMERA = Photograph(SKIMAGE, "skimage/data/camera.png", "Lav Varshney", CC0)
COINS = Photograph(
    SKIMAGE, "skimage/data/coins.png", "Brooklyn Museum", "no known copyright restrictions",
    "https://www.brooklynmuseum.org/opencollection/archives/image/51611",
)  # fmt: skip
BRICK = Photograph(
    SKIMAGE, "skimage/data/brick.png", "CC0 Textures", CC0, "https://cc0textures.com/view.php?tex=Bricks25"
)
CHINA = Photograph(
    SKLEARN, "sklearn/datasets/images/china.jpg", "danielbuechele", "CC BY 2.0",
    "https://www.flickr.com/photos/danielbuechele/6061409035/",
)  # fmt: skip
FLOWER = Photograph(  # the package's README names danielbuechele here, too, but links to vultilion's page
    SKLEARN, "sklearn/datasets/images/flower.jpg", "vultilion", "CC BY 2.0",
    "https://www.flickr.com/photos/vultilion/6056698931/",
)  # fmt: skip


@dataclass(frozen=True)
class Crop:
    """A square of a photograph: left, top and side in its pixels. `lesson`: the course opens on it."""

    name: str
    shows: str
    photograph: Photograph
    left: int
    top: int
    side: int
    lesson: bool = False

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.side, self.top + self.side


CROPS = (
    Crop("cat", "the face of a tabby cat", CHELSEA, 75, 0, 300, lesson=True),
    Crop("coffee", "a cup of coffee on a red saucer", COFFEE, 60, 0, 400, lesson=True),
    Crop("table", "a wooden table", COFFEE, 460, 260, 140),
    Crop("astronaut", "an astronaut smiling, Eileen Collins", ASTRONAUT, 92, 0, 240, lesson=True),
    Crop("shuttle", "a model of the space shuttle", ASTRONAUT, 332, 0, 180),
    Crop("rocket", "a rocket before its launch at dusk", ROCKET, 170, 127, 300, lesson=True),
    Crop("galaxies", "galaxies in a black sky", HUBBLE, 560, 330, 300),
    Crop("temple", "a Chinese temple by a lake", CHINA, 50, 20, 340, lesson=True),
    Crop("lake", "trees above a lake in mist", CHINA, 447, 150, 193),
    Crop("dahlia", "an orange dahlia", FLOWER, 150, 60, 320, lesson=True),
    Crop("retina", "the retina of an eye", RETINA, 0, 0, 1411),
    Crop("photographer", "a man with a camera on a tripod, in grey", CAMERA, 30, 30, 410),
    Crop("coins", "old coins, in grey", COINS, 236, 0, 148),
    Crop("bricks", "a pavement of bricks, in grey", BRICK, 0, 0, 256),
)


def cut(crop: Crop, content: bytes) -> Image.Image:
    """The crop, RGB, 64 × 64 (Lanczos).

    Raises:
        ValueError: the crop does not lie within the photograph.
    """
    whole = Image.open(io.BytesIO(content)).convert("RGB")
    left, top, right, bottom = crop.box
    if min(left, top) < 0 or right > whole.width or bottom > whole.height:
        raise ValueError(
            f"Move the crop {crop.name}: it leaves the photograph of {whole.width} × {whole.height} pixels."
        )
    return whole.crop(crop.box).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def entry(crop: Crop) -> dict:
    """What `photographs.json` says of a crop."""
    photograph = crop.photograph
    return {
        "file": f"{crop.name}.png",
        "shows": crop.shows,
        "lesson": crop.lesson,
        "author": photograph.author,
        "licence": photograph.licence,
        "origin": photograph.origin,
        "source": f"{photograph.package.name} {photograph.package.version}, {photograph.file}",
        "crop": list(crop.box),
    }


def write(files: Mapping[Package, Path], to: Path) -> None:
    """All crops and their list into the folder `to`, out of the packages' files."""
    to.mkdir(parents=True, exist_ok=True)
    for package, path in files.items():
        of_package = [crop for crop in CROPS if crop.photograph.package == package]
        content = read(path, {crop.photograph.file for crop in of_package}.__contains__)
        for crop in of_package:
            cut(crop, content[crop.photograph.file]).save(to / f"{crop.name}.png", optimize=True)
    listed = json.dumps([entry(crop) for crop in CROPS], indent=1, ensure_ascii=False)
    (to / "photographs.json").write_text(listed + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=TO, help="folder that is written")
    parser.add_argument("--packages", type=Path, help="folder of the packages (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.packages or Path(temporary)
        write({package: fetch(package, folder) for package in (SKIMAGE, SKLEARN)}, args.to)
    print(f"{len(CROPS)} photographs in {args.to}")


if __name__ == "__main__":
    main()
