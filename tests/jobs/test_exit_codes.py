"""Errors: each family has its exit code and reads as one block; a bug shows nothing of what it stumbled over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from anonymizers.errors import AnonymizerError, KeyRefused, PolicyError
from connectors import errors as connectors
from jobs import errors
from jobs.errors import Exit, block, exit_code, tell

FOUND = SimpleNamespace(where="users.email", what="no decision", todo="add one to the policy")

CODES = [
    (errors.ConfigError(["f: k: is missing"]), 2),
    (errors.UsageError("there is none"), 2),
    (PolicyError("no such strategy"), 2),
    (KeyRefused("too short"), 2),
    (errors.PlanRefused([FOUND]), 3),
    (errors.ConnectionProblem("cannot be reached"), 4),
    (connectors.LoginRefused("wrong password"), 4),
    (connectors.ConnectionLost("gone"), 4),
    (connectors.PermissionMissing("no SELECT"), 4),
    (connectors.NotFound("no file"), 4),
    (errors.RunFailed("disk full"), 5),
    (connectors.SourceChanged("truncated"), 4),
    (connectors.ValueRefused("unique"), 4),
    (connectors.TargetFull("full"), 4),
    (connectors.LeaseLost("taken over"), 4),
    (connectors.Busy("locked"), 4),
    (connectors.Unsupported("large objects"), 4),
    (errors.RunStopped("paused"), 6),
    (KeyboardInterrupt(), 6),
    (errors.VerificationFailed("3 orphans"), 8),
    (errors.AlreadyRunning("already running"), 9),
    (connectors.LeaseHeld("held"), 9),
    (ValueError("x"), 1),
    (AssertionError(), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda value: type(value).__name__)
def test_each_family_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def every(family: type[BaseException]) -> set[type[BaseException]]:
    return {family}.union(*(every(child) for child in family.__subclasses__()))


@pytest.mark.parametrize("family", [errors.JobError, connectors.ConnectorError, AnonymizerError])
def test_no_error_of_ours_counts_as_a_bug(family: type[BaseException]) -> None:
    ours = {kind for kind in every(family) if kind.__module__.split(".")[0] in ("jobs", "connectors", "anonymizers")}
    told = {kind for kind in ours if not any(issubclass(kind, known) for known, _ in errors.FAMILIES)}
    assert told <= {errors.JobError}


def test_every_code_is_explained() -> None:
    assert list(errors.MEANINGS) == list(Exit)


def test_all_problems_stand_in_one_block(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(errors.ConfigError(["a.yaml: x: is missing", "a.yaml: y: is missing"], "mend them")) == 2
    assert capsys.readouterr().err == (
        "error: 2 problems in the configuration\n  a.yaml: x: is missing\n  a.yaml: y: is missing\n  → mend them\n"
    )


def test_findings_stand_in_one_block() -> None:
    assert block(errors.PlanRefused([FOUND, FOUND])) == (
        "error: 2 findings stop this plan; nothing was changed\n"
        "  users.email: no decision\n    → add one to the policy\n"
        "  users.email: no decision\n    → add one to the policy"
    )


def test_what_where_and_what_to_do_are_said() -> None:
    said = "error: wrong password [28P01]\n  PROD\n  → check it"
    assert block(connectors.LoginRefused("wrong password", where="PROD", todo="check it", code="28P01")) == said
    assert block(errors.UsageError("there is none")) == "error: there is none"
    assert block(KeyRefused("too short")) == "error: too short"
    assert block(KeyboardInterrupt()) == "stopped by the keyboard"


def stumble() -> None:
    raise ValueError("ada@example.com")


def test_a_bug_is_told_without_what_it_stumbled_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBAGENT_DEBUG", raising=False)
    with pytest.raises(ValueError, match="ada") as caught:
        stumble()
    assert tell(caught.value) == 1
    said = capsys.readouterr().err
    assert "a bug in dbagent: ValueError in test_exit_codes.py, line" in said
    assert "please report" in said
    assert "ada@example.com" not in said
    monkeypatch.setenv("DBAGENT_DEBUG", "1")
    tell(caught.value)
    assert "in stumble" in capsys.readouterr().err
