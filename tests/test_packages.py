"""Packages that data sets are built from: what their registries' clients call them, what is refused, what is read."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace

import pytest

from scripts.packages import DEBIAN, WHEEL, Package, WrongTarball, fetch, read

# SHA-512 and SHA-256 of nothing, as published everywhere
EMPTY_512 = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
EMPTY_256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NPM = Package("@scope/thing", "1.0.0", EMPTY_512, "all", "MIT")
DEB = Package("thing-data", "1:2.0-3", EMPTY_256, "all", "MIT", DEBIAN)
PYTHON = Package("thing", "3.0", EMPTY_256, "all", "MIT", WHEEL, "thing-3.0-py3-none-any.whl")


@pytest.mark.parametrize(
    ("package", "file"),
    [
        (NPM, "scope-thing-1.0.0.tgz"),
        (DEB, "thing-data_1%3a2.0-3_all.deb"),
        (PYTHON, "thing-3.0-py3-none-any.whl"),
    ],
)
def test_another_file_is_refused(tmp_path, package, file):
    (tmp_path / file).write_bytes(b"")
    assert fetch(package, tmp_path) == tmp_path / file
    (tmp_path / file).write_bytes(b"x")
    with pytest.raises(
        WrongTarball, match=rf"{re.escape(file)} and fetch it again: it is not {package.name}"
    ):
        fetch(package, tmp_path)


def test_what_is_not_there_is_fetched_by_the_registrys_client(tmp_path, monkeypatch):
    asked = []

    def run(command, cwd, check):
        asked.append(command)
        (cwd / "scope-thing-1.0.0.tgz").write_bytes(b"")

    monkeypatch.setattr(subprocess, "run", run)
    fetch(NPM, tmp_path / "new")
    fetch(NPM, tmp_path / "new")
    assert asked == [["npm", "pack", "--silent", "@scope/thing@1.0.0"]]
    assert DEB.command == ["apt-get", "download", "thing-data=1:2.0-3"]
    assert PYTHON.command[-1] == "thing==3.0" and "--no-deps" in PYTHON.command


def test_a_client_that_fails_is_not_passed_over(tmp_path, monkeypatch):
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr(Package, "command", property(lambda package: failing))
    with pytest.raises(subprocess.CalledProcessError):
        fetch(NPM, tmp_path)


def test_names_within_a_package():
    assert replace(DEB, version="0.18").tarball == "thing-data_0.18_all.deb"


def test_files_of_tarball_and_wheel(tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for name in ("package/icons/a.svg", "package/README"):
            info = tarfile.TarInfo(name)
            info.size = 2
            tar.addfile(info, io.BytesIO(b"hi"))
    assert read(tmp_path / "a.tgz", re.compile(r"icons/.*\.svg")) == {"icons/a.svg": b"hi"}
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("data/a.png", b"ho")
        wheel.writestr("data/b.png", b"ha")
    assert read(tmp_path / "a.whl", {"data/b.png"}.__contains__) == {"data/b.png": b"ha"}


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb, which only Debian and its kin have")
def test_files_of_a_debian_package(tmp_path):
    (tmp_path / "tree" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "tree" / "DEBIAN" / "control").write_text(
        "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: nobody <a@b.c>\nDescription: thing\n"
    )
    (tmp_path / "tree" / "usr" / "birds").mkdir(parents=True)
    (tmp_path / "tree" / "usr" / "a.png").write_bytes(b"hi")
    (tmp_path / "tree" / "usr" / "unsorted").write_bytes(b"ho")
    (tmp_path / "tree" / "usr" / "birds" / "b.png").symlink_to("../unsorted")
    (tmp_path / "tree" / "usr" / "birds" / "c.png").symlink_to("b.png")
    subprocess.run(
        ["dpkg-deb", "--build", tmp_path / "tree", tmp_path / "a.deb"], check=True, capture_output=True
    )
    assert read(tmp_path / "a.deb", re.compile(r"usr/.*\.png")) == {
        "usr/a.png": b"hi", "usr/birds/b.png": b"ho", "usr/birds/c.png": b"ho",
    }  # fmt: skip
    (tmp_path / "b.deb").write_bytes(b"nothing of the kind")
    with pytest.raises(WrongTarball, match=r"b\.deb and fetch it again"):
        read(tmp_path / "b.deb", re.compile("usr/a.png"))
