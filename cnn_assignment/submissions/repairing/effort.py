"""How much work mending may be for one reading."""

from __future__ import annotations

from cnn_assignment.submissions.newer.reading import Newest

# Characters that are parsed on trial for one reading. Each trial counts as so many, beside those.
EFFORT = 768 * 1024
_TRY = 400


class Effort:
    """What is left of the work for one reading."""

    def __init__(self) -> None:
        self._left = EFFORT
        self.newest = Newest()

    def use(self, size: int) -> None:
        """Take the work for a text of this size. Raises SyntaxError where no work is left."""
        self._left -= _TRY + size
        if self._left < 0:
            raise SyntaxError("too much of it is damaged")
