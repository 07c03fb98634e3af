"""What `session.help()` shows: the notebooks that explain jobnb, and the calls to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from jobnb.display.html import code, header, join, table, tag
from jobnb.display.text import table_text
from jobnb.display.view import View, bundle


class Page(NamedTuple):
    """A notebook of the documentation."""

    notebook: str
    title: str
    about: str


PAGES = (
    Page("flights.ipynb", "A first tour", "Assets, jobs, config, a failure, on a year of flights."),
    Page("launchpad.ipynb", "Config and the launchpad", "Typed config, forms, presets."),
    Page("staleness.ipynb", "Fresh or stale", "What makes stale, diffs, renames, reactive cells."),
    Page("partitions.ipynb", "Partitions and backfills", "A year day by day, retried in part."),
    Page("resources.ipynb", "Resources and IO managers", "Where values go; deleting them."),
    Page("testing.ipynb", "Testing", "From one function to a whole notebook in CI."),
    Page("failures.ipynb", "When steps fail", "Retries, hooks, dynamic graphs, resuming."),
    Page("debugging.ipynb", "Debugging", "A failed step in cells; notebooks as steps."),
    Page("scale_out.ipynb", "Scale out", "Threads, processes, Dask, detached runs."),
    Page("automation.ipynb", "Automation", "Schedules, sensors and conditions."),
    Page("doors_out.ipynb", "Doors out", "Command line, modules, GraphQL, tables."),
    Page("from_dagster.ipynb", "Coming from Dagster", "What is the same, better, absent."),
)
"""The notebooks in `notebooks/`, in the order in which they are read."""

CALLS = (
    ("session", "what is defined, as a graph"),
    ("session.materialize('+revenue')", "materialize an asset with all of its upstream"),
    ("session.launch('daily')", "run a job in the background"),
    ("session.launchpad('daily')", "fill in its config in a form"),
    ("session.value('revenue')", "the last value of an asset"),
    ("session.stale()", "which assets are stale, and why"),
    ("session.runs", "the history"),
)


@dataclass(frozen=True)
class Guide:
    """The notebooks that explain jobnb, and the calls to begin with.

    Attributes:
        pages: The notebooks.
        calls: The calls, each with what it is for.
    """

    pages: tuple[Page, ...] = PAGES
    calls: tuple[tuple[str, str], ...] = CALLS

    def __repr__(self) -> str:
        rows = [
            [f"notebooks/{each.notebook}", f"{each.title}: {each.about}"] for each in self.pages
        ]
        return "\n".join(
            [
                table_text(["notebook", "about"], rows),
                "",
                table_text(["call", "for"], [list(each) for each in self.calls]),
                "",
                "help(name) explains a name; `jobnb docs` writes the reference of all of them.",
            ]
        )

    def _repr_mimebundle_(self, **parameters: Any) -> dict[str, str]:
        """Return it as text, HTML and a picture."""
        return bundle(guide_view(self))


def guide_view(guide: Guide) -> View:
    """Return the view of the guide."""
    pages = [
        [code(f"notebooks/{each.notebook}"), tag("strong", each.title), each.about]
        for each in guide.pages
    ]
    html = join(
        [
            header("jobnb", "guide"),
            table(["notebook", "", ""], pages),
            table(["call", ""], [[code(call), words] for call, words in guide.calls]),
            tag(
                "p",
                "help(name) explains a name; ",
                code("jobnb docs"),
                " writes the reference of all of them.",
                css="jn-muted",
            ),
        ]
    )
    return View("guide to jobnb", repr(guide), html)
