"""FF1 equals the standard (NIST's samples, a slow independent FF1), and integers are permuted as promised."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import example, given
from hypothesis import strategies as st

from anonymizers.buffers import PIECE_VALUES
from anonymizers.fpe import Cell, Ff1, IntegerPermutation, cells, reach
from anonymizers.keys import DomainKey

AES_128 = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
AES_256 = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94")
TWEAK = bytes.fromhex("39383736353433323130")
PERMUTATION = IntegerPermutation(DomainKey(bytes(range(32))))


def slow_ff1(key: bytes, digits: str, tweak: bytes) -> str:
    """Algorithm 7 of NIST SP 800-38G, step by step, for radix 10."""
    n, t = len(digits), len(tweak)
    u = n // 2
    v = n - u
    a, b = digits[:u], digits[u:]
    b_bytes = -(-((10**v - 1).bit_length()) // 8)
    d = 4 * -(-b_bytes // 4) + 4
    p = bytes([1, 2, 1]) + (10).to_bytes(3, "big") + bytes([10, u % 256]) + n.to_bytes(4, "big") + t.to_bytes(4, "big")
    for i in range(10):
        q = tweak + bytes((-t - b_bytes - 1) % 16) + bytes([i]) + int(b).to_bytes(b_bytes, "big")
        cbc = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
        r = cbc.update(p + q)[-16:]
        y = int.from_bytes(r[:d], "big")
        m = u if i % 2 == 0 else v
        a, b = b, str((int(a) + y) % 10**m).zfill(m)
    return a + b


@pytest.mark.parametrize(
    ("key", "tweak", "expected"),
    [  # samples 1, 2, 7 and 8 of NIST's FF1 examples
        (AES_128, b"", "2433477484"),
        (AES_128, TWEAK, "6124200773"),
        (AES_256, b"", "6657667009"),
        (AES_256, TWEAK, "1001623463"),
    ],
)
def test_nist_samples(key: bytes, tweak: bytes, expected: str) -> None:
    assert slow_ff1(key, "0123456789", tweak) == expected
    assert Ff1(key, 10, tweak).encrypt(np.array([123456789], np.uint64))[0] == int(expected)


@pytest.mark.parametrize("digits", range(2, 20))
@pytest.mark.parametrize("tweak", [b"", b"+10", b"a tweak longer than one block"])
def test_every_number_of_digits_equals_the_slow_ff1(digits: int, tweak: bytes) -> None:
    random = np.random.default_rng(digits)
    numbers = random.integers(0, 10**digits, 40, dtype=np.uint64)
    numbers[:2] = 0, 10**digits - 1
    ff1 = Ff1(AES_256, digits, tweak)
    found = ff1.encrypt(numbers)
    assert [str(n).zfill(digits) for n in found] == [slow_ff1(AES_256, str(n).zfill(digits), tweak) for n in numbers]
    assert (ff1.decrypt(found) == numbers).all()


def test_more_numbers_than_a_piece() -> None:
    numbers = np.arange(2 * PIECE_VALUES + 3, dtype=np.uint64)
    ff1 = Ff1(AES_256, 6)
    assert (ff1.decrypt(ff1.encrypt(numbers)) == numbers).all()
    assert ff1.encrypt(numbers)[-1] == ff1.encrypt(numbers[-1:])[0]


@pytest.mark.parametrize("digits", [1, 20])
def test_other_numbers_of_digits_are_refused(digits: int) -> None:
    with pytest.raises(ValueError, match="2 to 19 digits"):
        Ff1(AES_256, digits)


def test_the_cells_hold_every_integer_once() -> None:
    ranges = sorted(cell.range for cell in cells())
    assert ranges[0][0] == -(2**63)
    assert ranges[-1][1] == 2**63 - 1
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ranges))


@pytest.mark.parametrize("cell", [cell for cell in cells() if cell.digits <= 5], ids=str)
def test_small_cells_are_permuted_and_nothing_stays(cell: Cell) -> None:
    first, last = cell.range
    numbers = np.arange(first, last + 1)
    found = PERMUTATION(numbers)
    assert (np.sort(found) == numbers).all()
    assert (found != numbers).all()


EDGES = sorted({sign * (edge + step) for sign in (1, -1) for edge in (2**15, 2**31) for step in (-1, 0, 1)})


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-99_999, 99_999), min_size=1, max_size=30))
@example([2**63 - 1, -(2**63), -(2**63) + 1, 0, 9, -9, 10, -10, 10**18, -(10**18), *EDGES])
def test_sign_digits_and_width_stay(values: list[int]) -> None:
    found = PERMUTATION(np.array(values, np.int64)).tolist()
    for value, replacement in zip(values, found, strict=True):
        assert replacement != value
        assert (replacement < 0) == (value < 0)
        assert len(str(replacement)) == len(str(value))
        for bits in (16, 32):
            assert (-(2 ** (bits - 1)) <= value < 2 ** (bits - 1)) == (
                -(2 ** (bits - 1)) <= replacement < 2 ** (bits - 1)
            )
    assert len(set(found)) == len(set(values))


INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-99_999, 99_999)


@given(st.lists(INTEGERS, min_size=1, max_size=30))
@example([0, 2**31 - 1])
@example([0, 2**32 - 1])
@example([-128, 127])
def test_no_replacement_is_beyond_the_reach(values: list[int]) -> None:
    low, high = reach(min(values), max(values))
    assert low <= min(values) <= max(values) <= high
    assert all(low <= found <= high for found in PERMUTATION(np.array(values, np.int64)).tolist())


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=10))
def test_a_value_has_the_same_replacement_in_any_company(values: list[int]) -> None:
    together = PERMUTATION(np.array(values, np.int64)).tolist()
    assert together == [PERMUTATION(np.array([value], np.int64))[0] for value in values]


def test_another_key_permutes_otherwise() -> None:
    numbers = np.arange(1_000, 10_000)
    other = IntegerPermutation(DomainKey(bytes(range(1, 33))))
    assert (PERMUTATION(numbers) == other(numbers)).mean() < 0.01


def test_no_integers_are_no_integers() -> None:
    assert PERMUTATION(np.empty(0, np.int64)).shape == (0,)
