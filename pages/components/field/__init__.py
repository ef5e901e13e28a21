"""The vector field: a plane of particles that the browser itself carries along, by the exact field or the network's."""

from pages.components.field.component import MATHEMATICS, script, set_anew, vector_field
from pages.components.field.scene import Losses, Scene, SceneError, Snapshots

__all__ = ["MATHEMATICS", "Losses", "Scene", "SceneError", "Snapshots", "script", "set_anew", "vector_field"]
