"""A6's judged γ: which object a prompt asks for; the judge's figures by hand; the pictures by diffusers' own scheduler."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from core.compute.context import JobContext
from core.judged_objects import JudgedObjects, load_judged_objects
from core.object_judge import ObjectJudge, load_object_judge
from lessons.classifier_free_guidance import LESSON
from lessons.judged_guidance import EACH, TOLD, judged, judged_spec, read_instead, run, studies, variety
from lessons.requests import BadRequest
from tests.lesson_runs import BY_CODE

KNOWN = load_judged_objects()


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a photo of a dog", "dog face"),
        ("a 3d render of a grinning face", "grinning face"),
        ("A PHOTO OF A DOG!", "dog face"),
        ("a hot dog", "hot dog"),  # by as many words as there are
        ("an orange cat", "cat face"),  # the first of two that follow each other says of what kind
        ("an orange", "tangerine"),
        ("a boat at sunset", "sailboat"),  # a ground comes behind the object
        ("a cat in a hat", "cat face"),
        ("a t-shirt", "t shirt"),
        ("a lithograph of waterfalls", None),
        ("a high quality photo", None),
        ("", None),
    ],
)
def test_the_object_that_a_prompt_asks_for(prompt, name):
    assert KNOWN.asked_for(prompt) == name


def test_every_object_is_asked_for_by_its_own_name():
    assert len(KNOWN.names) == len(load_object_judge().names) == 264
    assert KNOWN.names == load_object_judge().names
    taken = {KNOWN.asked_for(KNOWN.called(name)) for name in KNOWN.names}
    assert len(taken) == len(KNOWN.names)  # no two share the name that is shown
    few = JudgedObjects({"dog": ("a dog",), "hot dog": ("a hot dog",)}, {})
    assert (
        few.asked_for("two hot dogs, a hot dog") == "hot dog" and few.asked_for("the dog, a hot dog") == "dog"
    )


class Saying(ObjectJudge):
    """Takes the first pixels of a picture for the logits."""

    def forward(self, pictures):
        return pictures[:, 0, 0, : len(self.names)]


def test_the_figures_by_hand():
    saying = Saying(["a", "b", "c"])
    pictures = torch.zeros(4, 3, 64, 64)
    logits = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.8, 0.5], [0.1, 0.2, 0.6], [1.0, 0.3, 0.2]])
    pictures[:, 0, 0, :3] = logits
    found = judged(saying, pictures, asked=0)
    assert found["read"].tolist() == [0, 1, 2, 0] and found["rank"].tolist() == [0, 2, 2, 0]
    assert found["fidelity"] == 0.5 and found["samples"].shape == (4, 64, 64, 3)
    e = np.exp(logits.numpy().astype(float))
    np.testing.assert_allclose(found["probability"], e[:, 0] / e.sum(axis=1), rtol=1e-5)
    assert read_instead([0, 1, 2, 1], ["a", "b", "c"], "a") == {"b": 2, "c": 1}


def test_variety_by_hand():
    grey = torch.stack([torch.full((3, 4, 4), level) for level in (0.0, 0.5, 5.0)])  # 5 is shown as 1
    assert variety(grey) == pytest.approx((0.5 + 1.0 + 0.5) / 3)


def test_a_picture_of_another_size_is_judged_as_it_would_be_shown():
    judge = load_object_judge()
    small = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert judge.probabilities(small).sum(dim=1).allclose(torch.ones(2))


def test_what_the_job_is_asked():
    values = LESSON.defaults() | {"prompt": "a photo of a dog", "gammas": (7.0, 1.0, 7.0)}
    spec = judged_spec(values, "f" * 64)
    assert spec is not None and spec.params["object"] == "dog face" and spec.params["gammas"] == [1.0, 7.0]
    assert studies(values, "f" * 64) == [spec]
    assert studies(values | {"prompt": "waterfalls"}, "f" * 64) == []


@pytest.fixture
def found(job_context: JobContext, untrained, emoji64_fingerprint, monkeypatch):
    """Four steps of γ = 0, 1 and 3."""
    monkeypatch.setattr("core.pretrained.load_pretrained", lambda *_, **__: untrained)
    spec = judged_spec(BY_CODE["A6"].defaults() | {"gammas": (0.0, 1.0, 3.0)}, emoji64_fingerprint)
    events, frames = run({**spec.params, "num_steps": 4}, job_context), []
    while True:
        try:
            frames.append(next(events))
        except StopIteration as end:
            return spec, end.value, frames


def test_the_pictures_are_those_that_diffusers_draws(found, untrained):
    """Each γ by diffusers' scheduler from the same generators: draws of eight pictures, one generator each."""
    spec, trajectory, frames = found
    assert [frame.index for frame in frames] == list(range(3 * TOLD)) and trajectory["samples"].shape[:2] == (
        3,
        EACH,
    )
    embedding, empty = untrained.embed([spec.params["prompt"]] * EACH), untrained.embed([""] * EACH)
    for k, gamma in enumerate((0.0, 1.0, 3.0)):
        scheduler = DDPMScheduler.from_pretrained("assets/models/emoji64/scheduler")
        timesteps = untrained.schedule.strided_timesteps(4)
        scheduler.set_timesteps(timesteps=timesteps)
        generators = [torch.Generator().manual_seed(spec.params["seed"] + place) for place in range(EACH)]
        x = torch.stack([torch.randn(3, 64, 64, generator=generator) for generator in generators])
        for t in timesteps:
            with torch.no_grad():
                u, c = untrained(x, t, empty), untrained(x, t, embedding)
            eps = u[:, :3] + gamma * (c[:, :3] - u[:, :3])
            variance = (c if gamma else u)[:, 3:]
            x = scheduler.step(torch.cat([eps, variance], dim=1), t, x, generator=generators).prev_sample
        drawn = ((x.clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1).numpy()
        assert np.abs(trajectory["samples"][k].astype(float) - drawn).max() <= 1
    assert trajectory["fidelity"].tolist() == [(rank == 0).mean() for rank in trajectory["rank"]]


def test_an_object_that_is_no_class_is_refused(job_context):
    spec = judged_spec(LESSON.defaults(), "f" * 64)
    with pytest.raises(BadRequest, match="knows nothing called wombat"):
        next(run({**spec.params, "object": "wombat"}, job_context))
    with pytest.raises(BadRequest, match="has been replaced"):
        next(run({**spec.params, "judge": "0" * 16}, job_context))
