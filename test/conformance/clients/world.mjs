// What the scripts of the official Node client share.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(process.env.LIBRARIES + '/');
export const twilio = require('twilio');
// Version 3 does not name it at the top.
const RestException = twilio.RestException ?? require('twilio/lib/base/RestException');
export const account = process.env.ACCOUNT;

/** The unmodified client; only where the API is differs, and not even that when it is led there. */
export function client(user, password, options = {}) {
  const made = twilio(user, password, options);
  if (process.env.API) made.api.baseUrl = made.voice.baseUrl = process.env.API;
  return made;
}

/** The action must fail with the client's own exception and these numbers. */
export async function refused(status, code, action) {
  await assert.rejects(action, (error) => {
    assert.ok(error instanceof RestException, String(error));
    assert.deepEqual([error.status, error.code], [status, code], error.message);
    assert.ok(error.message && error.moreInfo.endsWith('/' + code), error.moreInfo);
    return true;
  });
}

/** Until the condition gives something true. */
export async function waitFor(what, condition) {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const result = await condition();
    if (result) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(what + ': not within 20 s');
}
