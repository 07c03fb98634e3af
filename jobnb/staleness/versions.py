"""The versions that a materialization records: of its code, its config and its inputs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any

from jobnb.code.reader import CodeReader
from jobnb.code.version import CodeHash, CodeNote
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.plan.job_subset import graph_without
from jobnb.plan.step import Plan
from jobnb.storage.instance import Instance
from jobnb.storage.records import LatestMaterialization

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
NO_EVENT = "NULL"
"""What stands for the event of an upstream asset that has none."""

CONFIG_VERSION = "jobnb/config_version"
"""The hash of its config, defaults filled in."""
CONFIG = "jobnb/config"
"""That config as JSON, secrets and variables by name; left out where it is long."""
GIVEN_CONFIG = "jobnb/given_config"
"""The part of it that the run gave; the rest are defaults, which may change."""


def data_version_of(tags: Mapping[str, str], storage_id: int) -> str:
    """Return the data version of an event; one without a version counts as its own."""
    return tags.get(DATA) or f"event {storage_id}"


def input_versions(tags: Mapping[str, str]) -> dict[AssetKey, str]:
    """Return the version of each upstream asset that was read."""
    start = len(INPUT)
    return {
        AssetKey.from_user_string(name[start:]): version
        for name, version in tags.items()
        if name.startswith(INPUT)
    }


def partitions_of(
    assets: Iterable[AssetsDefinition], sources: Iterable[SourceAsset] = ()
) -> dict[AssetKey, PartitionsDefinition]:
    """Return the partitions definitions of assets, for those that have one.

    Args:
        assets: The assets that are made.
        sources: The assets that come from elsewhere.
    """
    found: dict[AssetKey, PartitionsDefinition] = {}
    for each in assets:
        if each.partitions_def is not None:
            found.update(dict.fromkeys(each.keys, each.partitions_def))
    for source in sources:
        if source.partitions_def is not None:
            found[source.key] = source.partitions_def
    return found


class CodeVersions:
    """The present code versions; functions that several assets use are read once.

    Of an asset made by a graph, all ops inside and their wiring count, but for those that only
    check what it makes. Resources do not, but for
    the classes of one's own that a parameter is annotated with: a resource is how the outside is
    reached, and another host or token makes no other data. Who wants it to count, gives
    `code_version`.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[NodeDefinition, str]] = {}

    @cached_property
    def _reader(self) -> CodeReader:
        return CodeReader()  # of a run in memory nothing is recorded, and no code is read

    def of(self, assets: AssetsDefinition, key: AssetKey) -> tuple[str, bool]:
        """Return the code version of one of the assets, and whether the user gave it."""
        given = _given_version(assets, key)
        return (given, True) if given is not None else (self._hash(assets), False)

    def of_op(self, op: OpDefinition[..., Any]) -> str:
        """Return the code version of an op: the one that the user gave, else the hash."""
        return op.version or self._hash_of(op, op.function.fn)

    def of_plan(self, plan: Plan) -> dict[str, str]:
        """Return the code versions of what a plan runs, by kind and name.

        Ops inside of an asset's graph are part of the asset's version; checks are left out.
        """
        if plan.job.asset_layer is None:
            ops = {step.op.name: step.op for step in plan.steps}
            return {f"op {name}": self.of_op(op) for name, op in ops.items()}
        return {
            f"asset {out.asset_key.to_user_string()}": self.of(step.assets_def, out.asset_key)[0]
            for step in plan.steps
            if step.assets_def is not None
            for out in step.outputs
            if out.asset_key is not None and out.is_asked
        }

    def listing(self, of: AssetsDefinition | OpDefinition[..., Any]) -> str:
        """Return the text of the code whose version is taken; see `jobnb.code.listing`."""
        from jobnb.code.listing import listing_of

        code = code_of(of) if isinstance(of, AssetsDefinition) else of.function.fn
        return listing_of(self._reader, code)

    def notes(self, assets: AssetsDefinition, key: AssetKey) -> tuple[CodeNote, ...]:
        """Return what an asset's code version does not cover; nothing if the user gave it."""
        if _given_version(assets, key) is not None or hasattr(code_of(assets), "code_hash"):
            return ()
        return self._reader.notes(code_of(assets))

    def _hash(self, assets: AssetsDefinition) -> str:
        return self._hash_of(assets.node_def, code_of(assets))

    def _hash_of(self, node: NodeDefinition, code: Any) -> str:
        found = self._known.get(id(node))
        if found is None:
            own = getattr(code, "code_hash", None)  # of a notebook that is the code
            version = self._reader.version(code) if own is None else own()
            found = self._known[id(node)] = (node, version)
        return found[1]


