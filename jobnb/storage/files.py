"""Values as files: where they lie, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobnb.definitions.metadata import MetadataValue
from jobnb.definitions.resources.io import IOManager
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.errors import JobnbError, StepOutputNotFoundError, StorageError
from jobnb.storage.formats import FORMATS, Format, UnfaithfulError, formats_for
from jobnb.storage.partition_values import load_partitions, partition_parts, split_partitions
from jobnb.storage.peek import Peek
from jobnb.storage.places import maker_of, place_of

__all__ = ["FileIOManager", "path_of", "safe_name"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]")
_LONGEST = 150
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def safe_name(name: str) -> str:
    """A name as a file name: odd characters percent-escaped; different names stay different.

    >>> safe_name("load[k1]"), safe_name(".."), safe_name("a/b")
    ('load%5Bk1%5D', '%2E.', 'a%2Fb')
    """
    escaped = _UNSAFE.sub(_escape, name)
    if escaped.startswith(".") or _RESERVED.fullmatch(escaped):
        escaped = f"%{ord(escaped[0]):02X}{escaped[1:]}"
    if len(escaped) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return f"{escaped[:_LONGEST]}%~{digest}"
    return escaped or "%"


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def path_of(base: Path, parts: Sequence[str]) -> Path:
    """Where a value lies, but for the ending that tells its format."""
    return base.joinpath(*map(safe_name, parts))


def write_value(path: Path, value: Any) -> Path:
    """Write a value beside its place and move it there; returns the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for form in formats_for(value):
        try:
            target = _write_as(path, form, value)
        except UnfaithfulError:
            continue
        for other in FORMATS:
            if other is not form:
                _with_suffix(path, other).unlink(missing_ok=True)
        return target
    raise AssertionError("pickle is always tried last")


def _write_as(path: Path, form: Format, value: Any) -> Path:
    beside = path.with_name(f".writing-{secrets.token_hex(8)}{form.suffix}")
    target = _with_suffix(path, form)
    try:
        with beside.open("xb") as file:  # with the rights of any new file
            form.dump(value, file)
        os.replace(beside, target)  # noqa: PTH105 - the one call that replaces on every system
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return target


def _with_suffix(path: Path, form: Format) -> Path:
    return path.with_name(path.name + form.suffix)


def find_value(path: Path) -> tuple[Path, Format] | None:
    """The file of a value, and its format; the newest, should a crash have left two."""
    found = [
        (target.stat().st_mtime_ns, target, form)
        for form in FORMATS
        if (target := _with_suffix(path, form)).is_file()
    ]
    if not found:
        return None
    _, target, form = max(found, key=lambda each: each[0])
    return target, form


class FileIOManager(IOManager):
    """Stores every value as a file below a folder.

    Assets lie at `<base>/<key>`, with a file per partition where they have some; the outputs of
    ops at `<base>/<run id>/<step>/<output>`.

    Args:
        base_dir: The folder.
    """

    def __init__(self, base_dir: str | os.PathLike[str]) -> None:
        self.base_dir = Path(base_dir).expanduser().absolute()

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store the value, and tell where in the metadata.

        Raises:
            StorageError: If the folder cannot be written.
            InvariantViolationError: If it should hold several partitions, and does not.
            JobnbError: If the value cannot be pickled.
        """
        if context.has_asset_key and context.has_asset_partitions:
            path = path_of(self.base_dir, context.asset_key.path)
            parts = list(split_partitions(context, obj))
            for key, value in parts:
                place = [*context.asset_key.path, *partition_parts(context, key)]
                written = self._write(context, place, value)
                path = written if len(parts) == 1 else path
        else:
            path = self._write(context, place_of(context), obj)
        context.add_output_metadata({"path": MetadataValue.path(str(path))})

    def _write(self, context: OutputContext, place: Sequence[str], value: Any) -> Path:
        what = _describe(context)
        path = path_of(self.base_dir, place)
        try:
            return write_value(path, value)
        except OSError as error:
            raise StorageError(
                f"Cannot store the value of {what} at {str(path)!r}: {error.strerror or error}."
            ) from error
        except Exception as error:
            raise JobnbError(
                f"The value of {what} is a {type(value).__name__} and cannot be stored as a file: "
                f"{error}. Return something that can be pickled, or use mem_io_manager or an IO "
                "manager of your own for it."
            ) from error

    def load_input(self, context: InputContext) -> Any:
        """The stored value; of several partitions, a dictionary of them.

        Raises:
            StepOutputNotFoundError: If nothing was stored.
            JobnbError: If the file cannot be read.
        """
        maker = maker_of(context)
        if maker.has_asset_key and maker.has_asset_partitions:
            asset = maker.asset_key.path
            value = load_partitions(
                context,
                maker,
                lambda key: self._load(context, [*asset, *partition_parts(maker, key)]),
            )
            if len(maker.asset_partition_keys) != 1:
                folder = path_of(self.base_dir, asset)
                context.tell_input_metadata({"path": MetadataValue.path(str(folder))})
            return value
        return self._load(context, place_of(context))

    def peek(self, context: InputContext, rows: int) -> Peek | None:
        """The first rows of a stored table; None for what can be loaded as a whole only."""
        parts = place_of(context)
        place = path_of(self.base_dir, parts)
        found = find_value(place)
        if found is None:
            raise _not_there(context, _describe(context, parts), place)
        path, form = found
        return form.peek(path, rows)

    def _load(self, context: InputContext, parts: Sequence[str]) -> Any:
        what = _describe(context, parts)
        found = find_value(path_of(self.base_dir, parts))
        if found is None:
            raise _not_there(context, what, path_of(self.base_dir, parts))
        path, form = found
        context.tell_input_metadata({"path": MetadataValue.path(str(path))})
        try:
            return form.load(path)
        except Exception as error:
            raise JobnbError(
                f"The stored value of {what} cannot be read from {str(path)!r} "
                f"({type(error).__name__}: {error}). {_remedy(context)}"
            ) from error


def _describe(context: InputContext | OutputContext, parts: Sequence[str] = ()) -> str:
    """The value in the user's words."""
    maker = maker_of(context)
    if maker.has_asset_key:
        name = f"asset {maker.asset_key.to_user_string()!r}"
        if maker.has_asset_partitions and len(parts) > len(maker.asset_key.path):
            partition = "|".join(parts[len(maker.asset_key.path) :])
            return f"partition {partition!r} of {name}"
        return name
    if isinstance(maker, InputContext):
        return f"input {maker.name!r}"
    return f"output {maker.name!r} of step {maker.step_key!r}"


def _not_there(context: InputContext, what: str, path: Path) -> StepOutputNotFoundError:
    return StepOutputNotFoundError(
        f"There is no stored value of {what} (looked for {str(path)!r}). {_remedy(context)}"
    )


def _remedy(context: InputContext) -> str:
    maker = maker_of(context)
    if not maker.has_asset_key:
        return "Run the step that makes it again."
    name = maker.asset_key.to_user_string()
    return f'Materialize it first, for example with session.materialize("{name}").'
