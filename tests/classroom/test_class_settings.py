"""Settings of a class: a file, the environment before it, and a sentence for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.classroom.settings import PREFIX, read_class_settings, serving
from core.settings import BadSetting
from scripts.serve import command

SAFE = {
    "SECRET": "chalk-and-talk-42",
    "COOKIE_SECRET": "0123456789abcdef",
    "HOSTS": "lessons.example.org, 10.0.0.5",
}


def test_without_a_secret_there_is_no_class(variables):
    assert not read_class_settings().on
    variables(SECRET="")
    assert not read_class_settings().on


def test_the_environment_goes_before_the_file(variables, tmp_path: Path):
    file = tmp_path / "class.toml"
    file.write_text('secret = "from-the-file"\nplaces = 12\nhosts = ["a.example.org", "b.example.org"]\n')
    variables(FILE=str(file), PLACES="60")
    settings = read_class_settings()
    assert settings.on
    assert settings.secret.get_secret_value() == "from-the-file"
    assert (settings.places, settings.hosts) == (60, ("a.example.org", "b.example.org"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"SECRET": "short"}, "'secret' cannot be used: must have at least 12 characters"),
        ({"PLACES": "0"}, "'places' cannot be used"),
        ({"PLACES": "many"}, "'places' cannot be used"),
        ({"JOBS_PER_PERSON": "-1"}, "'jobs_per_person' cannot be used"),
        ({"PUBLIC_URL": "javascript:alert(1)"}, "'public_url' cannot be used: must begin with https://"),
        ({"FILE": "/no/such/file"}, "which is not a file"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(variables, values, sentence):
    variables(**values)
    with pytest.raises(BadSetting) as raised:
        read_class_settings()
    assert sentence in str(raised.value)
    assert "short" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"), [("places = = 3", "not TOML"), ("plaices = 3", "'plaices' cannot be used")]
)
def test_a_wrong_file_is_named(variables, tmp_path, text, sentence):
    (tmp_path / "class.toml").write_text(text)
    variables(FILE=str(tmp_path / "class.toml"))
    with pytest.raises(BadSetting, match=sentence):
        read_class_settings()


def test_a_file_that_the_servers_user_may_not_read_is_a_sentence(variables, monkeypatch, tmp_path):
    """Root may read everything, so the answer of the system is given here."""
    file = tmp_path / "class.toml"
    file.write_text('secret = "twelve characters"')
    variables(FILE=str(file))
    monkeypatch.setattr("core.classroom.settings.os.access", lambda path, mode: path != file)
    with pytest.raises(BadSetting, match="which this user may not read: give it to the user who serves"):
        read_class_settings()


@pytest.mark.parametrize("missing", sorted(SAFE))
def test_a_server_without_what_makes_it_safe_does_not_start(variables, missing):
    variables(**{name: value for name, value in SAFE.items() if name != missing})
    with pytest.raises(BadSetting, match=f"Set {PREFIX}{missing}"):
        serving(read_class_settings())


def test_streamlit_is_started_safely(variables, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false")
    variables(**SAFE, BASE_PATH="/course/", PORT="9000")
    words, environment = command(["--logger.level", "info"])
    assert words[-2:] == ["--logger.level", "info"]
    assert environment["STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION"] == "true"
    assert environment["STREAMLIT_SERVER_ENABLE_CORS"] == "true"
    assert environment["STREAMLIT_SERVER_ALLOWED_HOSTS"] == "lessons.example.org 10.0.0.5"
    assert environment["STREAMLIT_SERVER_BASE_URL_PATH"] == "course"
    assert environment["STREAMLIT_SERVER_ADDRESS"] == "127.0.0.1"
    assert SAFE["COOKIE_SECRET"] == environment["STREAMLIT_SERVER_COOKIE_SECRET"]
    assert not any(
        SAFE["COOKIE_SECRET"] in word or SAFE["SECRET"] in word for word in words
    )  # ps shows words


def test_a_device_that_is_not_there_is_said_before_the_server_starts(variables, monkeypatch):
    variables(**SAFE)
    monkeypatch.setenv("DIFFUSION_DEVICE", "cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(BadSetting, match="this machine has no such device"):
        command([])
