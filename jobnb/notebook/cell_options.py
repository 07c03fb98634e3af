"""The first line of `%%asset` and `%%op` cells: a name, and options as the decorators have them."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jobnb.errors import InvalidDefinitionError, InvalidInvocationError, did_you_mean

KINDS = ("asset", "op")
_OPTION = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*')|(?:(?<=\s)|^)--(?P<name>\w[\w-]*)(?=$|[=\s])"""
)
_PART = re.compile(r"[A-Za-z_][\w-]*")
_FIRST = re.compile(r"\s*%%(asset|op)(?:[ \t]+([^\n]*))?(?:\n|$)")


def _text(value: str, _what: str) -> str:
    return repr(value)


def _python(value: str, what: str) -> str:
    try:
        return ast.unparse(ast.parse(value.strip(), mode="eval"))
    except SyntaxError as error:
        raise InvalidInvocationError(
            f"{what} takes a Python expression; {value.strip()!r} is none: {error.msg}."
        ) from None


def _listed(value: str) -> list[str]:
    return [each for each in re.split(r"[,\s]+", value) if each]


def _texts(value: str, _what: str) -> str:
    return repr(_listed(value))


def _keys(value: str, _what: str) -> str:
    return f"[{', '.join(map(key_source, _listed(value)))}]"


def _pairs(value: str, what: str) -> str:
    found = {}
    for each in _listed(value):
        key, equals, told = each.partition("=")
        if not key or not equals:
            raise InvalidInvocationError(f"{what} takes KEY=VALUE,...; {each!r} has no value.")
        found[key] = told
    return repr(found)


def _retries(value: str, what: str) -> str:
    if not value.isdecimal():
        raise InvalidInvocationError(f"{what} takes a whole number, and not {value!r}.")
    return f"RetryPolicy(max_retries={int(value)})"


def _stored_out(value: str, _what: str) -> str:
    return f"Out(io_manager_key={value!r})"


@dataclass(frozen=True)
class CellOption:
    """An option of a `%%asset` or `%%op` line.

    Attributes:
        takes: Its value, in a word.
        help: What it sets.
        asset: The parameter of `@asset` that it stands for; empty if there is none.
        op: The same of `@op`.
        source: Writes the argument as Python; None for what shapes the function.
        op_source: The same for `@op`, if it differs.
        repeats: Whether it may be given more than once.
    """

    takes: str
    help: str
    asset: str = ""
    op: str = ""
    source: Callable[[str, str], str] | None = None
    op_source: Callable[[str, str], str] | None = None
    repeats: bool = False

    def fits(self, kind: str) -> bool:
        """Whether cells of this kind have it."""
        return self.source is None or bool(getattr(self, kind))


OPTIONS = {
    "group": CellOption("NAME", "the group", "group_name", source=_text),
    "deps": CellOption("KEY,...", "assets that come before, not loaded", "deps", source=_keys),
    "io-manager": CellOption(
        "KEY", "the resource that stores it", "io_manager_key", "out", _text, _stored_out
    ),
    "partitions": CellOption(
        "EXPRESSION", "its partitions definition", "partitions_def", source=_python
    ),
    "check": CellOption("[NAME:] EXPRESSION", "a check of the value", repeats=True),
    "ins": CellOption("NAME[=KEY],...", "names that are inputs, whatever the notebook has"),
    "config": CellOption("CLASS", "the class of `config`"),
    "resources": CellOption("KEY,...", "names that are resources"),
    "returns": CellOption("TYPE", "the type of the value"),
    "description": CellOption("TEXT", "a description", "description", "description", _text),
    "kind": CellOption("WORD", "a word on its card", "compute_kind", source=_text),
    "tags": CellOption("KEY=VALUE,...", "its tags", "tags", "tags", _pairs),
    "owners": CellOption("OWNER,...", "who owns it", "owners", source=_texts),
    "metadata": CellOption("KEY=VALUE,...", "its metadata", "metadata", source=_pairs),
    "retries": CellOption("NUMBER", "how often to retry", "retry_policy", "retry_policy", _retries),
    "code-version": CellOption(
        "TEXT", "the version of its code", "code_version", "code_version", _text
    ),
    "condition": CellOption(
        "EXPRESSION", "its automation condition", "automation_condition", source=_python
    ),
}
"""The options by name."""


@dataclass
class CellLine:
    """A parsed `%%asset` or `%%op` line.

    Attributes:
        kind: `asset` or `op`.
        path: The parts of the key; an op has one.
        options: The values of each option, as they were typed.
    """

    kind: str
    path: tuple[str, ...]
    options: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the function, and of the notebook's variable."""
        return self.path[-1].replace("-", "_")

    @property
    def key(self) -> str:
        """The key in words."""
        return "/".join(self.path)

    def last(self, option: str) -> str:
        """Return the last value of an option; empty if it is not given."""
        return self.options.get(option, [""])[-1]

    def names(self, option: str) -> list[str]:
        """Return the comma-separated names of an option."""
        return [each for value in self.options.get(option, ()) for each in _listed(value)]

    def inputs(self) -> dict[str, str]:
        """Return the inputs named by `--ins`, with the keys that differ from their names."""
        pairs = (each.partition("=") for each in self.names("ins"))
        return {name: key or name for name, _, key in pairs}

    def checks(self) -> dict[str, str]:
        """Return the expressions of `--check` by the name of the check."""
        found: dict[str, str] = {}
        for value in self.options.get("check", ()):
            named = re.match(r"\s*([A-Za-z_]\w*)\s*:(?![=:])(.+)", value, re.DOTALL)
            name, text = (named[1], named[2]) if named else (f"{self.name}_check", value)
            many = 1
            unique = name
            while unique in found:
                many += 1
                unique = f"{name}_{many}"
            found[unique] = _python(text, f"%%{self.kind} {self.key}: --check")
        return found

    def arguments(self) -> dict[str, str]:
        """Return the decorator's arguments, each as Python."""
        found = {}
        if self.kind == "asset" and len(self.path) > 1:
            prefix = self.path[:-1]
            found["key_prefix"] = repr(list(prefix)) if len(prefix) > 1 else repr(prefix[0])
        if self.path[-1] != self.name:
            found["name"] = repr(self.path[-1])
        for name in self.options:
            option = OPTIONS[name]
            write = option.op_source if self.kind == "op" and option.op_source else option.source
            if write is not None:
                what = f"%%{self.kind} {self.key}: --{name}"
                found[getattr(option, self.kind)] = write(self.last(name), what)
        return found


