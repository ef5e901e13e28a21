"""Trains storybook64, for as long as there is time: hours beside other work, or nine minutes on a GPU.

    nice -n 19 python -m scripts.storybook.train train --sprites SPRITES --minutes 60
    python -m scripts.storybook.train export --to assets/models/storybook64/unet
    python -m scripts.storybook.train gpu --sprites SPRITES --device cuda --minutes 9 --begin UNET --pieces OUT
    python -m scripts.storybook.train join --pieces OUT --run RUN

RUN (default: ~/.cache/diffusion-training/storybook64) holds `state.pt` (weights, their average, optimiser, step), `hours.json`
(what was spent in all) and `log.jsonl`. A training that was stopped goes on as if it had not been, bit for bit: on the same
machine, with as many threads. SIGTERM and Ctrl+C stop it after the step, with a checkpoint. `gpu` begins from the newest
averaged weights and writes what it has in files of at most 15 MB; `join` makes them the run's own. `export` puts `hours.json`
beside the weights, so that a new run that begins from them (`--begin`) goes on counting, and shows no picture again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.networks.storybook_unet import StorybookUNet
from core.training import native_precision
from scripts.emoji.dataset import Batch
from scripts.emoji.losses import variance_bound
from scripts.storybook.batches import Batches, to, x_t_of

RUN = Path("~/.cache/diffusion-training/storybook64").expanduser()
HOURS = "hours.json"
PIECE = 15 * 10**6  # bytes


@dataclass(frozen=True)
class Config:
    """Every choice of the recipe."""

    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup: int = 200  # steps until the full learning rate
    ema: float = 0.9995  # of the averaged weights, which are the ones that ship
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    cap: float = 5.0  # largest weight of an error of x̂₀: min(SNR + 1, cap)
    seed: int = 0
    log_every: int = 20
    checkpoint_seconds: float = 300.0


def loss_of(network: nn.Module, batch: Batch, cap: float) -> tuple[Tensor, Tensor]:
    """Weighted squared error of v, plus the variational bound for the variance; and each picture's error of v (B,).

    ‖v − v̂‖² is (SNR + 1) ‖x₀ − x̂₀‖²; its weight min(SNR + 1, cap)/(SNR + 1) limits that of small noise.
    Source: Hang et al. 2023 (arXiv:2303.09556); Nichol and Dhariwal 2021 (arXiv:2102.09672), section 3.1.
    """
    abar = network.alphas_cumprod[batch.t].view(-1, 1, 1, 1)
    x_t = x_t_of(batch.clean, batch.noise, abar)
    v = abar.sqrt() * batch.noise - (1 - abar).sqrt() * batch.clean
    v_hat, variance = network.velocity(x_t, batch.t, batch.text)
    v_hat, variance = v_hat.float(), variance.float()
    errors = (v_hat - v).square().mean(dim=(1, 2, 3))
    weight = (cap * (1 - abar)).clamp(max=1).flatten()
    clean_hat = (abar.sqrt() * x_t - (1 - abar).sqrt() * v_hat.detach()).clamp(-1, 1)
    bound = variance_bound(network.alphas_cumprod, batch, clean_hat, variance)
    return (weight * errors).mean() + bound, errors.detach()


class Run:
    """A training: the network, the average of its weights, the optimiser and the step."""

    def __init__(self, network: nn.Module, config: Config):
        self.network, self.config = network, config
        self.names, self.weights = zip(*network.named_parameters(), strict=True)
        self.averaged = [p.detach().clone() for p in self.weights]
        self.optimiser = torch.optim.AdamW(
            self.weights,
            lr=config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.step_count = 0
        self.begun = 0  # the step at which this optimiser began, from weights of another run: the rate warms up from there

    def step(self, batch: Batch, share: float = 1.0) -> tuple[float, Tensor]:
        """One step with a share of the learning rate; returns the loss and each picture's squared error of v (B,)."""
        warm = min(1.0, (self.step_count - self.begun + 1) / self.config.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * warm * share
        device = batch.clean.device.type
        precision = native_precision(device)
        # On a CPU the gradient of fused attention in bfloat16 takes four times as long as that of plain products.
        with sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext():
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
                loss, errors = loss_of(self.network, batch, self.config.cap)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.step_count += 1
        keep = min(self.config.ema, self.step_count / (self.step_count + 9))  # a short memory at the start
        torch._foreach_lerp_(self.averaged, [p.detach() for p in self.weights], 1 - keep)
        return loss.item(), errors

    def save(self, folder: Path) -> None:
        """Writes the checkpoint to a temporary file, flushes and renames it."""
        state = {
            "step": self.step_count,
            "begun": self.begun,
            "weights": dict(zip(self.names, (p.detach() for p in self.weights), strict=True)),
            "averaged": dict(zip(self.names, self.averaged, strict=True)),
            "optimiser": self.optimiser.state_dict(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / "state.pt.tmp"
        with unfinished.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / "state.pt")

    def resume(self, folder: Path) -> bool:
        """Goes on from the checkpoint in `folder`, if there is one."""
        if not (folder / "state.pt").exists():
            return False
        state = torch.load(folder / "state.pt", weights_only=True, map_location=self.weights[0].device)
        self.put(state["weights"])
        self.averaged = [state["averaged"][name].clone() for name in self.names]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_count, self.begun = state["step"], state.get("begun", 0)
        return True

    def begin(self, weights: dict[str, Tensor], step: int) -> None:
        """Goes on from weights that another run had after `step` steps, with a fresh optimiser.

        Pictures that were shown must not come again: the run goes on behind them.
        """
        self.put(weights)
        self.step_count = self.begun = step

    @torch.no_grad()
    def put(self, weights: dict[str, Tensor]) -> None:
        """Copies weights into the network and makes them the average. Raises KeyError if one is missing."""
        for name, parameter in zip(self.names, self.weights, strict=True):
            parameter.copy_(weights[name])
        self.averaged = [p.detach().clone() for p in self.weights]


class Stop:
    """Set by SIGTERM or Ctrl+C: the training ends after its step, with a checkpoint."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_) -> None:
        self.asked = True


def train(
    run: Run,
    batches: Batches,
    folder: Path,
    *,
    minutes: float,
    steps: int = 10**9,
    anneal: float = 0.0,
    device: str = "cpu",
    workers: int = 1,
    stop: Stop | None = None,
) -> Run:
    """Trains until the minutes or the steps are over; logs a line of JSON every `log_every` steps.

    In the last `anneal` of the minutes the learning rate falls to 0, which sharpens what is drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started = saved = time.monotonic()
    counted, first = time.process_time(), run.step_count
    losses: list[float] = []
    errors_at: list[Tensor] = []

    def keep() -> None:
        """A checkpoint, and what was spent since the one before."""
        run.save(folder)
        processor, wall = time.process_time() - counted, time.monotonic() - saved
        spend(folder, processor, wall, run.step_count - first, batches.size, device)

    for batch in batches.from_number(run.step_count, workers):
        left = 60 * minutes - (time.monotonic() - started)
        if run.step_count >= steps or left <= 0 or (stop and stop.asked):
            break
        batch = to(batch, device)
        loss, errors = run.step(batch, min(1.0, left / (60 * anneal)) if anneal else 1.0)
        losses.append(loss)
        errors_at.append(torch.stack([batch.t.float(), errors]))
        if run.step_count % run.config.log_every == 0:
            log_line(folder, run.step_count, time.monotonic() - started, losses, errors_at)
            losses, errors_at = [], []
        if time.monotonic() - saved > run.config.checkpoint_seconds:
            keep()
            saved, counted, first = time.monotonic(), time.process_time(), run.step_count
    if losses:
        log_line(folder, run.step_count, time.monotonic() - started, losses, errors_at)
    keep()
    return run


def log_line(folder: Path, step: int, seconds: float, losses: list[float], errors_at: list[Tensor]) -> None:
    """Adds a line to `log.jsonl`: the mean loss, and the mean error of v in four ranges of t, since the line before."""
    t, e = torch.cat(errors_at, dim=1).cpu()
    line: dict[str, float] = {
        "step": step,
        "seconds": round(seconds, 1),
        "loss": round(sum(losses) / len(losses), 5),
    }
    for low in (0, 250, 500, 750):
        seen = e[(t >= low) & (t < low + 250)]
        if len(seen):
            line[f"v_{low}"] = round(seen.mean().item(), 5)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def spend(folder: Path, processor: float, wall: float, steps: int, batch: int, device: str) -> None:
    """Adds to `hours.json`: processor time counts as two-core hours (7,200 s each), a GPU's by the clock."""
    path = folder / HOURS
    total = (
        json.loads(path.read_text())
        if path.exists()
        else {"two_core_hours": 0.0, "gpu_minutes": 0.0, "steps": 0, "pictures": 0}
    )
    if device == "cpu":
        total["two_core_hours"] = round(total["two_core_hours"] + processor / 7200, 4)
    else:
        total["gpu_minutes"] = round(total["gpu_minutes"] + wall / 60, 2)
    total["steps"] += steps
    total["pictures"] += steps * batch
    path.write_text(json.dumps(total) + "\n")


def fresh(seed: int, settings: dict | None = None) -> StorybookUNet:
    """A network that has learnt nothing, the same for the same seed."""
    torch.manual_seed(seed)
    return StorybookUNet(**(settings or {}))


def compiled(network: nn.Module) -> None:
    """Has torch.compile make the kernels: `gpu` does so always, not tried yet; two cores gained nothing from it."""
    network.velocity = torch.compile(network.velocity)


def averaged_network(folder: Path) -> StorybookUNet:
    """The run's averaged weights in a network of its own, float32."""
    state = torch.load(folder / "state.pt", weights_only=True, map_location="cpu")
    network = fresh(0)
    network.load_state_dict(state["averaged"], strict=True)
    return network


def export(folder: Path, target: Path) -> None:
    """Writes the averaged weights as a diffusers folder in float16."""
    averaged_network(folder).half().save_pretrained(target)
    (target / HOURS).write_bytes((folder / HOURS).read_bytes())
    for path in target.iterdir():
        path.chmod(0o644)


def write_pieces(folder: Path, pieces: Path) -> None:
    """The averaged weights in float16, cut into files of at most 15 MB, with hours.json and the log."""
    pieces.mkdir(parents=True, exist_ok=True)
    export(folder, pieces / "unet")
    whole = pieces / "unet" / "diffusion_pytorch_model.safetensors"
    data = whole.read_bytes()
    for k in range(0, len(data), PIECE):
        (pieces / f"weights.{k // PIECE:03d}").write_bytes(data[k : k + PIECE])
    whole.unlink()
    for name in (HOURS, "log.jsonl"):
        (pieces / name).write_bytes((folder / name).read_bytes())


def join(pieces: Path, folder: Path) -> None:
    """Makes pieces the weights of a run: it goes on from them with a fresh optimiser. Hours and log are added."""
    target = folder / "unet"
    target.mkdir(parents=True, exist_ok=True)
    parts = sorted(pieces.glob("weights.*"))
    if not parts:
        raise FileNotFoundError(f"There are no files weights.000, weights.001, … in {pieces}.")
    (target / "diffusion_pytorch_model.safetensors").write_bytes(b"".join(p.read_bytes() for p in parts))
    (target / "config.json").write_bytes((pieces / "unet" / "config.json").read_bytes())
    begun = StorybookUNet.from_pretrained(target, torch_dtype=torch.float32, low_cpu_mem_usage=False)
    run = Run(fresh(0), Config())
    log = [json.loads(line) for line in (pieces / "log.jsonl").read_text().splitlines()]
    run.begin(dict(begun.named_parameters()), max((line["step"] for line in log), default=0))
    run.save(folder)
    spent, own = json.loads((pieces / HOURS).read_text()), folder / HOURS
    total = json.loads(own.read_text()) if own.exists() else dict.fromkeys(spent, 0)
    own.write_text(json.dumps({key: round(total[key] + spent[key], 4) for key in spent}) + "\n")
    with (folder / "log.jsonl").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in log)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "export", "gpu", "join"])
    parser.add_argument("--run", type=Path, default=RUN, help="folder of the checkpoint, hours and log")
    parser.add_argument("--sprites", type=Path, help="folder with sprites.npz and sprites.json")
    parser.add_argument(
        "--text",
        type=Path,
        default=Path("assets/models/emoji64"),
        help="folder with tokenizer and text_encoder",
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument(
        "--anneal", type=float, default=0.0, help="in so many last minutes the rate falls to 0"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--workers",
        type=int,
        help="processes that compose pictures (default: 1, with a GPU all cores but two)",
    )
    parser.add_argument("--batch", type=int, help="pictures in a step (default: 32, with a GPU 512)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--begin", type=Path, help="folder of exported weights from which a new run begins")
    parser.add_argument(
        "--compile", action="store_true", help="compile the network; on two cores nothing was gained"
    )
    parser.add_argument(
        "--part", type=int, choices=[0, 1], help="train on one of two disjoint halves of the sprites"
    )
    parser.add_argument("--to", type=Path, help="where export writes")
    parser.add_argument("--pieces", type=Path, help="folder of pieces that gpu writes and join reads")
    args = parser.parse_args()
    if args.what == "export":
        if args.to is None:
            parser.error("say where to write with --to")
        return export(args.run, args.to)
    if args.what == "join":
        if args.pieces is None:
            parser.error("say where the pieces lie with --pieces")
        return join(args.pieces, args.run)
    if args.sprites is None:
        parser.error("say where the sprites lie with --sprites")
    on_gpu = args.device != "cpu"
    config = replace(Config(), batch_size=args.batch or (512 if on_gpu else 32))
    torch.set_num_threads(args.threads)
    network = fresh(config.seed).to(args.device)
    network.train()
    run = Run(network, config)
    if not run.resume(args.run) and args.begin:
        begun = StorybookUNet.from_pretrained(args.begin, torch_dtype=torch.float32, low_cpu_mem_usage=False)
        spent = args.begin / HOURS
        run.begin(
            dict(begun.named_parameters()), json.loads(spent.read_text())["steps"] if spent.exists() else 0
        )
        if spent.exists():
            args.run.mkdir(parents=True, exist_ok=True)
            (args.run / HOURS).write_bytes(spent.read_bytes())
    if args.compile or args.what == "gpu":
        compiled(network)
    batches = Batches(args.sprites, args.text, config.batch_size, config.seed, args.part)
    workers = (
        args.workers if args.workers is not None else (max(1, (os.cpu_count() or 2) - 2) if on_gpu else 1)
    )
    anneal = args.anneal or (0.35 * args.minutes if args.what == "gpu" else 0.0)
    train(
        run, batches, args.run, minutes=args.minutes, steps=args.steps, anneal=anneal,
        device=args.device, workers=workers, stop=Stop(),
    )  # fmt: skip
    if args.what == "gpu":
        if args.pieces is None:
            parser.error("say where to write the pieces with --pieces")
        write_pieces(args.run, args.pieces)
    return None


if __name__ == "__main__":
    main()
