"""Prompts that the lessons open with and suggest: those that the shipped model draws recognisably."""

NULL_LIKE = "a high quality photo"  # lessons A1 to A5 condition on it: a prompt that asks for nothing in particular
UNCONDITIONAL = ""

FACE = "a 3d render of a grinning face"
TRIO = ("a 3d render of a grinning face", "a flat icon of a taxi", "an ink drawing of a turtle")

SUGGESTIONS = (
    "a 3d render of a grinning face",
    "a cartoon of a grinning cat",
    "a flat icon of a taxi",
    "a 3d render of an automobile",
    "a painting of a maple leaf",
    "an ink drawing of a snail",
    "a lithograph of a skull",
    NULL_LIKE,
)
