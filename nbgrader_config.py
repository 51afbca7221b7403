"""Makes this folder an nbgrader course whose assignments the kit builds and grades."""

from cnn_assignment.nbgrader_plugins import configure

configure(get_config())
