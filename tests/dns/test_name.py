"""Domain names and reverse names."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.dns.name import (
    BadName,
    address_of_reverse,
    check,
    dots,
    is_at_or_below,
    parse_address,
    reverse_name,
)

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(addresses)
def test_a_reverse_name_leads_back_to_its_address(address: IPv4Address | IPv6Address) -> None:
    assert address_of_reverse(reverse_name(address).upper()) == address


@given(addresses)
def test_a_part_of_a_reverse_name_is_no_address(address: IPv4Address | IPv6Address) -> None:
    assert address_of_reverse(reverse_name(address).partition(".")[2]) is None


@pytest.mark.parametrize(("name", "count"), [("a", 0), ("a.", 0), ("a.b", 1), ("a.b.", 1), ("a.b.c.d", 3)])
def test_a_final_dot_does_not_count_for_ndots(name: str, count: int) -> None:
    assert dots(name) == count


@pytest.mark.parametrize(
    ("name", "zone", "below"),
    [
        ("a.cluster.local.", "Cluster.Local.", True),
        ("cluster.local.", "cluster.local.", True),
        ("mycluster.local.", "cluster.local.", False),
        ("example.com.", ".", True),
    ],
)
def test_a_name_lies_below_a_zone_by_whole_labels(name: str, zone: str, below: bool) -> None:
    assert is_at_or_below(name, zone) is below


@pytest.mark.parametrize("name", ["a" * 64 + ".example.", "a..b.", ".".join(["abcdefg"] * 33) + "."])
def test_a_name_that_does_not_fit_into_a_message_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        check(name)


def test_an_address_is_told_from_a_name() -> None:
    assert parse_address("10.96.0.10") == ip_address("10.96.0.10")
    assert parse_address("10.96.0") is None
    assert parse_address("backend") is None
