"""Executors for the tests: the contract must hold for each of them."""

from __future__ import annotations

import pytest

from core.compute.store import Store
from tests.compute.helpers import EXECUTORS


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request, tmp_path_factory):
    """One executor for a module's tests; its worker is started once."""
    store = Store(tmp_path_factory.mktemp("store"))
    executor = EXECUTORS[request.param](store, grace_seconds=1.0)
    executor.store = store
    yield executor
    executor.close()
    store.close()


@pytest.fixture
def new_executor(request, tmp_path):
    """Makes executors of its own settings on the test's store; closes them."""
    made = []

    def make(store=None, kind="local", **options):
        made.append(EXECUTORS[kind](store or Store(tmp_path / "store"), **{"grace_seconds": 1.0, **options}))
        return made[-1]

    yield make
    for executor in made:
        executor.close()
