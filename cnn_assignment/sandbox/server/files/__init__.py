"""The files of a submission, which are in the worker's own memory."""
