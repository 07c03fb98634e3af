"""The outputs of cells, kept as a terminal would show them, and within bounds.

Printed output costs time in proportion to its length, and memory only up to a limit: the
beginning and the end are kept, and what is between is counted.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from jobnb.display.text import counted

LIMIT = 2_000_000
"""Characters kept of what a cell prints on a stream, unless told otherwise."""

_LONGEST_ERROR = 100_000  # Characters of each line of a traceback.
_RICH_SIZE = 10  # Pictures and tables may be this many times as large as printed text.
_MOST_RICH = 1000
_WHOLE = 25  # All cells together keep as much as this many cells at their limit.
_LEAST = 20  # Each cell after that still keeps this fraction of its limit.
_ONE_LINE = 100_000  # Characters of the last line that can still be overwritten.
_LINE_SEARCH = 10_000  # How far a cut looks for the end of a line, in characters.


# --- the line that is being written -------------------------------------------

# One column of a terminal: a character with the color codes before it.
_COLUMN = re.compile(r"(?:\x1b\[[0-9;:]*m)*[^\x1b]|(?:\x1b\[[0-9;:]*m)+|\x1b")
_COLOURS = re.compile(r"(?:\x1b\[[0-9;:]*m)+")
_STEP = re.compile(r"\r+|\x08+|\x1b\[[012]?K|(?:[^\r\x08\x1b]|\x1b(?!\[[012]?K))+")


def _moves(text: str) -> bool:
    return "\r" in text or "\b" in text or "\x1b[" in text


class Line:
    r"""The current line of a stream, as a terminal handles it.

    `\r` moves to its beginning and `\b` back one column; what is written then overwrites the
    columns there. `\x1b[K` erases. Of a line longer than 100,000 characters only the end can be
    overwritten.

    Example:
        >>> line = Line()
        >>> line.write("10 %\r100 %\nhello\b\bp")
        '100 %\n'
        >>> line.take()
        'helpo'
    """

    def __init__(self) -> None:
        self._plain: list[str] = []
        self._columns: list[str] | None = None  # Filled once the cursor has moved back.
        self._colours = ""  # The colors of the next column.
        self._at = self._length = 0

    def write(self, text: str) -> str:
        """Take in text; return the part that no later text can overwrite."""
        firm: list[str] = []
        if _moves(text) or self._columns is not None:
            *lines, rest = text.split("\n")
            for line in lines:
                firm += [self._put(line), self.take(), "\n"]
        else:
            whole, end, rest = text.rpartition("\n")
            if end:
                first, between, more = whole.partition("\n")
                firm += [self._put(first), self.take(), between, more, "\n"]
        firm.append(self._put(rest))
        return "".join(firm)

    def take(self) -> str:
        """Return the contents of the line and start a new one."""
        text = "".join(self._plain if self._columns is None else self._columns) + self._colours
        self._plain, self._columns, self._at, self._length = [], None, 0, 0
        self._colours = ""
        return text

    def _put(self, text: str) -> str:
        """Write a text without line ends; return the part of the line that is final."""
        if self._columns is not None or _moves(text):
            return self._overwrite(text)
        self._plain.append(text)
        self._length += len(text)
        return self.take() if self._length > _ONE_LINE else ""

    def _overwrite(self, text: str) -> str:
        if self._columns is None:
            self._columns = self._split(self.take())
            self._at = len(self._columns)
        return "".join(map(self._step, _STEP.findall(text)))

    def _step(self, step: str) -> str:
        """Apply one movement, or the text between two."""
        columns = self._columns
        assert columns is not None
        if step[0] == "\r":
            self._at = 0
        elif step[0] == "\b":
            self._at = max(0, self._at - len(step))
        elif step[0] == "\x1b" and step[-1] == "K":
            self._erase(columns, step[2:-1])
        else:
            return self._over(columns, step)
        return ""

    def _erase(self, columns: list[str], what: str) -> None:
        if what == "1":
            columns[: self._at] = [" "] * min(self._at, len(columns))
        elif what == "2":
            columns[:] = [" "] * self._at
        else:
            del columns[self._at :]

    def _split(self, text: str) -> list[str]:
        """Split a text into columns; color codes at its end belong to the next one."""
        columns: list[str] = _COLUMN.findall(self._colours + text)
        last = columns[-1] if columns else ""
        self._colours = columns.pop() if _COLOURS.fullmatch(last) else ""
        return columns

    def _over(self, columns: list[str], text: str) -> str:
        firm = ""
        if len(text) > _ONE_LINE:
            firm, text = text[:-_ONE_LINE], text[-_ONE_LINE:]
            columns.clear()
            self._at = 0
        new = self._split(text)
        columns[self._at : self._at + len(new)] = new
        self._at += len(new)
        if len(columns) > 2 * _ONE_LINE:
            many = min(self._at, len(columns) - _ONE_LINE)
            firm += "".join(columns[:many])
            del columns[:many]
            self._at -= many
        return firm


# --- the first and the last of much -------------------------------------------


class _StreamText:
    """The beginning and the end of what a stream printed.

    Args:
        limit: How many characters are kept.
    """

    def __init__(self, limit: int) -> None:
        self._room = limit // 2
        self._limit = limit - limit // 2
        self._head: list[tuple[int, str]] = []
        self._tail: deque[tuple[int, str]] = deque()
        self._length = self._lost = self._lost_lines = 0

    def add(self, place: int, text: str) -> None:
        """Keep more text; `place` is the number of the rich output that follows it."""
        if self._room:
            many = len(text) if len(text) <= self._room else self._line_end(text)
            if many:
                self._head.append((place, text[:many]))
            self._room -= many
            text = text[many:]
            if text:  # the rest of the room is the end's
                self._limit += self._room
                self._room = 0
        if not text:
            return
        self._tail.append((place, text))
        self._length += len(text)
        while self._length - len(self._tail[0][1]) >= self._limit:
            _, old = self._tail.popleft()
            self._length -= len(old)
            self._lose(old)
        if self._length > 2 * self._limit:  # A single text longer than the limit.
            self._trim()

    def _line_end(self, text: str) -> int:
        """Return where to cut a text that is too long: at a line end, if one is near."""
        room = self._room
        found = text.rfind("\n", max(0, room - _LINE_SEARCH), room) + 1
        return found or (0 if self._head and room < _LINE_SEARCH else room)

    def _trim(self) -> None:
        """Cut the kept end to its limit, or a little shorter: at a line end."""
        over = self._length - self._limit
        if over <= 0:
            return
        place, text = self._tail[0]
        cut = text.find("\n", over, over + _LINE_SEARCH) + 1 or over
        self._lose(text[:cut])
        self._tail[0] = (place, text[cut:])
        self._length -= cut

    def _lose(self, text: str) -> None:
        self._lost += len(text)
        self._lost_lines += text.count("\n")

    def kept(self) -> list[tuple[int, str]]:
        """Return what is kept, in order; a line says how much is left out."""
        self._trim()
        if not self._lost:
            return [*self._head, *self._tail]
        lines = f" in {self._lost_lines:,} lines" if self._lost_lines else ""
        what = _left_out(f"{self._lost:,} characters{lines}")
        before = "" if self._head and self._head[-1][1].endswith("\n") else "\n"
        return [*self._head, (self._tail[0][0], f"{before}{what}\n"), *self._tail]


def _left_out(what: str) -> str:
    return f"[... {what} left out here: more than the output limit of this notebook ...]"


def shortened(text: str, most: int) -> str:
    """Leave out the middle of a text, and count it, if it is longer than `most` characters.

    Example:
        >>> shortened("a" * 30, 10)
        'aaaaa [... 20 characters left out ...] aaaaa'
    """
    if len(text) <= most:
        return text
    half = most // 2
    left = len(text) - 2 * half
    return f"{text[:half]} [... {left:,} characters left out ...] {text[-half:]}"


class _RichOutput:
    """A rich output; outputs with the same display id are one, wherever they appear."""

    __slots__ = ("__weakref__", "content", "nodes", "size")

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.nodes: list[Any] = []
        self.set(content)

    def set(self, content: Mapping[str, Any]) -> None:
        """Replace the content."""
        self.content = {name: value for name, value in content.items() if name != "transient"}
        self.size = len(msgspec.json.encode(self.content))

    def node(self) -> Any:
        """Return one more output node for it."""
        import nbformat

        made = nbformat.from_dict(self.content)
        self.nodes.append(made)
        return made

    def settle(self) -> None:
        """Write the current content to all of its nodes."""
        import nbformat

        for node in self.nodes:
            for name in ("data", "metadata"):
                node[name] = nbformat.from_dict(self.content[name])


class _RichOutputs:
    """The first and the last of a cell's rich outputs, numbered.

    Args:
        size: Their limit together, in characters.
    """

    def __init__(self, size: int) -> None:
        self._limit = size
        self._head: list[tuple[int, _RichOutput]] = []
        self._tail: deque[tuple[int, _RichOutput]] = deque()
        self._sizes = [0, 0]
        self.count = 0

    def add(self, shown: _RichOutput) -> None:
        """Keep one more."""
        self._keep(self.count, shown)
        self.count += 1

    def _keep(self, number: int, shown: _RichOutput) -> None:
        fits = self._sizes[0] + shown.size <= self._limit // 2 and len(self._head) < _MOST_RICH // 2
        if fits and not self._tail:
            self._head.append((number, shown))
            self._sizes[0] += shown.size
            return
        self._tail.append((number, shown))
        self._sizes[1] += shown.size
        while len(self._tail) > 1 and (
            len(self._tail) > _MOST_RICH // 2 or self._sizes[1] > self._limit // 2
        ):
            self._sizes[1] -= self._tail.popleft()[1].size

    def weigh(self) -> None:
        """Apply the limit again: an update may have made an output larger."""
        kept, self._head, self._tail, self._sizes = self.kept(), [], deque(), [0, 0]
        for number, shown in kept:
            self._keep(number, shown)

    def kept(self) -> list[tuple[int, _RichOutput]]:
        """Return what is kept, in order."""
        return [*self._head, *self._tail]

    @property
    def left_out(self) -> tuple[int, int]:
        """The number of those left out, and the number of the first of them."""
        many = self.count - len(self._head) - len(self._tail)
        return many, self._head[-1][0] + 1 if self._head else 0


# --- the outputs of cells -----------------------------------------------------


class CellOutputs:
    """The outputs of one cell.

    Args:
        printed: How many characters are kept of each stream.
        rich: The limit of its rich outputs together, in characters.
    """

    def __init__(self, printed: int, rich: int) -> None:
        self._limits = printed, rich
        self._begin_again()

    def _begin_again(self) -> None:
        printed, rich = self._limits
        self._streams = {name: _StreamText(printed) for name in ("stdout", "stderr")}
        self._lines = {name: Line() for name in self._streams}
        self._rich = _RichOutputs(rich)
        self._grown = 0
        self._clear_next = False

    def print(self, name: str, text: str) -> None:
        """Take in printed text."""
        self._clear_if_asked()
        stream = name if name in self._streams else "stdout"
        if firm := self._lines[stream].write(text):
            self._streams[stream].add(self._rich.count, firm)

    def show(self, shown: _RichOutput) -> None:
        """Take in a rich output or an error."""
        self._clear_if_asked()
        self._end_lines()
        self._rich.add(shown)

    def grew(self, many: int) -> None:
        """Note that a rich output was replaced by one that is larger by so many characters."""
        self._grown += many
        if self._grown > self._limits[1]:
            self._grown = 0
            self._rich.weigh()

    def clear(self, *, wait: bool) -> None:
        """Clear all; with `wait`, when the next output comes."""
        if wait:
            self._clear_next = True
        else:
            self._begin_again()

    def _clear_if_asked(self) -> None:
        if self._clear_next:
            self._begin_again()

    def _end_lines(self) -> None:
        for name, line in self._lines.items():
            if rest := line.take():
                self._streams[name].add(self._rich.count, rest)

    @property
    def rich(self) -> list[_RichOutput]:
        """The rich outputs that are kept."""
        return [shown for _, shown in self._rich.kept()]

    def nodes(self) -> list[Any]:
        """Return the outputs in the notebook's format."""
        self._end_lines()
        self._rich.weigh()
        texts: dict[int, dict[str, list[str]]] = {}
        for name, stream in self._streams.items():
            for place, text in stream.kept():
                texts.setdefault(place, {}).setdefault(name, []).append(text)
        rich = {number: [shown.node()] for number, shown in self._rich.kept()}
        many, first = self._rich.left_out
        if many:
            rich.setdefault(first, []).append(_note(_left_out(counted(many, "output"))))
        return _in_order(texts, rich)


