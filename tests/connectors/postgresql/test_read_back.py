"""A definition that the server has read once is written otherwise: both must count as the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.postgresql.definitions import as_read_back


def test_a_list_of_words_is_the_same_before_and_after() -> None:
    first = (
        "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'it''s, ]'::character varying(9)])::text[])))"
    )
    after = "CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('it''s, ]'::character varying(9))::text])))"
    assert as_read_back(first) == after
    assert as_read_back(after) == after


@given(st.lists(st.text(), min_size=1))
def test_whatever_the_words_are(words: list[str]) -> None:
    quoted = ["'" + word.replace("'", "''") + "'::character varying" for word in words]
    wanted = ", ".join(f"({word})::text" for word in quoted)
    assert as_read_back(f"x = ANY ((ARRAY[{', '.join(quoted)}])::text[])") == f"x = ANY (ARRAY[{wanted}])"


def test_other_arrays_stay() -> None:
    for text in ("DEFAULT ARRAY['a'::text, 'b'::text]", "(ARRAY[a, b])::text[]", "(ARRAY['a'::text, f('b')])::text[]"):
        assert as_read_back(text) == text
