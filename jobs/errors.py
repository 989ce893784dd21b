"""What a person is told when something does not work, and which exit code a script sees.

    JobError
    ├── ConfigError         files or settings are wrong; lists every problem
    ├── UsageError          the command does not fit: an unknown ID, a stop of what has ended
    ├── PlanRefused         the plan has findings that stop it; lists them
    ├── ConnectionProblem   the control store cannot be reached or used
    ├── RunFailed           the run stopped half-way and can be resumed
    ├── RunStopped          a person paused or cancelled the run
    ├── AwaitingApproval    the operation may not run yet: approvals or its time are missing
    ├── VerificationFailed  everything is copied, but a check afterwards failed
    └── AlreadyRunning      another driver is at work

Every error says what is wrong, where, and what to do. None carries a cell value or a secret.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from anonymizers.errors import AnonymizerError
from connectors.errors import ConnectorError, LeaseHeld


class Exit(IntEnum):
    """What the process returns. Part of the interface: numbers never change their meaning."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REFUSED = 3
    CONNECTION = 4
    FAILED = 5
    STOPPED = 6
    AWAITING = 7
    UNVERIFIED = 8
    BUSY = 9
    DIFFERENT = 10


MEANINGS = {
    Exit.DONE: "done",
    Exit.BUG: "a bug in the program: please report it",
    Exit.USAGE: "wrong usage or configuration",
    Exit.REFUSED: "the plan has findings that stop it",
    Exit.CONNECTION: "a database cannot be reached, found or used",
    Exit.FAILED: "the run failed and can be resumed",
    Exit.STOPPED: "paused or cancelled",
    Exit.AWAITING: "waits for approval, or for its scheduled time",
    Exit.UNVERIFIED: "copied, but verification failed",
    Exit.BUSY: "another run is at work on this target",
    Exit.DIFFERENT: "the two schemas differ (`diff`)",
}


class Finding(Protocol):
    """What `PlanRefused` tells of a finding."""

    @property
    def where(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def todo(self) -> str: ...


class JobError(Exception):
    """Anything this package reports. Raised as one of the classes below."""

    def __init__(self, what: str, where: str = "", todo: str = "") -> None:
        super().__init__(what, where, todo)
        self.what, self.where, self.todo = what, where, todo

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class ConfigError(JobError):
    """Files or settings are wrong. Each problem is a line: `file: path.to.key: what is wrong, what is valid`."""

    def __init__(self, problems: Sequence[str], todo: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems), todo=todo)


class UsageError(JobError):
    """The command does not fit what is there."""


class PlanRefused(JobError):
    """The plan has findings that stop it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        count = "one finding stops" if len(self.findings) == 1 else f"{len(self.findings)} findings stop"
        super().__init__(f"{count} this plan; nothing was changed")


class ConnectionProblem(JobError):
    """The control store cannot be reached or used."""


class RunFailed(JobError):
    """The run stopped half-way and can be resumed."""


class RunStopped(JobError):
    """A person paused or cancelled the run."""


class AwaitingApproval(JobError):
    """The operation may not run yet: approvals are missing, or its scheduled time has not come."""


class VerificationFailed(JobError):
    """Everything is copied, but a check afterwards failed."""


class AlreadyRunning(JobError):
    """Another driver is at work on this operation or target."""


FAMILIES: tuple[tuple[type[BaseException], Exit], ...] = (
    (ConfigError, Exit.USAGE),
    (UsageError, Exit.USAGE),
    (AnonymizerError, Exit.USAGE),
    (PlanRefused, Exit.REFUSED),
    (ConnectionProblem, Exit.CONNECTION),
    (AwaitingApproval, Exit.AWAITING),
    (VerificationFailed, Exit.UNVERIFIED),
    (AlreadyRunning, Exit.BUSY),
    (LeaseHeld, Exit.BUSY),
    (RunFailed, Exit.FAILED),
    (ConnectorError, Exit.CONNECTION),  # before a run has begun; afterwards it is a RunFailed
    (RunStopped, Exit.STOPPED),
    (KeyboardInterrupt, Exit.STOPPED),
)
"""Error family → exit code; the first that fits counts."""


def exit_code(error: BaseException) -> int:
    """What the process returns when it ends with this error."""
    return next((code for family, code in FAMILIES if isinstance(error, family)), Exit.BUG)


def block(error: BaseException) -> str:
    """The error as a person reads it: what, where, and what to do. Only for families of this module's table."""
    if isinstance(error, ConfigError):
        return _listed(f"{_count(error.problems)} in the configuration", error.problems, error.todo)
    if isinstance(error, PlanRefused):
        found = [_joined(finding.where, finding.what, finding.todo) for finding in error.findings]
        return _listed(error.what, found, error.todo)
    if isinstance(error, (JobError, ConnectorError)):
        code = f" [{error.code}]" if isinstance(error, ConnectorError) and error.code else ""
        return _listed(error.what + code, [error.where] if error.where else [], error.todo)
    if isinstance(error, KeyboardInterrupt):
        return "stopped by the keyboard"
    return _listed(str(error), [], "")


def tell(error: BaseException) -> int:
    """Write the error to stderr as people need it; a traceback only of a bug, and only with DBAGENT_DEBUG=1.
    Returns the exit code."""
    code = exit_code(error)
    if code != Exit.BUG:
        sys.stderr.write(block(error) + "\n")
        return code
    if os.environ.get("DBAGENT_DEBUG") == "1":
        traceback.print_exception(error)
    # its text may hold anything, a cell value too: only its class and place are told
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    todo = "please report this; DBAGENT_DEBUG=1 shows the whole way there"
    sys.stderr.write(_listed(f"a bug in dbagent: {type(error).__name__}{place}", [], todo) + "\n")
    return code


def _count(problems: Sequence[str]) -> str:
    return "one problem" if len(problems) == 1 else f"{len(problems)} problems"


def _joined(where: str, what: str, todo: str) -> str:
    return ": ".join(part for part in (where, what) if part) + (f"\n  → {todo}" if todo else "")


def _listed(head: str, lines: Sequence[str], todo: str) -> str:
    body = [head, *lines] + ([f"→ {todo}"] if todo else [])
    return "error: " + "\n".join(body).replace("\n", "\n  ")
