"""What spark-submit starts: `spark-submit … jobs/submit.py --operation FILE|ID` does what `dbagent run` does.

Exit codes are those of `dbagent` (README); errors go to standard error as one block.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from jobs.control.database import check_argument
from jobs.errors import Exit, tell
from jobs.running.run import run


def main(arguments: list[str] | None = None) -> int:
    """Run the operation. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="submit.py", description="Run a copy operation on the Spark that started this."
    )
    parser.add_argument("--operation", required=True, help="the operation's file, or the ID of one that exists")
    parser.add_argument("--environments", type=Path, help="environments file (default: conf/environments.yaml)")
    parser.add_argument("--control", help="control store URL without a password (one with: in DBAGENT_CONTROL)")
    parser.add_argument("--confirm", metavar="ENV", help="the target, where the operation drops tables of it")
    given = parser.parse_args(arguments)
    try:
        if given.control:
            check_argument(given.control)
        run(
            given.operation,
            environments_path=given.environments,
            control_url=given.control,
            confirm=given.confirm,
            console=Console(stderr=True, soft_wrap=True),
        )
    except BaseException as problem:
        return tell(problem)
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
