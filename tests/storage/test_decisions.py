"""The results of conditions are kept with their tick in bounded size."""

from __future__ import annotations

from random import Random

import pytest

from jobnb import StorageError, Tick
from jobnb.storage.decisions import (
    MOST_BYTES,
    MOST_DECISIONS,
    Decision,
    pack_decisions,
    unpack_decisions,
)
from jobnb.storage.ticks import Instigator, decode_tick, encode_tick


def decided(number: int, *, is_true: bool = False, words: str = "it is there") -> Decision:
    part = Decision(f"orders [{number}]", "missing", is_true, words)
    return Decision(part.name, "eager", is_true, words, (part,))


def test_what_is_kept_comes_back_in_its_order_with_its_tick():
    found = [decided(1), decided(2, is_true=True)]
    tick = Tick(Instigator("SENSOR", "s", "here"), 1.0, packed_decisions=pack_decisions(found))
    kept = decode_tick(encode_tick(tick)).decisions
    assert (list(kept.kept), kept.left) == (found, 0)
    assert Tick(tick.instigator, 1.0).decisions.kept == ()
    assert pack_decisions([]) is None


def test_of_very_many_those_that_are_true_are_kept_and_the_first_ones():
    many = 5 * MOST_DECISIONS
    packed = pack_decisions([decided(each, is_true=each >= many - 3) for each in range(many)])
    kept = unpack_decisions(packed)
    assert len(kept.kept) == MOST_DECISIONS
    assert kept.left == many - MOST_DECISIONS
    names = [each.name for each in kept.kept]
    assert names[0] == "orders [0]"
    assert names[-3:] == [f"orders [{each}]" for each in range(many - 3, many)]


@pytest.mark.parametrize("parts", [1, 3000])
def test_no_tick_takes_more_than_so_much(parts):
    noise = Random(1)
    found = [
        Decision(f"orders [{each}]", "eager", False, "no",
                 tuple(decided(at, words=noise.randbytes(200).hex()) for at in range(parts)))
        for each in range(300 // parts + 1)
    ]  # fmt: skip
    packed = pack_decisions(found)
    assert packed is not None
    assert len(packed) <= MOST_BYTES
    kept = unpack_decisions(packed)
    assert kept.kept
    assert len(kept.kept) + kept.left == len(found)


def test_what_cannot_be_read_is_no_reason_to_lose_the_tick():
    assert unpack_decisions(b"nothing of the kind").kept == ()
    with pytest.raises(StorageError):
        decode_tick(b"{}")
