"""Commands about the sandbox: doctor."""

from __future__ import annotations

import json

import click

from cnn_assignment.cli.group import main
from cnn_assignment.core.errors import GraderError


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the protections as JSON.")
def doctor(as_json: bool) -> None:
    """Show which protections are active here, found by trying what they forbid."""
    from cnn_assignment.reporting.terminal import print_protections
    from cnn_assignment.sandbox.client.choice import open_sandbox
    from cnn_assignment.sandbox.client.probe import PROTECTIONS, probe
    from cnn_assignment.sandbox.client.protocol import SandboxError

    try:
        with open_sandbox() as sandbox:
            found, problem = probe(sandbox), sandbox.problem
    except SandboxError as error:
        raise GraderError(
            str(error), remedy="Check that this Python can import NumPy and may start processes."
        ) from error
    if as_json:
        click.echo(json.dumps({"level": found.level, "protections": found.active, "problem": problem}, indent=2))
        return
    print_protections(PROTECTIONS, found)
    if problem:
        click.echo(problem)
