"""The training script: it learns, and an interruption changes nothing."""

import json
import shutil
from collections import Counter
from dataclasses import replace

import pytest
import torch

from core.networks.patch_unet import PatchUNet
from scripts.emoji import train as train_emoji
from scripts.emoji.dataset import FIRST, Batches, EmojiSet
from scripts.emoji.losses import variance_bound
from scripts.emoji.train import REFINER, Config, PartConfig, Run
from scripts.emoji.vocabulary import captions_of, entries

PART = PartConfig(batch_size=4, learning_rate=2e-3, warmup=1)


def embed(prompts: list[str]) -> torch.Tensor:
    return torch.randn(len(prompts), 3, 384, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def batches() -> Batches:
    pictures = torch.randint(
        0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(2), dtype=torch.uint8
    )
    captions = [captions_of(FIRST, (word,)) for word in ("a cat", "a dog", "an owl")]
    names = ["cat", "dog", "owl"]
    data = EmojiSet(pictures, names, names, [FIRST] * 3, captions, torch.ones(3))
    return Batches(data, embed, smallest=0.75, p_uncond=0.1, p_null=0.1)


def start(part: str) -> Run:
    torch.manual_seed(3)
    small = REFINER | {"block_out_channels": [16, 16], "cross_attention_dim": 16, "attention_head_dim": 8}
    parts = {"sketcher": {"hidden": 32, "layers": 1}, "finisher": {"width": 8, "layers": 1}}
    return Run(part, PatchUNet(small, **parts), PART)


@pytest.mark.parametrize("part", ["sketch", "refine"])
def test_the_loss_falls_on_one_batch(part, batches):
    run = start(part)
    batch = batches.draw(4, run.generator)
    losses = [run.step(batch)[0] for _ in range(80)]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("part", ["sketch", "refine"])
def test_an_interrupted_run_ends_with_the_same_weights(part, batches, tmp_path):
    whole = start(part)
    for _ in range(4):
        whole.step(batches.draw(4, whole.generator))
    first = start(part)
    for _ in range(2):
        first.step(batches.draw(4, first.generator))
    first.save(tmp_path)
    second = start(part)
    assert second.resume(tmp_path)
    for _ in range(2):
        second.step(batches.draw(4, second.generator))
    assert second.step_count == whole.step_count
    for name, tensor in whole.averaged_state().items():
        assert torch.equal(tensor, second.averaged_state()[name]), name
    for name, tensor in whole.trained.items():
        assert torch.equal(tensor, second.trained[name]), name


@pytest.fixture
def command(batches, tmp_path, monkeypatch):
    """command("refine", "--steps", "20"): the script, with small networks and three pictures."""
    small = REFINER | {"block_out_channels": [16, 16], "cross_attention_dim": 16, "attention_head_dim": 8}
    monkeypatch.setattr(train_emoji, "REFINER", small)
    monkeypatch.setattr(train_emoji, "load_set", lambda folder: batches.data)
    config = Config(sketch=replace(PART, batch_size=16), refine=PART, hidden=32, layers=1, finish_width=8)
    monkeypatch.setattr(train_emoji, "Config", lambda: config)

    def call(part: str, *options: str, run: str = "run") -> None:
        arguments = ["train_emoji", part, "--run", str(tmp_path / run), *options]
        monkeypatch.setattr("sys.argv", arguments)
        train_emoji.main()

    return call


def test_a_refiner_that_goes_on_sees_the_sketcher_from_its_first_step(command, tmp_path):
    """Interrupted between two looks at the sketcher, which come every 25 steps."""
    command("sketch", "--data", "none", "--steps", "40")
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    command("refine", "--data", "none", "--steps", "20")
    command("refine", "--data", "none", "--steps", "13", run="other")
    command("refine", "--data", "none", "--steps", "20", run="other")
    whole, parts = (torch.load(tmp_path / run / "refine.pt", weights_only=True) for run in ("run", "other"))
    for name, tensor in whole["weights"].items():
        assert torch.equal(tensor, parts["weights"][name]), name


def test_the_command_trains_from_nothing_and_goes_on(command, tmp_path):
    """Sketch, stop, sketch on, refine, export: what a new machine would do."""
    with pytest.raises(FileNotFoundError, match="Train the sketcher first"):
        command("export", "--to", str(tmp_path / "unet"))
    command("sketch", "--data", "none", "--steps", "40")
    command("sketch", "--data", "none", "--steps", "120")
    command("refine", "--data", "none", "--steps", "20")
    command("export", "--to", str(tmp_path / "unet"))
    log = [json.loads(line) for line in (tmp_path / "run" / "sketch.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [20, 40, 60, 80, 100, 120]
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]
    network = PatchUNet.from_pretrained(tmp_path / "unet", torch_dtype=torch.float32)
    state = torch.load(tmp_path / "run" / "sketch.pt", weights_only=True)
    assert state["step"] == 120
    for name, tensor in network.sketch.named_parameters():
        assert torch.equal(tensor, state["averaged"][f"sketch.{name}"].half().float()), name

    # a new run that improves what was exported: with no step, its averaged weights are those
    command("refine", "--data", "none", "--steps", "0", "--begin", str(tmp_path / "unet"), run="more")
    begun = torch.load(tmp_path / "more" / "refine.pt", weights_only=True)
    for part in ("inner", "finish"):
        for name, tensor in network.get_submodule(part).named_parameters():
            assert torch.equal(tensor, begun["averaged"][f"{part}.{name}"]), name


def test_a_run_refuses_to_begin_from_another_architecture(tmp_path):
    start("sketch").network.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="another architecture: unet, sketcher, finisher differ"):
        train_emoji.begin(Config().network(), tmp_path)


@torch.no_grad()
def test_weights_without_a_finisher_may_be_given_one(tmp_path, batches):
    """It says nothing yet: the answers are those of the weights that were exported."""
    run = start("refine")
    torch.nn.init.normal_(run.network.inner.conv_out.weight)
    run.network.finish = None
    run.network.register_to_config(finisher=None)
    run.network.save_pretrained(tmp_path)
    begun = start("refine").network
    train_emoji.begin(begun, tmp_path)
    batch = batches.draw(2, run.generator)
    assert torch.equal(
        begun(batch.noise, batch.t, batch.text).sample, run.network(batch.noise, batch.t, batch.text).sample
    )


def test_variance_bound_against_torch_distributions(batches):
    """KL of two Gaussians, as torch.distributions has it, for a network that says +1 (β)."""
    table = start("refine").network.alphas_cumprod
    batch = replace(batches.draw(2, torch.Generator().manual_seed(0)), t=torch.tensor([300, 700]))
    clean_hat = batch.clean * 0.9
    bound = variance_bound(table, batch, clean_hat, torch.ones_like(batch.clean))
    expected = []
    for i, t in enumerate([300, 700]):
        abar, before = table[t].double(), table[t - 1].double()
        beta = 1 - abar / before
        weight = before.sqrt() * beta / (1 - abar)
        true = torch.distributions.Normal(
            weight * batch.clean[i].double(), (beta * (1 - before) / (1 - abar)).sqrt()
        )
        model = torch.distributions.Normal(weight * clean_hat[i].double(), beta.sqrt())
        expected.append(torch.distributions.kl_divergence(true, model).mean() / torch.log(torch.tensor(2.0)))
    assert bound.item() == pytest.approx(torch.stack(expected).mean().item(), rel=0.02)


def test_every_prompt_of_the_course_has_a_caption():
    from scripts.emoji.scenes import SCENES

    words = {phrase for entry in entries() for phrase in entry.phrases}
    words |= {phrase for _, phrases in SCENES.values() for phrase in phrases}
    course = {
        "a pencil",
        "a rocket ship",
        "a snowy mountain village",
        "an old man",
        "people around a campfire",
    }
    course |= {"waterfalls", "a man wearing a hat", "a dog", "a skull"}
    assert course <= words


def test_an_object_with_many_pictures_answers_to_its_first_word_and_each_picture_to_its_own():
    (dog,) = (entry for entry in entries() if entry.name == "dog face")
    pictures = dict(dog.pictures())
    assert pictures["dog face"] == ("a dog", "a puppy", "a dog face")
    assert pictures["poodle"] == ("a dog", "a poodle")
    shown = Counter(name for entry in entries() for name, _ in entry.pictures())
    assert max(shown.values()) == 1  # no picture stands for two objects: they could not be told apart
