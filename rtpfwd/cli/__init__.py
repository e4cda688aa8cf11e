"""The command line: ``rtpfwd COMMAND``. A file (or package) for each command."""

from rtpfwd.cli.app import main

__all__ = ["main"]
