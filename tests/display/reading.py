"""What the tests of this room share: texts that try to break out, and strict readers."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>&amp;<!--",
    "back\\slash \\N \\L",
    "two\nlines\r\nand\ttab",
    "\u202eright to left\u202c שלום",
    "🎉🎉 emoji 日本語",
    "' OR 1=1; --",
    "\x00\x07\x1b[31m",
    "\ud800 lone surrogate",
    "</style></svg></div>",
    "a" * 5000,
    "",
)
VOID = {"br", "img", "hr", "input", "meta", "link"}
ALLOWED_SCHEMES = ("http://", "https://", "mailto:")


class StrictReader(HTMLParser):
    """Reads HTML and complains of what is unbalanced or could run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.said: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.problems.append(f"handler {name}")
            if name == "href" and not (value or "").startswith(ALLOWED_SCHEMES):
                self.problems.append(f"link {value}")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"unbalanced {tag}")

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.said.append(data)


def read_html(markup: str) -> StrictReader:
    """The page, read; fails if it is unbalanced or holds anything that could run."""
    markup.encode()
    reader = StrictReader()
    reader.feed(markup)
    reader.close()
    assert reader.problems == []
    assert reader.open == []
    assert not {"script", "iframe", "object", "embed"} & set(reader.tags)
    return reader


def read_svg(markup: str) -> ET.Element:
    """The picture, read as XML; fails if it is not well-formed or holds anything that could run."""
    root = ET.fromstring(markup.encode())
    for element in root.iter():
        assert not element.tag.endswith(("script", "foreignObject"))
        assert not any(name.startswith("on") for name in element.attrib)
    return root


def check_bundle(bundle: dict[str, str]) -> dict[str, str]:
    """The bundle, if it has all three forms and each can be read."""
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    bundle["text/plain"].encode()
    read_html(bundle["text/html"])
    read_svg(bundle["image/svg+xml"])
    return bundle
