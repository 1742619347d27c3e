"""How Sphinx builds these pages: ``sphinx-build -W docs docs/_build``."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

project = "livesdk"
author = "The livesdk authors"
copyright = "The livesdk authors"  # noqa: A001  # Sphinx's name for it
version_file = Path(__file__).parents[1] / "livesdk" / "_version.py"
found = re.search(r'__version__ = "([^"]+)"', version_file.read_text("utf-8"))
release = found.group(1) if found else ""

extensions: list[str] = []
exclude_patterns = ["_build"]
highlight_language = "python"
html_theme = "furo" if importlib.util.find_spec("furo") else "alabaster"
html_title = f"livesdk {release}"
