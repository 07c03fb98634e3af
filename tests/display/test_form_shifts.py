"""What is done to a row is meant for the entry that was seen, wherever it is by then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobnb.config import Section, schema_of
from jobnb.config.places import form_of
from jobnb.display.form_edits import EntryMoves, edited, shift_of
from jobnb.display.form_rows import Rows, row_id

ROOT = form_of(Section({"config": schema_of({"codes": [str], "named": {str: str}})}))


def done(config, row, action, control=None):
    rows = Rows(ROOT, config)
    made, _ = edited(rows, config, row, action, control)
    return made, shift_of(rows, row, action, control) if made != config else None


deeds = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["up", "down", "remove"])), max_size=12
)


@given(st.integers(1, 6), deeds)
def test_every_entry_of_a_list_is_found_again_after_any_moves(size, deeds):
    config = {"config": {"codes": [f"c{n}" for n in range(size)]}}
    shifts = EntryMoves()
    for n, deed in deeds:
        if n >= len(config["config"]["codes"]):
            continue
        action, control = ("remove", None) if deed == "remove" else ("move", deed)
        config, shift = done(config, f"config/codes/{n}", action, control)
        if shift:
            shifts.add(*shift)
    left = config["config"]["codes"]
    for n in range(size):
        now = shifts.now(f"config/codes/{n}", seen=0)
        found = None if now is None else left[int(now.rpartition("/")[2])]
        assert found == (f"c{n}" if f"c{n}" in left else None)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_renamed_key_is_found_whatever_stands_in_it(old, new):
    row = row_id(("config", "named", old))
    config, shift = done({"config": {"named": {old: "v"}}}, row, "rename", new)
    shifts = EntryMoves()
    if shift:
        shifts.add(*shift)
    assert config == {"config": {"named": {new: "v"}}}
    assert shifts.now(row, 0) == row_id(("config", "named", new))


def test_other_rows_stay_and_only_the_last_shifts_are_kept():
    shifts = EntryMoves()
    for _ in range(100):
        shifts.add("config/codes", {"0": "1", "1": "0"})
    assert shifts.now("config/codes", 0) == "config/codes"
    assert shifts.now("config/codes2/0", 0) == "config/codes2/0"
    assert shifts.now("config/codes/0/x", 99) == "config/codes/1/x"
    assert len(shifts.told) < 50
    assert shifts.told[-1][0] == shifts.count == 100
