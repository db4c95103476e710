// `adal-node`, the library of the reports' days: v1 tokens over TLS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";

import adal from "adal-node";

import { GRAPH, base, demo, report } from "./demo.mjs";

function acquire(secret, tenant = demo.b2c.tenant) {
  // A cache of its own: the library's shared one would answer a wrong secret with the token of the right one.
  const context = new adal.AuthenticationContext(`${base}/${tenant}`, false, new adal.MemoryCache());
  return promisify(context.acquireTokenWithClientCredentials.bind(context))(GRAPH, demo.b2c.client_id, secret);
}

test("client credentials, then a report", async () => {
  const token = await acquire(demo.b2c.client_secret);
  assert.equal(token.tokenType, "Bearer");
  assert.equal(token.resource, GRAPH);
  assert.ok(token.expiresOn > new Date());
  const rows = await fetch(report("b2cMfaRequestCountSummary"), { headers: { Authorization: `Bearer ${token.accessToken}` } });
  assert.equal(rows.status, 200);
});

test("a wrong secret", async () => {
  await assert.rejects(acquire("wrong"), /AADSTS7000215/);
});

test("an unknown tenant", async () => {
  await assert.rejects(acquire(demo.b2c.client_secret, "nobody.example"), /AADSTS90002/);
});
