"""What looks like a secret in code, as a password typed into it, and how it is shown without."""

from __future__ import annotations

import re
from functools import cache

HIDDEN = "***"
"""What stands for a secret."""
_NAMES = "passw(?:or)?d|passphrase|pwd|secret|token|api_?key|access_?key|private_?key|credential"
# A name, as a variable, a parameter, a key or an attribute, and the text that it is given.
_GIVEN = rf"""(?isx)
    (?P<before>
        (?<!\w) (?= \w*? (?: {_NAMES} ) ) \w++ (?: ["'] \s*+ [\])]? )? \s*+
        (?: : [\w.\[\]\ |]{{1,60}}? (?= = ) )?      # an annotation
        (?: == | != | = | : | (?<=["']) , ) \s*+ \(? \s*+
        [rbuf]{{0,2}}
    )
    (?: (?P<block> \"\"\" | \'\'\' ) (?: (?! (?P=block) ) . )+ (?P=block)
    | (?P<quote> ["'] ) (?: \\. | (?! (?P=quote) ) [^\n] )+ (?P=quote) )
    """
_IN_ADDRESS = r"(://[^\s:/@\"'{}]*:)[^\s@/\"'{}]+(?=@)"
_KNOWN = (
    r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}"
    r"|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)"
)
_BLOCK = r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----)"
# Code without any of these has no secret; most has none, and is not searched.
_SIGNS: tuple[str, ...] = (
    *("pass", "pwd", "secret", "token", "key", "credential", "://"),
    *("akia", "gh", "glpat-", "sk-", "xox", "aiza", "eyj"),
)


def without_secrets(code: str) -> str:
    """Return code in which what looks like a secret is hidden.

    That is a text given to a name such as `password` or `api_key`, a password in an address, a
    private key, and the tokens of well-known services. What nothing tells to be a secret, as a
    password that is the second argument of a function, stays.

    Args:
        code: Code of Python.

    Example:
        >>> print(without_secrets("connect('db://joe:pa55@host', password='pa55', user='joe')"))
        connect('db://joe:***@host', password='***', user='joe')
    """
    lowered = code.lower()
    if not any(sign in lowered for sign in _SIGNS):
        return code
    given, address, block, known = _patterns()
    found = address.sub(rf"\g<1>{HIDDEN}", given.sub(_hidden, code))
    return known.sub(HIDDEN, block.sub(rf"\g<1>{HIDDEN}\g<2>", found))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, (_GIVEN, _IN_ADDRESS, _BLOCK, _KNOWN)))


def _hidden(found: re.Match[str]) -> str:
    quote = found["block"] or found["quote"]
    return f"{found['before']}{quote}{HIDDEN}{quote}"
