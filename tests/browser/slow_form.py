"""A launchpad with all kinds of fields, in a page whose kernel is slow."""

from __future__ import annotations

from typing import Any, Literal

from playwright.sync_api import Page
from pydantic import Field, SecretStr

from jobnb import Config, Instance, StaticPartitionsDefinition, job, op
from jobnb.display.widgets.launchpad import Launchpad
from tests.browser.slow_kernel import SlowKernel


class Inner(Config):
    deep: int = 1


class Everything(Config):
    count: int = 1
    share: float = 0.5
    on: bool = False
    off: bool = True
    word: str = "x"
    grade: Literal["a", "b", "c"] = "a"
    maybe: int | None = None
    day: str = "2013-01-31"
    numbers: list[int] = Field([1, 2, 3])
    weights: dict[str, float] = Field({"light": 1.0})
    inner: Inner = Inner()
    either: int | str = 3
    free: Any = None
    password: SecretStr = SecretStr("")


@op
def everything(config: Everything):
    return config


@op
def other():
    return None


@job(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def slow():
    everything()
    other()


AT = "ops/everything/config"


class Form:
    """The form in the page, and its kernel."""

    def __init__(self, page: Page) -> None:
        self.pad = Launchpad(slow, Instance.ephemeral())
        self.page = page
        self.kernel = SlowKernel(page, self.pad.form)

    def row(self, name: str):
        return self.page.locator(f'[data-row="{AT}/{name}"]')

    def field(self, name: str):
        return self.row(name).locator("input:not([aria-hidden]), select, textarea").first

    def shown(self, name: str):
        node = self.field(name)
        return node.is_checked() if node.get_attribute("type") == "checkbox" else node.input_value()

    def type(self, name: str, text: str) -> None:
        self.field(name).fill(text)
        self.field(name).blur()

    def answer_each(self, *expected: tuple[str, Any]) -> None:
        """Answer one after the other; after each, all controls show what a person did."""
        self.held(*expected)
        while self.kernel.answer(1):
            self.held(*expected)

    def held(self, *expected: tuple[str, Any]) -> None:
        assert [(name, self.shown(name)) for name, _ in expected] == list(expected)

    @property
    def config(self) -> Any:
        return self.pad.config["ops"]["everything"]["config"]
