"""Numbers for keys that are known only once they are seen."""

from __future__ import annotations

from threading import Lock
from weakref import WeakValueDictionary

__all__ = ["SeenKeys"]


class SeenKeys:
    """Gives each key a number when it is first seen, and never takes it away."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._numbers: dict[str, int] = {}
        self._lock = Lock()

    def find(self, key: str) -> int | None:
        """The number of a key, or None where it was not seen."""
        return self._numbers.get(key)

    def add(self, key: str) -> int:
        """The number of a key that is seen now or was before."""
        number = self._numbers.get(key)
        if number is None:
            with self._lock:
                number = self._numbers.get(key)
                if number is None:
                    number = len(self.keys)
                    self.keys.append(key)
                    self._numbers[key] = number
        return number

    def __getstate__(self) -> list[str]:
        return self.keys

    def __setstate__(self, keys: list[str]) -> None:
        self.keys = list(keys)
        self._numbers = {key: number for number, key in enumerate(keys)}
        self._lock = Lock()

    @classmethod
    def shared(cls, owner: object) -> SeenKeys:
        """The numbers that all equal owners share, as long as one of them holds on to them."""
        with _SHARED_LOCK:
            found = _SHARED.get(owner)
            if found is None:
                found = _SHARED[owner] = cls()
            return found


_SHARED: WeakValueDictionary[object, SeenKeys] = WeakValueDictionary()
_SHARED_LOCK = Lock()
