"""The error of a job that is asked for what it does not compute."""


class BadRequest(ValueError):
    """The parameters do not describe a run; the message says what to change."""
