"""The step of nbgrader's `generate_assignment` that opens the kit's gaps."""

from __future__ import annotations

from typing import Any

from nbgrader import utils
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions
from traitlets import Enum

from cnn_assignment.authoring.notebook import METADATA_KEY
from cnn_assignment.authoring.skeleton import make_skeleton
from cnn_assignment.core.model import Hints


class OpenGaps(ClearSolutions):  # nbgrader has no types
    """Opens the gaps of a notebook that this kit built, and leaves every other notebook to `ClearSolutions`.

    The edition of the hints stands in the notebook's metadata, so that `nbgrader generate_assignment` and the
    formgrader's page release the same bytes as `cnn-assignment build`.
    """

    hints = Enum(
        [str(edition) for edition in Hints],
        default_value=None,
        allow_none=True,
        help="The edition of the hints: guided, standard or open. None takes the one that the notebook was built for.",
    ).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Open all gaps of a notebook. Raises AuthoringError for a marker that is not exactly one."""
        built_for = nb.metadata.get(METADATA_KEY, {}).get("hints")
        self._edition = Hints(self.hints or built_for) if built_for else None
        self._notebook = resources.get("nbgrader", {}).get("notebook", "notebook")
        done: tuple[Any, Any] = super().preprocess(nb, resources)
        return done

    def _replace_solution_region(self, cell: Any, language: str) -> bool:
        if self._edition is None or cell.cell_type != "code" or not utils.is_solution(cell):
            replaced: bool = super()._replace_solution_region(cell, language)
            return replaced
        label = f"{self._notebook}.ipynb[{cell.metadata.nbgrader.grade_id}]"
        opened = make_skeleton(cell.source, label, self._edition)
        changed = bool(opened != cell.source)
        cell.source = opened
        return changed


def configure_generate(config: Any) -> None:
    """Make `GenerateAssignment` open the kit's gaps; config: the object that ``get_config()`` returns.

    The list is assigned as a whole: nbgrader loads a config file more than once, and whatever is appended piles up.
    """
    default = GenerateAssignment.preprocessors.default()
    config.GenerateAssignment.preprocessors = [OpenGaps if step is ClearSolutions else step for step in default]
