"""People sign in: `msal` and `adal` with the authorization code, the device code and refresh tokens."""

import json
import time
from types import SimpleNamespace

import adal
import msal
import pytest
import requests

from browser import Browser
from conftest import PARTNER_CENTER, bearer

TENANT = "demo-partner.onmicrosoft.com"
SCOPES = [f"{PARTNER_CENTER}/.default"]
REDIRECT = "http://localhost:53682/callback"

pytestmark = pytest.mark.usefixtures("over_tls")


@pytest.fixture(scope="module")
def person(program):
    """Somebody with a password who may see every customer."""
    password = program("user", "add", "person", "--tenant", TENANT, "--generate").split()[-1]
    program("grant", "add", "person", "customers")
    return SimpleNamespace(name="person", password=password)


@pytest.fixture(scope="module")
def desk(program):
    """The client id of a program on people's machines, which has no secret."""
    program(
        "principal", "add", "application", "desk", "--tenant", TENANT, "--public", "--redirect-uri", "http://localhost/callback"
    )
    (found,) = [entry for entry in json.loads(program("principal", "list", "--json")) if entry["name"] == "desk"]
    return found["client_id"]


@pytest.fixture
def application(base, desk):
    """`msal` for that program, with an empty cache."""
    return msal.PublicClientApplication(desk, authority=f"{base}/{TENANT}", instance_discovery=False)


def status(base, token):
    """What a user-only call answers."""
    return requests.get(f"{base}/v1/usagesummary", headers=bearer(token), timeout=60).status_code


def signed_in(browser, person):
    """Signs in, and consents where that is asked."""
    browser.submit("sign-in", name=person.name, password=person.password)
    if browser.page.status_code == 200:
        browser.submit("allow")
    return browser


def by_code(application, person):
    """Tokens by authorization code and PKCE."""
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)
    assert "code_challenge_method=S256" in flow["auth_uri"]
    answer = signed_in(Browser().open(flow["auth_uri"]), person).led_to(REDIRECT)
    tokens = application.acquire_token_by_auth_code_flow(flow, answer)
    assert "access_token" in tokens, tokens
    return tokens


def refresh_token(application):
    (entry,) = application.token_cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)
    return entry["secret"]


def refreshed(base, desk, token):
    """A refresh by hand."""
    form = {"grant_type": "refresh_token", "client_id": desk, "refresh_token": token, "scope": SCOPES[0]}
    return requests.post(f"{base}/{TENANT}/oauth2/v2.0/token", data=form, timeout=60)


def test_authorization_code_with_pkce(base, application, person):
    tokens = by_code(application, person)
    assert tokens["id_token_claims"]["preferred_username"].startswith("person")
    assert status(base, tokens["access_token"]) == 200
    (account,) = application.get_accounts()
    assert account["username"].startswith("person")
    assert application.acquire_token_silent(SCOPES, account)["token_source"] == "cache"


def test_silent_refresh_rotates(base, desk, application, person):
    first = by_code(application, person)
    (account,) = application.get_accounts()
    before = refresh_token(application)
    second = application.acquire_token_silent(SCOPES, account, force_refresh=True)
    assert second["access_token"] != first["access_token"]
    assert status(base, second["access_token"]) == 200
    after = refresh_token(application)
    assert after != before
    # The one that was used comes back: somebody has a copy, so all that came of this sign-in ends.
    again = refreshed(base, desk, before)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert refreshed(base, desk, after).json()["error"] == "invalid_grant"
    assert status(base, second["access_token"]) == 401
    assert application.acquire_token_silent(SCOPES, account, force_refresh=True) is None


def test_a_code_is_good_once(base, desk, application, person):
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)
    answer = signed_in(Browser().open(flow["auth_uri"]), person).led_to(REDIRECT)
    tokens = application.acquire_token_by_auth_code_flow(flow, answer)
    form = {
        "grant_type": "authorization_code",
        "client_id": desk,
        "code": answer["code"],
        "redirect_uri": REDIRECT,
        "code_verifier": flow["code_verifier"],
    }
    again = requests.post(f"{base}/{TENANT}/oauth2/v2.0/token", data=form, timeout=60)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert status(base, tokens["access_token"]) == 401


