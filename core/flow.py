"""Flow matching: the straight path from noise to picture, and the ways to follow a velocity field along it.

t = 0 is noise and t = 1 is clean, the opposite of Part A. The path is the linear interpolation of Lipman
et al., "Flow Matching for Generative Modeling" (2023), with sigma_min = 0, and of Liu, Gong, Liu, "Flow
Straight and Fast" (2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_STEPS = 1000
MAX_GUIDANCE = 50.0


# ---------------------------------------------------------------- the path


def interpolate(noise: Tensor, clean: Tensor, t: Tensor | float) -> Tensor:
    """x_t = (1 - t) noise + t clean: the point at time t on the straight line between the two.

    Args:
        noise, clean: (B, ...), the same shape.
        t: in [0, 1], one number, or one for each example (B,).
    """
    t = per_example(t, clean)
    return (1 - t) * noise + t * clean


def estimate_clean(x_t: Tensor, velocity: Tensor, t: Tensor | float) -> Tensor:
    """clean_hat = x_t + (1 - t) velocity: where the straight line from here would end at t = 1."""
    return x_t + (1 - per_example(t, x_t)) * velocity


def per_example(t: Tensor | float, like: Tensor) -> Tensor | float:
    """(B,) -> (B, 1, ..., 1), with as many dimensions as `like`; a plain number stays as it is."""
    if not isinstance(t, Tensor) or t.ndim == 0:
        return t
    return t.reshape(-1, *[1] * (like.ndim - 1))


# ---------------------------------------------------------------- velocity estimators


@dataclass(frozen=True, eq=False)
class Velocity:
    """What an estimator says at one point.

    Attributes:
        velocity: (B, ...), the velocity to follow.
        unconditional, conditional: its two parts under guidance; None without.
    """

    velocity: Tensor
    unconditional: Tensor | None = None
    conditional: Tensor | None = None


EstimateVelocity = Callable[[Tensor, float], Velocity]  # (x_t, t) -> Velocity


@dataclass(frozen=True)
class Conditional:
    """The network's own velocity u(x_t, t), or u(x_t, t, c) if it takes a class.

    Attributes:
        network: called as network(x_t, t) or network(x_t, t, classes), with t of shape (B,).
        classes: (B, 10), one-hot, zeros for no class; None for a network that takes no class.
    """

    network: Callable[..., Tensor]
    classes: Tensor | None = None

    def __call__(self, x_t: Tensor, t: float) -> Velocity:
        times = x_t.new_full((len(x_t),), t)
        if self.classes is None:
            return Velocity(self.network(x_t, times))
        return Velocity(self.network(x_t, times, self.classes))


@dataclass(frozen=True)
class ClassGuided:
    """u_u + gamma (u_c - u_u): classifier-free guidance (Ho and Salimans, 2022) of a velocity.

    gamma = 0 is unconditional, gamma = 1 conditional. Both parts come from one call of the network with
    a batch twice as long.

    Attributes:
        network: called as network(x_t, t, classes).
        classes: (B, 10), one-hot.
        guidance_scale: gamma, from 0 to 50.

    Raises:
        ValueError: gamma lies outside its range.
    """

    network: Callable[..., Tensor]
    classes: Tensor
    guidance_scale: float

    def __post_init__(self) -> None:
        check_guidance(self.guidance_scale)

    def __call__(self, x_t: Tensor, t: float) -> Velocity:
        times = x_t.new_full((2 * len(x_t),), t)
        no_class = torch.zeros_like(self.classes)
        both = self.network(torch.cat([x_t, x_t]), times, torch.cat([no_class, self.classes]))
        u_u, u_c = both.chunk(2)
        return Velocity(u_u + self.guidance_scale * (u_c - u_u), u_u, u_c)


# ---------------------------------------------------------------- solvers: one step of length 1 / T

Field = Callable[[Tensor, float], Tensor]  # (x_t, t) -> velocity
Solver = Callable[[Field, Tensor, Tensor, float, int], Tensor]
"""(u, x, u_here, t, T) -> x after one step of length 1/T, where u_here = u(x, t) is known already."""


def euler(u: Field, x: Tensor, u_here: Tensor, t: float, T: int) -> Tensor:
    """x + u/T: order 1, one evaluation a step."""
    return x + u_here / T


def heun(u: Field, x: Tensor, u_here: Tensor, t: float, T: int) -> Tensor:
    """The mean of the velocities at both ends of an Euler step: order 2, two evaluations a step."""
    u_there = u(x + u_here / T, t + 1 / T)
    return x + (u_here + u_there) / (2 * T)


def rk4(u: Field, x: Tensor, u_here: Tensor, t: float, T: int) -> Tensor:
    """The classical Runge-Kutta method: order 4, four evaluations a step."""
    k1 = u_here
    k2 = u(x + k1 / (2 * T), t + 1 / (2 * T))
    k3 = u(x + k2 / (2 * T), t + 1 / (2 * T))
    k4 = u(x + k3 / T, t + 1 / T)
    return x + (k1 + 2 * k2 + 2 * k3 + k4) / (6 * T)


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun, "rk4": rk4}
EVALUATIONS_PER_STEP = {"euler": 1, "heun": 2, "rk4": 4}


# ---------------------------------------------------------------- the loop


@dataclass(frozen=True, eq=False)
class FlowStep:
    """One step of the integration, from t to t_next.

    Attributes:
        index: 0 .. num_steps - 1.
        t, t_next: in [0, 1].
        x_t, x_next: (B, ...), where the step starts and ends.
        estimate: the velocity at (x_t, t), with its parts under guidance.
        clean_hat: (B, ...), the estimate of the clean picture at (x_t, t).
    """

    index: int
    t: float
    t_next: float
    x_t: Tensor
    estimate: Velocity
    clean_hat: Tensor
    x_next: Tensor


@torch.no_grad()
def integrate(
    estimate_velocity: EstimateVelocity,
    x_t: Tensor,
    num_steps: int = 300,
    solver: str = "euler",
    first_step: int = 0,
) -> Iterator[FlowStep]:
    """Follows a velocity field from x_t to t = 1 in steps of 1 / num_steps.

    Args:
        estimate_velocity: (x_t, t) -> Velocity.
        x_t: (B, ...), pure noise for first_step = 0.
        num_steps: T, the number of steps from t = 0 to t = 1, from 1 to 1000.
        solver: "euler", "heun" or "rk4".
        first_step: starts at t = first_step / T instead of 0.

    Raises:
        ValueError: T, the solver or the first step is none of those.
    """
    check_steps(num_steps)
    if solver not in SOLVERS:
        raise ValueError(f"Choose one of the solvers {', '.join(SOLVERS)}, not {solver!r}.")
    if not 0 <= first_step < num_steps:
        raise ValueError(f"Start at a step from 0 to {num_steps - 1}, not {first_step}.")
    take_step = SOLVERS[solver]
    for index in range(first_step, num_steps):
        t, t_next = index / num_steps, (index + 1) / num_steps
        estimate = estimate_velocity(x_t, t)
        clean_hat = estimate_clean(x_t, estimate.velocity, t)
        x_next = take_step(
            lambda x, time: estimate_velocity(x, time).velocity, x_t, estimate.velocity, t, num_steps
        )
        yield FlowStep(index, t, t_next, x_t, estimate, clean_hat, x_next)
        x_t = x_next


def check_steps(num_steps: int) -> int:
    """T itself. Raises ValueError unless it is a whole number from 1 to 1000."""
    if not (isinstance(num_steps, int) and 1 <= num_steps <= MAX_STEPS):
        raise ValueError(f"Choose T, the number of steps, from 1 to {MAX_STEPS}; {num_steps} does not work.")
    return num_steps


def check_guidance(guidance_scale: float) -> float:
    """gamma itself. Raises ValueError unless it lies between 0 and 50 (nan does not)."""
    if not 0 <= guidance_scale <= MAX_GUIDANCE:
        raise ValueError(
            f"Choose the guidance scale γ from 0 to {MAX_GUIDANCE:g}: {guidance_scale:g} would push every "
            "picture far outside [0, 1]."
        )
    return guidance_scale
