"""JSON as clients send it and as every client can parse it: no NaN, no broken text."""

from __future__ import annotations

import json
import math
from typing import Any

_MOST_DIGITS = 300  # as many as a float can have


def decoded(text: bytes | str, what: str = "The body") -> Any:
    """Return the value of a JSON text.

    Args:
        text: The text.
        what: What it is, for the error.

    Raises:
        ValueError: If it is none; says why.

    Example:
        >>> decoded('{"year": 2013}')
        {'year': 2013}
        >>> decoded('{"year": NaN}')
        Traceback (most recent call last):
        ValueError: The body is no JSON: it has NaN, which no number of JSON is.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
        if _may_be_broken(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{what} is no UTF-8.") from None
    except UnicodeEncodeError:
        raise ValueError(f"{what} has one half of a surrogate pair, which is no text.") from None
    except ValueError as error:
        raise ValueError(f"{what} is no JSON: {str(error).rstrip('.')}.") from None
    return value


def _refuse(word: str) -> Any:
    raise ValueError(f"it has {word}, which no number of JSON is")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"{word[:20]} is too large a number")
    return number


def _whole(word: str) -> int:
    if len(word) > _MOST_DIGITS:
        raise ValueError(f"{word[:20]}... has {len(word):,} digits, which are too many")
    return int(word)


def _may_be_broken(text: bytes | str) -> bool:
    escape: Any = "\\ud" if isinstance(text, str) else b"\\ud"
    return escape in text.lower()


def encoded(value: Any) -> str:
    """Return a value as JSON; numbers that JSON does not have are null.

    Example:
        >>> encoded({"share": float("nan")})
        '{"share": null}'
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_without_infinite(value), allow_nan=False)


def _without_infinite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
