"""Resolve which value is meant, and its path: the same for storing, loading and inspecting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.errors import InvariantViolationError, StepOutputNotFoundError, ValueNotStoredError
from jobnb.events import EventType
from jobnb.storage.records import EventRecordsFilter

ALLOW_MISSING = "allow_missing_partitions"
"""Metadata of an input that says: what is not stored is left out."""


def partition_parts(context: InputContext | OutputContext, partition_key: str) -> list[str]:
    """Return the names that a partition has in a path: one, or one for each dimension."""
    key = context.asset_partitions_def.typed_key(partition_key)
    dimensions = getattr(key, "keys_by_dimension", None)
    return list(dimensions.values()) if dimensions is not None else [str(key)]


def split_partitions(context: OutputContext, value: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the value of each partition that a run makes in one go.

    Raises:
        InvariantViolationError: If there are several, and the value is no dict of them.
    """
    keys = context.asset_partition_keys
    if len(keys) == 1:
        yield keys[0], value
        return
    if not keys:
        raise _without_partition(context)
    if value is None:
        yield from ((key, None) for key in keys)
        return
    if not isinstance(value, Mapping):
        raise _no_dict(context, len(keys), f"it is a {type(value).__name__}")
    lacking = [key for key in keys if key not in value]
    if lacking:
        raise _no_dict(context, len(keys), f"{_some(lacking)} is missing in it")
    known = set(keys)
    surplus = [key for key in value if key not in known]
    if surplus:
        raise _no_dict(context, len(keys), f"{_some(surplus)} in it is none of them")
    yield from ((key, value[key]) for key in keys)


def _without_partition(context: OutputContext) -> InvariantViolationError:
    return InvariantViolationError(
        f"The asset {context.asset_key.to_user_string()!r} has partitions, and the run is for none "
        'of them. Say which at the launch: session.materialize(partition="..."), or '
        'partition_key="..." of materialize() and of contexts.'
    )


def _no_dict(context: OutputContext, count: int, why: str) -> InvariantViolationError:
    return InvariantViolationError(
        f"The run makes {count} partitions of {context.asset_key.to_user_string()!r} in one go, so "
        f"its value must be a dict with one value for each of context.partition_keys; {why}. "
        "Return such a dict, or make each partition in a run of its own with session.backfill() "
        "or `jobnb job backfill`."
    )


def _some(keys: list[Any]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(map(repr, keys[:3])) + more


def load_partitions(
    context: InputContext,
    maker: InputContext | OutputContext,
    load: Callable[[str], Any],
    absent: type[Exception] | tuple[type[Exception], ...] = StepOutputNotFoundError,
) -> Any:
    """Return the value of the partition that is meant; of several, a dict of them; of none, None.

    Args:
        context: The input.
        maker: What says which partitions are meant.
        load: Gives the value of one partition.
        absent: What `load` raises where nothing is stored.

    Raises:
        StepOutputNotFoundError: If some are not stored and the input does not allow it.
    """
    keys, found, lacking = list(maker.asset_partition_keys), {}, []
    for key in keys:
        try:
            found[key] = load(key)
        except absent as error:
            if len(keys) == 1 and not _allows(context):
                raise
            lacking.append((key, error))
    if lacking and not _allows(context):
        raise _not_stored(maker, [key for key, _ in lacking], len(keys)) from lacking[0][1]
    if len(keys) > 1:
        return found
    return found.get(keys[0]) if keys else None


def tell_path(context: InputContext, path: Any) -> None:
    """Tell where a value was loaded from; the folder of several partitions is told afterwards."""
    maker = maker_of(context)
    partitioned = maker.has_asset_key and maker.has_asset_partitions
    if not partitioned or len(maker.asset_partition_keys) == 1:
        context.add_input_metadata({"path": MetadataValue.path(str(path))})


def _allows(context: InputContext) -> bool:
    told = context.metadata.get(ALLOW_MISSING)
    return bool(getattr(told, "value", told))


def _not_stored(
    maker: InputContext | OutputContext, lacking: list[str], count: int
) -> StepOutputNotFoundError:
    name = maker.asset_key.to_user_string()
    return ValueNotStoredError(
        f"{len(lacking)} of {count} partitions of the asset {name!r} are not stored: "
        f"{_some(lacking)}. Materialize them first with "
        f'session.backfill("{name}", only_missing=True), at a command line with '
        "`jobnb job backfill --only-missing` for a job of it, or give the input "
        f'metadata={{"{ALLOW_MISSING}": True}} to do without them.'
    )


Context = InputContext | OutputContext

_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]")
_ESCAPED = re.compile(r"%[0-9A-F]{2}")
_ENDING = re.compile(r"\.(?=[A-Za-z][A-Za-z0-9]*$|$)")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSIONED = "versioned_outputs"
_LONGEST = 150
_DEEPEST = 900
_CUT = "%~"
_OF_PARTITION, _OF_KEY = "@", "+"


