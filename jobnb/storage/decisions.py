"""The results of the conditions of assets at a tick, with reasons, as they are stored with it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache

import msgspec

MOST_DECISIONS = 200
"""How many assets and partitions are kept with a tick at most, those that are requested first."""

MOST_BYTES = 16_384
"""How much the decisions of a tick take in the history at most."""

_MOST_TEXT = 500


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """The result of a condition for one asset, partition or check.

    Attributes:
        name: The asset with its partition or check, as people write it.
        condition: The condition in words.
        is_true: Whether it is true.
        reason: Why, in words.
        parts: The results of the conditions that it is put together from.
    """

    name: str
    condition: str
    is_true: bool
    reason: str
    parts: tuple[Decision, ...] = ()

    def tree(self, depth: int = 0) -> str:
        """Return the condition and its parts, a line for each, with their results."""
        sign = "yes" if self.is_true else "no"
        line = f"{'  ' * depth}{sign}: {self.condition}"
        if not self.parts:
            line += f" ({self.reason})"
        return "\n".join([line, *(each.tree(depth + 1) for each in self.parts)])


class Decisions(msgspec.Struct, frozen=True, array_like=True):
    """The decisions of a tick.

    Attributes:
        kept: Those that are kept, in the order of the assets.
        left: How many there were besides.
    """

    kept: tuple[Decision, ...] = ()
    left: int = 0


_encoder = msgspec.json.Encoder()


@cache
def _decoder() -> msgspec.json.Decoder[Decisions]:
    """Return what reads decisions; made at its first use, as it looks into all types."""
    return msgspec.json.Decoder(Decisions)


def bounded(found: Sequence[Decision], most: int = MOST_DECISIONS) -> Decisions:
    """Return not more than so many decisions: those that are true, then the first ones."""
    by_weight = sorted(range(len(found)), key=lambda at: not found[at].is_true)
    kept = tuple(found[at] for at in sorted(by_weight[:most]))
    return Decisions(kept, len(found) - len(kept))


def pack_decisions(found: Sequence[Decision]) -> bytes | None:
    """Return decisions in not more than `MOST_BYTES`; None if there are none.

    Example:
        >>> packed = pack_decisions([Decision("orders", "missing", True, "it was never made")])
        >>> print(unpack_decisions(packed).kept[0].tree())
        yes: missing (it was never made)
    """
    if not found:
        return None
    most = MOST_DECISIONS
    while len(packed := _packed(bounded(found, most))) > MOST_BYTES and most > 1:
        most //= 2
    if len(packed) <= MOST_BYTES:
        return packed
    alone = bounded(found, 1)  # one asset that depends on very many
    return _packed(Decisions((msgspec.structs.replace(alone.kept[0], parts=()),), alone.left))


def _packed(decisions: Decisions) -> bytes:
    kept = tuple(_short(each) for each in decisions.kept)
    return zlib.compress(_encoder.encode(Decisions(kept, decisions.left)))


def _short(decision: Decision) -> Decision:
    parts = tuple(_short(each) for each in decision.parts)
    name, condition = decision.name[:_MOST_TEXT], decision.condition[:_MOST_TEXT]
    return Decision(name, condition, decision.is_true, decision.reason[:_MOST_TEXT], parts)


def unpack_decisions(packed: bytes | None) -> Decisions:
    """Return the decisions that `pack_decisions` packed; none where they cannot be read."""
    if packed is None:
        return Decisions()
    try:
        return _decoder().decode(zlib.decompress(packed))
    except (zlib.error, msgspec.MsgspecError):
        return Decisions()
