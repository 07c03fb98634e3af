"""Renamed assets: their values, history and freshness stay, and so does that of what reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jobnb.code.version import CodeHash
from jobnb.definitions.keys import AssetKey
from jobnb.errors import did_you_mean
from jobnb.plan.selection_resolution import with_known_keys
from jobnb.staleness.causes import rename_words
from jobnb.staleness.renamed_inputs import Names, versions_under
from jobnb.staleness.statuses import defined_assets
from jobnb.staleness.verdicts import DefinedAsset
from jobnb.staleness.versions import CODE, INPUT, POINTER
from jobnb.storage.instance import Instance

if TYPE_CHECKING:
    from jobnb.registry.session import Session


class AssetRenamed(msgspec.Struct, frozen=True):
    """What has become of a renamed asset.

    Attributes:
        old: Its name before.
        new: Its name now.
        values: How many stored values go with it.
        partitions: How many of its partitions were materialized.
        note: What to look at, as that no cell defines the new name.
    """

    old: AssetKey
    new: AssetKey
    values: int
    partitions: int = 0
    note: str = ""

    def __repr__(self) -> str:
        return f"{self._words()}\n{self.note}".rstrip()

    def _words(self) -> str:
        old, new = self.old.to_user_string(), self.new.to_user_string()
        count = f"{self.values:,} stored value{'s'[: self.values != 1]}"
        if self.values:
            return f"<{old!r} is {new!r} now, with its history and {count}>"
        return (
            f"<{old!r} is {new!r} now, with its history. None of its values lies in the folder of "
            "values: an IO manager of yours has to find them under the new name.>"
        )


class PossibleRename(msgspec.Struct, frozen=True):
    """An asset that was never made, and whose code is that of one that is no longer defined.

    Attributes:
        old: The asset that is no longer defined.
        new: The asset that was never made.
    """

    old: AssetKey
    new: AssetKey

    @property
    def words(self) -> str:
        """What it is, and the call that keeps the values."""
        return rename_words(self.old, self.new)

    def __repr__(self) -> str:
        return f"<{self.new.to_user_string()!r}: {self.words}>"


def rename_asset(
    instance: Instance, old: AssetKey, new: AssetKey, defined: Iterable[AssetKey] = ()
) -> AssetRenamed:
    """Rename an asset in a history, with its stored values.

    Args:
        instance: The history.
        old: Its name so far.
        new: Its new name.
        defined: The assets that are defined, among which the new name may be, or will be.

    Raises:
        InvalidSubsetError: If the history does not know the asset.
        InvariantViolationError: If the name has a history, or a run materializes the asset now.
    """
    partitions = len(instance.get_materialized_partitions(old))
    folder = Path(instance.storage_directory())
    values = instance.move_asset(old, new, folder, (INPUT, POINTER))
    return AssetRenamed(old, new, values, partitions, _note(new, set(defined)))


def _note(new: AssetKey, defined: set[AssetKey]) -> str:
    """Tell that nothing defines the new name, if that may be a slip."""
    if new in defined or not defined:
        return ""
    name = new.to_user_string()
    near = did_you_mean(name, sorted(key.to_user_string() for key in defined))
    if not near.startswith("Did you mean"):
        return f"No asset is called {name!r} yet: rename it in its cell, too."
    instead = near.removeprefix("Did you mean ").rstrip("?")
    return (
        f"No asset is called {name!r} yet: rename it in its cell, too. If {instead} is meant: "
        f"session.rename({name!r}, {instead})."
    )


# --- renames that were not told ---------------------------------------------------


def possible_renames(
    defined: Mapping[AssetKey, DefinedAsset], instance: Instance
) -> list[PossibleRename]:
    """Find assets that are new by name alone: same code, and the old name is not defined.

    Where several have the same code, nobody knows which is which, and none is given.
    """
    made = instance.last_made()
    gone = {
        key: record.tags[CODE]
        for key, record in made.items()
        if key not in defined and CodeHash.read(record.tags.get(CODE, "")) is not None
    }
    new = {key for key in defined if key not in made} if gone else set()
    names = {key: list(old) for key, old in instance.earlier_names().items()}
    found: dict[AssetKey, AssetKey] = {}
    while sure := _sure_pairs(gone, {key: defined[key] for key in new}, names):
        for key, old in sure.items():  # what reads them may have its earlier code then
            found[key] = old
            names[key] = [old, *names.get(key, ())]
            new.remove(key)
            del gone[old]
    return [PossibleRename(old, key) for key, old in found.items()]


def _sure_pairs(
    gone: Mapping[AssetKey, str], new: Mapping[AssetKey, DefinedAsset], names: Names
) -> dict[AssetKey, AssetKey]:
    """Return the new assets with the code of exactly one that is gone, which no other has."""
    pairs = [
        (key, old)
        for key, asset in new.items()
        for versions in [set(versions_under(asset.assets, asset.code, names))]
        for old, code in gone.items()
        if code in versions
    ]
    keys, olds = Counter(key for key, _ in pairs), Counter(old for _, old in pairs)
    return {key: old for key, old in pairs if keys[key] == 1 and olds[old] == 1}


def session_renames(session: Session) -> list[PossibleRename]:
    """Find the assets of a session that are new by name alone."""
    known = session.definitions
    assets = with_known_keys(known.assets, known.source_assets)
    return possible_renames(defined_assets(assets), session.instance)
