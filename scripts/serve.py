"""Serves the app to a class (`make serve`): reads the settings, refuses what is unsafe, and starts Streamlit with them.

The settings and a configuration for a reverse proxy are in docs/hosting.md. Further arguments go to Streamlit.
"""

from __future__ import annotations

import os
import sys

from core.classroom.provider import check_auth, read_auth, require_library
from core.classroom.settings import read_class_settings, serving
from core.settings import ROOT, BadSetting, Settings


def command(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """What to start, and its environment. Raises BadSetting."""
    settings = read_class_settings()
    Settings.from_environment().environment()  # a device that is not there is a sentence here, and a traceback later
    # A heap for each of a hundred scripts' threads fills the memory with what none of them needs any more (glibc).
    environment = {"MALLOC_ARENA_MAX": "2"} | dict(os.environ) | dict(serving(settings))
    if settings.by_login:
        require_library()
        check_auth(read_auth(settings.login_file), settings)
        arguments = ["--secrets.files", str(settings.login_file), *arguments]
    return [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py"), *arguments], environment


def main() -> None:
    try:
        words, environment = command(sys.argv[1:])
    except BadSetting as error:
        sys.exit(f"{error}\nThe settings are listed in docs/hosting.md.")
    os.chdir(ROOT)  # .streamlit/config.toml is found from there
    os.execve(words[0], words, environment)


if __name__ == "__main__":
    main()