def code_of(assets: AssetsDefinition) -> Any:
    """Return the function that makes assets, or the part of a graph that does."""
    node = assets.node_def
    if isinstance(node, OpDefinition):
        return node.function.fn
    checks = assets.check_specs_by_output_name
    return graph_without(node, checks) if checks and isinstance(node, GraphDefinition) else node


def _given_version(assets: AssetsDefinition, key: AssetKey) -> str | None:
    """Return the version that the user gave, a promise that equal versions give equal values."""
    node = assets.node_def
    if isinstance(node, OpDefinition) and len(node.given_outs) == 1:  # as it mostly is
        (out,) = node.given_outs.values()
        return out.code_version or node.version
    return assets.code_versions_by_key.get(key)


def code_change(recorded: str, now: str, place: str) -> str:
    """Describe the change between two code versions, in words.

    Args:
        recorded: The version that made the asset.
        now: The version that is defined.
        place: Where it is defined, as `cell 7`; empty if nobody knows.

    Example:
        >>> code_change("v1", "v2", "cell 7")
        "code version changed in cell 7: 'v1' -> 'v2'"
        >>> code_change("py311-0123456789", "py311-0123456789-2.9876543210", "cell 7")
        'what the code in cell 7 uses changed'
    """
    old, new = CodeHash.read(recorded), CodeHash.read(now)
    where = f" in {place}" if place else ""
    if old is None or new is None:
        from_to = f"{_given(recorded, old)} -> {_given(now, new)}"
        return f"code version changed{where}: {from_to}"
    if old.python != new.python:
        return f"made with {_python(old)}, this is {_python(new)}"
    if old.own != new.own:
        return f"code changed{where}"
    if old.used and old.reading != new.reading:
        return f"made by another version of jobnb, which read what the code{where} uses differently"
    return f"what the code{where} uses changed"


def _given(text: str, found: CodeHash | None) -> str:
    return repr(text) if found is None else "none given"


def _python(version: CodeHash) -> str:
    digits = version.python.removeprefix("py")
    return f"Python {digits[0]}.{digits[1:]}"


# --- the last event that tells a version ------------------------------------------


def last_value_events(
    instance: Instance, made: Collection[AssetKey], sources: Collection[AssetKey]
) -> dict[AssetKey, LatestMaterialization]:
    """Return the last event that reports the value of each asset.

    Args:
        instance: The history.
        made: Assets that are made: materializations report them.
        sources: Assets that come from elsewhere: observations report them too.
    """
    found = dict(instance.last_made([*made, *sources])) if made or sources else {}
    if sources:
        for key, seen in instance.last_observed(sources).items():
            if key not in found or found[key].storage_id < seen.storage_id:
                found[key] = seen
    return found


# --- config -----------------------------------------------------------------------


_LONG = 4_000
_MOST = 3
_NOTHING = object()


def takes_config(node: NodeDefinition) -> bool:
    """Whether an op takes config, or one inside of a graph."""
    if isinstance(node, GraphDefinition) and node.config_mapping is None:
        return any(takes_config(each.definition) for each in node.nodes)
    return getattr(node, "config_schema", None) is not None


def config_tags(node: NodeDefinition, given: Any) -> dict[str, str]:
    """Return the tags that record the config of an asset.

    Args:
        node: The op or graph that makes it.
        given: The entry of the run config that is for it, secrets by name.
    """
    if not takes_config(node):
        return {}
    text = _json(_complete(node, given))
    tags = {CONFIG_VERSION: config_version(text)}
    said = _json(given) if given else ""
    if len(text) + len(said) <= _LONG:
        tags |= {CONFIG: text} | ({GIVEN_CONFIG: said} if said else {})
    return tags


