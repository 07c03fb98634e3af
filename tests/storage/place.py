"""Where a history is: a folder, and with it the file in there or a database elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from jobnb import Instance
from jobnb.storage.history import DATABASE_VARIABLE


class Place(NamedTuple):
    home: Path
    url: str | None

    @classmethod
    def of(cls, instance: Instance) -> Place:
        assert instance.home is not None
        return cls(instance.home, instance._url)

    def open(self) -> Instance:
        """One more instance, as another process would have."""
        return Instance(home=self.home, url=self.url)

    @property
    def environment(self) -> dict[str, str]:
        """For a process in which `Instance.from_home(home)` is to be here."""
        named = {} if self.url is None else {DATABASE_VARIABLE: self.url}
        return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **named}
