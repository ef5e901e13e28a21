"""Settings of a class: a TOML file, and variables of the environment that go before it.

Without an instructor's secret, and without logins, there is no class: the app is one person's, as on a laptop.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.settings import ROOT, BadSetting

PREFIX = "DIFFUSION_CLASS_"
FILE = f"{PREFIX}FILE"  # names the TOML file
SHORTEST_SECRET = 12
_DOMAIN = re.compile(r"[^@.\s/]+(\.[^@.\s/]+)+")


class ClassSettings(BaseSettings):
    """Read once at start-up. In the file `places = 60`, in the environment `DIFFUSION_CLASS_PLACES=60`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid")

    secret: SecretStr = Field(
        SecretStr(""), description="what the instructor types to open a room; turns the class on"
    )
    identity: Literal["code", "oidc"] = Field(
        "code", description="students come in by a room's code and a name, or all log in at a provider"
    )
    instructors: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="who leads, with oidc: e-mail addresses that the provider has verified, or subs"
    )
    email_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="with oidc, let in only whose verified e-mail address is of one of these domains"
    )
    login_file: Path = Field(
        Path(".streamlit/secrets.toml"),
        description="with oidc, the file whose section [auth] names the provider",
    )
    places: int = Field(80, ge=1, le=1000, description="students in a room")
    members_only: bool = Field(True, description="whoever has not joined or logged in sees only the way in")
    jobs_per_person: int = Field(4, ge=1, le=64, description="computations that one person may have waiting")
    minutes_per_person: float = Field(
        20, gt=0, le=60, description="minutes of computing that one person may have in any hour"
    )
    trainings_per_person: int = Field(
        6, ge=1, le=100, description="trainings that are kept for one person; the oldest go"
    )
    job_memory_gb: float | None = Field(
        None, gt=0, description="a computation that takes more memory fails, and the server lives"
    )
    job_minutes: float = Field(
        30,
        gt=0,
        le=1440,
        description="a computation that takes longer, or that long without a checkpoint, fails",
    )
    drain_seconds: float = Field(
        20, ge=0, le=600, description="how long a server that is stopped lets running computations go on"
    )
    public_url: str = Field("", description="the app's address for students, with https; in the QR picture")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="what a Prometheus server shows to read /metrics"
    )

    # Of these, make serve makes Streamlit's own settings.
    address: str = Field("127.0.0.1", description="the address to listen on")
    port: int = Field(8501, ge=1, le=65535, description="the port to listen on")
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="names under which the app is reached"
    )
    base_path: str = Field("", description="the path below which the app lies, such as course")
    cookie_secret: SecretStr = Field(SecretStr(""), description="signs cookies; the same after a restart")

    @field_validator("hosts", "instructors", "email_domains", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("instructors", "email_domains")
    @classmethod
    def _is_for_logins(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # A rule that nothing keeps must not look as if it were kept.
        if value and info.data.get("identity") == "code":
            raise ValueError('has a meaning only with identity = "oidc"')
        return value

    @field_validator("instructors")
    @classmethod
    def _addresses_in_small_letters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(who.casefold() if "@" in who else who for who in value)  # a sub is not ours to change

    @field_validator("email_domains")
    @classmethod
    def _are_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        domains = tuple(domain.casefold() for domain in value)
        if not all(_DOMAIN.fullmatch(domain) for domain in domains):
            raise ValueError("must be domains such as example.org, without an @")
        return domains

    @field_validator("login_file")
    @classmethod
    def _from_the_project(cls, value: Path) -> Path:
        return ROOT / value.expanduser()

    @field_validator("base_path")
    @classmethod
    def _without_slashes(cls, value: str) -> str:
        return value.strip("/")

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return value.rstrip("/")

    @field_validator("secret", "cookie_secret", "metrics_token")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} characters")
        return value

    @property
    def on(self) -> bool:
        """Whether there is a class."""
        return bool(self.secret.get_secret_value()) or self.by_login

    @property
    def by_login(self) -> bool:
        """Whether people log in at a provider, instead of typing a room's code and a name."""
        return self.identity == "oidc"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get(FILE)
        toml = (TomlConfigSettingsSource(settings_cls, Path(file).expanduser()),) if file else ()
        return (init_settings, env_settings, *toml)


def read_class_settings() -> ClassSettings:
    """The settings of this process. Raises BadSetting with a sentence that names what is wrong, never its value."""
    file = os.environ.get(FILE)
    if file and not Path(file).expanduser().is_file():
        raise BadSetting(f"{FILE} names {file!r}, which is not a file.")
    if file and not os.access(Path(file).expanduser(), os.R_OK):
        raise BadSetting(
            f"{FILE} names {file!r}, which this user may not read: give it to the user who serves (chown)."
        )
    try:
        return ClassSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"])) or "a setting"
        raise BadSetting(
            f"The class setting {name!r} cannot be used: {first['msg'].removeprefix('Value error, ')}."
        ) from None
    except ValueError as error:  # TOML that is none
        raise BadSetting(f"{FILE} names a file that is not TOML: {error}.") from error


def serving(settings: ClassSettings) -> Mapping[str, str]:
    """Streamlit's settings for a server that others reach, as variables of the environment.

    Raises BadSetting for what a server must not be without.
    """
    secret = settings.secret.get_secret_value()
    if settings.by_login and not (secret or settings.instructors):
        raise BadSetting(
            f"Nobody could open a room: set {PREFIX}INSTRUCTORS (or instructors in the file of {FILE}) to the e-mail "
            f"addresses of those who lead, or {PREFIX}SECRET."
        )
    for name, value, what in (
        ("secret", secret or settings.by_login, "what the instructor types to open a room"),
        ("cookie_secret", settings.cookie_secret.get_secret_value(), "a random text of your own"),
        ("hosts", settings.hosts, "the names under which the app is reached, such as lessons.example.org"),
    ):
        if not value:
            raise BadSetting(f"Set {PREFIX}{name.upper()} (or {name} in the file of {FILE}): {what}.")
    return {
        "STREAMLIT_SERVER_TRUSTED_USER_HEADERS": "{}",  # a header says who somebody is to whoever can write headers
        "STREAMLIT_SERVER_ADDRESS": settings.address,
        "STREAMLIT_SERVER_PORT": str(settings.port),
        "STREAMLIT_SERVER_BASE_URL_PATH": settings.base_path,
        "STREAMLIT_SERVER_ALLOWED_HOSTS": " ".join(settings.hosts),
        "STREAMLIT_SERVER_COOKIE_SECRET": settings.cookie_secret.get_secret_value(),
        "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "true",
        "STREAMLIT_SERVER_ENABLE_CORS": "true",
        "STREAMLIT_SERVER_HEADLESS": "true",
        "STREAMLIT_BROWSER_SERVER_ADDRESS": settings.hosts[
            0
        ],  # otherwise it asks the network for its own address
        "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
        "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "none",
    }
