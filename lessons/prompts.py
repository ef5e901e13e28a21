"""Prompts that the lessons open with and suggest: those that the shipped model draws recognisably."""

# Lessons A1 to A5 condition on it: a prompt that asks for nothing in particular.
NULL_LIKE = "a high quality photo"
UNCONDITIONAL = ""

FACE = "a 3d render of a grinning face"
TRIO = (FACE, "a flat icon of a heart", "a 3d render of an automobile")
STYLES = (FACE, "a cartoon of a grinning face", "an ink drawing of a grinning face")

SUGGESTIONS = (
    FACE,
    "a cartoon of a grinning face",
    "an ink drawing of a grinning face",
    "a flat icon of a heart",
    "a 3d render of an automobile",
    "a flat icon of a taxi",
    "a cartoon of a dog face",
    "a painting of a tree",
    "a lithograph of a skull",
    NULL_LIKE,
)
