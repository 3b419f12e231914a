"""The packages of the extra `explore`, which the service takes and the core does not.

First step of the service: what is missing is said before a reference is read.
"""

from __future__ import annotations

from importlib.util import find_spec

from rara.errors import MissingPackageError

SERVING = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "python-multipart": "python_multipart",
}
"""The modules of these packages, by the packages' names."""


def check_packages(command: str) -> None:
    """Raise MissingPackageError, with what to install for a command, unless all are there."""
    if missing := [name for name, module in SERVING.items() if find_spec(module) is None]:
        raise MissingPackageError(
            f"`{command}` takes packages that are missing: run `pip install {' '.join(missing)}`."
        )
