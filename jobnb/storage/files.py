"""Store values as files, each written wholly or not at all."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.resources.io import IOManager
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.errors import InvariantViolationError, JobnbError, StorageError, ValueNotStoredError
from jobnb.storage.formats import (
    BLOCKED,
    FORMATS,
    OLDER,
    Format,
    Peek,
    UnfaithfulError,
    formats_for,
)
from jobnb.storage.value_paths import (
    Context,
    ValuePath,
    asset_place,
    load_partitions,
    maker_of,
    owner_of,
    place_of,
    split_partitions,
    tell_path,
)

_ENDINGS = tuple((form, ending) for form in FORMATS for ending in (form.suffix, *form.others))


class StoredFile(NamedTuple):
    """A file that may hold a value: its path, the ending of its name, and its format."""

    path: Path
    ending: str
    form: Format


def stored_files(stem: Path) -> list[StoredFile]:
    """Return the existing files of a value, the newest first: a crash may have left two."""
    text = str(stem)
    found = [
        StoredFile(Path(text + ending), ending, form)
        for form, ending in _ENDINGS
        if os.path.isfile(text + ending)  # noqa: PTH113 - a path is made of what is there only
    ]
    return sorted(found, key=lambda each: -each.path.stat().st_mtime_ns) if found[1:] else found


def _write_value(stem: Path, value: Any) -> Path:
    """Write a value beside its place and move it there; returns the file."""
    for form in formats_for(value):
        try:
            target = _write_as(stem, form, value)
        except UnfaithfulError:
            continue
        for each in stored_files(stem):
            if each.path != target:
                each.path.unlink(missing_ok=True)
        return target
    raise AssertionError("pickle is always tried last")


def _write_as(stem: Path, form: Format, value: Any) -> Path:
    beside = stem.with_name(f".writing-{os.urandom(8).hex()}{form.suffix}")
    target = stem.with_name(stem.name + form.suffix)
    try:
        with beside.open("xb") as file:  # with the rights of any new file
            form.dump(value, file)
        try:
            return _replace(beside, target)
        except OSError:
            if not target.is_dir():  # that of `a/b`, where this is `a`
                raise
            return _replace(beside, stem.with_name(stem.name + BLOCKED))
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _replace(path: Path, target: Path) -> Path:
    os.replace(path, target)  # noqa: PTH105 - the one call that replaces on every system
    return target


def make_folder(folder: Path, base: Path) -> None:
    """Create a folder; if the pickle of `a` is in the way of `a/b`, move it beside the folder."""
    for _ in range(5):  # whoever stores `a` at the same time may be faster
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return
        except (FileExistsError, NotADirectoryError):
            blocking = next((each for each in (folder, *folder.parents) if each.is_file()), base)
            if base not in blocking.parents or not _is_pickle(blocking):
                raise
            with suppress(FileNotFoundError):
                _replace(blocking, blocking.with_name(blocking.name + BLOCKED))
    folder.mkdir(parents=True, exist_ok=True)


def _is_pickle(path: Path) -> bool:
    """Whether a file was written by this manager: it leaves others alone."""
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


class FileIOManager(IOManager):
    """Stores every value as a file below a folder.

    Assets lie at `<base>/<key>`, with a file per partition where they have some; the outputs of
    ops at `<base>/<run id>/<step>/<output>`. Data frames end in `.parquet`, executed
    notebooks in `.ipynb`; what is pickled has no ending, as in Dagster.

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
            parts = list(split_partitions(context, obj))
            for key, value in parts:
                path = self._write(context, place_of(context, key), value)
            if len(parts) > 1:
                path = self._folder(context)
        else:
            path = self._write(context, place_of(context), obj)
        context.add_output_metadata({"path": MetadataValue.path(str(path))})

    def _folder(self, context: Context) -> Path:
        """Return the folder of an asset's partitions."""
        return self.base_dir.joinpath(*asset_place(context.asset_key.path).parts)

    def _write(self, context: OutputContext, place: ValuePath, value: Any) -> Path:
        what = _describe(context)
        path = self.base_dir.joinpath(*place.parts)
        try:
            make_folder(path.parent, self.base_dir)
            self._make_way(context, place)
            return _write_value(path, value)
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

    def has_output(self, context: OutputContext) -> bool:
        """Whether the value of an op's output is stored."""
        place = place_of(context)
        return any(
            any(True for _ in stored_files(self.base_dir.joinpath(*parts)))
            for parts in (place.parts, place.older)
        )

    def load_input(self, context: InputContext) -> Any:
        """Return the stored value; of several partitions, a dictionary of them.

        Raises:
            StepOutputNotFoundError: If nothing was stored.
            JobnbError: If the file cannot be read.
        """
        maker = maker_of(context)
        if not maker.has_asset_key or not maker.has_asset_partitions:
            return self._load(context, place_of(context))
        value = load_partitions(
            context, maker, lambda key: self._load(context, place_of(context, key))
        )
        if len(maker.asset_partition_keys) != 1:
            context.tell_input_metadata({"path": MetadataValue.path(str(self._folder(maker)))})
        return value

    def peek(self, context: InputContext, rows: int) -> Peek | None:
        """Return the first rows of a stored table; None for what can be loaded as a whole only."""
        found = self._find(context, place_of(context))
        return found.form.peek(found.path, rows)

    def _load(self, context: InputContext, place: ValuePath) -> Any:
        found = self._find(context, place)
        try:
            try:
                value = found.form.load(found.path, _names(context))
            except FileNotFoundError:  # it was moved or replaced since
                found = self._find(context, place)
                value = found.form.load(found.path, _names(context))
        except Exception as error:
            raise JobnbError(
                f"The stored value of {_describe(context, place)} cannot be read from "
                f"{str(found.path)!r} ({type(error).__name__}: {error}). {_remedy(context, place)}"
            ) from error
        tell_path(context, found.path)
        return value

    # --- files, also those that versions before this one wrote ----------------

    def _find(self, context: InputContext, place: ValuePath) -> StoredFile:
        """Return the file of a value.

        Raises:
            StepOutputNotFoundError: If there is none.
        """
        stem, older = (self.base_dir.joinpath(*each) for each in (place.parts, place.older))
        for each in stored_files(stem):
            if not place.is_shared or self._owner(context, place, each) in (None, place):
                return each
        for each in stored_files(older) if older != stem else ():
            if self._is_older(context, place, each):
                return each
        raise ValueNotStoredError(
            f"There is no stored value of {_describe(context, place)} (looked for {str(stem)!r}). "
            f"{_remedy(context, place)}"
        )

    def _is_older(self, context: InputContext, place: ValuePath, file: StoredFile) -> bool:
        """Whether a file in the older place is this value's; others may lie there today."""
        if not place.key:
            return file.ending == OLDER or place.parts[0] == place.older[0]
        owner = self._owner(context, place, file)
        return owner == place or (owner is None and file.ending == OLDER)

    def _owner(self, context: Context, place: ValuePath, file: StoredFile) -> ValuePath | None:
        """Return whose value a file holds, as an older version may have stored another's in it."""
        if file.ending in ("", BLOCKED) or file.form.is_marked(file.path):
            return None  # older versions wrote no such files

        def is_there(other: ValuePath) -> bool:
            own = stored_files(self.base_dir.joinpath(*other.parts))
            return any(each.path != file.path for each in own)

        return owner_of(place, file.path, context, is_there)

    def _make_way(self, context: OutputContext, place: ValuePath) -> None:
        """Move what an older version stored of another value to a place of its own."""
        for each in stored_files(self.base_dir.joinpath(*place.parts)) if place.is_shared else ():
            owner = self._owner(context, place, each)
            if owner is not None and owner != place:
                own = self.base_dir.joinpath(*owner.parts)
                make_folder(own.parent, self.base_dir)
                _replace(each.path, own.with_name(own.name + each.ending))


