"""Which code defines: a notebook, a Python file or a module, and what of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from jobnb.errors import LoadTimeoutError, NotebookError
from jobnb.notebook.load_limit import LoadLimit

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.registry.session import Session
    from jobnb.storage.instance import Instance

_SUFFIXES = (".ipynb", ".py", ".md")


def home_of(path: str | Path | None) -> Path:
    """Return the home of the history that belongs to a notebook or file; this folder's for None."""
    named = os.environ.get("JOBNB_HOME")
    if named:
        return Path(named).expanduser()
    folder = Path.cwd() if path is None else Path(path).absolute().parent
    return folder / ".jobnb"


@dataclass(frozen=True)
class CodeSource:
    """A code location: where definitions are loaded from.

    Attributes:
        path: A notebook or Python file; None for a module.
        module: The name of a module; None for a file.
        attribute: The variable or function that gives the definitions.
        folder: The folder to execute it in; a file's own, or this one, if None.
        limit: How long it may take to load.
    """

    path: Path | None = None
    module: str | None = None
    attribute: str | None = None
    folder: Path | None = None
    limit: LoadLimit = field(default=LoadLimit(), compare=False)

    @classmethod
    def named(cls, name: str) -> CodeSource:
        """Return the code location that one text names.

        Example:
            >>> (
            ...     CodeSource.named("shop/pipeline.ipynb").path.name,
            ...     CodeSource.named("shop.jobs").module,
            ... )
            ('pipeline.ipynb', 'shop.jobs')
        """
        is_path = name.endswith(_SUFFIXES) or "/" in name or Path(name).exists()
        return cls(path=Path(name)) if is_path else cls(module=name)

    @property
    def name(self) -> str:
        """The file or module, as it was named."""
        return str(self.path if self.path is not None else self.module)

    def as_arguments(self) -> list[str]:
        """Return the words that name it in a command.

        Example:
            >>> CodeSource(path=Path("shop.py"), attribute="defs").as_arguments()
            ['shop.py', '-a', 'defs']
        """
        words = [str(self.path)] if self.path is not None else ["-m", str(self.module)]
        words += ["-a", self.attribute] if self.attribute is not None else []
        return words + (["-d", str(self.folder)] if self.folder is not None else [])

    @property
    def home(self) -> Path:
        """The home of its history."""
        beside = self.path if self.path is not None or self.folder is None else self.folder / "x"
        return home_of(beside)

    @property
    def place(self) -> Path:
        """The folder that it is executed in."""
        if self.folder is not None:
            return self.folder.absolute()
        return self.path.absolute().parent if self.path is not None else Path.cwd()

    def load(self) -> Definitions:
        """Load its definitions in this process.

        Raises:
            NotebookError: If it cannot be read, its code raises or does not end in time, or it has
                no such attribute.
        """
        if self.path is not None:
            from jobnb.notebook.location import load_definitions

            return load_definitions(self.path, self.attribute, self.folder, self.limit)
        return self._of_module()

    def _of_module(self) -> Definitions:
        from jobnb.definitions.locations.definitions import Definitions
        from jobnb.notebook.attributes import definitions_of
        from jobnb.registry.session import Session

        name = str(self.module)
        with self.entered():
            try:
                module = self.limit.call(lambda: import_module(name), name)
            except ImportError as error:
                raise NotebookError(
                    f"{name!r} is no file, and cannot be imported as a module: {error}."
                ) from error
            except LoadTimeoutError:
                raise
            except Exception as error:
                what = f"{type(error).__name__}: {error}".rstrip(": ")
                raise NotebookError(f"The module {name!r} raised {what}") from error
            if self.attribute is not None:
                attribute = self.attribute
                return self.limit.call(lambda: definitions_of(module, attribute, name), name)
        given = [each for each in vars(module).values() if isinstance(each, Definitions)]
        return given[0] if len(given) == 1 else Session().add(module).snapshot()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Enter the folder of the code, and import from it, for the block."""
        place = str(self.place)
        if not self.place.is_dir():
            raise NotebookError(f"There is no folder {place} to work in.")
        sys.path.insert(0, place)
        try:
            with chdir(place):
                yield
        finally:
            with suppress(ValueError):
                sys.path.remove(place)

    def open_instance(self) -> Instance:
        """Open its history; what is launched there counts as launched by it."""
        from jobnb.storage.instance import Instance

        instance = Instance.from_home(self.home)
        instance.launched_by(self.path.absolute() if self.path is not None else self.name)
        return instance

    def open_session(self) -> Session:
        """Load its definitions into a session of their own, with its history."""
        from jobnb.registry.session import Session

        definitions = self.load()
        self.open_instance()
        session = Session(str(self.home.absolute()))
        session.add(definitions)
        return session
