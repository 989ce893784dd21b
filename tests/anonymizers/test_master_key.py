"""Keys: what is taken as a master key, what is derived from it, and that neither ever shows."""

from __future__ import annotations

import pickle
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizers.errors import KeyRefused
from anonymizers.keys import DomainKey, MasterKey

RAW = bytes(range(100, 132))


@pytest.mark.parametrize(
    "data",
    [
        RAW.hex().encode(),
        RAW.hex().upper().encode(),
        RAW.hex().encode() + b"\n",
        RAW.hex().encode() + b"\r\n",
        RAW[:31] + b"\xff",
    ],
)
def test_raw_bytes_and_hex_are_taken(data: bytes) -> None:
    assert len(MasterKey.parse(data).secret) == 32


def test_hex_and_raw_are_the_same_key() -> None:
    raw = RAW[:31] + b"\xff"
    assert MasterKey.parse(raw) == MasterKey.parse(raw.hex().encode() + b"\n")


def test_a_raw_key_that_ends_in_a_line_end_keeps_it() -> None:
    raw = bytes(range(200, 231)) + b"\n"
    assert MasterKey.parse(raw).secret == raw


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (RAW[:31], "too short"),
        (RAW + b"\xfe", "too short"),
        (RAW.hex().encode()[:-1], "too short"),
        (RAW.hex().encode() + b"0", "too long"),
        (b" " + RAW.hex().encode(), "too long"),
        (b"\x07" * 32, "all bytes of the master key are equal"),
        (b"00" * 32, "all bytes of the master key are equal"),
        (b"\x07\x08" * 16, "only 2 different bytes"),
        (b"correct horse battery staple 1234"[:32], "characters of text"),
        (b"zz" + RAW.hex().encode()[2:], "not all hexadecimal"),
    ],
)
def test_anything_else_is_refused_with_the_reason_and_the_remedy(data: bytes, reason: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        MasterKey.parse(data)
    assert reason in str(refused.value)
    assert "dbagent key new" in str(refused.value)


@given(st.binary(min_size=1, max_size=80))
def test_a_refusal_never_shows_the_key(data: bytes) -> None:
    secret = b"\xf0\x9d" + data + b"SECRET"
    if len(secret) == 32:
        return
    with pytest.raises(KeyRefused) as refused:
        MasterKey.parse(secret)
    assert "SECRET" not in str(refused.value)
    assert secret.hex() not in str(refused.value)


def test_keys_never_show_themselves() -> None:
    master = MasterKey(RAW)
    domain = master.domain("hash", 1, "email")
    shown = f"{master!r} {master} {domain!r} {domain}"
    for secret in (master.secret, domain.secret):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert repr(master) == "***"


def test_a_domain_key_travels_and_a_master_key_does_not() -> None:
    domain = MasterKey(RAW).domain("hash", 1, "email")
    assert pickle.loads(pickle.dumps(domain)) == domain
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(MasterKey(RAW))


def test_every_part_of_the_label_makes_another_key() -> None:
    master = MasterKey(RAW)
    keys = [
        master.domain("hash", 1, "email"),
        master.domain("hash", 2, "email"),
        master.domain("hash", 1, "emai"),
        master.domain("hashe", 1, "mail"),
        master.domain("tokenize", 1, "email"),
        MasterKey(secrets.token_bytes(32)).domain("hash", 1, "email"),
    ]
    assert len({key.secret for key in keys}) == len(keys)
    assert master.domain("hash", 1, "email") == keys[0]


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=2, max_size=6, unique=True))
def test_labels_never_run_together(labels: list[tuple[str, str]]) -> None:
    master = MasterKey(RAW)
    assert len({master.domain(strategy, 1, domain).secret for strategy, domain in labels}) == len(labels)


def test_purposes_get_keys_of_their_own() -> None:
    domain = DomainKey(RAW)
    assert domain.derive("value") == domain.derive("value")
    assert len({domain.derive("value"), domain.derive("characters"), domain.secret}) == 3


def test_the_id_names_a_key_without_giving_it_away() -> None:
    master = MasterKey(RAW)
    assert len(master.id) == 16
    assert master.id == MasterKey(RAW).id != MasterKey(secrets.token_bytes(32)).id
    assert bytes.fromhex(master.id) not in master.secret
