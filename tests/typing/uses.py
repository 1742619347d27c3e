"""How programs use the package, for mypy and pyright to judge; never run."""

import livesdk

version: str = livesdk.__version__
