"""A pair of ends in memory carries bytes like a pair of sockets, and its selector sleeps until there are some."""

from __future__ import annotations

import selectors
import threading
from weakref import WeakValueDictionary

import pytest

from cnn_assignment.sandbox.server.system.waking import WaitingSelector, make_pair

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def ends():
    return WeakValueDictionary()


@pytest.fixture
def pair(ends):
    return make_pair(ends)


@pytest.fixture
def selector(ends):
    opened = WaitingSelector(ends)
    yield opened
    opened.close()


def test_bytes_come_in_order_and_the_end_after_them(pair):
    first, second = pair
    first.sendall(b"abc")
    first.send(b"def")
    assert (second.recv(4), second.recv(9)) == (b"abcd", b"ef")
    first.send(b"last")
    first.close()
    assert (second.recv(9), second.recv(9), first.fileno()) == (b"last", b"", -1)
    with pytest.raises(BrokenPipeError):
        second.send(b"x")


def test_what_is_not_there_is_waited_for_as_long_as_was_said(pair):
    first, second = pair
    second.setblocking(False)
    with pytest.raises(BlockingIOError):
        second.recv(1)
    second.settimeout(0.01)
    assert second.gettimeout() == 0.01
    with pytest.raises(TimeoutError, match="timed out"):
        second.recv(1)
    second.setblocking(True)
    thread = threading.Timer(0.01, first.send, [b"x"])
    thread.start()
    assert second.recv(9) == b"x"
    thread.join()


def test_no_more_is_kept_than_there_is_room_for(pair):
    with pair[0] as first, pair[1] as second:
        assert first.send(bytes(100_000)) == 65_536
        with pytest.raises(BlockingIOError):
            first.send(b"x")
        assert len(second.recv(100_000)) == 65_536
        assert first.send(b"x") == 1
    assert first.closed
    assert second.closed


def test_a_selector_tells_what_can_be_read_and_what_can_be_written(pair, selector):
    first, second = pair
    key = selector.register(first, READ, "data")
    assert selector.select(0) == []
    second.send(b"x")
    assert selector.select(0) == selector.select() == [(key, READ)]
    key = selector.modify(first, READ | WRITE)
    assert selector.select() == [(key, READ | WRITE)]
    assert dict(selector.get_map()) == {first.fileno(): key}
    assert selector.get_key(first) is selector.get_key(first.fileno()) is key
    selector.unregister(first.fileno())
    assert first.listeners == set()
    assert selector.select(0) == []


def test_a_selector_sleeps_until_it_is_woken(pair, selector):
    first, second = pair
    selector.register(first, READ)
    for _ in range(200):
        thread = threading.Thread(target=second.send, args=(b"x",))
        thread.start()
        assert len(selector.select(60)) == 1
        assert first.recv(9) == b"x"
        thread.join()
    assert selector.select(0.001) == []
    second.close()
    assert len(selector.select()) == 1


def test_a_selector_takes_ends_of_pairs_only_and_each_once(pair, selector):
    first, _ = pair
    selector.register(first, READ)
    with pytest.raises(KeyError, match="already registered"):
        selector.register(first.fileno(), READ)
    with pytest.raises(PermissionError, match="a graded program has nothing to wait for"):
        selector.register(0, READ)
    with pytest.raises(ValueError, match="Invalid events"):
        selector.register(first, 0)
    with pytest.raises(ValueError, match="Invalid file descriptor"):
        selector.register(-1, READ)
    with pytest.raises(KeyError, match="is not registered"):
        selector.unregister(5)