class ValuePath(NamedTuple):
    """The path of a value below an IO manager's folder, without the suffix.

    Two values never have the same place, not even where a file system takes `Orders` for `orders`
    or `ü` for `u` and two dots. Ordinary names stay as they are, as in Dagster: `orders`,
    `warehouse/orders`, `orders/2020-01-01`. What could be mistaken for another is marked: the
    partition `b` of `a` is at `a/b@`, since `a/b` is the asset `a/b`; `Orders` at `Orders+1`,
    where the number says which letters are capitals.

    Attributes:
        parts: The names of the folders and of the file.
        older: Where versions before this one have put it; other values may lie there too.
        key: The key of the asset; empty if it is the output of an op.
        partition: What the partition is in each dimension; None if it is of none.
    """

    parts: tuple[str, ...]
    older: tuple[str, ...]
    key: tuple[str, ...] = ()
    partition: tuple[str, ...] | None = None

    @property
    def is_shared(self) -> bool:
        """Whether versions before this one may have stored another value at this path."""
        return bool(self.key) and len(self.older) > 1 and self.parts == self.older

    @property
    def rivals(self) -> Iterator[ValuePath]:
        """The places of the values that versions before this one stored in the same file."""
        whole = (*self.key, *(self.partition or ()))
        for length in range(1, len(whole) + 1 if self.key else 0):
            rival = asset_place(whole[:length], whole[length:] or None)
            if rival != self:
                yield rival


def maker_of(context: Context) -> Context:
    """Return the context of the output that a value comes from, as an input may name it."""
    if isinstance(context, InputContext) and not context.has_asset_key:
        return context.upstream_output or context
    return context


def place_of(context: Context, partition_key: str | None = None) -> ValuePath:
    """Return the place of a value.

    Args:
        context: What it is stored or loaded with.
        partition_key: The partition of the asset; the one that is meant if absent.
    """
    maker = maker_of(context)
    if not maker.has_asset_key:
        versioned = isinstance(maker, OutputContext) and maker.version is not None
        return output_place(maker.get_identifier(), versioned=versioned)
    if not maker.has_asset_partitions:
        return asset_place(maker.asset_key.path)
    own = maker.asset_partition_key if partition_key is None else partition_key
    return asset_place(maker.asset_key.path, partition_parts(maker, own))


def asset_place(key: Sequence[str], partition: Sequence[str] | None = None) -> ValuePath:
    """Return the place of an asset, or of one of its partitions.

    Example:
        >>> "/".join(asset_place(["warehouse", "orders"], ["2020-01-01"]).parts)
        'warehouse/orders/2020-01-01'
    """
    own = [_key_part(index, name) for index, name in enumerate(key)]
    own += [below_asset(safe_name(name)) for name in partition or ()]
    older = map(safe_name, (*key, *(partition or ())))
    told = None if partition is None else tuple(partition)
    return ValuePath(_bounded(own), tuple(older), tuple(key), told)


def below_asset(escaped: str) -> str:
    """Return the name of a partition's file or folder below its asset, from its `safe_name`."""
    return _marked(escaped, _OF_PARTITION, plain=escaped[0].isdigit())


