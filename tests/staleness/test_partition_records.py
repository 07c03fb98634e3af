"""What is known of all partitions is read once, and again where something has changed."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    AssetMaterialization,
    Definitions,
    Instance,
    StaticPartitionsDefinition,
    asset,
    job,
    materialize,
    op,
)
from jobnb.staleness import partition_records
from jobnb.staleness.partition_records import PartitionRecords, records_of, unread
from jobnb.staleness.survey import Survey

LETTERS = StaticPartitionsDefinition(list("abcdef"))
KEY = AssetKey("letters")


@asset(partitions_def=LETTERS)
def letters(context):
    return context.partition_key


@asset(partitions_def=LETTERS)
def words(letters):
    return letters


@asset
def total(letters):
    return len(letters)


@pytest.fixture
def instance(home):
    with Instance.from_home(home) as made:
        yield made


def make(instance, *keys, what=letters):
    assets = [letters] if what is letters else [letters, what]
    return [
        materialize(assets, selection=what.key.path[-1], partition_key=key, instance=instance)
        for key in keys
    ]


def read_anew(instance, key=KEY) -> PartitionRecords:
    return PartitionRecords({}, {}, ()).joined(instance.partitions_made(key))


def alike(one, other):
    kinds = [
        sorted((sorted(kind.partitions), sorted(kind.read.items())) for kind in each.kinds)
        for each in (one, other)
    ]
    return (
        one.versions == other.versions
        and one.storage_ids == other.storage_ids
        and kinds[0] == kinds[1]
    )


def test_what_nobody_changed_is_not_read_again(instance):
    make(instance, "a", "b")
    first = records_of(instance, KEY)
    assert records_of(instance, KEY) is first
    assert unread(instance, KEY) == 0


def test_what_was_made_since_is_taken_in(instance):
    make(instance, "a", "b")
    records_of(instance, KEY)
    make(instance, "b", "c")
    assert unread(instance, KEY) == 1
    assert alike(records_of(instance, KEY), read_anew(instance))


def test_what_another_process_made_is_taken_in(instance, home):
    make(instance, "a")
    records_of(instance, KEY)
    with Instance(home=home, url=os.environ.get("JOBNB_DATABASE")) as other:  # as one would
        make(other, "b")
    assert set(records_of(instance, KEY).versions) == {"a", "b"}


def test_what_was_forgotten_is_gone(instance):
    make(instance, "a", "b", "c")
    records_of(instance, KEY)
    instance.wipe_asset_partitions(KEY, ["b"])
    assert set(records_of(instance, KEY).versions) == {"a", "c"}
    make(instance, "d")
    instance.wipe_asset_partitions(KEY, ["a"])
    assert alike(records_of(instance, KEY), read_anew(instance))
    instance.wipe_assets([KEY])
    assert not records_of(instance, KEY).versions


def test_a_run_that_was_deleted_leaves_what_was_made_before_it(instance):
    make(instance, "a", "b")
    later = make(instance, "a")[0]
    records_of(instance, KEY)
    instance.delete_run(later.run_id)
    assert alike(records_of(instance, KEY), read_anew(instance))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from("mmmwd"), st.sampled_from("abcdef")), max_size=8))
def test_whatever_happens_it_is_what_reading_all_anew_would_give(deeds):
    instance = Instance.ephemeral()
    runs = {}
    for deed, key in deeds:
        if deed == "m":
            runs[key] = make(instance, key)[0].run_id
        elif deed == "w":
            instance.wipe_asset_partitions(KEY, [key])
        elif key in runs:
            instance.delete_run(runs.pop(key))
        assert alike(records_of(instance, KEY), read_anew(instance))


def test_partitions_that_are_alike_are_of_one_kind(instance):
    make(instance, "a", "b", "c")
    make(instance, "a", "b", what=words)
    assert [kind.partitions for kind in records_of(instance, KEY).kinds] == [{"a", "b", "c"}]
    (kind,) = records_of(instance, words.key).kinds
    assert kind.read == {KEY: {key: records_of(instance, KEY).versions[key] for key in "ab"}}


def test_partitions_that_were_only_told_of_are_counted(instance):
    @op
    def tell(context):
        for key in "ab":
            context.log_event(AssetMaterialization("letters", partition=key))

    @job
    def telling():
        tell()

    assert telling.execute_in_process(instance=instance).success
    status = Survey(Definitions.of(assets=[letters]), instance).statuses()[KEY]
    assert (status.counts.made, status.counts.stale, status.counts.missing) == (2, 0, 4)


# --- a look that may not take long ----------------------------------------


def look(instance, most):
    return Survey(
        Definitions.of(assets=[letters, words, total]), instance, most_read=most
    ).statuses()


def test_a_look_leaves_many_unread_partitions_alone_but_counts_them(instance):
    make(instance, *"abcd")
    make(instance, *"abc", what=words)
    make(instance, "a")  # what was made of it is stale now
    partition_records._kept.pop(instance, None)
    quick = look(instance, most=2)
    assert [each.counts.words for each in (quick["letters"], quick["words"])] == [
        "4 of 6 made",
        "3 of 6 made",
    ]
    assert not quick["words"].counts.knows_stale
    assert "not known" in str(quick["words"])
    whole = look(instance, most=None)
    assert whole["words"].counts.words == "3 of 6 made, 1 stale"
    assert look(instance, most=2)["words"].counts.words == "3 of 6 made, 1 stale"  # it is known now


def test_a_look_reads_what_is_new_while_that_is_little(instance):
    make(instance, *"abc")
    assert look(instance, most=3)["letters"].counts.knows_stale
    make(instance, "d")
    assert look(instance, most=3)["letters"].counts.knows_stale
