"""Code is shown and kept without what looks like a secret."""

from __future__ import annotations

import time

import pytest

from jobnb import Session, asset
from jobnb.code.secret_texts import without_secrets


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("password = 'pa55'", "password = '***'"),
        ('DB_PASSWORD: str = "pa55"', 'DB_PASSWORD: str = "***"'),
        (
            "connect(user='joe', passwd='pa\\'55', port=1)",
            "connect(user='joe', passwd='***', port=1)",
        ),
        ("{'api_key': 'pa55', 'user': 'joe'}", "{'api_key': '***', 'user': 'joe'}"),
        ("os.environ['TOKEN'] = f'pa55{x}'", "os.environ['TOKEN'] = f'***'"),
        ("os.environ.get('TOKEN', 'pa55')", "os.environ.get('TOKEN', '***')"),
        ("if token == 'pa55': pass", "if token == '***': pass"),
        ("secret = (\n    'pa55'\n)", "secret = (\n    '***'\n)"),
        ("private_key = '''-----\npa55\n-----'''", "private_key = '''***'''"),
        ("'postgresql://joe:pa55@host/db'", "'postgresql://joe:***@host/db'"),
        ("x = 'AKIAABCDEFGHIJKLMNOP'", "x = '***'"),
        ("x = 'ghp_abcdefghijklmnopqrstuvwxyz'", "x = '***'"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(code, shown):
    assert without_secrets(code) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "code",
    [
        "f'postgresql://{user}:{password}@host'",
        "password = EnvVar('DB_PASSWORD')",
        "password = os.environ['DB_PASSWORD']",
        "def token(x): return 'a'",
        "tokens = text.split(' ')",
        "url = 'https://example.org:8080/a@b'",
        "password = ''",
    ],
)
def test_other_code_stays_as_it_is(code):
    assert without_secrets(code) == code


def test_long_code_takes_no_longer_than_its_length():
    begun = time.process_time()
    without_secrets("token" * 20_000 + "://" + "a" * 100_000 + " = 'x" * 10_000)
    assert time.process_time() - begun < 5


def test_the_history_and_a_diff_have_no_secret_of_the_code(tmp_path):
    session = Session(str(tmp_path / "home"))

    @asset
    def orders():
        password = "pa55word"
        return len(password)

    session.add(orders).materialize()

    @asset(name="orders")
    def others():
        password = "pa66word"
        return len(password) + 1

    session.add(others)
    (change,) = session.diff().changes
    assert "+    return len(password) + 1" in change.code
    assert "word" not in "".join(change.code).replace("password", "")
    kept = b"".join(each.read_bytes() for each in (tmp_path / "home").glob("history.db*"))
    assert b"password" in kept
    assert b"pa55word" not in kept