def file_manager(context: Any) -> FileIOManager:
    """Return the manager of a run: in `base_dir` of its config, else where its instance stores."""
    base_dir = (context.resource_config or {}).get("base_dir")
    return FileIOManager(base_dir or values_directory(context))


def values_directory(context: Any) -> str:
    """Return the folder in which the instance of a run stores values.

    Raises:
        InvariantViolationError: If there is no instance.
    """
    if context.instance is None:
        raise InvariantViolationError(
            "fs_io_manager does not know where to store values: there is no instance. "
            'Give it a folder: {"base_dir": ...}.'
        )
    return str(context.instance.storage_directory())


def _describe(context: Context, place: ValuePath | None = None) -> str:
    """Return the value in the user's words."""
    maker = maker_of(context)
    if maker.has_asset_key:
        name = f"asset {maker.asset_key.to_user_string()!r}"
        if place is not None and place.partition is not None:
            return f"partition {'|'.join(place.partition)!r} of {name}"
        return name
    if isinstance(maker, InputContext):
        return f"input {maker.name!r}"
    return f"output {maker.name!r} of step {maker.step_key!r}"


def _names(context: InputContext) -> Mapping[str, Any] | None:
    """Return the names that the function knows which the value is for."""
    function = getattr(getattr(context._op_def, "function", None), "fn", None)
    return getattr(function, "__globals__", None)


def _remedy(context: InputContext, place: ValuePath) -> str:
    """Return the call and the command that make a value again, with its partition."""
    maker = maker_of(context)
    if not maker.has_asset_key:
        return "Run the step that makes it again."
    name = maker.asset_key.to_user_string()
    key = "|".join(place.partition or ())
    call, options = f'"{name}"', f"--select {shlex.quote(name)}"
    if key:
        call, options = f'{call}, partition="{key}"', f"{options} --partition {shlex.quote(key)}"
    return (
        f"Materialize it first with session.materialize({call}), at a command line with "
        f"`jobnb asset materialize {options}`."
    )
