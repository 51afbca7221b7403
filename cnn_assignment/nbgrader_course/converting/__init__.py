"""The steps of nbgrader's `generate_assignment` and `autograde` for the kit's assignments."""
