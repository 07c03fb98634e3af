"""How many files a use of jobnb enters: who changes what it does must know all of them.

`python -m tests.test_journeys` prints the files of each journey. A number here may go down;
before one goes up, see whether the journey needs the new file, or can ask there later.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jobnb

PACKAGE = f"{Path(jobnb.__file__).parent}{os.sep}"
MOST = {"assets made again": 60, "job with config": 42, "page of an asset": 40}
"""The files that each journey enters at the most, when it is taken once more."""


def entered(journey: Callable[[], object]) -> list[str]:
    """Return the files that are entered by what was done before, so that nothing is imported."""
    journey()
    journey()
    files = set()

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            files.add(frame.f_code.co_filename.removeprefix(PACKAGE))

    sys.setprofile(note)
    try:
        journey()
    finally:
        sys.setprofile(None)
    return sorted(files)


def journeys() -> dict[str, list[str]]:
    """Take each journey in a process of its own: what others have done in one counts, too."""
    from IPython.core.interactiveshell import InteractiveShell

    from jobnb import Config, Instance, asset, job, materialize, op

    @asset
    def orders() -> int:
        return 1

    @asset
    def revenue(orders: int) -> int:
        return orders + 1

    class Sample(Config):
        size: int = 1

    @op
    def drawn(config: Sample) -> int:
        return config.size

    @op
    def told(drawn: int) -> int:
        return drawn

    @job
    def sample() -> None:
        told(drawn())

    config = {"ops": {"drawn": {"config": {"size": 5}}}}
    instance = Instance.get()
    made = entered(lambda: materialize([orders, revenue], instance=instance))
    ran = entered(lambda: sample.execute_in_process(run_config=config))
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "jobnb")
    shown = entered(lambda: shell.display_formatter.format(revenue))
    return dict(zip(MOST, (made, ran, shown), strict=True))


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    place = tmp_path_factory.mktemp("journeys")
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_journeys"],
        env={**os.environ, "JOBNB_HOME": str(place / "home"), "IPYTHONDIR": str(place)},
        cwd=Path(PACKAGE).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("journey", MOST)
def test_a_use_of_jobnb_enters_no_more_files_than_it_did(
    taken: dict[str, list[str]], journey: str
) -> None:
    files = taken[journey]
    assert "errors.py" not in files  # it went well
    assert 10 < len(files) <= MOST[journey], files


if __name__ == "__main__":
    print(json.dumps(journeys()))