def output_place(identifier: Sequence[str], *, versioned: bool = False) -> ValuePath:
    """Return the place of the output of an op: run, step, output and mapping key."""
    run, *rest = identifier
    first = _marked(safe_name(run), _OF_PARTITION, plain=versioned or _is_run(run))
    own = [_marked(safe_name(name), _OF_KEY).replace("%5B", "[") for name in rest]
    return ValuePath(
        _bounded([first, *(name.replace("%5D", "]") for name in own)]),
        tuple(map(safe_name, identifier)),
    )


def _is_run(name: str) -> bool:
    return _RUN_ID.fullmatch(name) is not None


def _key_part(index: int, name: str) -> str:
    if index == 0:
        return _marked(safe_name(name), _OF_KEY, plain=not _is_run(name) and name != _VERSIONED)
    escaped = safe_name(name)
    return _marked(escaped, _OF_KEY, plain=not escaped[0].isdigit())


def _marked(escaped: str, mark: str, *, plain: bool = True) -> str:
    """Return a name that stays different where capitals do not count or an ending is put to it."""
    if _CUT in escaped:  # its digest tells capitals apart
        return escaped if plain else escaped + mark
    text = _ENDING.sub("%2E", escaped).replace(_OF_KEY, "%2B")
    letters = enumerate(_ESCAPED.sub("_", text))
    capitals = sum(1 << place for place, letter in letters if "A" <= letter <= "Z")
    if capitals:
        return f"{text}{mark}{capitals:x}"
    return text if plain else text + mark


def _bounded(parts: list[str]) -> tuple[str, ...]:
    """Return the parts, or a digest of them where systems would find the path too long."""
    path = "/".join(parts)
    return tuple(parts) if len(path) <= _DEEPEST else (f"{_CUT}{_digest(path)}",)


def safe_name(name: str) -> str:
    """Return a name as a file name: odd characters percent-escaped; different names stay different.

    >>> safe_name("load[k1]"), safe_name(".."), safe_name("a/b")
    ('load%5Bk1%5D', '%2E.', 'a%2Fb')
    """
    escaped = _UNSAFE.sub(_escape, name)
    if escaped.startswith(".") or _RESERVED.fullmatch(escaped):
        escaped = f"%{ord(escaped[0]):02X}{escaped[1:]}"
    if len(escaped) > _LONGEST:
        return f"{escaped[:_LONGEST]}{_CUT}{_digest(name)[:24]}"
    return escaped or "%"


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _digest(text: str) -> str:
    from hashlib import sha256  # loads OpenSSL, and names are seldom so long

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- files that versions before this one wrote -----------------------------


def owner_of(
    place: ValuePath, path: PurePath, context: Context, is_there: Callable[[ValuePath], bool]
) -> ValuePath | None:
    """Return whose value an old file holds: by the history, what was recorded last.

    Args:
        place: The value that is asked for.
        path: The file.
        context: What it is stored or loaded with, which knows the history.
        is_there: Whether another value has a file of its own, and so is not in this one.
    """
    history = context._instance or maker_of(context)._instance
    if history is None:
        return None
    rivals = (each for each in place.rivals if not is_there(each))
    claims = ((_recorded(history, each, path), each) for each in (place, *rivals))
    found = [(number, each) for number, each in claims if number is not None]
    return max(found)[1] if found else None


def _recorded(history: Any, place: ValuePath, path: PurePath) -> int | None:
    """Return the number of the event that told last where a value is, if it was in this file."""
    partitions = None if place.partition is None else ["|".join(place.partition)]
    wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, AssetKey(place.key), partitions)
    for record in history.get_event_records(wanted, limit=1):
        event = record.event_log_entry.dagster_event
        told = ((event.metadata or {}).get("path") or {}).get("value")
        if isinstance(told, str) and _is_in(place, PurePath(told).parts, path):
            return int(record.storage_id)
    return None


def _is_in(place: ValuePath, told: tuple[str, ...], path: PurePath) -> bool:
    """Whether a path that was told is a file, or the folder of all partitions with the file in it.

    The folder of all values may have been moved since, so that only what is below it counts.
    """
    whole, folder = (*place.older[:-1], path.name), place.older[: len(place.key)]
    of_all = place.partition is not None and told[-len(folder) :] == folder
    return of_all or told[-len(whole) :] == whole
