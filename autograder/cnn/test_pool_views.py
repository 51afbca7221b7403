"""Pooling: views"""

from itertools import pairwise

import numpy as np
import pytest
from cases import ALIKE_POOLINGS, IMAGES, LEFT_OVER, ONE_PIXEL, POOLINGS, Pooling, every, in_any_layout, lay_out

from cnn_assignment.testing import assert_array, assert_unchanged, collect, fail, put, side_by_side


def assert_views(views, expected, of=""):
    """Each window once, in any order, under its output row and column, with the right pixels. of: of what, in words."""
    assert_items(collect(views, at_most=_most(expected)), expected, of)


def assert_items(items, expected, of=""):
    """As `assert_views`, of windows that were collected already."""
    right = {(row, col): view for row, col, view in expected}
    most = _most(expected)
    if len(items) > most:
        fail(f"expected {_count(right)}{of}, got more than {most}: it may never end", found=items[:most])
    for item in items:
        if not (isinstance(item, list | tuple) and len(item) == 3):
            fail("every item must be (row, col, view)", found=items)
        if not all(isinstance(n, int | np.integer) and not isinstance(n, bool | np.bool_) for n in item[:2]):
            fail("row and col must be integers", found=items)
    # In one order, so that the same mistake is known again.
    items.sort(key=lambda item: (int(item[0]), int(item[1])))
    places = [(int(row), int(col)) for row, col, _ in items]
    for place, following in pairwise(places):
        if place == following:
            fail(f"row {place[0]}, col {place[1]} appears more than once", found=items)
    if len(places) != len(right):
        fail(f"expected {_count(right)}{of}, got {len(places)}", found=items)
    for place in places:
        if place not in right:
            fail(
                f"there is no window at row {place[0]}, col {place[1]}: row and col count windows, not pixels",
                found=items,
            )
    for place, (_, _, view) in zip(places, items, strict=True):
        assert_array(view, right[place], "view at row {}, col {}".format(*place) + of, axes=IMAGES)


def _most(expected):
    return 4 * len(expected) + 16


def _count(windows):
    return "1 window" if len(windows) == 1 else f"{len(windows)} windows"


def expect(case, reference, x):
    """The right windows."""
    return list(case.make_layer(reference)._get_filtersizeXfiltersize_views(x))


@every(POOLINGS, Pooling.at_random)
@pytest.mark.points(8)
def test_values(student, reference, rng, once, case):
    """Every whole window once, with its row and column in the output"""
    # A single window is the corner of x, which whoever hands it back need not have found: that alone earns nothing.
    for size in (case, ONE_PIXEL) if case.one_window and case in POOLINGS else (case,):
        x, _ = size.draw(rng)
        expected = once(expect, size, reference, x)
        of = "" if size is case else f" of {size.h} by {size.w} pixels under a window of one pixel"
        assert_views(size.make_layer(student)._get_filtersizeXfiltersize_views(x), expected, of)


@in_any_layout
@pytest.mark.points(1)
def test_memory(student, reference, rng, once, layout):
    """x may be a view that does not lie in memory row by row, and stays as it is"""
    x, _ = LEFT_OVER.draw(rng)
    expected = once(expect, LEFT_OVER, reference, x)
    images = lay_out(student, x, layout)
    assert_views(LEFT_OVER.make_layer(student)._get_filtersizeXfiltersize_views(images), expected)
    assert_unchanged(images, x, "x")


@pytest.mark.points(0.5)
def test_two_at_a_time(student, reference, rng, once):
    """The windows of two arrays can be walked over side by side, and asked for again later"""
    first, second = LEFT_OVER.draw(rng)[0], LEFT_OVER.draw(rng)[0]
    larger, _ = POOLINGS[0].draw(rng)
    layer = LEFT_OVER.make_layer(student)
    third, _ = LEFT_OVER.draw(rng)
    right = [once(expect, LEFT_OVER, reference, x) for x in (first, second, larger, third)]
    views = [layer._get_filtersizeXfiltersize_views(x) for x in (first, second)]
    pairs = collect(side_by_side(student, *views), at_most=_most(right[0]))
    if not all(isinstance(pair, tuple) and len(pair) == len(views) for pair in pairs):
        fail("expected two windows at a time", found=pairs)
    for number, expected in enumerate(right[:2]):
        assert_items([pair[number] for pair in pairs], expected)
    views = [layer._get_filtersizeXfiltersize_views(x) for x in (first, larger)]
    assert_views(views[1], right[2])
    assert_views(views[0], right[0])
    # Other pixels in an array that was seen before. A view, so that they can be changed whatever was done to the view.
    pixels = put(student, third)
    images = pixels[...]
    assert_views(layer._get_filtersizeXfiltersize_views(images), right[3])
    pixels[...] = first
    assert_views(layer._get_filtersizeXfiltersize_views(images), right[0])


@pytest.mark.points(0.5)
def test_several_layers(student, reference, rng, once):
    """Layers of different window size may be in use at once, for the same images"""
    x, _ = LEFT_OVER.draw(rng)
    layers = [case.make_layer(student) for case in ALIKE_POOLINGS]
    for case, layer in zip(ALIKE_POOLINGS, layers, strict=True):
        assert_views(layer._get_filtersizeXfiltersize_views(x), once(expect, case, reference, x))
