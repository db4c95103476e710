// The running demo: its credentials, and what the tests share.

import { readFileSync } from "node:fs";

/** `demo.json` of the running demo. */
export const demo = JSON.parse(readFileSync(process.env.METERLAKE_DEMO, "utf8"));

/** Where it answers, without a slash at the end. */
export const base = demo.base_url;

/** The audience of the B2C reports. */
export const GRAPH = "https://graph.windows.net";

/** The address of a B2C report. */
export const report = (name, query = "api-version=beta") => `${base}/${demo.b2c.tenant}/reports/${name}?${query}`;

/** An access token of the demo's B2C application for the B2C reports. */
export async function b2cToken() {
  const form = {
    grant_type: "client_credentials",
    client_id: demo.b2c.client_id,
    client_secret: demo.b2c.client_secret,
    resource: GRAPH,
  };
  const answer = await fetch(`${base}/${demo.b2c.tenant}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
  return (await answer.json()).access_token;
}

/** The link of a finished export of the month before. */
export async function exportLink() {
  const headers = { Authorization: `Bearer ${demo.enterprise.api_key}` };
  const month = new Date(process.env.METERLAKE_NOW ?? Date.now());
  month.setUTCDate(0);
  const period = month.toISOString().slice(0, 7).replace("-", "");
  const root = `${base}/v3/enrollments/${demo.enterprise.enrollment}/usagedetails`;
  let record = await (await fetch(`${root}/submit?billingPeriod=${period}`, { method: "POST", headers })).json();
  for (let tries = 0; tries < 600 && record.status < 3; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    record = await (await fetch(record.reportUrl, { headers })).json();
  }
  if (record.status !== 3) throw new Error(`the export did not end: ${JSON.stringify(record)}`);
  return record.blobPath;
}
