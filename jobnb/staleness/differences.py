"""The differences between definitions: added, removed and changed ones, and what becomes stale."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jobnb.code.listing import code_diff
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.errors import RunNotFoundError
from jobnb.events import AssetMaterialized, EventType
from jobnb.plan.asset_parts import name_in, shared_names
from jobnb.plan.selection_resolution import with_known_keys
from jobnb.staleness.descriptions import (
    CODE,
    CONFIG_FACT,
    INPUTS,
    MAKES_STALE,
    Facts,
    Name,
    asset_facts,
    code_by_name,
    described,
    input_words,
)
from jobnb.staleness.listings import listings_of, stored_listings
from jobnb.staleness.renamed_inputs import Names, versions_under
from jobnb.staleness.statuses import defined_assets
from jobnb.staleness.verdicts import DefinedAsset, in_order
from jobnb.staleness.versions import CODE as CODE_TAG
from jobnb.staleness.versions import (
    CONFIG,
    INPUT,
    CodeVersions,
    adds_fields,
    code_change,
    config_change,
    config_tags,
    given_config,
    input_versions,
)
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

if TYPE_CHECKING:
    from jobnb.registry.session import Session

_LONGEST = 60


class DefinitionChange(msgspec.Struct, frozen=True, gc=False):
    """A definition that was added, removed or changed.

    Attributes:
        kind: asset, check, job, op, schedule, sensor or resource.
        name: Its name or key in words.
        change: added, removed or changed.
        reasons: What changed, in words.
        code: The lines of its code that differ, and of what it uses; where its code was kept.
    """

    kind: str
    name: str
    change: str
    reasons: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.change]
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"{sign} {self.kind} {self.name}{why}"


class StaleAfterwards(msgspec.Struct, frozen=True, gc=False):
    """An asset that the changes make stale.

    Attributes:
        key: Its key.
        because: Why, in words.
        partitions: How many of its partitions were materialized; None if it has none.
        seconds: How long it took last time, one partition if it has some; None if nobody knows.
    """

    key: AssetKey
    because: str
    partitions: int | None = None
    seconds: float | None = None

    @property
    def total_seconds(self) -> float | None:
        """How long it takes to materialize all of it again, going by the last time."""
        if self.seconds is None:
            return None
        return self.seconds * (1 if self.partitions is None else self.partitions)


class DiffNode(msgspec.Struct, frozen=True, gc=False):
    """An asset in the graph of what has changed.

    Attributes:
        name: Its key in words.
        upstream: The assets of this graph that it is made from.
        change: added, removed or changed; empty if it is as before.
        is_stale: Whether the changes make it stale.
    """

    name: str
    upstream: tuple[str, ...] = ()
    change: str = ""
    is_stale: bool = False


class DefinitionsDiff(msgspec.Struct, frozen=True):
    """The differences between two states of definitions.

    Attributes:
        before: What is compared, in words.
        after: With what.
        changes: The definitions that differ.
        stale: The assets that the changes make stale, upstream first.
        graph: The assets that differ or become stale, with what they are made from.
        asked: Of a run that is compared with now: the `Session`, the run and its history.

    Example:
        >>> change = DefinitionChange("asset", "orders", "changed", ("code changed",))
        >>> DefinitionsDiff("a.ipynb", "b.ipynb", (change,))
        a.ipynb -> b.ipynb: 1 changed
        ~ asset orders: code changed
    """

    before: str
    after: str
    changes: tuple[DefinitionChange, ...] = ()
    stale: tuple[StaleAfterwards, ...] = ()
    graph: tuple[DiffNode, ...] = ()
    asked: tuple[Any, str, Instance] | None = None

    def of(self, change: str) -> list[DefinitionChange]:
        """Return the definitions that were `added`, `removed` or `changed`."""
        return [each for each in self.changes if each.change == change]

    @property
    def counts(self) -> str:
        """How many definitions differ, in words."""
        words = ("added", "removed", "changed")
        told = [f"{len(self.of(word))} {word}" for word in words if self.of(word)]
        return ", ".join(told) or "no differences"

    @property
    def total_seconds(self) -> float | None:
        """How long it takes to materialize what is stale, going by the last time."""
        known = [each.total_seconds for each in self.stale if each.total_seconds is not None]
        return sum(known) if known else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready to be JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "changes": [
                {
                    "kind": each.kind,
                    "name": each.name,
                    "change": each.change,
                    "reasons": list(each.reasons),
                    "code": list(each.code),
                }
                for each in self.changes
            ],
            "stale": [
                {
                    "asset": each.key.to_user_string(),
                    "because": each.because,
                    "partitions": each.partitions,
                    "seconds": each.seconds,
                }
                for each in self.stale
            ],
        }

    def again(self) -> DefinitionsDiff:
        """Compare the same run with what is defined by now; two notebooks stay as they were."""
        return self if self.asked is None else compare_with_run(*self.asked)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __repr__(self) -> str:
        lines = [f"{self.before} -> {self.after}: {self.counts}", *map(str, self.changes)]
        lines += [f"stale: {each.key.to_user_string()}: {each.because}" for each in self.stale]
        return "\n".join(lines)


def compare(
    before: Session,
    after: Session,
    instance: Instance | None = None,
    names: tuple[str, str] = ("before", "after"),
) -> DefinitionsDiff:
    """Compare the definitions of two notebooks.

    Args:
        before: The definitions of one.
        after: The definitions of the other.
        instance: The history, which knows how long assets took; without one nobody does.
        names: What the two are called.
    """
    return compare_states(state_of(before), state_of(after), instance, names)


class DefinitionsState(NamedTuple):
    """Definitions with all that is compared of them, read while their modules are loaded.

    Attributes:
        session: What is defined.
        facts: What is known of each definition.
        listings: The text of the code of each.
    """

    session: Session
    facts: Mapping[Name, Facts]
    listings: Mapping[Name, str]


def state_of(session: Session) -> DefinitionsState:
    """Read what is compared of the definitions of a session."""
    facts = _described(session)
    return DefinitionsState(session, facts, _listings_now(session, facts))


def compare_states(
    before: DefinitionsState,
    after: DefinitionsState,
    instance: Instance | None,
    names: tuple[str, str],
) -> DefinitionsDiff:
    """Compare two states of definitions; see `compare`."""
    old, new = before.facts, after.facts
    changes = _with_code(_changes(old, new, after.session), before.listings, after.listings)
    return _diff(names, changes, old, new, after.session, instance)


def _described(session: Session) -> dict[Name, Facts]:
    return described(session.definitions, session.catalogue.definitions("op"))


def _diff(
    names: tuple[str, str],
    changes: tuple[DefinitionChange, ...],
    old: Mapping[Name, Facts],
    new: Mapping[Name, Facts],
    after: Session,
    instance: Instance | None,
) -> DefinitionsDiff:
    definitions = after.definitions
    known = with_known_keys(definitions.assets, definitions.source_assets)
    defined = defined_assets(known)
    stale = tuple(_stale(changes, old, new, known, defined, instance))
    return DefinitionsDiff(*names, changes, stale, tuple(_graph(changes, stale, old, defined)))


# --- their code -----------------------------------------------------------------


def _listings_now(session: Session, wanted: Collection[Name]) -> dict[Name, str]:
    """Return the text of the code of some definitions of a session."""
    ops = session.catalogue.definitions("op")
    codes = code_by_name(session.definitions, ops)
    return listings_of({name: code for name, code in codes.items() if name in wanted})


def _with_code(
    changes: Iterable[DefinitionChange], old: Mapping[Name, str], new: Mapping[Name, str]
) -> tuple[DefinitionChange, ...]:
    """Return changes with the lines of code that differ; where one text is not known, without."""
    return tuple(_with_lines(each, old, new) for each in changes)


def _with_lines(
    change: DefinitionChange, old: Mapping[Name, str], new: Mapping[Name, str]
) -> DefinitionChange:
    name = (change.kind, change.name)
    before = "" if change.change == "added" else old.get(name)
    after = "" if change.change == "removed" else new.get(name)
    if before is None or after is None or (change.change == "changed" and not (before and after)):
        return change
    return msgspec.structs.replace(change, code=tuple(code_diff(before, after)))


def compare_with_run(session: Session, run_id: str, instance: Instance) -> DefinitionsDiff:
    """Compare what a run has recorded with what a session defines now.

    Args:
        session: What is defined now.
        run_id: A run of the history.
        instance: The history.

    Raises:
        RunNotFoundError: If there is no such run.
    """
    definitions = session.definitions
    defined = {
        ("asset", key.to_user_string()): asset
        for key, asset in defined_assets(
            with_known_keys(definitions.assets, definitions.source_assets)
        ).items()
    }
    names, run = instance.earlier_names(), _record_of(instance, run_id)
    tags = _recorded_tags(instance, run_id, _later_names(names, defined))
    old = _recorded(run, tags) or _names_of_ops(run, instance)
    new = {
        name: _facts_now(defined[name], tags.get(name), facts[CODE], names)
        for name, facts in old.items()
        if name in defined
    } | _ops_now(session, run, old)
    made = instance.last_made([each.key for each in defined.values()])
    new |= {
        name: asset_facts(asset)
        for name, asset in defined.items()
        if name not in old and asset.key not in made
    }
    changes = tuple(_changes(old, new, session))
    texts = _recorded_listings(instance, old), _listings_now(session, {*old, *new})
    words = f"run {run_id[:8]}", "now"
    found = _diff(words, _with_code(changes, *texts), old, new, session, instance)
    return msgspec.structs.replace(found, asked=(session, run_id, instance))


def _recorded_listings(instance: Instance, old: Mapping[Name, Facts]) -> dict[Name, str]:
    """Return the text of the code that a run ran, as the history has it."""
    names = {" ".join(name): name for name in old}
    versions = {words: old[name].get(CODE, "") for words, name in names.items()}
    return {names[words]: text for words, text in stored_listings(instance, versions).items()}


def _record_of(instance: Instance, run_id: str) -> JobRun:
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
    return run


def _later_names(names: Names, defined: Collection[Name]) -> dict[str, str]:
    """Return the present names of assets that were renamed, by those that they had."""
    pairs = [(old, new) for new, before in names.items() for old in before]
    texts = [(old.to_user_string(), new.to_user_string()) for old, new in pairs]
    return {old: new for old, new in texts if ("asset", old) not in defined}


def _recorded_tags(
    instance: Instance, run_id: str, later: Mapping[str, str]
) -> dict[Name, Mapping[str, str]]:
    """Return what a run recorded with each asset that it materialized, by its present name."""
    found: dict[Name, Mapping[str, str]] = {}
    for entry in instance.all_logs(run_id, EventType.ASSET_MATERIALIZATION):
        if isinstance(entry.event, AssetMaterialized):
            name = AssetKey(entry.event.asset).to_user_string()
            read = {f"{INPUT}{old}": f"{INPUT}{new}" for old, new in later.items()}
            tags = {read.get(tag, tag): text for tag, text in entry.event.tags.items()}
            found["asset", later.get(name, name)] = tags
    return found


def _recorded(run: JobRun, tags: Mapping[Name, Mapping[str, str]]) -> dict[Name, Facts]:
    """Return the facts that a run has recorded: of what failed, those of its code."""
    found: dict[Name, Facts] = {}
    for text, version in run.code_versions.items():
        kind, _, name = text.partition(" ")
        found[kind, name] = {CODE: version}
    for each, recorded in tags.items():
        found[each] = {
            CODE: recorded.get(CODE_TAG, ""),
            INPUTS: input_words(input_versions(recorded)),
            CONFIG_FACT: recorded.get(CONFIG, ""),
        }
    return found


def _names_of_ops(run: JobRun, instance: Instance) -> dict[Name, Facts]:
    """Return the ops of a run that recorded no code, as earlier versions did."""
    if run.asset_selection or run.asset_check_selection:
        return {}
    steps = instance.run_state(run.run_id).steps
    names = {step.rpartition(".")[2].partition("[")[0] for step in steps}
    return {("op", name): {} for name in names}


def _facts_now(
    asset: DefinedAsset, recorded: Mapping[str, str] | None, code: str, names: Names
) -> Facts:
    """Return the facts of an asset that a run records, as they are now."""
    facts = asset_facts(asset)
    if code in versions_under(asset.assets, asset.code, names):
        facts[CODE] = code
    if recorded is None:
        return {CODE: facts[CODE]}
    config = config_tags(asset.node, given_config(recorded)).get(CONFIG, "")
    return {CODE: facts[CODE], INPUTS: facts[INPUTS], CONFIG_FACT: config}


def _ops_now(session: Session, run: JobRun, old: Mapping[Name, Facts]) -> dict[Name, Facts]:
    """Return the ops that a run of ops would run now; of a run of some ops, only these."""
    if not any(kind == "op" for kind, _ in old):
        return {}
    versions = CodeVersions()
    if run.job_name in session.catalogue.by_name("job"):
        ops = session.job(run.job_name).graph.iterate_op_defs()
    else:
        ops = iter(session.catalogue.definitions("op"))
    now = {("op", op.name): {CODE: versions.of_op(op)} for op in ops}
    is_whole = not run.op_selection and run.job_name in session.catalogue.by_name("job")
    return {
        name: {fact: facts[fact] for fact in old.get(name, ())}
        for name, facts in now.items()
        if is_whole or name in old
    }


# --- what differs ---------------------------------------------------------------


def _changes(
    old: Mapping[Name, Facts], new: Mapping[Name, Facts], session: Session
) -> Iterator[DefinitionChange]:
    gone = {facts[CODE]: name for name, facts in old.items() if name not in new and facts.get(CODE)}
    for name in sorted({*old, *new}):
        if name not in new:
            yield DefinitionChange(*name, "removed")
        elif name not in old:
            same = gone.get(new[name].get(CODE, ""))
            renamed = same is not None and same[0] == name[0]
            why = (
                (f"the code is that of {same[1]!r}, which is removed",) if same and renamed else ()
            )
            yield DefinitionChange(*name, "added", why)
        elif old[name] != new[name]:
            place = session.catalogue.by_name(name[0]).get(name[1])
            reasons = _reasons(old[name], new[name], place.place if place is not None else "")
            yield DefinitionChange(*name, "changed", tuple(reasons))


def _reasons(old: Facts, new: Facts, place: str) -> Iterator[str]:
    for fact in dict.fromkeys((*old, *new)):
        before, now = old.get(fact, ""), new.get(fact, "")
        if before == now:
            continue
        if fact == CODE:
            yield code_change(before, now, place) if before and now else "code changed"
        elif fact == INPUTS:
            yield from _input_changes(before, now)
        elif fact == CONFIG_FACT and before[:1] == "{" and now[:1] == "{":
            yield config_change({CONFIG: before}, {CONFIG: now})
        elif max(len(before), len(now)) > _LONGEST or fact == "description":
            yield f"{fact} changed"
        else:
            yield f"{fact}: {before or 'none'} -> {now or 'none'}"


def _input_changes(before: str, now: str) -> Iterator[str]:
    old, new = before.split(", "), now.split(", ")
    yield from (f"is now made from {key!r}" for key in new if key and key not in old)
    yield from (f"is no longer made from {key!r}" for key in old if key and key not in new)


# --- what becomes stale ---------------------------------------------------------


def _stale(
    changes: Iterable[DefinitionChange],
    old: Mapping[Name, Facts],
    new: Mapping[Name, Facts],
    known: Collection[AssetsDefinition],
    defined: Mapping[AssetKey, DefinedAsset],
    instance: Instance | None,
) -> Iterator[StaleAfterwards]:
    """Iterate over the assets that are stale because of changes, upstream first."""
    reasons = {
        each.name: "; ".join(each.reasons)
        for each in changes
        if each.kind == "asset"
        and each.change == "changed"
        and _makes_stale(old["asset", each.name], new["asset", each.name])
    }
    added = {each.name for each in changes if each.kind == "asset" and each.change == "added"}
    because: dict[AssetKey, str] = {}
    for key in in_order(defined):
        name = key.to_user_string()
        above = next((up for up in defined[key].upstream if up in because), None)
        if name in reasons:
            because[key] = reasons[name]
        elif above is not None:
            origin = because[above]
            is_own = not origin.startswith("upstream ")
            because[key] = f"upstream {above.to_user_string()!r}: {origin}" if is_own else origin
    keys = [key for key in because if key.to_user_string() not in added]
    times = _Times(instance, known, keys)
    for key in keys:
        if instance is None or times.was_made(key):
            has_parts = defined[key].assets.partitions_def is not None
            count = times.partitions(key) if has_parts else None
            yield StaleAfterwards(key, because[key], count, times.seconds(key))


def _makes_stale(old: Facts, new: Facts) -> bool:
    """Whether what was materialized with the one is stale with the other."""
    changed = {fact for fact in MAKES_STALE if old.get(fact) != new.get(fact)}
    if CONFIG_FACT in changed and adds_fields(old.get(CONFIG_FACT, ""), new.get(CONFIG_FACT, "")):
        changed.remove(CONFIG_FACT)
    return bool(changed)


# --- the graph of it ------------------------------------------------------------


def _graph(
    changes: Iterable[DefinitionChange],
    stale: Iterable[StaleAfterwards],
    old: Mapping[Name, Facts],
    defined: Mapping[AssetKey, DefinedAsset],
) -> Iterator[DiffNode]:
    """Iterate over the assets that differ or become stale, and what they are made from."""
    changed = {each.name: each.change for each in changes if each.kind == "asset"}
    becomes = {each.key.to_user_string() for each in stale}
    upstream = {
        key.to_user_string(): [above.to_user_string() for above in defined[key].upstream]
        for key in in_order(defined)
    }
    for name in changed.keys() - upstream.keys():
        before = old.get(("asset", name), {}).get(INPUTS, "")
        upstream[name] = [above for above in before.split(", ") if above]
    touched = [name for name in upstream if name in changed or name in becomes]
    around = [above for name in touched for above in upstream[name]]
    shown = dict.fromkeys([*(name for name in upstream if name in {*touched, *around}), *around])
    for name in shown:
        above = tuple(each for each in upstream.get(name, ()) if each in shown)
        yield DiffNode(name, above, changed.get(name, ""), name in becomes)


class _Times:
    """How long assets took last time, as the history knows."""

    def __init__(
        self,
        instance: Instance | None,
        assets: Collection[AssetsDefinition],
        keys: Collection[AssetKey],
    ) -> None:
        self._instance = instance
        self._made = instance.last_made(keys) if instance is not None and keys else {}
        shared = shared_names(list(assets))
        self._steps = {key: name_in(shared, each) for each in assets for key in each.keys}
        self._states: dict[str, Any] = {}

    def was_made(self, key: AssetKey) -> bool:
        """Whether it was ever materialized."""
        return key in self._made

    def partitions(self, key: AssetKey) -> int | None:
        """Count the materialized partitions; None without a history."""
        if self._instance is None:
            return None
        return len(self._instance.get_materialized_partitions(key))

    def seconds(self, key: AssetKey) -> float | None:
        """Return the duration of its last step; of a graph, that of all steps."""
        made = self._made.get(key)
        if made is None or self._instance is None:
            return None
        if made.run_id not in self._states:
            self._states[made.run_id] = self._instance.run_state(made.run_id)
        name = self._steps[key]
        took = [
            step.seconds
            for step in self._states[made.run_id].steps.values()
            if step.seconds is not None and step.key.partition(".")[0].partition("[")[0] == name
        ]
        return sum(took) if took else None
