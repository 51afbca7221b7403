"""nbgrader's log, in which names of files and folders stand as students chose them."""

from __future__ import annotations

import logging
from typing import Any

from cnn_assignment.core.texts import clean_lines

_FORMATTER = logging.Formatter()


class _Cleaning(logging.Filter):
    """Lets every record through, with a text that can be shown: see `clean_lines`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = clean_lines(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = clean_lines(_FORMATTER.formatException(record.exc_info))
        return True


def keep_clean(log: Any) -> None:
    """Clean what is written to this log from now on; calling it again changes nothing."""
    logger = getattr(log, "logger", log)  # of an adapter, which has no filters of its own
    if isinstance(logger, logging.Logger) and not any(isinstance(each, _Cleaning) for each in logger.filters):
        logger.addFilter(_Cleaning())
