"""What reading a submission may cost."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY_MIB = 512
"""Memory of the process that reads."""
CHOOSE_CPU_S, EXTRACT_CPU_S, SHOW_CPU_S = 0.5, 2.5, 1.5
"""CPU seconds for choosing among several files, for what is graded, and for what is shown.

`nbgrader autograde` chooses twice, so a submission costs no more than five in all."""


@dataclass(slots=True)
class Budget:
    """CPU seconds that several readings share."""

    left_s: float
