"""Parameters that go by two names: Dagster's, and a shorter one."""

from __future__ import annotations

from typing import Any

from jobnb.errors import InvalidInvocationError

__all__ = ["either"]


def either(call: str, **given: Any) -> Any:
    """What was given by one of the names; None if by none.

    Args:
        call: What was called.
        **given: The values by name.

    Raises:
        InvalidInvocationError: If it was given by two names.

    Example:
        >>> either("launch", config=None, run_config={"ops": {}})
        {'ops': {}}
    """
    found = {name: value for name, value in given.items() if value is not None}
    if len(found) > 1:
        raise InvalidInvocationError(f"{call} has {' and '.join(found)}. Keep one.")
    return next(iter(found.values()), None)
