"""What outlives a process: files that are whole or absent, and the table of runs."""

from core.compute.store.blobs import Blobs
from core.compute.store.openings import ELSEWHERE, Openings
from core.compute.store.store import Store, Usage, Verification

__all__ = ["ELSEWHERE", "Blobs", "Openings", "Store", "Usage", "Verification"]
