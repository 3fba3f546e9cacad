"""Messages as bytes: sizes, compression, truncation. The headless figures are from a real CoreDNS 1.13.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.dns.message import Edns, Message, Question, Rcode, Record
from svclab.dns.wire import encode, encode_question, size_bytes, truncate

label = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
names = st.lists(label, min_size=1, max_size=5).map(lambda parts: ".".join(parts) + ".")
ipv4 = st.ip_addresses(v=4).map(str)
records = st.one_of(
    st.builds(Record, names, st.integers(0, 3600), st.just("A"), ipv4),
    st.builds(Record, names, st.just(30), st.just("AAAA"), st.ip_addresses(v=6).map(str)),
    st.builds(Record, names, st.just(30), st.sampled_from(["CNAME", "PTR", "NS"]), names),
    st.builds(lambda o, t: Record(o, 30, "SRV", f"0 50 80 {t}"), names, names),
)
messages = st.builds(
    Message,
    st.builds(Question, names, st.sampled_from(["A", "AAAA", "SRV"])),
    st.sampled_from(list(Rcode)),
    answer=st.lists(records, max_size=60).map(tuple),
    additional=st.lists(records, max_size=20).map(tuple),
    edns=st.one_of(st.none(), st.builds(Edns, st.integers(512, 4096), st.binary(max_size=8))),
)


def headless(endpoints: int, edns: Edns | None = None) -> Message:
    owner = "big.service-demo.svc.cluster.local."
    answer = tuple(Record(owner, 30, "A", f"10.244.1.{number}") for number in range(endpoints))
    return Message(Question(owner, "A"), aa=True, answer=answer, edns=edns)


def test_of_100_endpoints_28_fit_into_512_bytes() -> None:
    cut = truncate(headless(100), 512)

    assert (len(cut.answer), cut.tc, size_bytes(cut, 512)) == (28, True, 500)


def test_of_100_endpoints_73_fit_into_1232_bytes() -> None:
    cut = truncate(headless(100, Edns(1232)), 1232)

    assert (len(cut.answer), cut.tc) == (73, True)


def test_over_tcp_all_100_endpoints_are_sent() -> None:
    whole = truncate(headless(100), 65535)

    assert (len(whole.answer), whole.tc) == (100, False)


def test_a_limit_under_512_bytes_counts_as_512() -> None:
    assert truncate(headless(20), 100) == headless(20)


def test_a_known_message_has_the_bytes_of_rfc_1035() -> None:
    message = Message(Question("a.b.", "A"), aa=True, answer=(Record("a.b.", 1, "A", "1.2.3.4"),))

    assert encode(message, 7, compress=True) == (
        b"\x00\x07\x85\x00\x00\x01\x00\x01\x00\x00\x00\x00"
        b"\x01a\x01b\x00\x00\x01\x00\x01"
        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x01\x02\x03\x04"
    )
    assert encode_question(Question("a.b.", "AAAA"), 7).endswith(b"\x01a\x01b\x00\x00\x1c\x00\x01")


@given(messages)
def test_compression_never_makes_a_message_longer(message: Message) -> None:
    assert len(encode(message, compress=True)) <= len(encode(message))


@given(messages, st.integers(512, 2000))
def test_a_truncated_message_fits_and_says_so(message: Message, limit: int) -> None:
    cut = truncate(message, limit)

    assert size_bytes(cut, limit) <= limit
    for section in ("answer", "authority", "additional"):
        kept, whole = getattr(cut, section), getattr(message, section)
        assert kept == whole[: len(kept)]
    assert cut.tc == ((cut.answer, cut.additional) != (message.answer, message.additional))


@given(messages, st.integers(512, 2000))
def test_truncating_twice_changes_nothing_more(message: Message, limit: int) -> None:
    once = truncate(message, limit)

    assert truncate(once, limit) == once


def test_every_type_of_record_that_the_cluster_gives_has_its_bytes() -> None:
    soa = Record("a.", 30, "SOA", "ns.a. host.a. 1 2 3 4 5")
    mx = Record("a.", 30, "MX", "10 mail.a.")
    txt = Record("a.", 30, "TXT", '"1.1.0" "b"')
    message = Message(Question("a.", "ANY"), answer=(soa, mx, txt))

    written = encode(message, compress=True)

    assert (
        b"\x02ns\xc0\x0c\x04host\xc0\x0c" + bytes.fromhex("0000000100000002000000030000000400000005")
        in written
    )
    assert b"\x00\x0a\x04mail\xc0\x0c" in written
    assert written.endswith(b"\x051.1.0\x01b")


def test_a_question_may_carry_an_opt_record_with_a_cookie() -> None:
    written = encode_question(Question(".", "NS"), 1, Edns(1232, b"12345678"))

    assert written.endswith(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x0812345678")


def test_a_record_without_a_known_form_cannot_be_written() -> None:
    message = Message(Question("a.", "HINFO"), answer=(Record("a.", 30, "HINFO", "x y"),))

    with pytest.raises(ValueError, match="HINFO"):
        encode(message)
