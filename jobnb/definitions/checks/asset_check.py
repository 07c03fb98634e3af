"""Checks of assets, the nouns: how a check is named, what it says, how bad a failure is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey, check_name
from jobnb.definitions.metadata import normalize
from jobnb.definitions.plain import plain_verdict
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    _Key = CoercibleToAssetKey
else:
    _Key = Any  # so that it is read back from JSON: `__post_init__` makes an AssetKey of it


class AssetCheckSeverity(Enum):
    """How bad it is when a check does not pass.

    Source: Dagster's `AssetCheckSeverity`.
    """

    WARN = "WARN"
    ERROR = "ERROR"


class AssetCheckKey(msgspec.Struct, frozen=True, order=True):
    """The name of a check: the asset that it looks at, and its own name.

    Args:
        asset_key: The asset.
        name: The check's name; letters, digits and underscores.

    Example:
        >>> AssetCheckKey("orders", "no_nulls").to_user_string()
        'orders:no_nulls'

    Source: Dagster's `AssetCheckKey`.
    """

    asset_key: _Key
    name: str

    def __post_init__(self) -> None:
        """Check and normalise what was given."""
        key = AssetKey.from_coercible(self.asset_key)
        msgspec.structs.force_setattr(self, "asset_key", key)
        check_name(self.name, f"a check of {key.to_user_string()!r}")

    @property
    def asset(self) -> AssetKey:
        """The asset that it looks at."""
        return AssetKey.from_coercible(self.asset_key)

    def to_user_string(self) -> str:
        """The asset and the name, as people write them."""
        return f"{self.asset.to_user_string()}:{self.name}"

    def to_python_identifier(self) -> str:
        """A valid Python name made of the asset's key and the name."""
        return f"{self.asset.to_python_identifier()}_{self.name}"

    @staticmethod
    def from_user_string(text: str) -> AssetCheckKey:
        """The key that people write as `asset:check`.

        Raises:
            InvalidDefinitionError: If it has no colon.
        """
        asset, colon, name = text.rpartition(":")
        if not colon:
            raise InvalidDefinitionError(
                f"{text!r} does not name a check: write the asset and the check, asset:check."
            )
        return AssetCheckKey(AssetKey.from_user_string(asset), name)


class AssetCheckResult(msgspec.Struct, frozen=True):
    """What a check says of its asset.

    Args:
        passed: Whether all is well.
        asset_key: The asset, where the function checks several.
        check_name: The check, where the function makes several.
        metadata: Facts shown beside the verdict.
        severity: How bad it is if it did not pass.
        description: Why, in words.

    Raises:
        InvalidDefinitionError: If `passed` is neither true nor false.

    Example:
        >>> AssetCheckResult(passed=False, metadata={"nulls": 3}).severity.value
        'ERROR'

    Source: Dagster's `AssetCheckResult`.
    """

    passed: Any
    asset_key: CoercibleToAssetKey | None = None
    check_name: str | None = None
    metadata: Mapping[str, Any] | None = None
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR
    description: str | None = None

    def __post_init__(self) -> None:
        """Check and normalise what was given; numpy's booleans are booleans too."""
        put = msgspec.structs.force_setattr
        passed = plain_verdict(self.passed)
        if not isinstance(passed, bool):
            raise InvalidDefinitionError(
                f"passed of AssetCheckResult is True or False, not {self.passed!r}."
            )
        put(self, "passed", passed)
        if self.asset_key is not None:
            put(self, "asset_key", AssetKey.from_coercible(self.asset_key))
        if not isinstance(self.severity, AssetCheckSeverity):
            raise InvalidDefinitionError(
                "severity of AssetCheckResult is AssetCheckSeverity.WARN or "
                f"AssetCheckSeverity.ERROR, not {self.severity!r}."
            )
        put(self, "metadata", normalize(self.metadata))


