"""The command line as tests call it."""

from rara.cli.app import run


def called(capsys, *words):
    """Exit code, stdout and stderr of one command."""
    code = run([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err
