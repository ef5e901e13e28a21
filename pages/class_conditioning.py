"""B8: ten digits from one noise, and the training of the network that draws them."""

from lessons.class_conditioning import ASKED, LESSON
from lessons.networks import Network
from pages.ui.films import Films
from pages.ui.flow_films import flow
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import controls_of, network_stage
from pages.ui.training_face import training_shown


def films(network: Network) -> Films:
    columns = ["no class" if digit is None else str(digit) for digit in ASKED]
    return flow(
        values["steps"], len(ASKED), network.ages, columns, shown=("x_t",), name="b8", formula=False
    )  # fmt: skip


with lesson_page(LESSON) as values:
    if not training_shown(LESSON, "b8"):
        network_stage(
            LESSON, values, "class_flow", films,
            controls=lambda: controls_of(LESSON, ("gamma", "steps", "seed")), made_in=("B8", None),
        )  # fmt: skip
