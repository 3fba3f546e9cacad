"""Names of chains, against those in kube-proxy's own tests and in recordings.

The nftables names are from pkg/proxy/nftables/proxier_test.go.
"""

from base64 import b32encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.kube.proxy.chains import chain_hash, chain_names
from svclab.kube.proxy.nft_names import LONGEST, hashed

HASHES = {
    "ns1/svc1:p80tcp": "XPGD46QRK7WJZT7O",
    "ns1/svc1:p80tcp10.180.0.1:80": "SXIVWICOYRO3J4NJ",
    "default/kubernetes:httpstcp": "NPX46M4PTMTKRN6Y",
    "demo-i/itcp": "VI7LLH2HLM736O2Q",
    "demo-i/itcp10.244.2.4:80": "P2TOKKT4DLQKZQBW",
}


@pytest.mark.parametrize("text", HASHES)
def test_a_chain_is_named_by_the_first_sixteen_base32_characters_of_a_sha256(text):
    assert chain_hash(text) == HASHES[text]


def test_the_api_server_s_service_has_the_same_chain_in_every_cluster():
    assert chain_names("default/kubernetes:https", "TCP", []) == ("NPX46M4PTMTKRN6Y", [])


def test_each_endpoint_of_a_port_has_a_chain_of_its_own():
    _, chains = chain_names("demo-i/i", "TCP", ["10.244.2.4:80", "10.244.2.5:80"])

    assert chains == ["KUBE-SEP-P2TOKKT4DLQKZQBW", "KUBE-SEP-HGGDF7N6DGQX4ADE"]


@given(st.lists(st.text("0123456789.:", max_size=20), max_size=40))
def test_chains_have_the_names_that_each_has_alone(endpoints):
    own, chains = chain_names("ns/name:p", "UDP", endpoints)

    assert own == encoded("ns/name:pudp")
    assert chains == ["KUBE-SEP-" + encoded("ns/name:pudp" + endpoint) for endpoint in endpoints]


def encoded(text):
    """As RFC 4648 has it, by the standard library."""
    return b32encode(sha256(text.encode()).digest())[:16].decode()


def test_an_nftables_name_that_is_too_long_is_cut_and_told_apart_by_its_hash():
    first, second = hashed("n" * 300), hashed("n" * 301)

    assert first[:8] != second[:8]
    assert first[8:] == second[8:] == "-" + "n" * (LONGEST - 12) + "..."


@pytest.mark.parametrize(
    "name",
    [
        "ULMVA6XW-ns1/svc1/tcp/p80",
        "42NFTM6N-ns2/svc2/tcp/p80",
        "5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80",
        "SGOXE6O3-ns2/svc2/tcp/p80__10.180.0.2/80",
    ],
)
def test_an_nftables_name_begins_with_a_hash_of_the_rest(name):
    assert hashed(name.partition("-")[2]) == name
