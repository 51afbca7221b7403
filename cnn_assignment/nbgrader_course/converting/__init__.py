"""What nbgrader's own commands run for the kit's assignments."""
