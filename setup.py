"""A shim for old versions of pip; everything it would say is in setup.cfg."""

from setuptools import setup

setup()
