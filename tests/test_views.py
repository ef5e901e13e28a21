"""Views as matrices: pushing every basis picture through a view gives its Jacobian, and that says it all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from core.diffusion import iterative_denoise
from core.guidance import Anagram, ClassifierFree, Conditional, NoiseEstimate
from core.views import VIEWS, Contrast, Flip, Identity, Jigsaw, Negative, Rotate, Tilt, View

SIDE = 8
PIXELS = 3 * SIDE * SIDE
PRESERVING = {name: view for name, view in VIEWS.items() if view.preserves_noise}
BREAKING = {name: view for name, view in VIEWS.items() if not view.preserves_noise}
MOVING = {name: view for name, view in PRESERVING.items() if name != "negative"}


def each(views: dict[str, View]):
    return pytest.mark.parametrize("view", views.values(), ids=views.keys())


def pictures(batch: int = 2, side: int = SIDE, seed: int = 0) -> Tensor:
    return torch.randn(
        batch, 3, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def matrix(view_map) -> Tensor:
    """J of a linear map of pictures, J[i, j] = d out_i / d in_j, from the images of the basis pictures."""
    basis = torch.eye(PIXELS, dtype=torch.float64).view(PIXELS, 3, SIDE, SIDE)
    return view_map(basis).reshape(PIXELS, PIXELS).T


def test_the_course_has_its_views_and_two_that_break_the_rule():
    assert {"flip", "rotate 180", "rotate 90", "negative", "jigsaw"} <= PRESERVING.keys()
    assert len(BREAKING) == 2


# ---- one view ----------------------------------------------------------------------------------------------


@each(PRESERVING | {"half contrast": Contrast()})
def test_a_view_and_its_inverse_are_the_identity(view):
    x = pictures()
    assert torch.equal(view.inverse(view.forward(x)), x)
    assert torch.equal(view.forward(view.inverse(x)), x)


@each(VIEWS)
def test_a_view_is_linear(view):
    x = pictures(1)
    pushed = (matrix(view.forward) @ x.flatten()).view_as(x)
    torch.testing.assert_close(view.forward(x), pushed, rtol=0, atol=1e-12)


@each(PRESERVING)
def test_a_view_that_preserves_noise_is_orthogonal(view):
    """J J^T = I is the covariance of J z for standard normal z; its mean, J 0, is 0."""
    jacobian = matrix(view.forward)
    eye = torch.eye(PIXELS, dtype=torch.float64)
    assert torch.equal(jacobian @ jacobian.T, eye)
    assert torch.equal(matrix(view.inverse), jacobian.T)


@each(BREAKING)
def test_a_view_that_is_labelled_so_is_not_orthogonal(view):
    jacobian = matrix(view.forward)
    variances = (jacobian @ jacobian.T).diagonal()  # of each pixel of the noise, seen through the view
    assert variances.mean() < 0.8


@each(PRESERVING)
def test_noise_keeps_its_mean_and_covariance(view):
    """By sampling, as a check of the argument with matrices: bounds of five standard errors."""
    n = 20_000
    noise = torch.randn(n, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    seen = view.forward(noise).reshape(n, 16).double()
    covariance = seen.T @ seen / n
    assert seen.mean(dim=0).abs().max() < 5 / n**0.5
    off_diagonal = covariance - torch.diag(covariance.diagonal())
    assert off_diagonal.abs().max() < 5 / n**0.5
    assert (covariance.diagonal() - 1).abs().max() < 5 * (2 / n) ** 0.5


@pytest.mark.parametrize(
    ("view", "operation"),
    [
        (Flip(), Image.Transpose.FLIP_TOP_BOTTOM),
        (Rotate(1), Image.Transpose.ROTATE_90),  # Pillow turns counter-clockwise as well
        (Rotate(2), Image.Transpose.ROTATE_180),
        (Rotate(3), Image.Transpose.ROTATE_270),
    ],
)
def test_views_turn_as_pillow_does(view, operation):
    pixels = np.arange(SIDE * SIDE * 3, dtype=np.uint8).reshape(SIDE, SIDE, 3)
    expected = np.asarray(Image.fromarray(pixels).transpose(operation))
    seen = view.forward(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])
    np.testing.assert_array_equal(seen[0].permute(1, 2, 0).numpy(), expected)


def test_negative_is_the_inverted_picture():
    assert torch.equal(Negative().forward(pictures()), -pictures())


def test_tilt_turns_the_middle_and_comes_back_nearly():
    """A smooth picture, away from the border: the inverse is approximate, and says so."""
    side = 64
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    blob = torch.exp(-((x - 0.4) ** 2 + y**2) / 0.05)[None, None]  # to the right of the middle
    seen = Tilt(30).forward(blob)
    row, column = divmod(int(seen.argmax()), side)
    expected = np.asarray(Image.fromarray(blob[0, 0].numpy()).rotate(30, Image.Resampling.BILINEAR))
    assert np.hypot(*(np.array([row, column]) - np.unravel_index(expected.argmax(), expected.shape))) < 1.5
    error = (Tilt(30).inverse(seen) - blob).abs().max()
    assert 1e-4 < error < 0.05


# ---- the jigsaw --------------------------------------------------------------------------------------------


def test_the_jigsaw_moves_whole_squares():
    pieces = 4
    numbers = torch.arange(pieces**2.0).view(pieces, pieces)
    picture = numbers.repeat_interleave(2, 0).repeat_interleave(2, 1)[
        None, None
    ]  # each square has its number
    seen = (
        Jigsaw(pieces, seed=0)
        .forward(picture)[0, 0]
        .view(pieces, 2, pieces, 2)
        .permute(0, 2, 1, 3)
        .flatten(2)
    )
    assert (seen == seen[..., :1]).all()
    assert sorted(seen[..., 0].flatten().tolist()) == list(range(pieces**2))
    assert not torch.equal(seen[..., 0], numbers)


def test_the_jigsaw_keeps_a_square_upright():
    x = pictures(1)
    seen = Jigsaw(2, seed=1).forward(x)
    squares = [seen[..., i : i + 4, j : j + 4].flatten() for i in (0, 4) for j in (0, 4)]
    for i in (0, 4):
        for j in (0, 4):
            assert any(torch.equal(x[..., i : i + 4, j : j + 4].flatten(), square) for square in squares)


def test_the_jigsaws_seed_decides():
    x = pictures()
    assert torch.equal(Jigsaw(4, 3).forward(x), Jigsaw(4, 3).forward(x))
    assert not torch.equal(Jigsaw(4, 3).forward(x), Jigsaw(4, 4).forward(x))


def test_a_picture_that_cannot_be_cut_is_refused():
    with pytest.raises(ValueError, match="8 x 8 picture cannot be cut into 3 x 3 equal squares"):
        Jigsaw(3).forward(pictures())


# ---- the anagram -------------------------------------------------------------------------------------------

ONE, TWO = pictures(seed=1), pictures(seed=2)


def fixed(eps: Tensor, variance: Tensor):
    return lambda x_t, t: NoiseEstimate(eps, variance)


@each(MOVING)
def test_the_variance_moves_with_its_pixel(view):
    assert torch.equal(view.inverse_places(ONE), view.inverse(ONE))


@pytest.mark.parametrize("view", [Negative(), Contrast()])
def test_the_variance_neither_changes_its_sign_nor_its_size(view):
    assert torch.equal(view.inverse_places(ONE), ONE)


@each(VIEWS)
def test_an_anagram_is_the_mean_of_its_two_readings(view):
    """The course's formula: eps = (eps_1 + view^-1 eps_2) / 2, variance (v_1 + v_2) / 2 at the same places."""
    anagram = Anagram(fixed(ONE, ONE.cos()), fixed(TWO, TWO.cos()), view)(pictures(), 500)
    torch.testing.assert_close(anagram.eps, ONE / 2 + view.inverse(TWO) / 2, rtol=0, atol=1e-15)
    torch.testing.assert_close(
        anagram.variance, ONE.cos() / 2 + view.inverse_places(TWO.cos()) / 2, rtol=0, atol=1e-15
    )
    assert torch.equal(anagram.parts["eps_1"], ONE)
    assert torch.equal(anagram.parts["eps_2"], view.inverse(TWO))


