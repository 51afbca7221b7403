"""Where tests find the repository, and the modules that they share."""

from pathlib import Path

KITS = Path(__file__).resolve().parent
"""The modules that tests share: on the path of every test."""
ROOT = KITS.parents[1]
"""The repository, which is a course. Tests read it; what they change is a copy."""
TESTS = ROOT / "tests"
"""Where the tests themselves lie."""
