"""Jobs that are made anew from the name of a function."""

from __future__ import annotations

import pickle
import sys

import pytest

from jobnb import Instance, InvariantViolationError, build_reconstructable_job, execute_job

CODE = """
from jobnb import graph, job, op

def make(name, times=1):
    @op
    def told():
        return name * times
    @job(name=name)
    def made():
        told()
    return made

def no_job():
    return 3

number = 3
"""


@pytest.fixture
def module(tmp_path):
    (tmp_path / "made_anew.py").write_text(CODE)
    yield "made_anew", str(tmp_path)
    sys.modules.pop("made_anew", None)


def test_a_job_is_made_by_a_function_with_arguments(module):
    name, folder = module
    again = build_reconstructable_job(name, "make", ("daily",), {"times": 2}, folder)
    assert name not in sys.modules
    with Instance.ephemeral() as instance:
        result = execute_job(again, instance)
        assert result.job_def.name == "daily"
        assert result.output_for_node("told") == "dailydaily"
    assert folder not in sys.path


def test_it_can_be_sent_to_another_process(module):
    name, folder = module
    again = build_reconstructable_job(name, "make", ("daily",), None, folder)
    sent = pickle.loads(pickle.dumps(again))
    assert sent.get_definition().name == "daily"
    assert repr(sent) == "reconstructable(made_anew.make)"


def test_what_cannot_be_found_is_told(module):
    name, folder = module
    with pytest.raises(InvariantViolationError, match=r"no module 'made_anew'. Give the folder"):
        build_reconstructable_job(name, "make").get_definition()
    with pytest.raises(InvariantViolationError, match=r"no function 'mke'. Did you mean 'make'"):
        build_reconstructable_job(name, "mke", None, None, folder).get_definition()
    with pytest.raises(InvariantViolationError, match="no function 'number'"):
        build_reconstructable_job(name, "number", None, None, folder).get_definition()
    with pytest.raises(InvariantViolationError, match=r"'made_anew.no_job' gave 3. It must return"):
        build_reconstructable_job(name, "no_job", None, None, folder).get_definition()


def test_a_module_that_lacks_something_itself_says_so(tmp_path):
    (tmp_path / "lacks.py").write_text("import not_installed_at_all")
    with pytest.raises(ModuleNotFoundError, match="not_installed_at_all"):
        build_reconstructable_job("lacks", "make", None, None, str(tmp_path)).get_definition()
