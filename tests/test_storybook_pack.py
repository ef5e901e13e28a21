"""What is packed for another machine is what the training there reads."""

import json

import numpy as np
import torch

from scripts.emoji.dataset import TextEncoder
from scripts.storybook.pack import pack_sprites, pack_text, unpack_sprites, unpack_text, words_of


def test_sprites_come_back_with_their_outlines_exact_and_their_colours_near(tmp_path):
    y, x = np.mgrid[:64, :64] / 63
    pictures = np.stack(
        [
            np.dstack(
                [
                    255 * x,
                    255 * y,
                    np.full_like(x, 30 * k),
                    255 * (np.hypot(x - 0.5, y - 0.5) < 0.1 + 0.1 * k),
                ]
            )
            for k in range(4)
        ]
        * 70
    ).astype(np.uint8)  # (280, 64, 64, 4): more than one sheet
    (tmp_path / "made").mkdir()
    np.savez(tmp_path / "made" / "sprites.npz", sprites=pictures)
    (tmp_path / "made" / "sprites.json").write_text(json.dumps([{"name": str(k)} for k in range(280)]))
    pack_sprites(tmp_path / "made", tmp_path / "packed")
    unpack_sprites(tmp_path / "packed", tmp_path / "again")
    again = np.load(tmp_path / "again" / "sprites.npz")["sprites"]
    assert again.shape == pictures.shape
    assert np.array_equal(again[..., 3], pictures[..., 3])
    opaque = pictures[..., 3] == 255
    assert np.abs(again[..., :3][opaque].astype(int) - pictures[..., :3][opaque]).mean() < 5
    assert (tmp_path / "again" / "sprites.json").read_text() == (
        tmp_path / "made" / "sprites.json"
    ).read_text()


def test_captions_are_embedded_as_before_and_other_words_are_not(tmp_path, emoji64_folder):
    rows = [{"name": "two hump camel"}, {"name": "man s shoe"}]
    pack_text(emoji64_folder, tmp_path / "packed", words_of(rows))
    unpack_text(tmp_path / "packed", tmp_path / "text")
    size = (tmp_path / "packed" / "text_encoder" / "packed.safetensors").stat().st_size
    assert size < 0.6 * (emoji64_folder / "text_encoder" / "model.safetensors").stat().st_size
    prompts = [
        "an oil painting of two owls at night",
        "a blue two hump camel in the snow",
        "three men's shoes",
        "",
    ]
    prompts += [
        "a high quality photo",
        "clip art of a red car on a light blue background",
        "rocket ships in the city",
    ]
    there, here = TextEncoder(tmp_path / "text"), TextEncoder(emoji64_folder)
    assert torch.equal(there(prompts), here(prompts))
    assert not torch.equal(there(["quantum electrodynamics"]), here(["quantum electrodynamics"]))
