"""What stands in the place of parts of Python that need more of the system than a confined process has."""
