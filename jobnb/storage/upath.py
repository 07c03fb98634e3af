"""IO managers that only say how one value is written to a path, and read from it again."""

from __future__ import annotations

import os
import secrets
import shutil
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from jobnb.definitions.metadata import MetadataValue
from jobnb.definitions.resources.io import IOManager
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.errors import InvariantViolationError, StepOutputNotFoundError, StorageError
from jobnb.storage.files import safe_name
from jobnb.storage.partition_values import load_partitions, partition_parts, split_partitions
from jobnb.storage.places import maker_of

__all__ = ["UPathIOManager"]

Context = InputContext | OutputContext


class UPathIOManager(IOManager):
    """Stores each value at a path of its own: a file for an asset, or one for each partition.

    A subclass says how one value is written and read. Partitions of several dimensions lie in
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
        """More metadata to show beside an output."""
        return {}

    def get_path_for_partition(self, context: Context, path: Any, partition: str) -> Any:
        """Where a partition lies, without the extension.

        Args:
            context: What is known of the input or output.
            path: Where the asset lies.
            partition: The partition; the parts of several dimensions are joined by slashes.
        """
        return path.joinpath(*partition.split("/"))

    def get_asset_relative_path(self, context: Context) -> PurePath:
        """Where an asset lies below the folder, without the extension."""
        return PurePath(*map(safe_name, context.asset_key.path))

    def get_op_output_relative_path(self, context: Context) -> PurePath:
        """Where the output of an op lies below the folder, without the extension."""
        return PurePath(*map(safe_name, context.get_identifier()))

    def make_directory(self, path: Any) -> None:
        """Make a folder, and those above it."""
        path.mkdir(parents=True, exist_ok=True)

    def path_exists(self, path: Any) -> bool:
        """Whether something lies at a path."""
        return bool(path.exists())

    def unlink(self, path: Any) -> None:
        """Remove what lies at a path."""
        if path.is_dir():
            shutil.rmtree(path) if isinstance(path, Path) else path.rmdir(recursive=True)
        else:
            path.unlink()

    # --- storing ----------------------------------------------------------

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store the value; that of several partitions is a dict, and lies in as many files.

        Raises:
            InvariantViolationError: If it should hold several partitions, and does not.
            StorageError: If a folder cannot be made.
        """
        if _is_partitioned(context):
            parts = list(split_partitions(context, obj))
            for key, value in parts:
                self._write(context, value, self._partition_path(context, key))
            place = (
                self._partition_path(context, parts[0][0])
                if len(parts) == 1
                else self._asset_path(context)
            )
        else:
            place = self._whole_path(context)
            self._write(context, obj, place)
        told = {"path": MetadataValue.path(str(place)), **self.get_metadata(context, obj)}
        context.add_output_metadata(told)

    def _write(self, context: OutputContext, obj: Any, path: Any) -> None:
        try:
            self.make_directory(path.parent)
        except OSError as error:
            raise StorageError(
                f"Cannot make the folder {str(path.parent)!r}: {error.strerror or error}."
            ) from error
        if not isinstance(path, Path) or type(path).__module__.startswith("upath"):
            self.dump_to_path(context, obj, path)
            return
        # Beside its place first: a value is there as a whole, or the one before it still is.
        beside = path.with_name(f".writing-{secrets.token_hex(8)}-{path.name}"[-200:])
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
        """The stored value; of several partitions, a dict of them.

        Raises:
            StepOutputNotFoundError: If nothing was stored; with the metadata
                `allow_missing_partitions` of the input, partitions that are missing are left out.
        """
        maker = maker_of(context)
        if _is_partitioned(maker):
            return load_partitions(
                context, maker, lambda key: self._read(context, self._partition_path(maker, key))
            )
        return self._read(context, self._whole_path(maker))

    def load_partitions(self, context: InputContext) -> dict[str, Any]:
        """The values of the partitions that are meant, by key, however many they are."""
        maker = maker_of(context)
        return {
            key: self._read(context, self._partition_path(maker, key))
            for key in maker.asset_partition_keys
        }

    def has_output(self, context: OutputContext) -> bool:
        """Whether all of an output is stored."""
        if _is_partitioned(context):
            paths = [self._partition_path(context, key) for key in context.asset_partition_keys]
            return all(map(self.path_exists, paths))
        return self.path_exists(self._whole_path(context))

    def _read(self, context: InputContext, path: Any) -> Any:
        if not self.path_exists(path):
            raise StepOutputNotFoundError(
                f"There is no stored value at {str(path)!r}. Materialize "
                f"{_name(maker_of(context))} first."
            )
        return self.load_from_path(context, path)

    # --- where ------------------------------------------------------------

    def _asset_path(self, context: Context) -> Any:
        return self._base_path / str(self.get_asset_relative_path(context))

    def _partition_path(self, context: Context, key: str) -> Any:
        parts = "/".join(map(safe_name, partition_parts(context, key)))
        path = self.get_path_for_partition(context, self._asset_path(context), parts)
        return self._with_extension(path)

    def _whole_path(self, context: Context) -> Any:
        if context.has_asset_key:
            return self._with_extension(self._asset_path(context))
        return self._with_extension(
            self._base_path / str(self.get_op_output_relative_path(context))
        )

    def _with_extension(self, path: Any) -> Any:
        return path.with_name(path.name + self.extension) if self.extension else path


def _is_partitioned(context: Context) -> bool:
    return context.has_asset_key and context.has_asset_partitions


def _name(maker: Context) -> str:
    if maker.has_asset_key:
        return f"the asset {maker.asset_key.to_user_string()!r}"
    return f"the output {maker.name!r}"


def _path(given: Any) -> Any:
    """A folder as a path object; a URL needs universal_pathlib."""
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
