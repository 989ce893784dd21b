"""The vectorised AES-CMAC equals the library's on everything, and the keystream is one function however it is asked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from anonymizers import buffers
from anonymizers.prf import Cmac, Keystream

KEY = bytes(range(32))
AES_128 = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
AES_256 = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")


def library(key: bytes, value: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(value)
    return mac.finalize()


def tokens(key: bytes, values: pa.Array) -> list[bytes]:
    return [token.tobytes() for token in Cmac(key).text(values)]


def raw(value: bytes) -> pa.Array:
    """Any bytes as a string value: the published vectors are no UTF-8."""
    return pa.array([value], pa.binary()).view(pa.string())


@pytest.mark.parametrize(
    ("key", "length", "expected"),
    [  # RFC 4493 section 4, and NIST's CMAC examples for AES-256
        (AES_128, 0, "bb1d6929e95937287fa37d129b756746"),
        (AES_128, 16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (AES_128, 40, "dfa66747de9ae63030ca32611497c827"),
        (AES_128, 64, "51f0bebf7e3b9d92fc49741779363cfe"),
        (AES_256, 0, "028962f61b7bf89efc6b551f4667d983"),
        (AES_256, 16, "28a7023f452e8f82bd4bf28d8c37c35c"),
        (AES_256, 40, "aaf3d8f1de5640c232f5b169b9c911e6"),
        (AES_256, 64, "e1992190549f6ed5696a2c056c315410"),
    ],
)
def test_published_vectors(key: bytes, length: int, expected: str) -> None:
    message = bytes.fromhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    assert tokens(key, raw(message[:length]))[0].hex() == expected


@given(st.lists(st.none() | st.text(max_size=70)), st.integers(0, 5), st.sampled_from([KEY, KEY[:16]]))
def test_every_value_has_the_librarys_cmac(values: list[str | None], skip: int, key: bytes) -> None:
    array = pa.array(values, pa.string()).slice(skip)
    found = tokens(key, array)
    assert len(found) == len(array)
    for value, token in zip(array.to_pylist(), found, strict=True):
        if value is not None:
            assert token == library(key, value.encode())


@pytest.mark.parametrize("count", [1, 31, 33, 100])
def test_lengths_around_every_block_end(count: int) -> None:
    values = ["x" * length for length in (0, 1, 15, 16, 17, 31, 32, 33, 511, 512, 513, 5000)] * count
    assert tokens(KEY, pa.array(values)) == [library(KEY, value.encode()) for value in values]


def test_values_larger_than_a_piece() -> None:
    values = ["a", "é" * buffers.PIECE_BYTES, "b", "c" * (buffers.PIECE_BYTES - 1), "dd", ""]
    assert tokens(KEY, pa.array(values)) == [library(KEY, value.encode()) for value in values]


def test_more_values_than_a_piece_in_a_slice_of_a_slice() -> None:
    values = [f"value {number}" for number in range(3 * buffers.PIECE_VALUES)]
    array = pa.array(values).slice(5).slice(7, 2 * buffers.PIECE_VALUES + 1)
    assert tokens(KEY, array) == [library(KEY, value.encode()) for value in array.to_pylist()]


@pytest.mark.parametrize("array", [pa.array([], pa.string()), pa.array(["a"]).slice(1)])
def test_no_values_have_no_tokens(array: pa.Array) -> None:
    assert Cmac(KEY).text(array).shape == (0, 2)


def test_only_text_is_taken_for_text() -> None:
    with pytest.raises(TypeError, match="Arrow string, not int64"):
        Cmac(KEY).text(pa.array([1]))


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_an_integers_token_is_the_cmac_of_its_eight_bytes(values: list[int]) -> None:
    found = Cmac(KEY).integers(np.array(values, np.int64))
    assert [token.tobytes() for token in found] == [
        library(KEY, value.to_bytes(8, "big", signed=True)) for value in values
    ]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=8), st.integers(0, 3))
def test_the_keystream_is_the_same_in_runs_and_one_by_one(runs: list[tuple[int, int]], draw: int) -> None:
    stream = Keystream(KEY)
    some = Cmac(KEY).integers(np.arange(len(runs)))
    firsts = np.array([8 * block for block, _ in runs], np.int64)
    lengths = np.array([length for _, length in runs], np.int64)
    rows = np.repeat(np.arange(len(runs)), lengths)
    positions = np.concatenate(
        [np.arange(8 * block, 8 * block + length) for block, length in runs] or [np.empty(0, int)]
    )
    assert (stream.runs(some, firsts, lengths, draw) == stream.at(some[rows], positions, draw)).all()


def test_tokens_draws_and_positions_have_numbers_of_their_own() -> None:
    stream, some = Keystream(KEY), Cmac(KEY).integers(np.arange(50))
    zeros, hundred = np.zeros(50, np.int64), np.full(50, 100)
    numbers = [stream.runs(some, zeros, hundred, draw) for draw in (0, 1)]
    for one in numbers:
        assert np.unique(one.reshape(50, 100), axis=0).shape == (50, 100)
        assert abs(one.mean() - 32767.5) < 1000
    assert (numbers[0] != numbers[1]).mean() > 0.99
