"""The kit's files in the user's cache: one for each state of what they were made from, named by its digests.

Whatever is wrong with these files costs time only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path


def cache_file(kind: str, *digests: str, suffix: str = "") -> Path:
    """The file of a kind for a state of these digests."""
    from platformdirs import user_cache_path

    name = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return user_cache_path("cnn-assignment", appauthor=False) / kind / f"{name}{suffix}"


def remove_oldest(path: Path, most: int) -> None:
    """Remove the oldest files beside one, so that no more than so many are left with it. Raises OSError."""
    others = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda other: other.stat().st_mtime)
    others = [other for other in others if other != path]
    for other in others[: max(0, len(others) + 1 - most)]:
        other.unlink(missing_ok=True)
