"""Renders the model card from a report: `card.md` with its gaps filled in, and its pictures as small files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from PIL import Image

from scripts.emoji.sheets import write

TEMPLATE = Path(__file__).with_name("card.md")
PICTURES = ("sheet", "course", "guidance", "denoising")
SPACE_NAMES = {"pixels16": "colours", "gradients": "gradients"}


def write_card(report_folder: Path, card: Path, pictures: Path) -> None:
    """Writes the card, and its pictures as `emoji64-<name>.webp` into `pictures`, which the card links relatively.

    Raises:
        FileNotFoundError: the report or one of its sheets is missing.
    """
    report = json.loads((report_folder / "report.json").read_text())
    links = {}
    pictures.mkdir(parents=True, exist_ok=True)
    card.parent.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        target = pictures / f"emoji64-{name}.webp"
        with Image.open(report_folder / f"{name}.png") as picture:
            write(picture.convert("RGB"), target)
        links[f"{name}_png"] = Path(os.path.relpath(target, card.parent)).as_posix()
    card.write_text(Template(render(report)).substitute(links))


def render(report: Mapping) -> str:
    """The text of the card; the links to its pictures are left open."""
    fidelity, memory = report["fidelity"]["by_guidance"], report["memory"]
    gaps = {
        "objects": report["objects"] - 4,
        "training_pictures": f"{report['training_pictures']:,}",
        "heldout": report["heldout"],
        "parameters": f"{report['parameters'] / 1e6:.1f}",
        "megabytes": f"{report['megabytes']:.0f}",
        "recipe": recipe(report["recipe"]),
        "count": max(entry["prompts"] for entry in fidelity),
        "shown": f"{report['fidelity']['shown']:g}",
        "chance": percent(1 / report["objects"]),
        "fidelity": fidelity_table(fidelity),
        "set_diversity": f"{report['diversity']['training_set']:.2f}",
        "diversity": ", ".join(
            f"{entry['mean']:.2f} at γ = {name.removeprefix('guidance_')}"
            for name, entry in report["diversity"].items()
            if name.startswith("guidance_")
        ),
        "memory": memory_table(memory),
        "extracted": percent(memory["extracted"]),
        "nearer": percent(memory["nearer_than_5%_of_heldout"]),
        "errors": error_table(report["denoising"]),
        "ratios": ratio_table(report["denoising"]),
        "sheet_top1": percent(report["sheet"]["top1"]),
        "sheet_top5": percent(report["sheet"]["top5"]),
        "limits": weakest(report["sheet"]),
    }
    return Template(TEMPLATE.read_text()).safe_substitute(gaps)


def percent(value: float) -> str:
    """0.12 → '12 %'; with a decimal below 1 % and between 99 and 100 %, where whole numbers would hide what there is."""
    close = value < 0.01 or 0.99 < value < 1
    return f"{value:.{int(close)}%}".replace("%", " %")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def fidelity_table(by_guidance: Sequence[Mapping]) -> str:
    head = [
        "γ",
        "prompts",
        *(
            f"{SPACE_NAMES[s]}: {what}"
            for s in SPACE_NAMES
            for what in ("top-1", "top-5", "subgroup", "style")
        ),
    ]
    keys = ("top1", "top5", "subgroup1", "style")
    rows = [
        [
            f"{entry['guidance_scale']:g}",
            entry["prompts"],
            *(percent(entry[space][key]) for space in SPACE_NAMES for key in keys),
        ]
        for entry in by_guidance
    ]
    return table(head, rows)


def memory_table(memory: Mapping) -> str:
    names = {
        "samples": "samples, γ = 4",
        "heldout": "held-out pictures",
        "training_without_itself": "training pictures, to the nearest other",
    }
    marks = list(memory["samples"])
    rows = [[label, *(f"{memory[key][m]:.2f}" for m in marks)] for key, label in names.items()]
    return table(["", *marks], rows)


def error_table(denoising: Mapping) -> str:
    columns = [
        (kind, measure) for kind in ("heldout", "training") for measure in ("network", "blur", "memory")
    ]
    bins = list(denoising["heldout"]["network"]["bins"])
    names = {"heldout": "held out", "training": "training"}
    rows = [[f"t = {b}", *(f"{denoising[k][m]['bins'][b]:.4f}" for k, m in columns)] for b in bins]
    return table(["", *(f"{names[k]}: {m}" for k, m in columns)], rows)


def ratio_table(denoising: Mapping) -> str:
    bins = list(denoising["heldout"]["ratio"]["bins"])
    rows = [
        [label, *(f"{denoising[kind]['ratio']['bins'][b]:.2f}" for b in bins)]
        for kind, label in (("training", "training pictures"), ("heldout", "held-out pictures"))
    ]
    return table(["", *bins], rows)


def recipe(found: Mapping) -> str:
    """The configuration and what the logs tell, as a table of both parts."""
    parts = ("sketch", "refine")
    config = found["config"]
    rows = [[name.replace("_", " "), *(config[part][name] for part in parts)] for name in config["sketch"]]
    logs = [found.get(part) for part in parts]
    if all(logs):
        rows += [[name.replace("_", " "), *(log[name] for log in logs)] for name in logs[0]]
    shared = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in config.items() if k not in parts)
    return table(["", "sketcher", "UNet"], rows) + f"\n\nFor both: {shared}."


def weakest(sheet: Mapping) -> str:
    """The prompts of the sheet whose object came out last: said, not hidden."""
    worst = sorted(zip(sheet["ranks"], sheet["prompts"], strict=True), reverse=True)[:6]
    missed = [f"*{prompt}* (rank {rank + 1})" for rank, prompt in worst if rank >= 5]
    if not missed:
        return "On the sheet above every object is among the five nearest."
    return f"The furthest from what was asked on the sheet above: {', '.join(missed)}."