def _in_order(texts: dict[int, dict[str, list[str]]], rich: dict[int, list[Any]]) -> list[Any]:
    """Place texts before the rich outputs that they preceded; join neighbors."""
    found: list[Any] = []
    open_texts: dict[str, list[str]] = {}

    def end_texts() -> None:
        for name in ("stdout", "stderr"):
            if name in open_texts:
                found.append(_stream(name, "".join(open_texts.pop(name))))

    for place in sorted(texts.keys() | rich.keys()):
        for name, parts in texts.get(place, {}).items():
            open_texts.setdefault(name, []).extend(parts)
        if place in rich:
            end_texts()
            found += rich[place]
    end_texts()
    return found


def _stream(name: str, text: str) -> Any:
    import nbformat

    return nbformat.from_dict({"output_type": "stream", "name": name, "text": text})


def _note(text: str) -> Any:
    import nbformat

    data = {"data": {"text/plain": text}, "metadata": {}}
    return nbformat.from_dict({"output_type": "display_data", **data})


class NotebookOutputs:
    """The outputs of all cells of a notebook.

    Args:
        limit: How many characters are kept of what a cell prints on a stream; of rich outputs ten
            times as many. Once 25 cells have reached the limit, each other cell keeps a twentieth
            of it.

    Example:
        >>> outputs = NotebookOutputs(limit=20)
        >>> cell = outputs.begin()
        >>> cell.print("stdout", "0123456789" * 100)
        >>> print(outputs.end(cell)[0].text)
        0123456789
        [... 980 characters left out here: more than the output limit of this notebook ...]
        0123456789
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limits = {"printed": limit, "rich": _RICH_SIZE * limit}
        self._left = {name: _WHOLE * many for name, many in self._limits.items()}
        self._named: WeakValueDictionary[str, _RichOutput] = WeakValueDictionary()
        self._standing: list[_RichOutput] = []
        self._changed: dict[_RichOutput, None] = {}

    def begin(self) -> CellOutputs:
        """Start the outputs of the next cell."""
        printed, rich = (
            max(many // _LEAST, min(many, self._left[name])) for name, many in self._limits.items()
        )
        return CellOutputs(printed, rich)

    def take(self, cell: CellOutputs, kind: str, content: Mapping[str, Any]) -> None:
        """Take in a kernel's message while a cell runs.

        Args:
            cell: The outputs of the cell.
            kind: The type of the message, as `stream` or `display_data`.
            content: Its content.
        """
        if kind == "stream":
            cell.print(content["name"], content["text"])
        elif kind == "error":
            cell.show(_RichOutput({"output_type": kind, **_error(content)}))
        elif kind == "update_display_data":
            self._replace(cell, content)
        elif kind in ("display_data", "execute_result"):
            cell.show(self._replace(cell, content) or self._new(kind, content))

    def _new(self, kind: str, content: Mapping[str, Any]) -> _RichOutput:
        shown = _RichOutput({"output_type": kind, **content})
        if name := _name_in(content):
            self._named[name] = shown
        return shown

    def _replace(self, cell: CellOutputs, content: Mapping[str, Any]) -> _RichOutput | None:
        """Replace an output by its display id; return None if it is nowhere."""
        shown = self._named.get(_name_in(content))
        if shown is not None:
            before = shown.size
            new = {name: content.get(name, {}) for name in ("data", "metadata")}
            shown.set({**shown.content, **new})
            self._changed[shown] = None
            cell.grew(shown.size - before)
        return shown

    def end(self, cell: CellOutputs) -> list[Any]:
        """Return the outputs of a finished cell, in the notebook's format."""
        nodes = cell.nodes()
        for shown in self._changed:
            shown.settle()
        self._changed.clear()
        self._standing += cell.rich
        self._left["rich"] -= sum(shown.size for shown in cell.rich)
        texts = (node["text"] for node in nodes if node["output_type"] == "stream")
        self._left["printed"] -= sum(map(len, texts))
        return nodes


_HINT = re.compile(r"^.*: UserWarning: To exit: use 'exit'.*\n(?:  warn\(.*\n)?", re.MULTILINE)


def ended_here(outputs: Iterable[Any]) -> list[Any]:
    """Return the outputs of a cell that ended its notebook with success, which is no error."""
    found: list[Any] = []
    for output in outputs:
        if output.get("name") == "stderr":
            output["text"] = _HINT.sub("", output["text"])
        if output["output_type"] != "error" and output.get("text") != "":
            found.append(output)
    return [*found, _note("The notebook ended itself here with success. No later cell was run.")]


def _name_in(content: Mapping[str, Any]) -> str:
    """Return the display id of an output."""
    return str((content.get("transient") or {}).get("display_id") or "")


def _error(content: Mapping[str, Any]) -> dict[str, Any]:
    lines = [shortened(str(line), _LONGEST_ERROR) for line in content.get("traceback", ())]
    return {
        "ename": str(content.get("ename", "")),
        "evalue": shortened(str(content.get("evalue", "")), _LONGEST_ERROR),
        "traceback": lines,
    }
