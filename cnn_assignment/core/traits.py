"""What describes a case of a parametrised test, and conditions on it: ``stride is 1``, ``images are square``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

Trait = bool | int | float
Traits = Mapping[str, Trait]


def read_traits(parameters: Mapping[str, Any]) -> dict[str, Trait]:
    """The numbers that describe a case: its parameters, the fields of dataclasses, and their properties."""
    traits: dict[str, Trait] = {}
    for name, value in parameters.items():
        _add(traits, name, value)
    return traits


def _add(traits: dict[str, Trait], name: str, value: Any) -> None:
    if isinstance(value, bool | int | float):
        traits[name] = value
    elif is_dataclass(value):
        for field in fields(value):
            _add(traits, field.name, getattr(value, field.name))
        for key, described in vars(type(value)).items():
            # What it says of itself is what the student is told: "rows or columns are left over".
            if isinstance(described, property) and described.__doc__:
                _add(traits, described.__doc__.strip().removesuffix("."), getattr(value, key))


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is true of some cases: a trait has a value, or is at most that value."""

    name: str
    value: Trait
    is_bound: bool = False

    def holds(self, traits: Traits) -> bool:
        """Whether it is true of a case."""
        found = traits[self.name]
        return bool(found <= self.value if self.is_bound else found == self.value)

    def __str__(self) -> str:
        """As a clause."""
        if isinstance(self.value, bool):
            return self.name
        return f"{self.name} is at most {self.value}" if self.is_bound else f"{self.name} is {self.value}"


def list_conditions(cases: Sequence[Traits]) -> list[Condition]:
    """Every condition that is true of some of the cases and not of others, in an order that depends on them alone.

    A bound is one only where the next value was seen too: what lies between two values is not known. Neither is what
    lies beyond the largest, so that no trait just has that value.
    """
    names = [name for name in cases[0] if all(name in case for case in cases)] if cases else []
    return [condition for name in names for condition in _on(name, sorted({case[name] for case in cases}))]


def _on(name: str, values: Sequence[Trait]) -> Iterable[Condition]:
    if len(values) == 1:
        return
    if isinstance(values[0], bool):
        yield Condition(name, True)
        return
    for number, value in enumerate(values[:-1]):
        # Nothing is smaller than one thing, or than none of it.
        if number > 0 or value in (0, 1):
            yield Condition(name, value)
        if number > 0 and values[number + 1] == value + 1:
            yield Condition(name, value, is_bound=True)
