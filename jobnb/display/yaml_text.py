"""Config as YAML, as people write it: secrets never by value."""

from __future__ import annotations

from typing import Any

from jobnb.config import RunConfig, dump_yaml
from jobnb.display.attempt import attempt
from jobnb.display.html import header, join, preformatted
from jobnb.display.values import short_repr
from jobnb.display.view import View

__all__ = ["run_config_view", "yaml_text"]


def yaml_text(config: Any) -> str:
    """A config as YAML; what YAML cannot hold is shown by its repr."""
    return attempt(lambda: dump_yaml(config).strip(), short_repr(config, 4000))


def run_config_view(run_config: RunConfig) -> View:
    """A `RunConfig` as YAML, without its empty parts."""
    given = {name: part for name, part in run_config.to_config_dict().items() if part}
    text = yaml_text(given) if given else "# no config"
    return View("run config", text, join([header("run config"), preformatted(text)]))
