// `@azure/msal-node`: tokens over TLS, by the vendor's protocol mode and by plain OpenID Connect.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConfidentialClientApplication, ProtocolMode } from "@azure/msal-node";

import { GRAPH, base, demo, report } from "./demo.mjs";

const client = (authority, { secret = demo.b2c.client_secret, protocolMode } = {}) =>
  new ConfidentialClientApplication({
    auth: { clientId: demo.b2c.client_id, clientSecret: secret, authority, knownAuthorities: [new URL(base).host] },
    ...(protocolMode && { system: { protocolMode } }),
  });

const scopes = [`${GRAPH}/.default`];
const authority = `${base}/${demo.b2c.tenant}`;

async function works(application) {
  const answer = await application.acquireTokenByClientCredential({ scopes });
  assert.equal(answer.tokenType, "Bearer");
  assert.equal(answer.fromCache, false);
  assert.ok(answer.expiresOn > new Date());
  const rows = await fetch(report("tenantUserCount"), { headers: { Authorization: `Bearer ${answer.accessToken}` } });
  assert.equal(rows.status, 200);
  const again = await application.acquireTokenByClientCredential({ scopes });
  assert.equal(again.fromCache, true);
  assert.equal(again.accessToken, answer.accessToken);
}

test("client credentials, default protocol mode", () => works(client(authority)));

test("client credentials, protocol mode OIDC", () => works(client(authority, { protocolMode: ProtocolMode.OIDC })));

test("client credentials, protocol mode OIDC on the authority of version 2", () =>
  works(client(`${authority}/v2.0`, { protocolMode: ProtocolMode.OIDC })));

test("a wrong secret", async () => {
  await assert.rejects(client(authority, { secret: "wrong" }).acquireTokenByClientCredential({ scopes }), (error) => {
    assert.equal(error.errorCode, "invalid_client");
    assert.match(error.errorMessage, /AADSTS7000215/);
    assert.ok(error.correlationId);
    return true;
  });
});

test("an unknown tenant", async () => {
  await assert.rejects(client(`${base}/nobody.example`).acquireTokenByClientCredential({ scopes }));
});
