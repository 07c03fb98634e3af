"""IO managers that define only how a value is written to a path, and read from it."""

from __future__ import annotations

import os
import secrets
import shutil
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.resources.io import IOManager
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.errors import InvariantViolationError, StorageError, ValueNotStoredError
from jobnb.storage.value_paths import (
    Context,
    ValuePath,
    asset_place,
    below_asset,
    load_partitions,
    maker_of,
    owner_of,
    partition_parts,
    place_of,
    safe_name,
    split_partitions,
    tell_path,
)


class UPathIOManager(IOManager):
    """Stores each value at a path of its own: a file for an asset, or one for each partition.

    A subclass says how one value is written and read. Partitions of several dimensions are in
    nested folders; an input that takes several partitions gets a dict of them.

    Args:
        base_path: The folder: a path, or with `universal_pathlib` (jobnb[upath]) a `UPath` or a
            URL, as "s3://bucket/values"; the current folder if left out.

    Attributes:
        extension: What the names of the files end with, as ".json".

    Example:
        >>> import json, tempfile
        >>> from jobnb import build_input_context, build_output_context
        >>> class JsonIOManager(UPathIOManager):
        ...     extension = ".json"
        ...
        ...     def dump_to_path(self, context, obj, path):
        ...         path.write_text(json.dumps(obj))
        ...
        ...     def load_from_path(self, context, path):
        ...         return json.loads(path.read_text())
        >>> manager = JsonIOManager(tempfile.mkdtemp())
        >>> manager.handle_output(build_output_context(asset_key="orders"), [1, 2])
        >>> manager.load_input(build_input_context(asset_key="orders"))
        [1, 2]

    Source: Dagster's `UPathIOManager`.
    """

    extension: str | None = None

    def __init__(self, base_path: Any = None) -> None:
        if self.extension is not None and not self.extension.startswith("."):
            raise InvariantViolationError(
                f"The extension of {type(self).__name__} begins with a dot: "
                f"{'.' + self.extension!r}, not {self.extension!r}."
            )
        self._base_path = _path(base_path if base_path is not None else ".")

    # --- what a subclass says ---------------------------------------------

    @abstractmethod
    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Write a value.

        Args:
            context: What is known of the output.
            obj: The value; of several partitions made in one run, that of one.
            path: Where to: a `pathlib.Path` or a `UPath`. Its folder is there.
        """

    @abstractmethod
    def load_from_path(self, context: InputContext, path: Any) -> Any:
        """Read a value again.

        Args:
            context: What is known of the input.
            path: Where from.
        """

    def get_metadata(self, context: OutputContext, obj: Any) -> Mapping[str, Any]:
        """Return more metadata to show beside an output."""
        return {}

    def get_path_for_partition(self, context: Context, path: Any, partition: str) -> Any:
        """Return the path of a partition, without the extension.

        Args:
            context: What is known of the input or output.
            path: Where the asset is.
            partition: The partition; the parts of several dimensions are joined by slashes.
        """
        return path.joinpath(*map(below_asset, partition.split("/")))

    def get_asset_relative_path(self, context: Context) -> PurePath:
        """Return an asset's path below the folder, without the extension."""
        return PurePath(*asset_place(context.asset_key.path).parts)

    def get_op_output_relative_path(self, context: Context) -> PurePath:
        """Return an output's path below the folder, without extension."""
        return PurePath(*place_of(context).parts)

    def make_directory(self, path: Any) -> None:
        """Create a folder and its parents."""
        path.mkdir(parents=True, exist_ok=True)

    def path_exists(self, path: Any) -> bool:
        """Whether something is at a path."""
        return bool(path.exists())

    def unlink(self, path: Any) -> None:
        """Remove what is at a path."""
        if path.is_dir():
            shutil.rmtree(path) if isinstance(path, Path) else path.rmdir(recursive=True)
        else:
            path.unlink()

    # --- storing ----------------------------------------------------------

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store the value; that of several partitions is a dict, and is in as many files.

        Raises:
            InvariantViolationError: If it should hold several partitions, and does not.
            StorageError: If a folder cannot be made.
        """
        if _is_partitioned(context):
            parts = list(split_partitions(context, obj))
            for key, value in parts:
                path = self._partition_path(context, key)
                self._write(context, value, path, place_of(context, key))
            if len(parts) > 1:
                path = self._asset_path(context)
        else:
            path = self._get_path(context)
            self._write(context, obj, path, place_of(context))
        told = {"path": MetadataValue.path(str(path)), **self.get_metadata(context, obj)}
        context.add_output_metadata(told)

    def _write(self, context: OutputContext, obj: Any, path: Any, place: ValuePath) -> None:
        try:
            self.make_directory(path.parent)
            self._make_way(context, place, path)
        except OSError as error:
            raise StorageError(
                f"Cannot make the folder {str(path.parent)!r}: {error.strerror or error}."
            ) from error
        if not isinstance(path, Path) or type(path).__module__.startswith("upath"):
            self.dump_to_path(context, obj, path)
            return
        # Beside its place first: a value is there as a whole, or the one before it still is.
        beside = path.with_name(f".writing-{secrets.token_hex(8)}-{path.name[-150:]}")
        try:
            self.dump_to_path(context, obj, beside)
            if beside.is_dir() and path.exists():
                self.unlink(path)
            os.replace(beside, path)  # noqa: PTH105 - the one call that replaces on every system
        finally:
            with suppress(OSError):
                self.unlink(beside)

    # --- loading ----------------------------------------------------------

    def load_input(self, context: InputContext) -> Any:
        """Return the stored value; of several partitions, a dict of them.

        Raises:
            StepOutputNotFoundError: If nothing was stored; with the metadata
                `allow_missing_partitions` of the input, partitions that are missing are left out.
        """
        maker = maker_of(context)
        if not _is_partitioned(maker):
            return self._read(context, self._get_path(maker), place_of(context))
        value = load_partitions(context, maker, lambda key: self._part(context, key))
        if len(maker.asset_partition_keys) != 1:
            context.tell_input_metadata({"path": MetadataValue.path(str(self._asset_path(maker)))})
        return value

    def load_partitions(self, context: InputContext) -> dict[str, Any]:
        """Return the values of the partitions that are meant, by key, however many they are."""
        return {key: self._part(context, key) for key in maker_of(context).asset_partition_keys}

    def _part(self, context: InputContext, key: str) -> Any:
        path = self._partition_path(maker_of(context), key)
        return self._read(context, path, place_of(context, key))

    def has_output(self, context: OutputContext) -> bool:
        """Whether all of an output is stored."""
        if _is_partitioned(context):
            paths = [self._partition_path(context, key) for key in context.asset_partition_keys]
            return all(map(self.path_exists, paths))
        return self.path_exists(self._get_path(context))

    def _read(self, context: InputContext, path: Any, place: ValuePath) -> Any:
        """Return the value at a path, or where a version before this one has put it.

        Whether something is there is asked only where loading fails: a manager may load what is
        no file.
        """
        cause: Exception | None = None
        if not place.is_shared or self._owner(context, place, path) in (None, place):
            try:
                return self._load(context, path)
            except Exception as error:
                if self.path_exists(path):
                    raise
                cause = error
        older = self._older_path(context, place)
        if older is not None:
            return self._load(context, older)
        raise ValueNotStoredError(
            f"There is no stored value at {str(path)!r}. Materialize "
            f"{_name(maker_of(context))} first."
        ) from cause

    def _load(self, context: InputContext, path: Any) -> Any:
        value = self.load_from_path(context, path)
        tell_path(context, path)
        return value

    # --- where ------------------------------------------------------------

    def _asset_path(self, context: Context) -> Any:
        return self._base_path / str(self.get_asset_relative_path(context))

    def _partition_path(self, context: Context, key: str) -> Any:
        parts = "/".join(map(safe_name, partition_parts(context, key)))
        path = self.get_path_for_partition(context, self._asset_path(context), parts)
        return self._with_extension(path)

    def _get_path(self, context: Context) -> Any:
        """Return where a value lies, with the extension; Dagster's own libraries call it, too."""
        if context.has_asset_key:
            return self._with_extension(self._asset_path(context))
        return self._with_extension(
            self._base_path / str(self.get_op_output_relative_path(context))
        )

    def _with_extension(self, path: Any) -> Any:
        return path.with_name(path.name + self.extension) if self.extension else path

    # --- what versions before this one wrote -------------------------------

    @cached_property
    def _is_plain(self) -> bool:
        """Whether no subclass defines paths: each value has then always had its own."""
        names = ("get_path_for_partition", "get_asset_relative_path", "get_op_output_relative_path")
        return all(getattr(type(self), each) is getattr(UPathIOManager, each) for each in names)

    def _own_path(self, place: ValuePath) -> Any:
        return self._with_extension(self._base_path.joinpath(*place.parts))

    def _owner(self, context: Context, place: ValuePath, path: Any) -> ValuePath | None:
        """Return whose value is at a path, if the history tells."""
        if not self._is_plain:
            return None

        def is_there(other: ValuePath) -> bool:
            own = self._own_path(other)
            return bool(own != path and self.path_exists(own))

        return owner_of(place, PurePath(str(path)), context, is_there)

    def _older_path(self, context: InputContext, place: ValuePath) -> Any:
        """Return the path by which an older version stored the value last; else None."""
        older = self._with_extension(self._base_path.joinpath(*place.older))
        if not self._is_plain or place.parts == place.older or not self.path_exists(older):
            return None
        if not place.key:  # runs have folders of their own, but for those that users named
            return older if place.parts[0] == place.older[0] else None
        return older if self._owner(context, place, older) == place else None

    def _make_way(self, context: OutputContext, place: ValuePath, path: Any) -> None:
        """Move what a version before this one stored of another value to a place of its own."""
        owner = self._owner(context, place, path) if place.is_shared else None
        if owner is not None and owner != place and self.path_exists(path):
            own = self._own_path(owner)
            self.make_directory(own.parent)
            path.rename(own)


def _is_partitioned(context: Context) -> bool:
    return context.has_asset_key and context.has_asset_partitions


def _name(maker: Context) -> str:
    if maker.has_asset_key:
        return f"the asset {maker.asset_key.to_user_string()!r}"
    return f"the output {maker.name!r}"


def _path(given: Any) -> Any:
    """Return a folder as a path object; a URL needs universal_pathlib."""
    if not isinstance(given, str):
        return given
    if "://" not in given:
        return Path(given)
    try:
        from upath import UPath
    except ImportError as error:
        raise InvariantViolationError(
            f"Values can be stored at {given!r} once universal_pathlib is installed: "
            "pip install jobnb[upath]."
        ) from error
    return UPath(given)
