"""Trains emoji64: a sketcher that remembers, a UNet that corrects it, and a finisher that cleans up.

    python -m scripts.emoji.train sketch --data FOLDER --run RUN --minutes 30
    python -m scripts.emoji.train refine --data FOLDER --run RUN --minutes 30
    python -m scripts.emoji.train export --run RUN --to assets/models/emoji64/unet

`refine` trains the UNet and the finisher. Both parts may run side by side: the second reads the first's averaged weights
as they improve. Both go on where the last checkpoint in RUN stopped; an interrupted run and an uninterrupted one give the
same weights. A new run begins from nothing, or with `--begin assets/models/emoji64/unet` from weights that were exported.
FOLDER holds `pictures.npz` (`pictures`: uint8, N × 64 × 64 × 3, on white) and `captions.json` (a row a picture: `name`,
`style`).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from core.networks.patch_unet import PatchUNet
from core.training import native_precision
from scripts.emoji.dataset import Batch, Batches, TextEncoder, load_set
from scripts.emoji.losses import sketch_loss, velocity_loss

REFINER = {
    "block_out_channels": [128, 128],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "cross_attention_dim": 128,
    "encoder_hid_dim": 384,
    "encoder_hid_dim_type": "text_proj",
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 8,
    "attention_head_dim": 32,
    "norm_num_groups": 16,
    "resnet_time_scale_shift": "scale_shift",
}


@dataclass(frozen=True)
class PartConfig:
    """How one of the two networks is trained."""

    batch_size: int
    learning_rate: float
    warmup: int  # steps until the full learning rate
    ema: float = 0.998  # of the averaged weights, which are the ones that ship
    weight_decay: float = 0.01
    seed: int = 0


@dataclass(frozen=True)
class Config:
    """Every choice of the recipe."""

    sketch: PartConfig = PartConfig(batch_size=128, learning_rate=1e-3, warmup=50)
    refine: PartConfig = PartConfig(batch_size=32, learning_rate=1.5e-3, warmup=50)
    hidden: int = 1024
    layers: int = 2
    finish_width: int = 32
    finish_layers: int = 3
    smallest: float = 1.0  # pictures are mirrored; below 1 also reduced to this size at least, and moved
    p_uncond: float = 0.1  # share of empty prompts
    p_null: float = 0.06  # share of 'a high quality photo' for the first style
    precision: str = "fastest"  # of the products in a step: "float32", "bfloat16", or the faster one here
    checkpoint_seconds: float = 60.0
    threads: int = 1

    def network(self) -> PatchUNet:
        """A fresh network, the same for the same PyTorch seed."""
        return PatchUNet(
            REFINER,
            sketcher={"hidden": self.hidden, "layers": self.layers},
            finisher={"width": self.finish_width, "layers": self.finish_layers},
        )


def parameters_of(network: PatchUNet, part: str) -> dict[str, nn.Parameter]:
    """Of "sketch" the sketcher's parameters under their names in the network, of "refine" all others."""
    sketch = part == "sketch"
    return {name: p for name, p in network.named_parameters() if name.startswith("sketch.") == sketch}


@torch.no_grad()
def put(weights: dict[str, Tensor], network: PatchUNet) -> None:
    """Copies parameters into the network, each under its name there.

    Raises KeyError if the network has no such parameter, RuntimeError if its shape is another one.
    """
    parameters = dict(network.named_parameters())
    for name, tensor in weights.items():
        parameters[name].copy_(tensor)


