// OData clients on the B2C reports: `@odata/client` and `o.js`.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { EdmV2, EdmV4, OData } from "@odata/client";
import ojs from "o.js";

import { b2cToken, base, demo, report } from "./demo.mjs";

const root = `${base}/${demo.b2c.tenant}/`;
const moment = (back) => new Date(`${new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)}T00:00:00Z`);
const day = (back) => moment(back).toISOString().slice(0, 10);
let headers;

before(async () => {
  headers = { Authorization: `Bearer ${await b2cToken()}` };
});

/** The rows as `fetch` reads them, which the clients must find too. */
async function expected(name, filter) {
  const query = `api-version=beta&$filter=${encodeURIComponent(filter)}`;
  const rows = (await (await fetch(report(name, query), { headers })).json()).value;
  assert.ok(rows.length > 0);
  return rows;
}

test("@odata/client, version 4, by entity set and filter", async () => {
  const client = OData.New4({ serviceEndpoint: root, commonHeaders: headers });
  const filter = OData.newFilter().property("TimeStamp").ge(EdmV4.DateTimeOffset.from(moment(20)));
  const param = OData.newParam().filter(filter).custom("api-version", "beta");
  const rows = await client.getEntitySet("reports/b2cAuthenticationCountSummary").query(param);
  assert.deepEqual(rows, await expected("b2cAuthenticationCountSummary", `TimeStamp ge ${day(20)}`));
});

test("@odata/client, version 2 literals, by its own token request", async () => {
  const credential = {
    tokenUrl: `${root}oauth2/token`,
    clientId: demo.b2c.client_id,
    clientSecret: demo.b2c.client_secret,
  };
  const client = OData.New({ serviceEndpoint: root, credential });
  const filter = OData.newFilter()
    .property("TimeStamp")
    .ge(EdmV2.DateTime.from(moment(20)))
    .property("ApplicationId")
    .eq(EdmV2.Guid.from(demo.b2c.application_id));
  const param = OData.newParam().filter(filter);
  const answer = await client.newRequest({ collection: "reports/b2cAuthenticationCountSummary", params: param });
  const wanted = `TimeStamp ge ${day(20)} and ApplicationId eq ${demo.b2c.application_id}`;
  assert.deepEqual(answer.value, await expected("b2cAuthenticationCountSummary", wanted));
});

test("@odata/client begins at $metadata, takes $top and follows the link", async () => {
  const client = OData.New4({ serviceEndpoint: `${root}$metadata`, commonHeaders: headers });
  const whole = await client.newRequest({ collection: "reports/tenantUserCount" });
  const first = await client.newRequest({ collection: "reports/tenantUserCount", params: OData.newParam().top(20) });
  assert.equal(first.value.length, 20);
  const second = await client.requestUri(`${report("tenantUserCount", "$top=20")}&$${first["odata.nextLink"]}`);
  assert.deepEqual([...first.value, ...second.value], whole.value);
  assert.ok(!("odata.nextLink" in second));
});

test("@odata/client gives the refusal", async () => {
  const client = OData.New4({ serviceEndpoint: root, commonHeaders: headers });
  const answer = await client.newRequest({
    collection: "reports/tenantUserCount",
    params: OData.newParam().filter("ApplicationId eq ada78934-a6da-4e69-b816-10de0d79db1d"),
  });
  assert.equal(answer["odata.error"].code, "Request_UnsupportedQuery");
});

test("o.js encodes the dollar sign", async () => {
  const filter = `TimeStamp gt ${day(20)} and TimeStamp lt ${day(3)}`;
  const rows = await ojs
    .o(root, { headers })
    .get("reports/b2cMfaRequestCountSummary")
    .query({ $filter: filter, "api-version": "beta" });
  assert.deepEqual(rows, await expected("b2cMfaRequestCountSummary", filter));
});

test("o.js gives the refusal", async () => {
  const query = ojs.o(root, { headers }).get("reports/tenantUserCount").query({ $filter: "TimeStamp is late" });
  await assert.rejects(Promise.resolve(query), (answer) => answer.status === 400);
});

test("the metadata is CSDL with an entity set for each report", async () => {
  const answer = await fetch(`${root}$metadata`, { headers });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /application\/xml/);
  const text = await answer.text();
  for (const name of ["tenantUserCount", "b2cAuthenticationCount", "b2cMfaRequestCountSummary"]) {
    assert.match(text, new RegExp(`Name="${name}"`));
  }
});
