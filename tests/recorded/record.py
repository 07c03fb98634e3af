"""Record the outcomes of descriptions under Dagster: run this where Dagster is installed.

`python -m tests.recorded.record < descriptions.jsonl > tests/recorded/outcomes.jsonl`: each line of
the table is a description and its outcome. A table can be recorded anew from itself.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import warnings

from tests.recorded.builds import outcome_of

if __name__ == "__main__":
    dagster = importlib.import_module("dagster")  # which those who run the tests do not have
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        said = json.loads(line)
        said = said.get("description", said)
        told = {"description": said, "outcome": outcome_of(said, dagster)}
        print(json.dumps(told, separators=(",", ":"), ensure_ascii=False))