class Run:
    """One part in training: its weights, their average, the optimiser, the generator and the step."""

    def __init__(self, part: str, network: PatchUNet, config: PartConfig):
        self.part, self.network, self.config = part, network, config
        self.trained = parameters_of(network, part)
        self.averaged = [p.detach().clone() for p in self.trained.values()]
        self.optimiser = torch.optim.AdamW(
            self.trained.values(),
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        self.step_count = 0

    def step(self, batch: Batch, share: float = 1.0) -> tuple[float, Tensor]:
        """One step with a share of the learning rate; returns the loss and each picture's squared error (B,)."""
        for group in self.optimiser.param_groups:
            warm = min(1.0, (self.step_count + 1) / self.config.warmup)
            group["lr"] = self.config.learning_rate * warm * share
        loss, errors = (sketch_loss if self.part == "sketch" else velocity_loss)(self.network, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        self.optimiser.step()
        self.step_count += 1
        keep = min(self.config.ema, self.step_count / (self.step_count + 9))  # a short memory at the start
        torch._foreach_lerp_(self.averaged, [p.detach() for p in self.trained.values()], 1 - keep)
        return loss.item(), errors

    def averaged_state(self) -> dict[str, Tensor]:
        """The averaged weights under their names."""
        return dict(zip(self.trained, self.averaged, strict=True))

    def save(self, folder: Path) -> None:
        """Writes the checkpoint to a temporary file, flushes and renames it."""
        state = {
            "step": self.step_count,
            "weights": {name: p.detach() for name, p in self.trained.items()},
            "averaged": self.averaged_state(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{self.part}.pt.tmp"
        with unfinished.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / f"{self.part}.pt")

    def resume(self, folder: Path) -> bool:
        """Goes on from the checkpoint in `folder`, if there is one."""
        path = folder / f"{self.part}.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        put(state["weights"], self.network)
        self.averaged = [state["averaged"][name].clone() for name in self.trained]
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.step_count = state["step"]
        return True


def begin(network: PatchUNet, folder: Path) -> None:
    """Puts exported weights into the network, for a run that improves them.

    Weights without a finisher may be given one: a fresh one says nothing yet.
    Raises ValueError if they are of another architecture, OSError if `folder` holds none.
    """
    exported = PatchUNet.from_pretrained(folder, torch_dtype=torch.float32)
    if differing := [
        key
        for key, value in network.config.items()
        if key[0] != "_" and exported.config.get(key) not in (value, *([None] if key == "finisher" else []))
    ]:
        raise ValueError(f"{folder} holds weights of another architecture: {', '.join(differing)} differ.")
    put(dict(exported.named_parameters()), network)


def read_sketcher(network: PatchUNet, folder: Path, *, needed: bool) -> None:
    """Puts the averaged sketcher of the run into the network."""
    path = folder / "sketch.pt"
    if path.exists():
        put(torch.load(path, weights_only=True)["averaged"], network)
    elif needed:
        raise FileNotFoundError(f"Train the sketcher first: there is no {path}.")


def train(
    part: str,
    config: Config,
    data: Path,
    text: Path,
    folder: Path,
    minutes: float,
    steps: int,
    anneal: float = 0,
    exported: Path | None = None,
    compiled: bool = False,
) -> Run:
    """Trains one part until the minutes or the steps are over; logs a line of JSON every 20 steps.

    In the last `anneal` of the minutes the learning rate falls to 0, which sharpens what is drawn. A run without a
    checkpoint begins from the weights in `exported`, if that is given. `compiled` has torch.compile make the UNet's
    kernels: that takes a minute or two and a C++ compiler, and after that a step takes a quarter less.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.sketch.seed)
    network = config.network()
    if exported:
        begin(network, exported)
    network.to(memory_format=torch.channels_last)
    if compiled:
        for module in (network.inner, network.finish):
            module.forward = torch.compile(module.forward)
    run = Run(part, network, config.sketch if part == "sketch" else config.refine)
    run.resume(folder)
    precision = native_precision("cpu") if config.precision == "fastest" else config.precision
    batches = Batches(
        load_set(data),
        TextEncoder(text),
        smallest=config.smallest,
        p_uncond=config.p_uncond,
        p_null=config.p_null,
    )
    if part == "refine":  # the run may go on between two looks at the sketcher
        read_sketcher(network, folder, needed=False)
    folder.mkdir(parents=True, exist_ok=True)
    started = saved = time.monotonic()
    losses: list[float] = []
    while run.step_count < steps and (left := 60 * minutes - (time.monotonic() - started)) > 0:
        if part == "refine" and run.step_count % 25 == 0:
            read_sketcher(network, folder, needed=False)
        batch = batches.draw(run.config.batch_size, run.generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss, errors = run.step(batch, min(1.0, left / (60 * anneal)) if anneal else 1.0)
        losses.append(loss)
        if run.step_count % 20 == 0:
            line = {
                "step": run.step_count,
                "seconds": round(time.monotonic() - started, 1),
                "loss": round(sum(losses) / len(losses), 5),
                "error_low_t": round(errors[batch.t < 333].mean().item(), 5),
                "error_high_t": round(errors[batch.t >= 666].mean().item(), 5),
            }
            with (folder / f"{part}.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            losses = []
        if time.monotonic() - saved > config.checkpoint_seconds:
            run.save(folder)
            saved = time.monotonic()
    run.save(folder)
    return run


def export(config: Config, folder: Path, target: Path) -> None:
    """Writes the averaged weights of both parts as a diffusers folder in float16."""
    network = config.network()
    read_sketcher(network, folder, needed=True)
    put(torch.load(folder / "refine.pt", weights_only=True)["averaged"], network)
    network.half().save_pretrained(target)
    for path in target.iterdir():
        path.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["sketch", "refine", "export"])
    parser.add_argument("--run", type=Path, required=True, help="folder of the checkpoints and logs")
    parser.add_argument("--data", type=Path, help="folder with pictures.npz and captions.json")
    parser.add_argument("--text", type=Path, default=Path("assets/models/emoji64"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument(
        "--anneal", type=float, default=0.0, help="in so many last minutes the rate falls to 0"
    )
    parser.add_argument("--begin", type=Path, help="folder of exported weights from which a new run begins")
    parser.add_argument("--compile", action="store_true", help="compile the UNet: pays from half an hour on")
    parser.add_argument("--to", type=Path, help="where export writes")
    args = parser.parse_args()
    if args.part == "export":
        if args.to is None:
            parser.error("say where to write with --to")
        export(Config(), args.run, args.to)
    else:
        if args.data is None:
            parser.error("say where the data lies with --data")
        train(
            args.part,
            Config(),
            args.data,
            args.text,
            args.run,
            args.minutes,
            args.steps,
            args.anneal,
            args.begin,
            args.compile,
        )


if __name__ == "__main__":
    main()