@each(VIEWS)
def test_the_second_reading_sees_the_turned_picture(view):
    seen = []

    def looking(x_t: Tensor, t: int) -> NoiseEstimate:
        seen.append((x_t, t))
        return NoiseEstimate(x_t, x_t)

    Anagram(fixed(ONE, ONE), looking, view)(TWO, 690)
    assert len(seen) == 1
    assert torch.equal(seen[0][0], view.forward(TWO))
    assert seen[0][1] == 690


@each(PRESERVING)
def test_equal_prompts_reduce_to_one_reading_for_a_network_that_reads_every_view_alike(view):
    """eps odd and variance even, each pixel by itself: then turning before is turning after, and the mean of two
    equal readings is the reading, bit for bit."""

    def network(x_t: Tensor, t: int, embedding: Tensor) -> Tensor:
        return torch.cat([x_t * x_t.abs() * embedding.mean(), x_t**2 - 1], dim=1)

    reading = Conditional(network, torch.ones(2, 5, 7))
    x_t = pictures(seed=3)
    anagram, plain = Anagram(reading, reading, view)(x_t, 500), reading(x_t, 500)
    assert torch.equal(anagram.eps, plain.eps)
    assert torch.equal(anagram.variance, plain.variance)


def test_the_identity_view_and_equal_prompts_are_plain_guidance_bit_for_bit(tiny_if):
    """A whole run on a network that reads a turned picture differently, as all real ones do.

    With such a network the identity view alone gives the mean of two prompts' estimates (next test), and equal
    prompts alone give the mean of two readings: only both together are plain guidance.
    """
    plain = ClassifierFree(tiny_if, tiny_if.embed(["a cat"]), tiny_if.embed([""]), 7.0)
    x_t = pictures(1, side=16).float()

    def run(estimator):
        generators = [torch.Generator().manual_seed(0)]
        return list(
            iterative_denoise(
                x_t, tiny_if.schedule.strided_timesteps(6), estimator, tiny_if.schedule, generators
            )
        )

    for one, two in zip(run(plain), run(Anagram(plain, plain, Identity())), strict=True):
        assert torch.equal(one.estimate.eps, two.estimate.eps)
        assert torch.equal(one.estimate.variance, two.estimate.variance)
        assert torch.equal(one.update.x_next, two.update.x_next)
    flipped = run(Anagram(plain, plain, Flip()))
    assert not torch.allclose(flipped[-1].update.x_next, one.update.x_next, atol=1e-3)


def test_the_identity_view_is_the_mean_of_two_prompts(tiny_if):
    cat = ClassifierFree(tiny_if, tiny_if.embed(["a cat"]), tiny_if.embed([""]), 7.0)
    dog = ClassifierFree(tiny_if, tiny_if.embed(["a dog"]), tiny_if.embed([""]), 7.0)
    x_t = pictures(1, side=16).float()
    both = Anagram(cat, dog, Identity())(x_t, 500)
    assert torch.equal(both.eps, (cat(x_t, 500).eps + dog(x_t, 500).eps) / 2)
