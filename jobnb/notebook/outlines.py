"""Outlines of code locations, loaded in a process of their own and cached by content.

An outline is cached for the content of the notebook or file and of all of the user's own files that
it read while it was loaded (modules beside it, tables, lists of folders), this jobnb, the
interpreter with its packages, and the environment's variables; for a day at most.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jobnb.errors import InvalidDefinitionError, NotebookError

CACHE_VARIABLE = "JOBNB_CACHE"
"""Names the folder of the cache; where it is empty, nothing is cached."""

_FORMAT = 1
_GRACE = 15.0  # seconds that the process has to tell where it was when its time was over
_KEPT_SECONDS = 86_400.0
_HASHED_BYTES = 4_000_000  # of a larger file, size and time stand for its content
_PASSING = frozenset(
    ("_", "COLUMNS", "COMP_CWORD", "COMP_WORDS", "LINES", "OLDPWD", "PYTEST_CURRENT_TEST", "SHLVL",
     "WINDOWID", "_JOBNB_COMPLETE", CACHE_VARIABLE)
)  # fmt: skip
_PASSING_PREFIXES = ("SSH_", "TERM", "TMUX", "XDG_SESSION", "VTE_", "WT_")


def outline_for(
    code: Any, *, again: bool = False, silent: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Return the outline of a code location: the cached one if nothing has changed.

    Args:
        code: A `CodeSource`; its limit is how long loading may take.
        again: Whether to load it even if it is cached.
        silent: Whether what the code writes on stderr is discarded.

    Raises:
        NotebookError: If it cannot be loaded, or not in that time.
    """
    if not again:
        file = _cache_file(code)
        known = _cached(file) if file is not None else None
        if known is not None:
            return known
    with _started(code, silent=silent) as process:
        if again:  # The place in the cache is worked out while the process loads the code.
            file = _cache_file(code)
        loaded = _answer_of(code, process)
    if file is not None:
        _keep(file, loaded)
    outline: dict[str, list[dict[str, Any]]] = loaded["outline"]
    return outline


def check_code(code: Any) -> dict[str, list[dict[str, Any]]]:
    """Load a code location and check that every job of it can be planned.

    Args:
        code: A `CodeSource`; its limit is how long loading may take.

    Returns:
        Its outline.

    Raises:
        InvalidDefinitionError: If it cannot be loaded, or something in it does not fit; tells all.
    """
    try:
        with _started(code, "--check", silent=False) as process:
            outline: dict[str, list[dict[str, Any]]] = _answer_of(code, process)["outline"]
    except NotebookError as error:
        raise InvalidDefinitionError(str(error)) from error
    return outline


# --- the process ----------------------------------------------------------------------


@contextmanager
def _started(code: Any, *options: str, silent: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process that loads a code location; it has ended when this is left."""
    from jobnb.notebook.outline import to_json

    command = [_interpreter(code), "-P", "-m", "jobnb.notebook.outline", to_json(code), *options]
    process = subprocess.Popen(  # noqa: S603 - the interpreter of this or of the kernel
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if silent else None,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _answer_of(code: Any, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait until the code is loaded, and return what its process says of it."""
    from jobnb.notebook.load_limit import load_seconds

    seconds = code.limit.seconds or load_seconds()
    try:
        answer, _ = process.communicate(timeout=seconds + _GRACE)
    except subprocess.TimeoutExpired:
        raise NotebookError(
            f"{code.name} was not loaded within {seconds:g} s, and does not say where it stands."
        ) from None
    return _read(code, answer, process.returncode)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, with those that it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _read(code: Any, answer: bytes, ended: int) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(answer)
    except ValueError:
        how = f"signal {-ended}" if ended < 0 else f"exit code {ended}"
        python = _interpreter(code)
        other = "" if python == sys.executable else f" Is jobnb installed for {python}?"
        raise NotebookError(
            f"{code.name} could not be loaded: the process that loads it ended ({how}).{other}"
        ) from None
    if "problem" in told:
        raise NotebookError(told["problem"])
    return told


def _interpreter(code: Any) -> str:
    """Return the Python of the notebook's kernel; this one where it has none or it is not here."""
    name = _kernel_name(code.path) if code.path is not None else None
    if name is None or name.startswith("python"):
        return sys.executable
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        return sys.executable
    if spec.language.lower() != "python":
        raise NotebookError(f"{code.path} has cells of {spec.language}: they define nothing here.")
    return str(spec.argv[0])


def _kernel_name(path: Path) -> str | None:
    if path.suffix != ".ipynb":
        return None
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        name = json.loads(path.read_bytes())["metadata"]["kernelspec"]["name"]
        return name if isinstance(name, str) else None
    return None


# --- the cache ------------------------------------------------------------------------


def _cache_file(code: Any) -> Path | None:
    """Return the file that has the outline, if it is cached; None if there is no cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named == "":
        return None
    if named is None:
        from platformdirs import user_cache_path

        folder = user_cache_path("jobnb", appauthor=False)
    else:
        folder = Path(named)
    where = [each and str(each.absolute()) for each in (code.path, code.folder)]
    about = [*where, code.module, code.attribute, str(Path.cwd()), _surroundings()]
    return folder / "outlines" / f"{_digest(json.dumps(about).encode())}.json"


def _surroundings() -> list[Any]:
    """Return what the outcome depends on, beside the files: jobnb, Python, packages, variables."""
    variables = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name not in _PASSING and not name.startswith(_PASSING_PREFIXES)
    )
    packages = [(place, _changed(place)) for place in sys.path if "packages" in place]
    own = max((_changed(each) for each in _own_files()), default=0)
    return [_FORMAT, own, sys.executable, sys.version, packages, variables]


def _own_files() -> Iterable[str]:
    for folder, _, names in os.walk(Path(__file__).parents[1]):
        if not folder.endswith(("__pycache__", "static")):
            yield from (f"{folder}/{name}" for name in names if name.endswith(".py"))


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - of hundreds of files, for each listing
    except OSError:
        return 0


def _cached(file: Path) -> dict[str, list[dict[str, Any]]] | None:
    try:
        if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
            return None
        kept: dict[str, Any] = json.loads(file.read_bytes())
        if _print_of(kept["files"], kept["folders"]) != kept["print"]:
            return None
        outline: dict[str, list[dict[str, Any]]] = kept["outline"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return outline


def _keep(file: Path, loaded: Mapping[str, Any]) -> None:
    """Cache an outline; a cache that cannot be written is done without."""
    from jobnb.notebook.document import write_whole

    files, folders = loaded["files"], loaded["folders"]
    kept = {**loaded, "print": _print_of(files, folders)}
    with suppress(OSError, NotebookError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(file, json.dumps(kept))
        _forget_old(file.parent)


def _forget_old(folder: Path) -> None:
    oldest = time.time() - 7 * _KEPT_SECONDS
    for other in folder.iterdir():
        with suppress(OSError):
            if other.stat().st_mtime < oldest:
                other.unlink()


def _print_of(files: Iterable[str], folders: Iterable[str]) -> str:
    parts = [(path, _content(path)) for path in files]
    listed = [(path, _listing(path)) for path in folders]
    return _digest(json.dumps([parts, listed]).encode())


def _content(path: str) -> str:
    try:
        about = Path(path).stat()
        if about.st_size > _HASHED_BYTES:
            return f"{about.st_size} {about.st_mtime_ns}"
        return _digest(Path(path).read_bytes())
    except OSError:
        return ""


def _listing(path: str) -> list[str]:
    try:
        return sorted(each.name for each in Path(path).iterdir())
    except OSError:
        return []


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
