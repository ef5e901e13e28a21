"""What the address of a page holds besides the values of its controls. This is the one list of these words.

Pages write them, the class's script leaves some of them out where it follows the instructor, and no control may have one
of them for a name (`lessons.check` sees to that).
"""

from urllib.parse import parse_qsl

FRAME = "frame"  # where the player stands
JOB = "job"  # the run that the settings lead to, so that a link to another one can be told
PIN = "pin"  # runs that are kept beside the page's own
BRANCH = "branch"  # where the page's own run goes on otherwise, beside it
GRID = "grid"  # two controls that are swept, and their values
WRONG = "wrong"  # the mistake that is run on purpose
CODE = "code"  # of the room that a student is to join
TOUR = "tour"  # the stop of the tour, from 1

RESERVED = (FRAME, JOB, PIN, BRANCH, GRID, WRONG, CODE, TOUR)
NOT_FOLLOWED = (
    FRAME,
    JOB,
    CODE,
    TOUR,
)  # no part of the place at which an instructor is: the cursor goes another way


def pairs_in(text: str, most: int) -> list[tuple[str, str]]:
    """ "a=1&b=2" as pairs, at most so many. Raises ValueError for anything else."""
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=most)
