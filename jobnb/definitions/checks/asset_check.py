"""Asset checks: keys, specs, results and severity."""

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
    # This type, so that it can be decoded from JSON: `__post_init__` converts it to an AssetKey.
    _Key = Any


class AssetCheckSeverity(Enum):
    """The severity of a check that does not pass.

    Source: Dagster's `AssetCheckSeverity`.
    """

    WARN = "WARN"
    ERROR = "ERROR"


class AssetCheckKey(msgspec.Struct, frozen=True, order=True):
    """The key of a check: its asset and its name.

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
        """Validate and normalize the fields."""
        key = AssetKey.from_coercible(self.asset_key)
        msgspec.structs.force_setattr(self, "asset_key", key)
        check_name(self.name, f"a check of {key.to_user_string()!r}")

    @property
    def asset(self) -> AssetKey:
        """The key of its asset."""
        return AssetKey.from_coercible(self.asset_key)

    def to_user_string(self) -> str:
        """Return the asset and the name, as people write them."""
        return f"{self.asset.to_user_string()}:{self.name}"

    def to_python_identifier(self) -> str:
        """Return a valid Python name made of the asset's key and the name."""
        return f"{self.asset.to_python_identifier()}_{self.name}"

    @staticmethod
    def from_user_string(text: str) -> AssetCheckKey:
        """Parse a key that is written as `asset:check`.

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
    """The result of a check.

    Args:
        passed: Whether the check passed.
        asset_key: The asset, if the function checks several.
        check_name: The check, if the function evaluates several.
        metadata: Metadata shown beside the result.
        severity: The severity if it did not pass.
        description: The reason, in words.

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
        """Validate and normalize the fields; numpy's booleans are accepted."""
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
    """A check of an asset, before it has run.

    Args:
        name: The check's name; letters, digits and underscores.
        asset: The asset: a key, a string or a definition.
        description: The condition, in words.
        additional_deps: Assets that must be materialized before, besides the checked one.
        blocking: Whether downstream assets wait for the check, and are skipped if it fails
            as an error.
        metadata: Metadata shown beside the check.
        automation_condition: When it should be evaluated.
        partitions_def: The partitions that it checks; those of the asset if not given.

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
        """Validate and normalize the fields."""
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
        """The checked asset."""
        return AssetKey.from_coercible(self.asset)

    @property
    def key(self) -> AssetCheckKey:
        """The key of the check."""
        return AssetCheckKey(self.asset_key, self.name)

    def get_python_identifier(self) -> str:
        """Return a valid Python name made of the asset's key and the check's name."""
        return self.key.to_python_identifier()


class AssetCheckEvaluation(msgspec.Struct, frozen=True):
    """The result of a check in a run, as it is read back from the run's events.

    Args:
        asset_key: The asset.
        check_name: The check.
        passed: Whether the check passed.
        metadata: Metadata shown beside the result.
        target_materialization_data: The storage id and the run of the materialization that was
            checked, if they are known.
        severity: The severity if it did not pass.
        description: The reason, in words.
        blocking: Whether downstream assets wait for the check.
        partition: The partition that was checked.

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
        """The key of the check."""
        return AssetCheckKey(self.asset_key, self.check_name)


def checks_of(
    op_name: str, specs: Sequence[AssetCheckSpec] | None, keys: Iterable[AssetKey]
) -> dict[str, AssetCheckSpec]:
    """Return the checks that a function evaluates together with its assets, by output.

    Raises:
        InvalidDefinitionError: If one is of another asset, or two have one name; lists all of them.
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
    """Check that no output of a graph is both an asset and a check.

    Raises:
        InvalidDefinitionError: If one is both.
    """
    taken = sorted({*checks} & {*outs})
    if taken:
        raise InvalidDefinitionError(
            f"{op_name!r} has a check whose output would be called {taken[0]!r}, as that of an "
            "asset. Rename one."
        )


def see_distinct(what: str, specs: Iterable[Any]) -> None:
    """Check that all specs are checks, that there are some, and that their keys differ.

    Raises:
        InvalidDefinitionError: If not; lists every problem.
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
