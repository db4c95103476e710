"""`azure-storage-blob` on the link of an export whose hour is over."""

from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient

from conftest import namespace
from ea import export
from installation import Installation
from sources import cost_export


def test_after_an_hour_the_link_is_refused(tmp_path):
    own = Installation(tmp_path, "2024-11-30T12:00:00Z")
    own.run("import", "charges", cost_export(tmp_path / "november.csv", {"vm-1": "1.5"}), "--basis", "actual", "--quiet")
    own.run("enrolment", "set", "100")
    demo = namespace({"enterprise": {"enrollment": "100", "api_key": own.secret("key", "create", "100")}})
    with own.serve() as base:
        record = export(base, demo, "billingPeriod=202411")
        link = record["blobPath"]
        assert b"vm-1" in BlobClient.from_blob_url(link).download_blob().readall()
    own.now = "2024-11-30T14:00:00Z"
    with own.serve(urlsplit(link).netloc):
        with pytest.raises(HttpResponseError) as refused:
            BlobClient.from_blob_url(link, retry_total=0).download_blob()
        assert refused.value.status_code == 403
        assert refused.value.error_code == "AuthenticationFailed"
        with pytest.raises(HttpResponseError) as refused:
            BlobClient.from_blob_url(link, retry_total=0).get_blob_properties()
        assert refused.value.status_code == 403
