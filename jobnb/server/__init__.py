"""The server: what notebooks, files and modules define, and their history, over GraphQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobnb.errors import InvalidInvocationError


@contextmanager
def needed() -> Iterator[None]:
    """Around the import of what the server needs: says how to install what is lacking.

    Raises:
        InvalidInvocationError: If something is.

    Example:
        >>> with needed():
        ...     import graphql
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise InvalidInvocationError(
            f"The server needs {error.name!r}: pip install 'jobnb[server]'."
        ) from error
