"""The version, in the one place that packaging, ``--version`` and the user agent read."""

__version__ = "0.1.0"
