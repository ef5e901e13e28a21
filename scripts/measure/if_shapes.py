"""DeepFloyd IF's first stage in its three sizes, by their configurations: how large they are, and folders to rehearse with.

The configurations are those that diffusers' conversion of the original weights gives: four levels of 1, 2, 3 and 4 times
the base channels with three residual blocks each, attention from the second level on. They were not copied from the
licensed folders; that the parameter counts come out at the published 0.4, 0.9 and 4.3 billion is what speaks for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from transformers import T5Config, T5EncoderModel, T5Tokenizer

BASES = {"IF-I-M": 192, "IF-I-L": 320, "IF-I-XL": 704}  # channels of the first level
T5_XXL: Mapping[str, Any] = {
    "vocab_size": 32_128, "d_model": 4096, "d_kv": 64, "d_ff": 10_240, "num_layers": 24, "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def unet_config(base: int) -> dict[str, Any]:
    """Arguments of `UNet2DConditionModel` for the network with `base` channels at its first level."""
    return {
        "sample_size": 64, "in_channels": 3, "out_channels": 6, "layers_per_block": 3,
        "block_out_channels": (base, 2 * base, 3 * base, 4 * base),
        "down_block_types": ("ResnetDownsampleBlock2D", *3 * ("SimpleCrossAttnDownBlock2D",)),
        "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
        "up_block_types": (*3 * ("SimpleCrossAttnUpBlock2D",), "ResnetUpsampleBlock2D"),
        "attention_head_dim": 64, "cross_attention_dim": 4 * base, "cross_attention_norm": "group_norm",
        "encoder_hid_dim": T5_XXL["d_model"], "encoder_hid_dim_type": "text_proj",
        "addition_embed_type": "text", "addition_embed_type_num_heads": 64,
        "resnet_time_scale_shift": "scale_shift", "act_fn": "gelu",
    }  # fmt: skip


def parameters(module_class: type, *arguments: Any, **options: Any) -> int:
    """How many numbers a network has, counted without making it."""
    with torch.device("meta"):
        module = module_class(*arguments, **options)
    return sum(weight.numel() for weight in module.parameters())


def sizes() -> dict[str, int]:
    """Parameters of the three networks, and of the encoder."""
    found = {name: parameters(UNet2DConditionModel, **unet_config(base)) for name, base in BASES.items()}
    return found | {"T5": parameters(T5EncoderModel, T5Config(**T5_XXL))}


def save_rehearsal(folder: Path, base: int = BASES["IF-I-M"], layers: int = 2) -> None:
    """Writes a folder with random weights in float16, as variant "fp16": the network whole, of the encoder `layers` layers.

    Its tokenizer knows letters only: what a prompt means to random weights does not matter, how large its embedding is does.
    """
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float16)
    try:
        UNet2DConditionModel(**unet_config(base)).save_pretrained(folder / "unet", variant="fp16")
        vocabulary = [
            ("<pad>", 0.0),
            ("</s>", 0.0),
            ("<unk>", 0.0),
            ("▁", -2.0),
            *((letter, -3.0) for letter in LETTERS),
        ]
        encoder = T5Config(**{**T5_XXL, "num_layers": layers, "vocab_size": len(vocabulary)})
        T5EncoderModel(encoder).half().save_pretrained(folder / "text_encoder", variant="fp16")
    finally:
        torch.set_default_dtype(torch.float32)
    T5Tokenizer(vocab=vocabulary, extra_ids=0).save_pretrained(folder / "tokenizer")
    DDPMScheduler(
        1000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range", thresholding=True,
        dynamic_thresholding_ratio=0.95, sample_max_value=1.5,
    ).save_pretrained(folder / "scheduler")  # fmt: skip
    parts = {
        "unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "DDPMScheduler"],
        "text_encoder": ["transformers", "T5EncoderModel"], "tokenizer": ["transformers", "T5Tokenizer"],
        "safety_checker": [None, None], "feature_extractor": [None, None], "watermarker": [None, None],
    }  # fmt: skip
    index = {"_class_name": "IFPipeline", **parts}
    (folder / "model_index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
