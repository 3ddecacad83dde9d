"""How many planted faults does paramlint find? See ``__main__``."""

from pathlib import Path


def oracle_path() -> Path:
    """The script that builds and looks, to be run under an interpreter that has torch and the packages."""
    return Path(__file__).with_name("oracle.py")
