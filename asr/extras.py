"""Packages that not everybody needs, and how to install them.

Messages name the packages themselves, not this one with an extra: an index may know another project by a name like ours.
"""

import shlex
from importlib.metadata import PackageNotFoundError, requires

DISTRIBUTION = "ctc-asr"


def install_command(extra: str) -> str:
    """The command that installs what an extra of pyproject.toml lists, such as "export"."""
    from packaging.requirements import Requirement

    try:
        listed = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:  # not installed, but run from its checkout
        return f"pip install '.[{extra}]' in the checkout"
    wanted = [one for one in listed if one.marker is not None and one.marker.evaluate({"extra": extra})]
    if not wanted:  # installed from an earlier checkout, before there was such an extra
        return f"pip install '.[{extra}]' in the checkout"
    return " ".join(["pip install", *(shlex.quote(f"{one.name}{one.specifier}") for one in wanted)])