class AssetCheckSpec(msgspec.Struct, frozen=True):
    """What a function will tell of an asset: a check, before it has run.

    Args:
        name: The check's name; letters, digits and underscores.
        asset: The asset: a key, a string or a definition.
        description: What must hold, in words.
        additional_deps: Assets that must be made before, besides the one that is checked.
        blocking: Whether what is made from the asset waits for the check, and is skipped if it
            fails as an error.
        metadata: Values shown beside the check.
        automation_condition: When it should be made.
        partitions_def: The partitions that it looks at; those of the asset if absent.

    Example:
        >>> AssetCheckSpec("no_nulls", asset="orders", blocking=True).key.to_user_string()
        'orders:no_nulls'

    Source: Dagster's `AssetCheckSpec`.
    """

    name: str
    asset: Any
    description: str | None = None
    additional_deps: Iterable[Any] | None = None
    blocking: bool = False
    metadata: Mapping[str, Any] | None = None
    automation_condition: Any = None
    partitions_def: Any = None

    def __post_init__(self) -> None:
        """Check and normalise what was given."""
        put = msgspec.structs.force_setattr
        put(self, "asset", AssetKey.from_coercible(self.asset))
        check_name(self.name, f"a check of {self.asset.to_user_string()!r}")
        deps = tuple(AssetKey.from_coercible(each) for each in self.additional_deps or ())
        if self.asset in deps:
            raise InvalidDefinitionError(
                f"The check {self.name!r} names its own asset {self.asset.to_user_string()!r} in "
                "additional_deps. Leave it out: a check waits for its asset anyway."
            )
        put(self, "additional_deps", deps)
        put(self, "metadata", dict(self.metadata or {}))

    @property
    def asset_key(self) -> AssetKey:
        """The asset that is checked."""
        return AssetKey.from_coercible(self.asset)

    @property
    def key(self) -> AssetCheckKey:
        """The name of the check."""
        return AssetCheckKey(self.asset_key, self.name)

    def get_python_identifier(self) -> str:
        """A valid Python name made of the asset's key and the check's name."""
        return self.key.to_python_identifier()


class AssetCheckEvaluation(msgspec.Struct, frozen=True):
    """What a check said in a run, as it is read back from the run's events.

    Args:
        asset_key: The asset.
        check_name: The check.
        passed: Whether all was well.
        metadata: Facts shown beside the verdict.
        target_materialization_data: The storage id and the run of the materialization that was
            looked at, where they are known.
        severity: How bad it is if it did not pass.
        description: Why, in words.
        blocking: Whether what is made from the asset waits for the check.
        partition: The partition that was looked at.

    Source: Dagster's `AssetCheckEvaluation`.
    """

    asset_key: AssetKey
    check_name: str
    passed: bool
    metadata: Mapping[str, Any] = {}
    target_materialization_data: tuple[int | None, str | None] | None = None
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR
    description: str | None = None
    blocking: bool | None = None
    partition: str | None = None

    @property
    def asset_check_key(self) -> AssetCheckKey:
        """The name of the check."""
        return AssetCheckKey(self.asset_key, self.check_name)


def checks_of(
    op_name: str, specs: Sequence[AssetCheckSpec] | None, keys: Iterable[AssetKey]
) -> dict[str, AssetCheckSpec]:
    """The checks that a function makes together with its assets, by the output of each.

    Raises:
        InvalidDefinitionError: If one is of another asset, or two have one name; all at once.
    """
    if not specs:
        return {}
    see_distinct(op_name, specs)
    own = {key.to_user_string() for key in keys}
    foreign = [each.key for each in specs if each.asset_key.to_user_string() not in own]
    if foreign:
        names = ", ".join(sorted(own))
        raise InvalidDefinitionError(
            f"{op_name!r} makes {names} and cannot check another asset on the way: "
            + ", ".join(repr(each.to_user_string()) for each in foreign)
            + ". Use @asset_check for it."
        )
    return {each.get_python_identifier(): each for each in specs}


def see_free(op_name: str, checks: Iterable[str], outs: Iterable[str]) -> None:
    """See that no output of a graph would be both an asset and a check.

    Raises:
        InvalidDefinitionError: If one would.
    """
    taken = sorted({*checks} & {*outs})
    if taken:
        raise InvalidDefinitionError(
            f"{op_name!r} has a check whose output would be called {taken[0]!r}, as that of an "
            "asset. Rename one."
        )


def see_distinct(what: str, specs: Iterable[Any]) -> None:
    """See that there are checks, that they are checks, and that no two have one name.

    Raises:
        InvalidDefinitionError: If not; all problems at once.
    """
    specs = list(specs)
    problems = [
        f"{each!r} is no AssetCheckSpec." for each in specs if not isinstance(each, AssetCheckSpec)
    ]
    keys = [each.key for each in specs if isinstance(each, AssetCheckSpec)]
    twice = {key.to_user_string() for key in keys if keys.count(key) > 1}
    problems += [f"Two checks are called {name!r}. Rename one." for name in sorted(twice)]
    if not specs:
        problems = ["It has no checks: give specs=[AssetCheckSpec(...)]."]
    if problems:
        raise InvalidDefinitionError(
            f"The checks of {what!r} are not right:\n  " + "\n  ".join(problems)
        )
