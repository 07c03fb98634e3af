"""Docstrings describe what is defined, its inputs and its output."""

from __future__ import annotations

import pytest

from jobnb import DynamicOut, In, Out, asset, graph, job, op, resource, schedule


@pytest.mark.parametrize("decorator", [op, graph, job, asset, resource])
def test_a_docstring_describes_without_its_indentation(decorator):
    @decorator
    def thing():
        """Here is

        more.
        """

    found = thing.descriptions_by_key[thing.key] if decorator is asset else thing.description
    assert found == "Here is\n\nmore."


def test_a_schedule_is_described_so_too():
    @schedule(cron_schedule="@daily", job_name="j")
    def nightly(context):
        """Every
        night.
        """

    assert nightly.description == "Every\nnight."


def google(x, y: int = 1):
    """Add.

    Args:
        x (int): The first
            of two.
        y: The other.

    Returns:
        int: Their sum.

    Raises:
        ValueError: Never.
    """


def numpy(x, y=1):
    """Add.

    Parameters
    ----------
    x : int
        The first
        of two.
    y : int
        The other.

    Returns
    -------
    int
        Their sum.
    """


def rest(x, y=1):
    """Add.

    :param x: The first
        of two.
    :param int y: The other.
    :return: Their sum.
    """


@pytest.mark.parametrize("fn", [google, numpy, rest])
def test_a_docstring_describes_inputs_and_the_output(fn):
    made = op(fn)
    said = {name: each.description for name, each in made.ins.items()}
    assert said == {"x": "The first\nof two.", "y": "The other."}
    assert made.outs["result"].description == "Their sum."


def test_what_is_declared_comes_before_the_docstring():
    made = op(ins={"x": In(description="mine")}, out=Out(description="own"))(google)
    assert (made.ins["x"].description, made.outs["result"].description) == ("mine", "own")


def test_yields_describe_a_dynamic_output_and_one_text_describes_no_two_outputs():
    def spread():
        """Spread.

        Yields:
            The numbers: all
                of them.
        """

    assert op(out=DynamicOut())(spread).outs["result"].description == ("The numbers: all\nof them.")
    both = op(out={"a": Out(), "b": Out()})(google)
    assert [each.description for each in both.output_defs] == [None, None]


def test_words_that_only_look_like_a_heading_describe_nothing():
    def same(x):
        """Returns the x."""

    assert op(same).outs["result"].description is None
