"""A visitor without a login: a random key that only our own cookie gives back."""

from django.http import HttpResponse
from django.test import RequestFactory

from svclab.accounts import guests


def first_visit(secure=False):
    request = RequestFactory().get("/", secure=secure)
    key = guests.admit(request)
    return key, guests.remember(request, HttpResponse()).cookies[guests.COOKIE]


def test_a_first_visit_makes_a_key_of_128_bits_that_comes_back_with_the_cookie():
    key, cookie = first_visit()
    again = RequestFactory().get("/")
    again.COOKIES[guests.COOKIE] = cookie.value

    assert len(bytes.fromhex(key.removeprefix("guest-"))) == 16
    assert guests.learner_for(again) == key
    assert guests.admit(again) == key


def test_two_visitors_have_different_keys():
    assert first_visit()[0] != first_visit()[0]


def test_scripts_and_other_sites_do_not_get_the_cookie():
    _, cookie = first_visit()
    _, over_https = first_visit(secure=True)

    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert over_https["secure"] is True


def test_a_changed_cookie_is_nobody_s():
    _, cookie = first_visit()
    for forged in (cookie.value[:-1] + "x", "guest-" + "0" * 32, "", "a:b:c"):
        request = RequestFactory().get("/")
        request.COOKIES[guests.COOKIE] = forged
        assert guests.learner_for(request) is None


def test_a_websocket_is_known_by_the_same_cookie():
    key, cookie = first_visit()
    scope = {"headers": [(b"host", b"x"), (b"cookie", f"other=1; {guests.COOKIE}={cookie.value}".encode())]}

    assert guests.learner_for(scope) == key
    assert guests.learner_for({"headers": []}) is None