def config_version(text: str) -> str:
    """Return the version of a config that is written as JSON."""
    return sha256(text.encode()).hexdigest()[:16]


def given_config(tags: Mapping[str, str]) -> Any:
    """Return the config of the run that materialized an asset."""
    return json.loads(tags[GIVEN_CONFIG]) if GIVEN_CONFIG in tags else None


def only_adds_defaults(
    node: NodeDefinition, recorded: Mapping[str, str], now: Mapping[str, str]
) -> bool:
    """Whether a config differs only by fields that are new and have their defaults.

    Code that reads such a field has changed itself; other code does the same as before.

    Args:
        node: The op or graph that makes the asset.
        recorded: The config tags of its materialization.
        now: Those that it would get now.
    """
    given = _given_to(node, given_config(now))
    return adds_fields(recorded.get(CONFIG, ""), now.get(CONFIG, ""), given)


def adds_fields(recorded: str, now: str, given: Any = None) -> bool:
    """Whether a config as JSON differs from another only by more fields, which are not given.

    Example:
        >>> adds_fields('{"year":2013}', '{"year":2013,"month":1}')
        True
    """
    if not recorded or not now:
        return False
    try:
        old, new = json.loads(recorded), json.loads(now)
    except ValueError:  # "required": a default of nothing
        return False
    return bool(_without_new_defaults(old, new, given) == old)


def _given_to(node: NodeDefinition, entry: Any) -> Any:
    """Return the given config of a node in the shape of `_complete`."""
    entry = entry if isinstance(entry, Mapping) else {}
    if isinstance(node, GraphDefinition) and node.config_mapping is None:
        ops = entry.get("ops") or {}
        return {each.name: _given_to(each.definition, ops.get(each.name)) for each in node.nodes}
    return entry.get("config")


def _without_new_defaults(old: Any, new: Any, given: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)) or _variable(new):
        return new
    said = given if isinstance(given, dict) else {}
    return {
        name: _without_new_defaults(old[name], value, said.get(name)) if name in old else value
        for name, value in new.items()
        if name in old or name in said
    }


def _complete(node: NodeDefinition, given: Any) -> Any:
    """Return the config of a node with defaults filled in, in the shape of the run config."""
    from jobnb.config import completed

    entry = given if isinstance(given, Mapping) else {}
    if isinstance(node, GraphDefinition) and node.config_mapping is None:
        ops = entry.get("ops") or {}
        inner = {each.name: each.definition for each in node.nodes}
        return {
            name: _complete(each, ops.get(name))
            for name, each in sorted(inner.items())
            if takes_config(each)
        }
    schema = getattr(node, "config_schema", None)
    return completed(schema, entry.get("config"))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


# --- in words -------------------------------------------------------------


def config_change(recorded: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Describe the change between two configs, in words; a secret appears by name alone.

    Example:
        >>> config_change({CONFIG: '{"year":2013}'}, {CONFIG: '{"year":2014}'})
        'config changed: year 2013 -> 2014'
    """
    if CONFIG not in recorded or CONFIG not in now:
        return "config changed"
    old, new = json.loads(recorded[CONFIG]), json.loads(now[CONFIG])
    changes = [
        f"{path or 'value'} {_short(before)} -> {_short(after)}"
        for path, before, after in _changes("", old, new)
    ]
    more = f" and {len(changes) - _MOST} more" if len(changes) > _MOST else ""
    return f"config changed: {', '.join(changes[:_MOST])}{more}"


def _changes(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)) or _variable(old) or _variable(new):
        yield path, old, new
        return
    for name in dict.fromkeys((*old, *new)):
        below = f"{path}.{name}" if path else str(name)
        yield from _changes(below, old.get(name, _NOTHING), new.get(name, _NOTHING))


def _variable(value: Any) -> str | None:
    name = value.get("env") if isinstance(value, dict) and len(value) == 1 else None
    return name if isinstance(name, str) else None


def _short(value: Any) -> str:
    if value is _NOTHING:
        return "not given"
    name = _variable(value)
    if name is not None:
        return name if name == "a secret" else f"variable {name}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
