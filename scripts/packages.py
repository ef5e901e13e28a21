"""Published packages, pinned by checksum: fetched with their registry's own client, read without being installed.

Data sets are built from them, so that anybody can build the same set again.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NPM, DEBIAN, WHEEL = "npm", "debian", "wheel"


class WrongTarball(ValueError):
    """A package's file is not the one that was pinned; the message names it and says what to do."""


@dataclass(frozen=True)
class Package:
    """One published package.

    Attributes:
        integrity: of its file, SHA-512 in base64 as npm writes it ("sha512-…"), or "sha256:" and hexadecimal digits as
            Debian and pip write it.
        used: what is taken from it.
        licence: of what is taken, which need not be the package's own.
        registry: NPM, DEBIAN or WHEEL.
        file: a wheel's file name; the others' follow from name and version.
    """

    name: str
    version: str
    integrity: str
    used: str
    licence: str
    registry: str = NPM
    file: str = ""

    @property
    def tarball(self) -> str:
        """The file name that the registry's client gives it."""
        if self.registry == NPM:
            return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"
        return self.file or f"{self.name}_{self.version.replace(':', '%3a')}_all.deb"

    @property
    def command(self) -> list[str]:
        """What fetches it into the current folder."""
        if self.registry == NPM:
            return ["npm", "pack", "--silent", f"{self.name}@{self.version}"]
        if self.registry == DEBIAN:
            return ["apt-get", "download", f"{self.name}={self.version}"]
        # the platform is named, so that every machine gets the file whose checksum is known
        platform = [
            "--only-binary",
            ":all:",
            "--python-version",
            "3.11",
            "--platform",
            "manylinux_2_28_x86_64",
        ]
        return [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            *platform,
            f"{self.name}=={self.version}",
        ]


def checksum(content: bytes, form: str) -> str:
    """`content`'s checksum as `form` writes one."""
    if form.startswith("sha512-"):
        return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    return "sha256:" + hashlib.sha256(content).hexdigest()


def fetch(package: Package, folder: Path) -> Path:
    """The package's file in `folder`, fetched if it is not there, and checked.

    Raises:
        WrongTarball: its checksum is another one.
        subprocess.CalledProcessError: the registry's client could not fetch it, and has said why.
    """
    path = folder / package.tarball
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(package.command, cwd=folder, check=True)
    if checksum(path.read_bytes(), package.integrity) != package.integrity:
        raise WrongTarball(f"Remove {path} and fetch it again: it is not {package.name} {package.version}.")
    return path


def read(path: Path, wanted: re.Pattern | Callable[[str], object]) -> dict[str, bytes]:
    """Name within the package → content, of the files whose name fits; a link has the content of what it points to.

    Args:
        path: a file of `fetch`. npm puts everything under "package/" and Debian under "./": neither belongs to a name.
        wanted: a pattern for whole names, or a function of a name.
    """
    fits = wanted.fullmatch if isinstance(wanted, re.Pattern) else wanted
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if fits(name)}
    if path.suffix == ".deb":
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as unpacking:
            try:
                with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
                    found, links = members(tar, "./", fits)
            except tarfile.ReadError as error:
                raise WrongTarball(f"Remove {path} and fetch it again: dpkg-deb cannot unpack it.") from error
    else:
        with tarfile.open(path) as tar:
            found, links = members(tar, "package/", fits)
    if links:
        targets = read(path, set(links.values()).__contains__)
        found |= {name: targets[target] for name, target in links.items()}
    return found


def members(
    tar: tarfile.TarFile, prefix: str, fits: Callable[[str], object]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Contents of the files, and targets of the links, whose name without `prefix` fits."""
    found, links = {}, {}
    for member in tar:
        name = member.name.removeprefix(prefix)
        if member.isfile() and fits(name):
            found[name] = tar.extractfile(member).read()
        elif member.issym() and fits(name):
            links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
    return found, links
