"""What a cluster's executors need, as `--py-files` and `--archives` take it: `scripts/package` without the set-up.

    _package.py code FILE                        this project as a zip
    _package.py requirements                     the packages it needs besides Spark's own, as pip reads them
    _package.py version                          the project's
    _package.py versions                         the versions of all packages here, as constraints for pip
    _package.py environment SITE-PACKAGES FILE   packages and a link to this Python as an archive

An environment is laid out as a virtual one: a Python started through `bin/python` finds its packages beside itself, wherever
the archive was unpacked.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "database-agent"
FOLDERS = ("anonymizers", "connectors", "jobs")
SUFFIXES = (".py", ".json", ".properties")
"""Code, and the data it reads: dictionaries, and what the log says."""
SPARK = "pyspark"
"""Every Spark brings its own, and no other would do."""


def settings() -> str:
    return (ROOT / "pyproject.toml").read_text()


def version() -> str:
    """The project's."""
    [found] = re.findall(r'^version = "(.+)"$', settings(), re.M)
    return str(found)


def requirements() -> list[str]:
    """What an executor, and a driver on the cluster, import besides this project and Spark."""
    [listed] = re.findall(r"^dependencies = \[\n(.+?)^\]$", settings(), re.M | re.S)
    return [found for found in re.findall(r'"(.+)"', listed) if not found.startswith(SPARK)]


def versions() -> list[str]:
    """What the tests have run with here is what travels."""
    return sorted(f"{found.name}=={found.version}" for found in distributions() if found.name != PROJECT)


def pack_code(target: Path) -> None:
    """The same files, byte for byte the same zip."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(
                zipfile.ZipInfo(path.relative_to(ROOT).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED
            )


def pack_environment(packages: Path, target: Path) -> None:
    """A virtual environment of this very Python with these packages, which is not copied itself."""
    python = Path(sys.executable).resolve()
    about = f"home = {python.parent}\ninclude-system-site-packages = false\nversion = {sys.version.split()[0]}\n"
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        file = tarfile.TarInfo("pyvenv.cfg")
        file.size = len(about.encode())
        archive.addfile(file, io.BytesIO(about.encode()))
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, str(python)
        archive.addfile(link)
        archive.add(packages, f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")


def main(what: str, *paths: str) -> None:
    match what:
        case "code":
            pack_code(Path(paths[0]))
        case "requirements":
            print(*requirements(), sep="\n")
        case "versions":
            print(*versions(), sep="\n")
        case "version":
            print(version())
        case "environment":
            pack_environment(Path(paths[0]), Path(paths[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
