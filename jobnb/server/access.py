"""Who may ask: whoever has the token, at a name of this machine and from no strange page."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

Refusal = tuple[int, str]
"""An HTTP status, and why."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def new_token() -> str:
    """Return a random token.

    >>> len(new_token())
    48
    """
    return secrets.token_hex(24)


class Access:
    """Says whether a request is let in.

    Args:
        token: The token that a request must have; empty for none.
        hosts: Names that the server is reached by, beside those of the loopback and addresses of
            numbers.

    Example:
        >>> access = Access("sesame")
        >>> access.refusal({"host": "localhost:3000", "authorization": "token sesame"})
        >>> access.refusal({"host": "localhost:3000"})[0]
        401
        >>> access.refusal({"host": "evil.example", "authorization": "token sesame"})[0]
        403
    """

    def __init__(self, token: str, hosts: Iterable[str] = ()) -> None:
        self._token = token
        self._hosts = {each.lower() for each in (*hosts, *_LOOPBACK)}

    def refusal(self, headers: Mapping[str, str], query_token: str | None = None) -> Refusal | None:
        """Return why a request is refused; None if it is not.

        Args:
            headers: Its headers, their names in small letters.
            query_token: The token that its address has.
        """
        return self._strange_host(headers) or self._no_token(headers, query_token)

    def _strange_host(self, headers: Mapping[str, str]) -> Refusal | None:
        """Detect a page whose name was made to lead here (DNS rebinding) by its name."""
        host = headers.get("host", "")
        name = _name_of(host)
        if not self._is_known(name):
            return 403, f"This server is not called {name!r}. Start it with --allow-host {name}."
        origin = headers.get("origin")
        if origin in (None, ""):
            return None
        place = urlsplit(origin).netloc.lower()
        if place != host.lower():
            return 403, f"A page of {origin!r} may not ask this server."
        return None

    def _is_known(self, name: str) -> bool:
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)  # an address of numbers leads where it says
        except ValueError:
            return False
        return True

    def _no_token(self, headers: Mapping[str, str], query_token: str | None) -> Refusal | None:
        if not self._token:
            return None
        given = [query_token or "", headers.get("dagster-cloud-api-token", "")]
        given.append(_in_authorization(headers.get("authorization", "")))
        wanted = self._token.encode()
        # All are compared, so that the time tells nothing.
        same = [hmac.compare_digest(each.encode(), wanted) for each in given]
        if any(same):
            return None
        how = "send it as `Authorization: token ...` or as ?token=..."
        return 401, f"The token is missing or wrong: {how}"


def _name_of(host: str) -> str:
    """Return the name in a Host header, without the port.

    >>> _name_of("localhost:3000"), _name_of("[::1]:3000"), _name_of("::1")
    ('localhost', '::1', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name, _, port = host.rpartition(":")
    has_port = port.isdigit() and ":" not in name
    return (name if has_port else host).lower()


def _in_authorization(header: str) -> str:
    """Return the token in an Authorization header: after `token` or `Bearer`, or as a password.

    >>> _in_authorization("token abc"), _in_authorization("Bearer abc")
    ('abc', 'abc')
    >>> _in_authorization("Basic " + base64.b64encode(b"token:abc").decode())
    'abc'
    """
    kind, _, value = header.partition(" ")
    if kind.lower() in ("token", "bearer"):
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""
