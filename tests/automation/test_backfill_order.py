"""Any graph of assets with any partitions: all is made once, after all that it is made from."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobnb import (
    AllPartitionMapping,
    AssetDep,
    BackfillPolicy,
    DailyPartitionsDefinition,
    IdentityPartitionMapping,
    Instance,
    InvalidInvocationError,
    LastPartitionMapping,
    MultiPartitionsDefinition,
    Session,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    WeeklyPartitionsDefinition,
    asset,
)
from jobnb.automation.backfill_launch import find_targets
from jobnb.automation.backfill_nodes import nodes_of
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping

DAYS = DailyPartitionsDefinition("2013-01-06", end_date="2013-01-20")
WEEKS = WeeklyPartitionsDefinition("2013-01-06", end_date="2013-01-20")
PLACES = StaticPartitionsDefinition(["JFK", "LGA"])
GRID = MultiPartitionsDefinition({"day": DAYS, "place": PLACES})
DEFINITIONS = [None, DAYS, WEEKS, PLACES, GRID]
POLICIES = [None, BackfillPolicy.multi_run(3), BackfillPolicy.single_run()]
DAY_BEFORE = TimeWindowPartitionMapping(
    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
)


def mappings_of(upstream, downstream):
    """The mappings that fit, None for the default one."""
    fitting = [None, AllPartitionMapping(), LastPartitionMapping()] if upstream else [None]
    if upstream is not None and upstream is downstream:
        fitting.append(IdentityPartitionMapping())
        if upstream in (DAYS, WEEKS):
            fitting.append(DAY_BEFORE)
    return fitting


@st.composite
def graphs(draw):
    """Assets, each taking some of those before it, and some taking their own day before."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        definition = draw(st.sampled_from(DEFINITIONS))
        feeds = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        ins = {}
        for feed in feeds:
            mapping = draw(st.sampled_from(mappings_of(made[feed][1], definition)))
            ins[f"a{feed}"] = mapping
        if definition in (DAYS, WEEKS) and draw(st.booleans()):
            ins[f"a{number}"] = DAY_BEFORE
        made.append((f"a{number}", definition, ins, draw(st.sampled_from(POLICIES))))
    return made


def _function(name, log, failing):
    def make(context):
        keys = context.partition_keys if context.has_partitions else [None]
        made = [(name, key and str(key)) for key in keys]
        log.extend(made)
        if failing & set(made):
            raise ValueError("it was to fail")

    return make


def session_of(graph, log, failing=frozenset()):
    """A session with these assets; each says in `log` what it makes."""
    session = Session()
    for name, definition, ins, policy in graph:
        deps = [AssetDep(feed, partition_mapping=mapping) for feed, mapping in ins.items()]

        made_by = asset(name=name, partitions_def=definition, backfill_policy=policy, deps=deps)
        session.add(made_by(_function(name, log, failing)))
    return session


def upstream_of(session, name, key):
    """All (asset, partition) that one is made from, by asking each mapping by itself."""
    node = session.asset(name)
    found = set()
    for feed in set(node.keys_by_input_name.values()):
        maker = session.asset(feed)
        if maker.partitions_def is None:
            found.add((feed.to_user_string(), None))
            continue
        mapping = fitting_partition_mapping(
            node.get_partition_mapping(feed), maker.partitions_def, node.partitions_def
        )
        own = node.partitions_def.subset_with_partition_keys([key]) if node.partitions_def else None
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            own, maker.partitions_def
        )
        found |= {(feed.to_user_string(), str(each)) for each in result.partitions_subset}
    return found


SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def every_target(session, instance, asked=None):
    nodes = nodes_of(session.snapshot(), None)
    found = find_targets(nodes, asked, instance)
    return {
        (name, key and str(key))
        for name, target in found.items()
        for key in ([None] if target is None else target)
    }


@SETTINGS
@given(graph=graphs(), parallel=st.sampled_from([1, 3]))
def test_all_is_made_once_and_after_what_it_is_made_from(graph, parallel):
    log: list = []
    session = session_of(graph, log)
    with Instance.ephemeral() as instance:
        wanted = every_target(session, instance)
        counts = session.backfill(instance=instance, max_parallel=parallel).result()
        assert sorted(log, key=str) == sorted(wanted, key=str)
        assert counts.made == counts.total == len(wanted)
        place = {each: number for number, each in enumerate(log)}
        for name, key in log:
            for upstream in upstream_of(session, name, key):
                if upstream[0] == name:
                    assert upstream in place  # in order, or in the same run
                    assert place[upstream] < place[name, key]
                elif upstream in place:
                    assert place[upstream] < place[name, key]


@SETTINGS
@given(graph=graphs(), data=st.data())
def test_what_is_made_from_a_failure_is_not_tried_and_all_else_is(graph, data):
    log: list = []
    with Instance.ephemeral() as instance:
        wanted = sorted(every_target(session_of(graph, log), instance), key=str)
        failing = frozenset(data.draw(st.sets(st.sampled_from(wanted), max_size=3)))
        single = [(name, definition, ins, None) for name, definition, ins, _ in graph]
        session = session_of(single, log, failing)
        counts = session.backfill(instance=instance).wait().counts
        made: set = set()
        lost: set = set()
        tried: set = set()
        for name, *_ in graph:  # in an order in which each comes after what it is made from
            for each in (pair for pair in wanted if pair[0] == name):
                if upstream_of(session, *each) & lost:
                    lost.add(each)
                else:
                    tried.add(each)
                    (lost if each in failing else made).add(each)
        assert set(log) == tried
        assert len(log) == len(tried)
        assert counts.made == len(made)
        assert counts.failed == len(tried & failing)
        assert counts.blocked == len(wanted) - len(tried)


@SETTINGS
@given(graph=graphs(), data=st.data())
def test_what_is_asked_for_brings_what_belongs_to_it(graph, data):
    log: list = []
    session = session_of(graph, log)
    definitions = [definition for _, definition, _, _ in graph if definition is not None]
    if not definitions:
        return
    definition = data.draw(st.sampled_from(definitions))
    keys = data.draw(st.sets(st.sampled_from(definition.get_partition_keys()), min_size=1))
    asked = definition.subset_with_partition_keys(keys)
    with Instance.ephemeral() as instance:
        try:
            wanted = every_target(session, instance, asked)
        except InvalidInvocationError:
            return  # an asset that has nothing to do with these partitions
        session.backfill(None, asked, instance=instance).result()
        assert sorted(log, key=str) == sorted(wanted, key=str)
        for name, own, _, _ in graph:
            if own == definition:
                assert {key for each, key in log if each == name} == set(map(str, keys))