def is_definition_cell(source: str) -> bool:
    r"""Whether a cell begins with `%%asset` or `%%op`.

    Example:
        >>> is_definition_cell("%%asset orders\n[1, 2]"), is_definition_cell("%%assets")
        (True, False)
    """
    return _FIRST.match(source) is not None


def parts_of_cell(source: str) -> tuple[CellLine, str]:
    """Return the first line of a cell that `is_definition_cell`, parsed, and the rest.

    Before the rest, a line break stands for each line of the cell before it but the first.

    Raises:
        InvalidInvocationError: If the name is missing, or an option is unknown or has no value.
        InvalidDefinitionError: If the name is none.
    """
    found = _FIRST.match(source)
    assert found is not None
    above = max(source[: found.end()].count("\n") - 1, 0)
    return read_cell_line(found[1], (found[2] or "").strip()), "\n" * above + source[found.end() :]


def key_source(key: str) -> str:
    """Return a key as Python: text, or an `AssetKey` of several parts.

    Example:
        >>> key_source("orders"), key_source("mart/orders")
        ("'orders'", "AssetKey(['mart', 'orders'])")
    """
    parts = key.split("/")
    return repr(key) if len(parts) == 1 else f"AssetKey({parts!r})"


def read_cell_line(kind: str, text: str) -> CellLine:
    """Parse the first line of a cell; a value ends at the next option.

    Args:
        kind: `asset` or `op`.
        text: The line after `%%asset` or `%%op`.

    Raises:
        InvalidInvocationError: If the name is missing, or an option is unknown or has no value.

    Example:
        >>> line = read_cell_line("asset", "mart/revenue --group mart --deps a,b")
        >>> line.key, line.arguments()
        ('mart/revenue', {'key_prefix': "'mart'", 'group_name': "'mart'", 'deps': "['a', 'b']"})
    """
    found = [each for each in _OPTION.finditer(text) if each["name"]]
    head = text[: found[0].start()].strip() if found else text.strip()
    path = _path(kind, head)
    known = {name: each for name, each in OPTIONS.items() if each.fits(kind)}
    options: dict[str, list[str]] = {}
    for at, match in enumerate(found):
        name = match["name"]
        if name not in known:
            near = did_you_mean(f"--{name}", [f"--{each}" for each in known])
            hint = near if near.startswith("Did") else f"It has: --{', --'.join(known)}."
            raise InvalidInvocationError(f"%%{kind} has no option --{name}. {hint}")
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        value = _bare(text[match.end() : end].strip().removeprefix("=").strip())
        _see_value(kind, name, value, options, known)
        options.setdefault(name, []).append(value)
    return CellLine(kind, path, options)


def _no_name(value: str) -> str | None:
    """Return the first of some names that is none; None if all are."""
    names = (each.partition("=")[0] for each in _listed(value))
    return next((each for each in names if not each.isidentifier()), None)


def _no_expression(value: str) -> str | None:
    try:
        ast.parse(value.strip(), mode="eval")
    except SyntaxError:
        return value
    return None


_NAMED: Mapping[str, Callable[[str], str | None]] = {
    "ins": _no_name,
    "resources": _no_name,
    "config": _no_expression,
    "returns": _no_expression,
}
"""What of an option's value is none, for what becomes a part of the function."""


def _see_value(
    kind: str,
    name: str,
    value: str,
    options: Mapping[str, list[str]],
    known: Mapping[str, CellOption],
) -> None:
    if not value:
        raise InvalidInvocationError(f"%%{kind}: --{name} needs a value, {known[name].takes}.")
    wrong = _NAMED[name](value) if name in _NAMED else None
    if wrong is not None:
        raise InvalidInvocationError(
            f"%%{kind}: --{name} takes {known[name].takes}; {wrong!r} is none."
        )
    if name in options and not known[name].repeats:
        raise InvalidInvocationError(f"%%{kind}: --{name} is given twice. Keep one.")


def _bare(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted and text[0] not in text[1:-1] else text


def _path(kind: str, head: str) -> tuple[str, ...]:
    words = head.split()
    if not words:
        raise InvalidInvocationError(
            f"%%{kind} needs a name: `%%{kind} NAME`; the last expression of the cell is its value."
        )
    if len(words) > 1:
        raise InvalidInvocationError(
            f"%%{kind} takes one name, and not {head!r}. Options begin with `--`."
        )
    path = tuple(words[0].split("/"))
    name = path[-1].replace("-", "_")
    if not all(map(_PART.fullmatch, path)) or keyword.iskeyword(name):
        raise InvalidDefinitionError(
            f"%%{kind}: {words[0]!r} is no name. Use letters, digits and underscores, as in a "
            "variable's name; parts of a key are separated by `/`."
        )
    if kind == "op" and len(path) > 1:
        raise InvalidDefinitionError(f"%%op: {words[0]!r} has several parts; an op's name has one.")
    return path
