"""Prompts that the lessons open with and suggest: those that the shipped model draws recognisably."""

# Lessons A1 to A5 condition on it: a prompt that asks for nothing in particular.
NULL_LIKE = "a high quality photo"
UNCONDITIONAL = ""

FACE = "a 3d render of a grinning face"
TRIO = ("an old man", "a photo of a dog", "a castle")
STYLES = (FACE, "a cartoon of a grinning face", "an ink drawing of a grinning face")

SUGGESTIONS = (
    FACE,
    "a rocket ship",
    "an old man",
    "a photo of a dog",
    "a pencil",
    "waterfalls",
    "a cartoon of a fox",
    "a painting of a ship",
    "a flat icon of a heart",
    "a lithograph of a skull",
    NULL_LIKE,
)
