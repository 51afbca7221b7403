"""No attack of the battery succeeds at a level that promises to stop it. See `attacks.battery`."""

from __future__ import annotations

import os
import shutil

import pytest

from attacks.battery import LEVELS, list_attacks
from attacks.table import make_counts, make_rows, shown
from attacks.users import bubblewrap_works_for, run_all

pytestmark = pytest.mark.usefixtures("unmeasured")

ATTACKS = {attack.name: attack for attack in list_attacks()}
USERS = ("root", "ordinary user") if os.geteuid() == 0 else ("ordinary user",)


@pytest.fixture(scope="module")
def runs():
    return {run.user: run for run in run_all()}


def test_the_battery_has_at_least_sixty_attacks_with_names_of_their_own():
    assert len(list_attacks()) == len(ATTACKS) >= 60
    assert len({attack.title for attack in list_attacks()}) == len(ATTACKS)


@pytest.mark.parametrize("user", USERS)
def test_every_attack_was_tried_at_every_level_that_works(runs, user):
    run = runs[user]
    levels = {f"level {level}" for level in LEVELS if run.available[str(level)] == level}
    assert {"level 0", "level 1", "level 2"} <= levels
    assert set(run.succeeded) == set(ATTACKS)
    for name, cells in run.succeeded.items():
        attack = ATTACKS[name]
        assert levels - {"level 0", "level 1"} <= set(cells), name
        assert ("level 1" in cells) or attack.stopped_from > 1, name
        # What only root can do is no attack of anybody else, and a machine's own entries are on no other.
        assert ("level 0" in cells) or attack.machine or (attack.needs, user) == ("root", "ordinary user"), name


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_succeeds_where_nothing_stops_it_and_fails_where_that_is_promised(runs, user, name):
    attack, cells = ATTACKS[name], runs[user].succeeded[name]
    if not attack.rare and attack.control in cells:
        assert cells[attack.control], runs[user].told[name]
    stopped = {f"level {level}" for level in LEVELS if level >= attack.stopped_from} & set(cells)
    if not stopped and attack.stopped_from == 3 and not bubblewrap_works_for(user):
        pytest.skip("bubblewrap (bwrap) is not installed or does not work here, so nothing was attacked at level 3")
    assert stopped
    assert [level for level in sorted(stopped) if cells[level]] == [], runs[user].told[name]


@pytest.mark.parametrize("user", USERS)
def test_at_least_sixty_attacks_were_shown_to_succeed(runs, user):
    assert len(shown(runs[user])) >= 60


@pytest.mark.parametrize("user", USERS)
def test_the_size_of_a_hidden_file_is_the_only_thing_that_level_2_leaves_to_level_3(runs, user):
    assert [name for name, attack in ATTACKS.items() if attack.stopped_from > 2] == ["stat_hidden_test"]
    assert runs[user].succeeded["stat_hidden_test"]["level 2"]


@pytest.mark.parametrize("user", USERS)
def test_level_3_is_attacked_wherever_bubblewrap_works_and_the_probe_says_the_same(runs, user):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, so nothing was attacked at level 3")
    run = runs[user]
    expected = 3 if bubblewrap_works_for(user) else 2
    assert run.available["3"] == expected
    assert run.probed == expected
    assert ("level 3" in run.columns) == (expected == 3)
    assert bool(run.problem) == (expected < 3)


@pytest.mark.parametrize("user", USERS)
def test_the_table_has_a_line_for_every_attack_and_counts(runs, user):
    rows = make_rows(runs[user])
    assert [row.split()[0] for row in rows[2:]] == list(ATTACKS)
    assert "level 2     " in "\n".join(make_counts(runs[user]))
