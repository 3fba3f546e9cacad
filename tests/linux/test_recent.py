"""Affinity lists as xt_recent keeps them."""

from svclab.linux.recent import ADDRESSES_PER_LIST, RecentLists


def check(lists, address, now, seconds=300, reap=True):
    """What `--rcheck --seconds N --reap` says, and the age."""
    return lists.check("L", address, now, seconds, reap, 0, update=False)


def test_an_address_is_found_until_its_seconds_are_over():
    lists = RecentLists()
    lists.remember("L", 1, now=1000.0)

    assert check(lists, 1, 1300.0) == (True, 300.0)
    assert check(lists, 1, 1301.0) == (False, 301.0)
    assert check(lists, 2, 1000.0) == (False, None)


def test_a_new_connection_starts_the_time_again():
    lists = RecentLists()
    lists.remember("L", 1, now=1000.0)
    lists.remember("L", 1, now=1200.0)

    assert check(lists, 1, 1450.0) == (True, 250.0)


def test_the_hundred_and_first_client_pushes_out_the_one_not_seen_for_longest():
    lists = RecentLists()
    for address in range(ADDRESSES_PER_LIST):
        lists.remember("L", address, now=float(address))
    lists.remember("L", 0, now=100.0)

    lists.remember("L", 1000, now=101.0)

    assert check(lists, 0, 101.0)[0]
    assert not check(lists, 1, 101.0)[0]
    assert check(lists, 1000, 101.0)[0]
    assert len(lists.lists["L"]) == ADDRESSES_PER_LIST


def test_reaping_removes_the_oldest_entry_that_is_over_when_an_address_is_found():
    lists = RecentLists()
    lists.remember("L", 1, now=0.0)
    lists.remember("L", 2, now=500.0)

    check(lists, 3, 600.0)
    assert set(lists.lists["L"]) == {1, 2}
    check(lists, 2, 600.0)
    assert set(lists.lists["L"]) == {2}


def test_lists_are_apart_and_removal_says_whether_it_was_there():
    lists = RecentLists()
    lists.remember("L", 1, now=0.0)

    assert not lists.check("OTHER", 1, 0.0, 60, False, 0, False)[0]
    assert lists.remove("L", 1)
    assert not lists.remove("L", 1)
    assert not check(lists, 1, 0.0)[0]


def test_a_copy_forgets_and_remembers_for_itself():
    lists = RecentLists()
    lists.remember("L", 1, now=0.0)
    twin = lists.copy()
    twin.remember("L", 2, now=1.0)
    twin.keep_only(set())

    assert set(lists.lists["L"]) == {1}
    assert twin.lists == {}
