"""What the client tests share: the running demo and its credentials.

`cargo test` starts the demo and runs each file by pytest (crates/meterlake/tests/it/clients). By hand:
METERLAKE_DEMO=meterlake-demo/demo.json METERLAKE_PROGRAM=…/meterlake python -m pytest tests/python/test_msal.py
"""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

#: Audiences of access tokens.
GRAPH = "https://graph.windows.net"
PARTNER_CENTER = "https://api.partnercenter.microsoft.com"
METERLAKE = "api://meterlake"


@pytest.fixture(scope="session")
def demo():
    """`demo.json` of the running demo, by attributes: `demo.b2c.client_id`."""
    with open(os.environ["METERLAKE_DEMO"], encoding="utf-8") as file:
        return namespace(json.load(file))


def namespace(value):
    """Objects of JSON by attributes."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: namespace(entry) for key, entry in value.items()})
    return value


@pytest.fixture(scope="session")
def base(demo):
    """Where the demo answers, without a slash at the end."""
    return demo.base_url


@pytest.fixture(scope="session")
def over_tls(base):
    """The token libraries refuse to speak plain HTTP."""
    assert base.startswith("https://"), "start the demo with --tls"


@pytest.fixture(scope="session")
def b2c_token(demo, base):
    """An access token of the B2C application for the B2C reports."""
    return token_of(base, demo, GRAPH)


def token_of(base, demo, resource):
    """An access token of the demo's B2C application for an audience."""
    answer = requests.post(
        f"{base}/{demo.b2c.tenant}/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": demo.b2c.client_id,
            "client_secret": demo.b2c.client_secret,
            "resource": resource,
        },
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


@pytest.fixture(scope="session")
def program():
    """Runs the program on the demo's data folder and returns what it printed."""
    data = Path(os.environ["METERLAKE_DEMO"]).parent

    def run(*arguments):
        done = subprocess.run(
            [os.environ["METERLAKE_PROGRAM"], "--data", data, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    return run


def bearer(credential):
    """Headers that carry a credential."""
    return {"Authorization": f"Bearer {credential}"}


@pytest.fixture(scope="session")
def today():
    """The program's day, UTC; its clock is `METERLAKE_NOW` where that is set."""
    now = os.environ.get("METERLAKE_NOW")
    return (datetime.fromisoformat(now) if now else datetime.now(UTC)).date()


@pytest.fixture(scope="session")
def period(today):
    """The month before, `yyyyMM`: whole in the demo."""
    return f"{today.replace(day=1) - timedelta(days=1):%Y%m}"
