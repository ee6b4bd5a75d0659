"""The command ``stresslib``, also as ``python -m stresslib.cli``: an interrupt while Python imports is one line, too."""

import sys


def main() -> int:
    """Run a command, as :func:`stresslib.cli.main.main` does."""
    try:
        from stresslib.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        print("stresslib: stopped before it began", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
