"""Files that lie beside the code that reads them."""

from __future__ import annotations

import os


def file_relative_path(dunderfile: str, relative_path: str) -> str:
    """The path of a file that lies beside a module, wherever the process was started.

    Args:
        dunderfile: The module's `__file__`.
        relative_path: From the module's folder to the file.

    Example:
        >>> file_relative_path("/project/jobs/daily.py", "daily.yaml")
        '/project/jobs/daily.yaml'

    Source: Dagster's `file_relative_path`.
    """
    return os.path.join(os.path.dirname(dunderfile), relative_path)  # noqa: PTH118, PTH120
