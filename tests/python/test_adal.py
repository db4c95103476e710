"""`adal`, the library that scripts of the reports' days use: v1 tokens over TLS."""

import adal
import pytest
import requests

from conftest import GRAPH

pytestmark = pytest.mark.usefixtures("over_tls")


def test_client_credentials_then_a_report(base, demo):
    context = adal.AuthenticationContext(f"{base}/{demo.b2c.tenant}", validate_authority=False)
    token = context.acquire_token_with_client_credentials(GRAPH, demo.b2c.client_id, demo.b2c.client_secret)
    assert token["tokenType"] == "Bearer" and token["resource"] == GRAPH
    assert 0 < int(token["expiresIn"]) <= 3600
    answer = requests.get(
        f"{base}/{demo.b2c.tenant}/reports/b2cAuthenticationCountSummary?api-version=beta",
        headers={"Authorization": f"{token['tokenType']} {token['accessToken']}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["value"]


def test_wrong_secret(base, demo):
    context = adal.AuthenticationContext(f"{base}/{demo.b2c.tenant}", validate_authority=False)
    with pytest.raises(adal.AdalError) as refused:
        context.acquire_token_with_client_credentials(GRAPH, demo.b2c.client_id, "not-the-secret")
    body = refused.value.error_response
    assert body["error"] == "invalid_client"
    assert body["error_description"].startswith("AADSTS7000215:")
    assert "401" in str(refused.value)


def test_unknown_tenant(base, demo):
    context = adal.AuthenticationContext(f"{base}/nobody.example", validate_authority=False)
    with pytest.raises(adal.AdalError) as refused:
        context.acquire_token_with_client_credentials(GRAPH, demo.b2c.client_id, demo.b2c.client_secret)
    assert refused.value.error_response["error_description"].startswith("AADSTS90002:")
