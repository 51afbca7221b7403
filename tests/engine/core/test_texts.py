"""What is shown of text that strangers chose."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.core.texts import clean, clean_lines, shorten

EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1)]
ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_of_all_characters_none_that_acts_hides_or_breaks_the_line_is_shown() -> None:
    shown = clean("".join(EVERY_CHARACTER))
    assert not {unicodedata.category(character) for character in shown} & ACTING
    assert {character for character in shown if character.isspace()} == {" "}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\r\nc\x85d\u2028e", r"a\nb\r\nc\x85d\u2028e"),
        ("ann\u202egpj.exe\u2066", r"ann\u202egpj.exe\u2066"),
        ("half \udcff", r"half \udcff"),
        ("\ufeffstart\xad", r"\ufeffstart\xad"),
        ("non\xa0breaking\u3000wide", "non breaking wide"),
        ("a\u200db \u2764\ufe0f", "ab \u2764"),
        ("blank\u3164", r"blank\u3164"),
    ],
)
def test_what_would_act_is_written_out(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("name", ["Zoë", "Łukasz", "山田太郎", "Лев", "محمد", "नरेन्द्र", "Nguyễn", "ก้ำ", "e\u0301 😀"])
def test_honest_scripts_are_left_alone(name: str) -> None:
    assert clean(name) == name


def test_a_pile_of_accents_does_not_climb_over_other_lines() -> None:
    shown = clean("a" + "\u0301" * 1000)
    assert shown.count("\u0301") <= 6


@given(st.text(st.characters(), max_size=60))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_text_of_several_lines_keeps_them_and_nothing_else() -> None:
    assert clean_lines("a\r\n\tb\x1b\n\u2028c") == "a\n    b\\x1b\n\\u2028c"


def test_a_long_name_is_cut_where_it_is_shown() -> None:
    assert shorten("a" * 10**6, 10) == "aaaaaaaaa…"
    assert len(shorten("\x1b" * 100, 10)) == 10
    assert shorten("short") == "short"
