"""`msal`: tokens over TLS."""

import msal
import pytest
import requests

from conftest import GRAPH, PARTNER_CENTER, bearer

pytestmark = pytest.mark.usefixtures("over_tls")


def client(base, demo, secret=None, tenant=None, **options):
    """A confidential client of the demo's B2C application."""
    options.setdefault("authority", f"{base}/{tenant or demo.b2c.tenant}")
    return msal.ConfidentialClientApplication(
        demo.b2c.client_id, client_credential=secret or demo.b2c.client_secret, instance_discovery=False, **options
    )


def report(base, demo, token):
    """The status of a B2C report with a token."""
    return requests.get(f"{base}/{demo.b2c.tenant}/reports/tenantUserCount", headers=bearer(token), timeout=60).status_code


def test_client_credentials(base, demo):
    application = client(base, demo)
    answer = application.acquire_token_for_client([f"{GRAPH}/.default"])
    assert answer.get("token_type") == "Bearer", answer
    assert 0 < answer["expires_in"] <= 3600
    assert report(base, demo, answer["access_token"]) == 200
    again = application.acquire_token_for_client([f"{GRAPH}/.default"])
    assert again["token_source"] == "cache" and again["access_token"] == answer["access_token"]


def test_oidc_authority(base, demo):
    application = msal.ConfidentialClientApplication(
        demo.b2c.client_id,
        client_credential=demo.b2c.client_secret,
        oidc_authority=f"{base}/{demo.b2c.tenant}/v2.0",
    )
    answer = application.acquire_token_for_client([f"{GRAPH}/.default"])
    assert "access_token" in answer, answer
    assert report(base, demo, answer["access_token"]) == 200


def test_wrong_secret(base, demo):
    answer = client(base, demo, secret="not-the-secret").acquire_token_for_client([f"{GRAPH}/.default"])
    assert answer["error"] == "invalid_client"
    assert answer["error_description"].startswith("AADSTS7000215:")
    assert answer["error_codes"] == [7000215]
    assert answer["correlation_id"]


def test_wrong_scope(base, demo):
    answer = client(base, demo).acquire_token_for_client(["https://nowhere.example/.default"])
    assert answer["error"] == "invalid_scope"
    assert answer["error_description"].startswith("AADSTS500011:")


def test_wrong_tenant(base, demo):
    # The metadata of an unknown tenant is refused, so msal gives up before it asks for a token.
    with pytest.raises(ValueError, match="(?i)authority|tenant"):
        client(base, demo, tenant="nobody.example").acquire_token_for_client([f"{GRAPH}/.default"])


def test_token_of_another_audience(base, demo):
    answer = client(base, demo).acquire_token_for_client([f"{PARTNER_CENTER}/.default"])
    assert "access_token" in answer, answer
    assert report(base, demo, answer["access_token"]) == 401
