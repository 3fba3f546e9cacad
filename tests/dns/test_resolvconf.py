"""/etc/resolv.conf and the names that it makes a resolver try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.dns.resolvconf import ResolvConf

domain = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,3}", fullmatch=True)
confs = st.builds(
    ResolvConf,
    st.lists(domain, max_size=6, unique=True).map(tuple),
    st.lists(st.ip_addresses(v=4).map(str), max_size=3).map(tuple),
    st.lists(st.sampled_from(["ndots:2", "ndots:5", "edns0", "timeout:1"]), max_size=2).map(tuple),
)


@given(confs)
def test_what_is_printed_is_read_back(conf: ResolvConf) -> None:
    assert ResolvConf.parse(conf.print()) == conf


@given(confs, domain)
def test_every_candidate_is_the_name_itself_or_under_a_search_domain(conf: ResolvConf, typed: str) -> None:
    candidates = conf.candidates(typed)

    assert set(candidates) == {f"{typed}."} | {f"{typed}.{each}." for each in conf.search}
    assert len(candidates) == len(conf.search) + 1
    as_is = candidates.index(f"{typed}.")
    assert as_is == (0 if typed.count(".") >= conf.ndots else len(candidates) - 1)


@given(confs, domain)
def test_a_final_dot_leaves_one_candidate(conf: ResolvConf, typed: str) -> None:
    assert conf.candidates(f"{typed}.") == (f"{typed}.",)


@given(confs, domain)
def test_musl_tries_a_name_with_enough_dots_only_as_it_is(conf: ResolvConf, typed: str) -> None:
    candidates = conf.candidates(typed, search_after_dots=False)

    if typed.count(".") >= conf.ndots:
        assert candidates == (f"{typed}.",)
    else:
        assert candidates == conf.candidates(typed)


@pytest.mark.parametrize(
    ("text", "search", "ndots"),
    [
        ("domain a.example\nsearch b.example c.example\n", ("b.example", "c.example"), 1),
        ("search b.example # old\noptions ndots:3\noptions ndots:40\n", ("b.example", "#", "old"), 15),
        (" search b.example\n# search c.example\nsearch\td.example\n", ("d.example",), 1),
        ("; nothing\n", (), 1),
    ],
)
def test_the_last_search_line_and_option_count(text: str, search: tuple[str, ...], ndots: int) -> None:
    conf = ResolvConf.parse(text)

    assert (conf.search, conf.ndots) == (search, ndots)


def test_without_a_nameserver_the_machine_itself_is_asked() -> None:
    assert ResolvConf().servers == ("127.0.0.1",)
