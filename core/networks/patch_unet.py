"""A small text-conditioned noise estimator that keeps the DeepFloyd-IF stage-1 contract.

A UNet over all 64×64 pixels is too slow for a CPU. This one folds every 4×4 square of pixels into the
channels, runs an ordinary diffusers UNet at 16×16, and unfolds its answer. Before it may stand a `Sketcher`, after it
a `Finisher`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from core.networks.finisher import Finisher
from core.networks.sketcher import Sketcher


class PatchUNetError(ValueError):
    """The configuration or an input of a PatchUNet does not fit."""


@dataclass
class PatchUNetOutput(BaseOutput):
    """`sample`: (batch, 6, height, width), the noise estimate and the variance interpolation."""

    sample: Tensor


class PatchUNet(ModelMixin, ConfigMixin):
    """Estimates noise and variance of a picture: (x_t, t, prompt embedding) → 3 + 3 channels.

    Inside, the UNet estimates the velocity v = √ᾱ ε − √(1−ᾱ) x₀ of the folded picture z. Outside stands the
    noise, recovered as ε̂ = √(1−ᾱ) z + √ᾱ v. At large t the first term alone is almost the noise, so the
    network spends its few parameters on what is not yet in the picture.

    Args:
        unet: arguments of the inner `UNet2DConditionModel`; its input channels are 3·patch_size², its output
            channels twice that.
        sample_size: height and width of the picture in pixels.
        patch_size: side of the squares of pixels that become channels.
        sketcher: arguments of a `Sketcher`, whose guess of the clean picture the UNet corrects; None for none.
        sketch_variance: the sketcher's mean squared error, κ below.
        finisher: arguments of a `Finisher`, which corrects what the UNet says; None for none.
        num_train_timesteps, beta_schedule: as in `DDPMScheduler`; they fix ᾱ.
        in_channels, out_channels: of the picture and of the answer, fixed by the contract (3 and 6).

    Source: v-parameterisation, Salimans and Ho 2022 (arXiv:2202.00512), appendix D; learned variance,
    Nichol and Dhariwal 2021 (arXiv:2102.09672), equation 15; the contract, DeepFloyd IF stage 1.
    """

    alphas_cumprod: Tensor  # ᾱ, (T,), float32

    @register_to_config
    def __init__(
        self,
        unet: dict[str, Any],
        sample_size: int = 64,
        patch_size: int = 4,
        sketcher: dict[str, Any] | None = None,
        sketch_variance: float = 0.05,
        num_train_timesteps: int = 1000,
        beta_schedule: str = "squaredcos_cap_v2",
        in_channels: int = 3,
        out_channels: int = 6,
        finisher: dict[str, Any] | None = None,
    ):
        super().__init__()
        if (in_channels, out_channels) != (3, 6):
            raise PatchUNetError("Use 3 input and 6 output channels: the IF stage-1 contract has no others.")
        if sample_size % patch_size:
            raise PatchUNetError(f"Choose a patch size that divides {sample_size}; {patch_size} does not.")
        folded = in_channels * patch_size**2
        settings = {k: v for k, v in unet.items() if not k.startswith("_")}
        settings |= {
            "in_channels": folded if sketcher is None else 2 * folded,
            "out_channels": 2 * folded,
            "sample_size": sample_size // patch_size,
        }
        self.inner = UNet2DConditionModel(**settings)
        if sketcher is not None:  # a fresh UNet corrects nothing yet
            torch.nn.init.zeros_(self.inner.conv_out.weight)
            torch.nn.init.zeros_(self.inner.conv_out.bias)
        self.sketch = None if sketcher is None else Sketcher(sample_size, patch_size, **sketcher)
        self.finish = None if finisher is None else Finisher(**finisher)
        scheduler = DDPMScheduler(num_train_timesteps, beta_schedule=beta_schedule)
        self.register_buffer("alphas_cumprod", scheduler.alphas_cumprod.float(), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moves like any module, but ᾱ stays float32: near t = T it is too small for float16."""
        table = self.alphas_cumprod
        super()._apply(fn, recurse)
        self.alphas_cumprod = table.to(self.alphas_cumprod.device)
        return self

    def velocity(
        self,
        sample: Tensor,
        timestep: Tensor | int | float,
        encoder_hidden_states: Tensor,
        *,
        encoder_attention_mask: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What the networks inside say: v and the variance interpolation, (batch, 3, H, W) each.

        With a sketcher, x_t and its guess ŝ are two measurements of the clean picture with variances
        (1−ᾱ)/ᾱ and κ. Their best linear combination, said as a velocity, is √(1−ᾱ) ((1−κ)√ᾱ x_t − ŝ)/D with
        D = κᾱ + 1 − ᾱ; the UNet adds what is missing, in units of its expected size √(κ/D). The finisher corrects
        the sum in the same units.
        Source: the preconditioning of Karras et al. 2022 (arXiv:2206.00364), section 5, around ŝ instead of 0.
        """
        t = torch.as_tensor(timestep, device=sample.device).expand(len(sample))  # (B,)
        abar = self._alpha_bar(t)  # (B, 1, 1, 1)
        seen = sample
        known: Tensor | float = 0.0
        scale: Tensor | float = 1.0
        if self.sketch is not None:
            guess = self.sketch(sample, t, encoder_hidden_states)
            seen = torch.cat([sample, guess], dim=1)  # (B, 6, H, W)
            kappa = self.config.sketch_variance
            both = kappa * abar + 1 - abar  # D
            combined = (1 - abar).sqrt() * ((1 - kappa) * abar.sqrt() * sample - guess) / both
            known, scale = combined.to(sample.dtype), (kappa / both).sqrt().to(sample.dtype)
        answer = self.inner(
            pixel_unshuffle(seen, self.config.patch_size),  # (B, 3p² or 6p², H/p, W/p)
            t,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            cross_attention_kwargs=cross_attention_kwargs,
            return_dict=False,
        )[0]  # (B, 6p², H/p, W/p)
        v, variance = (pixel_shuffle(half, self.config.patch_size) for half in answer.chunk(2, dim=1))
        v = known + scale * v
        if self.finish is not None:
            clean = (abar.sqrt() * sample - (1 - abar).sqrt() * v).to(sample.dtype)
            v = v + scale * self.finish(sample, v.to(sample.dtype), clean, t)
        return v, variance

    def _alpha_bar(self, t: Tensor) -> Tensor:
        """ᾱ at t (B,), shaped to multiply pictures: (B, 1, 1, 1), float32."""
        return self.alphas_cumprod[t.long()].view(-1, 1, 1, 1)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int | float,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        return_dict: bool = True,
    ) -> PatchUNetOutput | tuple[Tensor]:
        """The IF contract: noise estimate and variance interpolation of a noisy picture.

        Args:
            sample: x_t, (batch, 3, H, W), about [−1, 1] plus noise.
            timestep: one integer in 0..T−1 for the batch, or (batch,) of them.
            encoder_hidden_states: prompt embedding, (batch, tokens, text channels).

        Returns:
            (batch, 6, H, W): ε̂, then the variance interpolation of equation 15, −1 at the posterior
            variance and +1 at β. A tuple of it if `return_dict` is false.
        """
        v, variance = self.velocity(
            sample,
            timestep,
            encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            cross_attention_kwargs=cross_attention_kwargs,
        )
        alpha_bar = self._alpha_bar(torch.as_tensor(timestep, device=sample.device))
        eps = (1 - alpha_bar).sqrt() * sample + alpha_bar.sqrt() * v  # float32 whatever the weights are
        output = torch.cat([eps.to(sample.dtype), variance.to(sample.dtype)], dim=1)
        return PatchUNetOutput(sample=output) if return_dict else (output,)
