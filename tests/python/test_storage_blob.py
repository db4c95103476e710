"""`azure-storage-blob` on the link of an export."""

import io
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobClient

from ea import export

CHUNK = 64 * 1024


@pytest.fixture(scope="module")
def link(base, demo, period):
    """The link of a finished export."""
    record = export(base, demo, f"billingPeriod={period}")
    assert record["status"] == 3, record
    return record["blobPath"]


@pytest.fixture(scope="module")
def whole(link):
    """The file as plain HTTP gives it."""
    answer = requests.get(link, timeout=60)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 2 * CHUNK, "the file is too small for chunks"
    return answer.content


def test_download_whole(link, whole):
    download = BlobClient.from_blob_url(link).download_blob()
    assert download.readall() == whole
    assert download.size == len(whole)


def test_download_in_chunks(link, whole):
    blob = BlobClient.from_blob_url(link, max_single_get_size=CHUNK, max_chunk_get_size=CHUNK)
    chunks = list(blob.download_blob().chunks())
    assert len(chunks) == -(-len(whole) // CHUNK)
    assert b"".join(chunks) == whole
    # Several connections at once, as the library does for large files.
    into = io.BytesIO()
    blob.download_blob(max_concurrency=4).readinto(into)
    assert into.getvalue() == whole


def test_download_a_range(link, whole):
    blob = BlobClient.from_blob_url(link)
    assert blob.download_blob(offset=1000, length=500).readall() == whole[1000:1500]
    assert blob.download_blob(offset=len(whole) - 7).readall() == whole[-7:]


def test_properties(link, whole):
    properties = BlobClient.from_blob_url(link).get_blob_properties()
    assert properties.size == len(whole)
    assert properties.content_settings.content_type == "application/octet-stream"
    assert properties.etag and properties.last_modified
    assert BlobClient.from_blob_url(link).exists()


def test_path_is_account_container_and_id(link, base):
    blob = BlobClient.from_blob_url(link)
    account, container, name = urlsplit(link).path.strip("/").split("/")
    assert (blob.account_name, blob.container_name, blob.blob_name) == (account, container, name)
    assert link.startswith(f"{base}/")


def test_altered_signature(link):
    signature = parse_qs(urlsplit(link).query)["sig"][0]
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    with pytest.raises(HttpResponseError) as refused:
        BlobClient.from_blob_url(link.replace("sig=" + signature[0], "sig=" + other[0], 1), retry_total=0).download_blob()
    assert refused.value.status_code == 403
    assert refused.value.error_code == "AuthenticationFailed"


def test_altered_expiry(link):
    expiry = parse_qs(urlsplit(link).query)["se"][0]
    later = str(int(expiry[:4]) + 1) + expiry[4:]
    altered = link.replace(f"se={expiry[:4]}", f"se={later[:4]}", 1)
    assert altered != link
    with pytest.raises(HttpResponseError) as refused:
        BlobClient.from_blob_url(altered, retry_total=0).get_blob_properties()
    assert refused.value.status_code == 403
    with pytest.raises(HttpResponseError) as refused:
        BlobClient.from_blob_url(altered, retry_total=0).download_blob()
    assert refused.value.error_code == "AuthenticationFailed"


def test_link_of_another_file(link):
    path = urlsplit(link).path
    other = link.replace(path, path[:-1] + ("0" if path[-1] != "0" else "1"), 1)
    with pytest.raises((HttpResponseError, ResourceNotFoundError)) as refused:
        BlobClient.from_blob_url(other, retry_total=0).download_blob()
    assert refused.value.status_code == 403
