"""The tags of a materialization in which its versions are recorded; the names are Dagster's."""

from __future__ import annotations

from collections.abc import Mapping

from jobnb.definitions.keys import AssetKey

__all__ = [
    "CODE",
    "CONFIG",
    "CONFIG_VERSION",
    "DATA",
    "GIVEN_CONFIG",
    "INITIAL",
    "INPUT",
    "IS_GIVEN",
    "POINTER",
    "data_version_of",
    "input_versions",
]

CODE = "dagster/code_version"
"""What made it: the version that was given, else the hash of the code."""
DATA = "dagster/data_version"
"""Which value it is: the version that the code told, else one that follows from the others."""
IS_GIVEN = "dagster/data_version_is_user_provided"
INPUT = "dagster/input_data_version/"
"""Before the key of an upstream asset: which value of it was read."""
POINTER = "dagster/input_event_pointer/"
"""Before the key of an upstream asset: the storage id of its event, if of an earlier run."""
INITIAL = "INITIAL"
"""The version of a source asset that nobody has observed."""

CONFIG_VERSION = "jobnb/config_version"
"""The hash of its config, defaults filled in."""
CONFIG = "jobnb/config"
"""That config as JSON, secrets and variables by name; left out where it is long."""
GIVEN_CONFIG = "jobnb/given_config"
"""The part of it that the run gave; the rest are defaults, which may change."""


def data_version_of(tags: Mapping[str, str], storage_id: int) -> str:
    """Which value an event tells of; one that tells no version stands for itself."""
    return tags.get(DATA) or f"event {storage_id}"


def input_versions(tags: Mapping[str, str]) -> dict[AssetKey, str]:
    """Which value of each upstream asset was read."""
    start = len(INPUT)
    return {
        AssetKey.from_user_string(name[start:]): version
        for name, version in tags.items()
        if name.startswith(INPUT)
    }
