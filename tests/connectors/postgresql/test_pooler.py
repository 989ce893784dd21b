"""A pooler in between: fine where it keeps a server session for each client, refused where it lends them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from connectors.errors import Unsupported
from connectors.postgresql import connector
from tests.connectors.postgresql.bouncer import bouncer
from tests.connectors.postgresql.pair import Pair


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the pooler's user may read."""
    with tempfile.TemporaryDirectory(prefix="dbagent-pooler-") as name:
        yield Path(name)


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_lends_server_sessions_is_refused(pair: Pair, folder: Path, mode: str) -> None:
    with bouncer(pair.server.endpoint, folder, mode) as port:
        for opened, end in ((connector.source, pair.prod), (connector.target, pair.dev)):
            with pytest.raises(Unsupported, match="shares server sessions") as refusal:
                opened(replace(end, port=port))
            assert "pool_mode = session" in str(refusal.value)
        with psycopg.connect(host=pair.prod.host, port=port, dbname=pair.prod.database, user=pair.prod.user,
                             password=pair.prod.password, autocommit=True) as next_client:  # fmt: skip
            shown = next_client.execute("SHOW default_transaction_read_only").fetchall()
        assert shown == [("off",)], "we left a setting of ours to the next client"


def test_a_pooler_in_session_mode_is_like_the_server(pair: Pair, folder: Path) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE t AS SELECT n, 'text ' || n AS note FROM generate_series(1, 20000) n")
    with bouncer(pair.server.endpoint, folder, "session") as port:
        through = Pair(pair.server, *(replace(end, port=port) for end in (pair.prod, pair.dev)))
        with through.sessions() as (source, target):
            assert source.server.pooler
            assert target.server.pooler
        loaded = through.copy("t", budget=1 << 18)
    assert len(loaded) > 1
    assert pair.same("t")


def test_a_pool_that_is_used_up_is_no_shared_one(pair: Pair, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.postgresql.session.POOLER_PATIENCE", 0.3)
    with bouncer(pair.server.endpoint, folder, "session", size=1) as port:
        source = connector.source(replace(pair.prod, port=port))
        assert source.server.pooler
        source.close()
