"""B8: ten digits from one noise, and the training of the network that draws them."""

from lessons.class_conditioning import ASKED, LESSON
from lessons.networks import Network
from pages.ui.films import Films
from pages.ui.flow_films import flow
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import controls_of, network_stage
from pages.ui.training_face import training_shown

# In lines of six, which is what most windows have room for: five digits and, apart from them, no class; five digits.
ORDER = (*range(5), 10, *range(5, 10))


def films(network: Network) -> Films:
    columns = ["no class" if ASKED[k] is None else str(ASKED[k]) for k in ORDER]
    return flow(
        values["steps"], len(ASKED), network.ages, columns, shown=("x_t",), name="b8", order=ORDER, numbers=False
    )  # fmt: skip


with lesson_page(LESSON) as values:
    if not training_shown(LESSON, "b8"):
        network_stage(
            LESSON, values, "class_flow", films,
            controls=lambda: controls_of(LESSON, ("gamma", "steps", "seed")), made_in=("B8", None),
        )  # fmt: skip
