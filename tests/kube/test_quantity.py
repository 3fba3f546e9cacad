"""Quantities are read exactly and written as Kubernetes writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.kube.quantity import QuantityError, canonical, parse, text, total


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("0.5", "500m"), ("1000m", "1"), ("100m", "100m"), ("1024Mi", "1Gi"), ("128Mi", "128Mi"), ("1.5Gi", "1536Mi"),
        ("1000", "1k"), ("1500", "1500"), ("0", "0"), (2, "2"), ("1e3", "1e3"), ("512", "512"), ("0.1n", "1n"),
    ],
)  # fmt: skip
def test_the_canonical_form(given, written):
    assert canonical(given) == written


@pytest.mark.parametrize("wrong", ["", "a lot", "1Zi", "--1", "1 Gi", "Mi"])
def test_what_is_no_quantity_is_refused(wrong):
    with pytest.raises(QuantityError, match="quantities must match the regular expression"):
        parse(wrong)


@given(st.integers(0, 10**12), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_writing_and_reading_keeps_the_amount(number, suffix):
    quantity = parse(f"{number}{suffix}")

    assert parse(text(quantity)).amount == quantity.amount


def test_requests_add_up_in_the_notation_of_the_first():
    assert text(total(["64Mi", "64Mi", "64Mi"])) == "192Mi"
    assert text(total(["10m", "10m", "10m"])) == "30m"
