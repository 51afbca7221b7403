"""What may be a student's name, and what is made of other names."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.core.names import MOST_BYTES, as_student, refusal, why_not_a_student, with_digest
from cnn_assignment.core.texts import clean

ANYTHING = st.text(st.characters(), max_size=200)


@pytest.mark.parametrize(
    "name",
    ["ada", "Ada Lovelace", "ada_lovelace", "ada.l@uni.example", "ada+x", "_ada", "3rd", "a-b", "Zoë", "Зоя", "山田",
     "محمد", "नरेन्द्र", "e\u0301mile", "a" * MOST_BYTES],
)  # fmt: skip
def test_honest_names_are_taken(name: str) -> None:
    assert why_not_a_student(name) is None
    assert refusal(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("-rf", "begins with neither"),
        (".", "begins with neither"),
        ("..", "begins with neither"),
        (".ssh", "begins with neither"),
        ("@all", "begins with neither"),
        ("\u0301a", "begins with neither"),
        ("ada.", "ends in"),
        ("ada ", "ends in"),
        ("ada  b", "two spaces"),
        ("<b>", "the character <"),
        ('a"b', 'the character "'),
        ("o'b", "the character '"),
        ("a/b", "the character /"),
        ("a\\b", "the character"),
        ("=cmd", "the character ="),
        ("a,b", "the character ,"),
        ("a;b", "the character ;"),
        ("a*", r"the character \*"),
        ("$(id)", r"the character \$"),
        ("a%2fb", "the character %"),
        ("a\nb", r"\\n, which cannot be seen"),
        ("a\x1b[2J", r"\\x1b, which cannot be seen"),
        ("a\x9b", r"\\x9b, which cannot be seen"),
        ("a\u202eb", r"\\u202e, which cannot be seen"),
        ("a\u2028b", r"\\u2028, which cannot be seen"),
        ("a\u200db", r"U\+200D, which cannot be seen"),
        ("a\u3164", "which cannot be seen"),
        ("a\xa0b", r"U\+00A0, which cannot be seen"),
        ("a\udcffb", r"\\udcff, which cannot be seen"),
        ("a\0b", r"\\x00, which cannot be seen"),
        ("😀", "the character 😀"),
        ("\uff1d1", "the character \uff1d"),
        ("a" + "\u0301" * 9, "piles up accents"),
        ("a" * (MOST_BYTES + 1), "more than 128 bytes"),
        ("é" * (MOST_BYTES // 2 + 1), "more than 128 bytes"),
    ],
)  # fmt: skip
def test_a_refused_name_is_told_why(name: str, reason: str) -> None:
    found = why_not_a_student(name)
    assert found is not None
    assert re.search(reason, found)


@given(ANYTHING)
def test_a_name_that_is_taken_is_one_harmless_part_of_a_path(name: str) -> None:
    if why_not_a_student(name) is None:
        assert clean(name) == name
        assert len(f"{name}.json".encode()) <= 255
        assert name not in {".", ".."}
        assert not set(name) & set("/\\<>&\"'`$%#?*[]{}()!|;,:=~^\0\n\t")
        assert not {unicodedata.category(character) for character in name} & {"Cc", "Cf", "Cs", "Co", "Cn"}


@given(ANYTHING)
def test_a_refusal_is_one_clean_line(name: str) -> None:
    told = refusal(name)
    if told is not None:
        assert clean(told) == told
        assert len(told) < 400


@given(ANYTHING, st.sampled_from(["", "7", "123456789012345678901234567890"]))
def test_what_is_made_of_any_name_can_be_a_student(name: str, number: str) -> None:
    student = as_student(name, number)
    if student is not None:
        assert why_not_a_student(student) is None
        assert " " not in student
        assert why_not_a_student(with_digest(student, name)) is None


@pytest.mark.parametrize(
    ("name", "number", "student"),
    [
        ("Ada Lovelace", "123", "Ada-Lovelace_123"),
        ("O'Brien, Pat", "9", "O-Brien-Pat_9"),
        ("???", "9", "_9"),
        ("ada", "", "ada"),
        ("Ada  Lovelace", "", "Ada-Lovelace"),
        ("...", "", None),
        ("-", "", None),
        ("\x1b", "", None),
    ],
)
def test_names_of_platforms_stay_legible(name: str, number: str, student: str | None) -> None:
    assert as_student(name, number) == student


@pytest.mark.parametrize(
    ("one", "other"),
    [("a,b", "a;b"), ("a\u202eb", "a\u202db"), ("x" * 200 + "1", "x" * 200 + "2"), ("<a>", "a"), ("ada.", "ada")],
)
def test_no_two_people_become_one_by_what_is_lost(one: str, other: str) -> None:
    assert as_student(one) != as_student(other)
    assert as_student(one, "1") != as_student(one, "2")
    assert as_student("x" * 300, "1") != as_student("x" * 300, "2")
