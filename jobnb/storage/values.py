"""The IO managers that come with jobnb."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from jobnb.definitions.resources.io import IOManager, IOManagerDefinition
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.definitions.resources.resource import ResourceDefinition
from jobnb.errors import ValueNotStoredError
from jobnb.storage.files import file_manager
from jobnb.storage.value_paths import load_partitions, maker_of, place_of, split_partitions


class InMemoryIOManager(IOManager):
    """Keeps values in a dictionary by their identifier.

    Source: Dagster's `InMemoryIOManager`.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Keep the value; that of an asset with partitions by partition."""
        if context.has_asset_key and context.has_asset_partitions:
            for partition, value in split_partitions(context, obj):
                self.values[place_of(context, partition).parts] = value
        else:
            self.values[place_of(context).parts] = obj

    def load_input(self, context: InputContext) -> Any:
        """Return the value that was kept; of several partitions, a dictionary of them.

        Raises:
            StepOutputNotFoundError: If none was in this run.
        """
        maker = maker_of(context)
        if maker.has_asset_key and maker.has_asset_partitions:
            return load_partitions(
                context, maker, lambda key: self._kept(place_of(context, key).parts)
            )
        return self._kept(place_of(context).parts)

    def _kept(self, place: tuple[str, ...]) -> Any:
        try:
            return self.values[place]
        except KeyError:
            raise ValueNotStoredError(
                f"The value of {'/'.join(place)!r} is not in memory: mem_io_manager keeps values "
                "for one run only. Select what makes it too, or use fs_io_manager."
            ) from None


MemoryIOManager = InMemoryIOManager


def _make() -> InMemoryIOManager:
    return InMemoryIOManager()


mem_io_manager = IOManagerDefinition(
    _make, description="Keeps values in memory for the time of one run."
)
mem_io_manager.wants_context = False


class _FilesDefinition(IOManagerDefinition):
    """`fs_io_manager`: its config schema is built when it is first read.

    Attributes:
        is_settled: Whether it needs no config, and is described only where config names it.
    """

    is_settled = True

    def _with_schema(self, schema: Any, description: str | None) -> ResourceDefinition:
        made = super()._with_schema(schema, description)
        vars(made)["is_settled"] = False
        return made

    @cached_property
    def config_schema(self) -> Any:
        """The folder, if it is not that of the instance."""
        from jobnb.config import Field, StringSource

        folder = Field(StringSource, is_required=False, description="Where values are stored.")
        return {"base_dir": folder}


fs_io_manager = _FilesDefinition(
    file_manager,
    description=(
        "Stores values as files: data frames as Parquet, executed notebooks as .ipynb, "
        "all else pickled."
    ),
)
del fs_io_manager.__dict__["config_schema"]  # what is built when it is first read
