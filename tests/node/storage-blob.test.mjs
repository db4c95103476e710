// `@azure/storage-blob` on the link of an export.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { AnonymousCredential, BlobClient } from "@azure/storage-blob";

import { exportLink } from "./demo.mjs";

const blob = (url) => new BlobClient(url, new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
let link;
let whole;

before(async () => {
  link = await exportLink();
  whole = Buffer.from(await (await fetch(link)).arrayBuffer());
  assert.ok(whole.length > 100_000);
});

test("download to a buffer, in blocks at once", async () => {
  const found = await blob(link).downloadToBuffer(0, undefined, { blockSize: 64 * 1024, concurrency: 4 });
  assert.ok(found.equals(whole));
});

test("download as a stream", async () => {
  const pieces = [];
  for await (const piece of (await blob(link).download()).readableStreamBody) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(whole));
});

test("a range", async () => {
  const found = await blob(link).downloadToBuffer(1000, 500);
  assert.ok(found.equals(whole.subarray(1000, 1500)));
});

test("properties", async () => {
  const properties = await blob(link).getProperties();
  assert.equal(properties.contentLength, whole.length);
  assert.equal(properties.contentType, "application/octet-stream");
  assert.ok(properties.etag && properties.lastModified);
});

test("an altered link", async () => {
  const altered = new URL(link);
  const signature = altered.searchParams.get("sig");
  altered.searchParams.set("sig", (signature[0] === "A" ? "B" : "A") + signature.slice(1));
  await assert.rejects(blob(altered.href).download(), (error) => {
    assert.equal(error.statusCode, 403);
    assert.equal(error.code, "AuthenticationFailed");
    return true;
  });
  await assert.rejects(blob(altered.href).getProperties(), { statusCode: 403 });
});
