"""B6: what the network draws at three ages, and its training, live."""

from lessons.networks import Network
from lessons.time_conditioned_flow import COUNT, LESSON
from pages.ui.films import Films
from pages.ui.flow_films import flow
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import controls_of, network_stage
from pages.ui.training_face import training_shown


def films(network: Network) -> Films:
    return flow(values["steps"], COUNT, network.ages, shown=("x_t",), name="b6")


with lesson_page(LESSON) as values:
    if not training_shown(LESSON, "b6"):
        network_stage(
            LESSON,
            values,
            "flow",
            films,
            controls=lambda: controls_of(LESSON, ("steps", "seed")),
            made_in=("B6", None),
        )
