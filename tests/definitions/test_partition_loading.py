"""What counts as now and who keeps dynamic partitions; keys page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    InvariantViolationError,
    MultiPartitionsDefinition,
    PartitionLoadingContext,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    partition_loading_context,
)


class Store:
    """Keeps keys as an instance does."""

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        return ["acme", "bolt"]

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        return partition_key in self.get_dynamic_partitions(partitions_def_name)


THEN = datetime(2013, 1, 4, tzinfo=UTC)
DAYS = DailyPartitionsDefinition("2013-01-01")
CUSTOMERS = DynamicPartitionsDefinition(name="customers_while_loading")
BOTH = MultiPartitionsDefinition({"customer": CUSTOMERS, "day": DAYS})
HERE = PartitionLoadingContext(THEN, Store())


def test_what_counts_as_now_holds_for_a_while() -> None:
    with partition_loading_context(THEN):
        assert DAYS.get_last_partition_key() == "2013-01-03"
        with partition_loading_context(dynamic_partitions_store=Store()) as both:
            assert both.effective_dt == THEN
            assert BOTH.get_num_partitions() == 6
            assert BOTH.has_partition_key("bolt|2013-01-03")
            assert not BOTH.has_partition_key("bolt|2013-01-04")
        with partition_loading_context(datetime(2013, 1, 3, tzinfo=UTC)):
            assert DAYS.get_num_partitions() == 2
        assert DAYS.get_num_partitions(datetime(2013, 1, 2, tzinfo=UTC)) == 1
    assert DAYS.get_num_partitions() > 3_000
    with pytest.raises(InvariantViolationError):
        CUSTOMERS.get_partition_keys()
    with partition_loading_context(new_ctx=HERE) as current:
        assert current == HERE
        assert list(CUSTOMERS.get_partition_keys()) == ["acme", "bolt"]


def test_a_key_is_checked_against_a_context() -> None:
    BOTH.validate_partition_key("acme|2013-01-03", context=HERE)
    with pytest.raises(UnknownPartitionError, match="has not ended"):
        BOTH.validate_partition_key("acme|2013-01-04", context=HERE)


@pytest.mark.parametrize("definition", [DAYS, CUSTOMERS, BOTH, StaticPartitionsDefinition(["a"])])
@given(limit=st.integers(1, 7), ascending=st.booleans())
def test_pages_together_are_all_keys(
    definition: PartitionsDefinition, limit: int, ascending: bool
) -> None:
    found: list[str] = []
    cursor, more = None, True
    while more:
        page = definition.get_paginated_partition_keys(HERE, limit, ascending, cursor)
        assert len(page.results) == limit or not page.has_more
        found += page.results
        cursor, more = page.cursor, page.has_more
    expected = list(definition.get_partition_keys(*HERE))
    assert found == (expected if ascending else expected[::-1])
    after = definition.get_paginated_partition_keys(HERE, limit, ascending, cursor)
    assert (after.results, after.cursor, after.has_more) == ([], cursor, False)


def test_a_cursor_is_a_key() -> None:
    with pytest.raises(UnknownPartitionError):
        DAYS.get_paginated_partition_keys(HERE, 3, True, "2012-01-01")
    empty = StaticPartitionsDefinition([]).get_paginated_partition_keys(HERE, 3, True)
    assert (empty.results, empty.has_more) == ([], False)
