"""Warnings leave the server as apiserver's endpoints/filters/warning.go and NewWarningHeader let them out."""

import pytest

from svclab.apiserver.messages import ApiResponse, sent_warnings


@pytest.mark.parametrize(
    ("warnings", "sent"),
    [
        (["b", "a", "b"], ["b", "a"]),
        (["yaml: unmarshal errors:\n  line 2: key", "kept", "esc\x1b]0;t"], ["kept"]),
        (["x" * 4096], ["x" * 4096]),
        (["x" * 4097, "y"], ["x" * 256, "y"]),
        ([f"{n:03}" + "x" * 397 for n in range(30)], [f"{n:03}" + "x" * 253 for n in range(16)]),
    ],
    ids=["once each", "no control characters", "as much as goes out", "too much is cut", "and ends"],
)
def test_which_warnings_go_out(warnings: list[str], sent: list[str]) -> None:
    assert sent_warnings(warnings) == sent


def test_a_warning_is_quoted_in_its_header() -> None:
    answer = ApiResponse(200, warnings=['unknown field "a\\b"'])

    assert answer.header_list() == [("Warning", '299 - "unknown field \\"a\\\\b\\""')]
