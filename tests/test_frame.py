"""The repository's own promises: locks that fit, no registry's address, a changelog that reads."""

import re
import subprocess
import tomllib

import pytest

from tests.conftest import ROOT

REGISTRY = re.compile(rb"https?://[^\s\"']*(pypi|npmjs|pythonhosted|yarnpkg|registry)")
FRAGMENT = re.compile(r"[a-z0-9][a-z0-9-]*\.(added|changed|fixed|security)\.md")


def _normal(requirement: str) -> str:
    """The package's name in a requirement, as registries compare names."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, f"not a requirement: {requirement}"
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def _locked(lock: str) -> set[str]:
    lines = (ROOT / lock).read_text().splitlines()
    return {_normal(line) for line in lines if re.match(r"[a-z0-9]", line)}


def test_the_locks_name_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {_normal(one) for one in project["project"]["dependencies"]}
    grouped = {
        _normal(one)
        for group in project["dependency-groups"].values()
        for one in group
        if isinstance(one, str)
    }
    assert needed - _locked("requirements.lock") == set(), "run `make lock`"
    assert (needed | grouped) - _locked("requirements-dev.lock") == set(), "run `make lock`"


def test_every_locked_package_has_a_hash() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        blocks = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
        bare = [
            block.splitlines()[0] for block in blocks if block and "--hash=sha256:" not in block
        ]
        assert bare == [], f"{lock} has packages without a hash"


def test_no_committed_file_names_a_registry() -> None:
    found = []
    for path in _committed():
        for number, line in enumerate((ROOT / path).read_bytes().splitlines(), start=1):
            if REGISTRY.search(line):
                found.append(f"{path}:{number}")
    assert found == []


def test_changelog_fragments_have_a_name_and_a_sentence() -> None:
    for path in sorted((ROOT / "changelog.d").iterdir()):
        if path.name in {"README.md", "_template.md.jinja"}:
            continue
        assert FRAGMENT.fullmatch(path.name), f"{path.name}: see changelog.d/README.md"
        assert path.read_text().strip().endswith("."), f"{path.name} is not a sentence"


def _committed() -> list[str]:
    """The files git knows, without those deleted in the folder; skips outside a git clone."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, text=True
    )
    if listing.returncode != 0:
        pytest.skip("this folder is not a git clone")
    return [path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file()]