def test_another_verifier_is_refused(application, person):
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)
    answer = signed_in(Browser().open(flow["auth_uri"]), person).led_to(REDIRECT)
    refused = application.acquire_token_by_auth_code_flow({**flow, "code_verifier": "x" * 43}, answer)
    assert refused["error"] == "invalid_grant"


def test_cancelled(application):
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)
    answer = Browser().open(flow["auth_uri"]).submit("cancel").led_to(REDIRECT)
    assert answer["error"] == "access_denied"
    assert application.acquire_token_by_auth_code_flow(flow, answer)["error"] == "access_denied"


def test_wrong_password(application, person):
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)
    browser = Browser().open(flow["auth_uri"]).submit("sign-in", name=person.name, password="not the password")
    assert browser.page.status_code == 403 and 'role="alert"' in browser.page.text
    # The page is there again and works.
    assert signed_in(browser, person).led_to(REDIRECT)["code"]


def test_an_address_that_is_not_registered(application):
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri="https://elsewhere.example/callback")
    page = Browser().open(flow["auth_uri"]).page
    # Not sent there, of course: it is said on a page of ours.
    assert page.status_code == 400 and "AADSTS50011" in page.text and "Location" not in page.headers


def confirm(flow, person, button):
    """Types the code of a program elsewhere and decides."""
    browser = Browser().open(flow["verification_uri"])
    browser.submit("next", user_code=flow["user_code"])
    browser.submit("sign-in", name=person.name, password=person.password)
    return browser.submit(button)


def test_device_code(base, application, person):
    flow = application.initiate_device_flow(SCOPES)
    assert flow["user_code"] in flow["message"], flow
    assert confirm(flow, person, "allow").page.status_code == 200
    tokens = application.acquire_token_by_device_flow(flow)
    assert "access_token" in tokens, tokens
    assert status(base, tokens["access_token"]) == 200
    (account,) = application.get_accounts()
    assert "access_token" in application.acquire_token_silent(SCOPES, account, force_refresh=True)


def test_device_code_pending_then_denied(application, person):
    flow = application.initiate_device_flow(SCOPES)
    # Time is up for the library after one try, so that it says what it was told.
    once = {**flow, "expires_at": time.time() - 1}
    assert application.acquire_token_by_device_flow(once)["error"] == "authorization_pending"
    # Too soon after the last try.
    assert application.acquire_token_by_device_flow(once)["error"] == "slow_down"
    confirm(flow, person, "deny")
    time.sleep(flow["interval"] + 5)
    assert application.acquire_token_by_device_flow(once)["error"] in ("access_denied", "authorization_declined")


def test_adal_device_code_and_refresh(base, desk, person):
    context = adal.AuthenticationContext(f"{base}/{TENANT}", validate_authority=False)
    code = context.acquire_user_code(PARTNER_CENTER, desk)
    flow = {"verification_uri": code["verification_url"], "user_code": code["user_code"]}
    assert confirm(flow, person, "allow").page.status_code == 200
    tokens = context.acquire_token_with_device_code(PARTNER_CENTER, code, desk)
    assert tokens["userId"].startswith("person")
    assert status(base, tokens["accessToken"]) == 200
    again = context.acquire_token_with_refresh_token(tokens["refreshToken"], desk, PARTNER_CENTER)
    assert again["refreshToken"] != tokens["refreshToken"]
    assert status(base, again["accessToken"]) == 200


def test_endpoints_of_no_grant(base, desk, person):
    form = {"grant_type": "password", "client_id": desk, "username": person.name, "password": person.password}
    answer = requests.post(f"{base}/{TENANT}/oauth2/v2.0/token", data={**form, "scope": SCOPES[0]}, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
