"""Writes a tiny random model in the DeepFloyd-IF format.

It is made of diffusers' and transformers' own classes, with no part of ours, and saved by them: whatever our
loader and our loop make of it can be held against theirs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, IFPipeline, UNet2DConditionModel
from transformers import T5Config, T5EncoderModel, T5Tokenizer

TEXT_WIDTH = 24
WORDS = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
LETTERS = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz"]

UNET: dict[str, Any] = {
    "sample_size": 16,  # pixels
    "in_channels": 3,
    "out_channels": 6,
    "layers_per_block": 1,
    "block_out_channels": (16, 32),
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "norm_num_groups": 8,
    "attention_head_dim": 8,
    "cross_attention_dim": 16,
    "encoder_hid_dim": TEXT_WIDTH,
    "encoder_hid_dim_type": "text_proj",
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 2,
    "resnet_time_scale_shift": "scale_shift",
    "act_fn": "gelu",
}


def save_tiny_if(folder: Path, *, thresholding: bool = False, **unet_changes: Any) -> None:
    """Writes the model to `folder`; `unet_changes` replace entries of `UNET`.

    `thresholding` are the values of DeepFloyd IF's own first stage, whose pipeline scales where the course clips.
    """
    torch.manual_seed(0)
    encoder = T5Config(
        vocab_size=len(WORDS + LETTERS), d_model=TEXT_WIDTH, d_kv=8, d_ff=32, num_layers=2, num_heads=3
    )
    IFPipeline(
        tokenizer=T5Tokenizer(vocab=WORDS + LETTERS, extra_ids=0),
        text_encoder=T5EncoderModel(encoder).eval(),
        unet=UNet2DConditionModel(**UNET | unet_changes).eval(),
        scheduler=DDPMScheduler(
            1000,
            beta_schedule="squaredcos_cap_v2",
            variance_type="learned_range",
            thresholding=thresholding,
            dynamic_thresholding_ratio=0.95,
            sample_max_value=1.5,
        ),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
