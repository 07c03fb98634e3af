"""How the partitions of a job stand, on every kind of history."""

from __future__ import annotations

from jobnb import (
    Definitions,
    PartitionKeyRange,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
    job,
    op,
)

LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])
BAD = {"b"}


@op
def load(context):
    if context.partition_key in BAD:
        raise ValueError("bad")


@job(partitions_def=LETTERS)
def letters():
    load()


@asset(partitions_def=LETTERS)
def spelled(context): ...


def words(instance, name="letters"):
    found = instance.get_job_status_by_partition(name, "abcd", LETTERS)
    return "".join(each.value[0] if each else "-" for each in found.values())


def test_a_job_stands_as_its_last_runs_ended(instance):
    assert words(instance) == "----"
    assert instance.get_last_job_runs("letters") == {}
    ran = {}
    for key in ("a", "b", "a"):
        done = letters.execute_in_process(
            partition_key=key, instance=instance, raise_on_error=False
        )
        ran[key] = done.run_id
    assert words(instance) == "MF--"
    last = instance.get_last_job_runs("letters")
    assert {key: run_id for key, (run_id, _) in last.items()} == ran
    assert list(instance.get_last_job_runs("letters", "b")) == ["b"]
    assert words(instance, "other") == "----"


def test_a_run_for_several_partitions_counts_for_each(instance):
    work = Definitions.of(assets=[spelled], jobs=[define_asset_job("work", [spelled])])
    made = work.get_job_def("work")
    for asked in (PartitionKeyRange("b", "c"), ["a", "d"]):
        made.execute_in_process(partition_key=asked, instance=instance)
        told = words(instance, "work")
    assert told == "MMMM"
    assert set(instance.get_last_job_runs("work", partitions_def=LETTERS)) == set("abcd")


def test_a_backfill_of_a_job_is_kept_and_gone_on_with(instance):
    backfill = letters.backfill("a...c", instance=instance).wait(60)
    assert (backfill.counts.made, backfill.counts.failed) == (2, 1)
    assert words(instance) == "MFM-"
    kept = instance.get_backfill(backfill.backfill_id)
    assert (kept.job_name, kept.title) == ("letters", "letters")
    assert letters.backfill(only_missing=True, instance=instance).result(60).made == 1
    assert words(instance) == "MFMM"
