"""What a film says beside its rows."""

import numpy as np
import pytest

from pages.ui.films import SAME, endings


@pytest.mark.parametrize(
    ("off", "same"), [(0, True), (int(SAME) - 1, True), (int(SAME) + 1, False), (100, False)]
)
def test_at_its_end_a_run_says_that_its_rows_are_equal_only_where_they_are(off, same):
    """Pixels that differ by one number everywhere have that number as their root mean square."""
    x_t = np.full((2, 3, 4, 4, 3), 50, np.uint8)
    x_t[0] = 200  # earlier frames do not count
    said = endings({"x_t": x_t, "clean_hat": np.full_like(x_t, 50 + off)})
    assert set(said) == ({"x_t", "clean_hat"} if same else set())


def test_where_nothing_is_estimated_nothing_is_said():
    assert endings({"x_t": np.zeros((1, 1, 4, 4, 3), np.uint8)}) == {}
