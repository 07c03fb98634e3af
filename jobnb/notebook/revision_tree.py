"""A folder as git has it at a revision, in a place of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobnb.errors import NotebookError


@dataclass(frozen=True)
class OldFile:
    """A file as it was at a revision, among all that was there.

    Attributes:
        file: The file.
        tree: The folder of the whole repository at that revision.
        top: That of the repository as it is now.
    """

    file: Path
    tree: Path
    top: Path

    def in_tree(self, place: Path) -> Path:
        """Return the place in the old tree that a place of now had; others are as they are."""
        whole = place.resolve() if str(place) else place
        if not whole.is_relative_to(self.top) or "site-packages" in whole.parts:
            return place
        return self.tree / whole.relative_to(self.top)


def revisions_in(text: str, path: Path) -> tuple[str, str | None]:
    """Return the revisions that one argument names: `main`, `main..topic` or `main...topic`.

    With three dots the first is where the two branches parted, as in git.

    Args:
        text: The argument.
        path: A file of the repository.

    Returns:
        The earlier and the later revision; the later is None if there is one only.

    Raises:
        NotebookError: If two branches never had a revision in common.
    """
    for dots in ("...", ".."):
        first, found, last = text.partition(dots)
        if found:
            first, last = first or "HEAD", last or "HEAD"
            return (_parting(path, first, last) if dots == "..." else first), last
    return text, None


def _parting(path: Path, first: str, last: str) -> str:
    for revision in (first, last):
        check_revision(path, revision)
    return _git(path.absolute().parent, path, "merge-base", first, last)[:12]


def check_revision(path: Path, revision: str) -> None:
    """Check that git has a file at a revision.

    Raises:
        NotebookError: If it does not.
    """
    asked = f"{revision}:./{path.name}"
    found = _run(path.absolute().parent, "cat-file", "-e", "--end-of-options", asked)
    if found.returncode:
        reason = _first_line(found.stderr)
        raise NotebookError(
            f"{str(revision)!r} is no file, and no revision of {path} in git: "
            f"{reason.removeprefix('fatal: ').rstrip('.')}."
        )


@contextmanager
def file_at(path: Path, revision: str) -> Iterator[OldFile]:
    """Lay out a file's repository as it was at a revision, for the block.

    What git does not follow, such as data, is that of now.

    Args:
        path: The file.
        revision: The revision.

    Yields:
        The file in there.

    Raises:
        NotebookError: If git does not have it.
    """
    check_revision(path, revision)
    folder = path.absolute().parent.resolve()
    top = Path(_git(folder, path, "rev-parse", "--show-toplevel")).resolve()
    with tempfile.TemporaryDirectory(prefix="jobnb-") as made:
        tree = Path(made).resolve() / top.name
        tree.mkdir()
        index = {"GIT_INDEX_FILE": str(Path(made) / "index")}
        _git(top, path, "read-tree", "--end-of-options", revision, environment=index)
        _git(top, path, "checkout-index", "--all", f"--prefix={tree}/", environment=index)
        for name in _unfollowed(top, path):
            beside = tree / name
            if not beside.exists() and beside.parent.is_dir():
                beside.symlink_to(top / name)
        yield OldFile(tree / folder.relative_to(top) / path.name, tree, top)


def _unfollowed(top: Path, path: Path) -> list[str]:
    """Return the files and whole folders that git does not follow."""
    listed = _git(top, path, "ls-files", "-z", "--others", "--directory")
    return [name.rstrip("/") for name in listed.split("\0") if name]


def _git(
    folder: Path, path: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> str:
    found = _run(folder, *arguments, environment=environment)
    if found.returncode:
        raise NotebookError(
            f"git cannot give an earlier state of {path}: {_first_line(found.stderr)}"
        )
    return os.fsdecode(found.stdout).strip()


def _run(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - no shell, and a revision is one argument
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError:
        raise NotebookError("There is no git here, which knows earlier revisions.") from None


def _first_line(text: bytes) -> str:
    return text.decode(errors="replace").strip().partition("\n")[0]
