"""NIST's sclite, where it is installed."""

import shutil

import pytest

_FOLDERS = ("/usr/lib/sctk/bin", "/usr/local/bin", "/usr/bin")
SCLITE = next(
    (found for found in (shutil.which("sclite", path=folder) for folder in _FOLDERS) if found), None
)
needs_sclite = pytest.mark.skipif(SCLITE is None, reason="needs NIST's sclite (Debian package sctk)")
