"""Config as YAML text: secrets never by value, comments kept where possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.config import RunConfig, dump_yaml, rewritten
from jobnb.display.environment import attempt
from jobnb.display.html import header, join, preformatted
from jobnb.display.value_words import short_repr
from jobnb.display.view import View


def yaml_text(config: Any) -> str:
    """Return a config as YAML; what YAML cannot hold is shown by its repr."""
    return attempt(lambda: dump_yaml(config).strip(), short_repr(config, 4000))


def run_config_view(run_config: RunConfig) -> View:
    """Return a `RunConfig` as YAML, without its empty parts."""
    given = {name: part for name, part in run_config.to_config_dict().items() if part}
    text = yaml_text(given) if given else "# no config"
    return View("run config", text, join([header("run config"), preformatted(text)]))


_LOST = "The text was written again; its comments could not be kept."


class LaunchText:
    """A config as YAML.

    Attributes:
        text: The YAML.
        problem: Why it cannot be read now; it is then left as it was typed.
        note: What was lost when it was last written.

    Example:
        >>> yaml = LaunchText()
        >>> yaml.take("year: 2013  # mine", {"year": 2013})
        >>> yaml.follow({"year": 2014})
        >>> yaml.text
        'year: 2014  # mine'
    """

    def __init__(self) -> None:
        self.text = self.problem = self.note = ""
        self._typed = False

    def take(self, text: str, config: Mapping[str, Any]) -> None:
        """Keep what a person typed, changed only where the config is another."""
        kept = rewritten(text, config)
        self._typed = kept is not None
        self.problem = ""
        self.note = _LOST if kept is None and "#" in text else ""
        self.text = self.plain(config) if kept is None else kept

    def refuse(self, text: str, problem: str) -> None:
        """Keep what was typed, though it cannot be read."""
        self.text, self.problem, self.note, self._typed = text, problem, "", True

    def follow(self, config: Mapping[str, Any]) -> None:
        """Write another config; a text that cannot be parsed now is left alone."""
        if self.problem:
            return
        if self._typed:
            self.take(self.text, config)
        else:
            self.write(config)

    def write(self, config: Mapping[str, Any]) -> None:
        """Write the config again, whatever was typed."""
        self.problem = self.note = ""
        self._typed, self.text = False, self.plain(config)

    @staticmethod
    def plain(config: Mapping[str, Any]) -> str:
        """Return a config as YAML; nothing where it is empty."""
        return dump_yaml(config) if config else ""
