// The official Node client watches and steers live calls: calls.mjs ENDED REDIRECTED TOLD URL, three live
// calls, and the document that the second one is to be sent to.

import assert from 'node:assert/strict';
import { account, client, refused, waitFor } from './world.mjs';

const main = client(account, process.env.TOKEN);
const [ended, redirected, told, url] = process.argv.slice(2);

await waitFor('three calls in progress', async () => {
  const live = await main.calls.list({ status: 'in-progress' });
  return live.length === 3;
});
const call = await main.calls(told).fetch();
assert.deepEqual([call.direction, call.status, call.to], ['inbound', 'in-progress', 'sip:live@calls.sip.twilio.com']);
assert.ok(call.startTime instanceof Date);

assert.equal((await main.calls(ended).update({ status: 'completed' })).sid, ended);
assert.equal((await main.calls(redirected).update({ url, method: 'GET' })).sid, redirected);
const twiml = '<Response><Play digits="7*"/></Response>';
assert.equal((await main.calls(told).update({ twiml })).sid, told);

for (const sid of [ended, redirected, told]) {
  const over = await waitFor('the end', async () => {
    const row = await main.calls(sid).fetch();
    return row.status === 'completed' && row;
  });
  assert.ok(Number(over.duration) >= 0 && over.endTime instanceof Date);
}
await refused(400, 21220, () => main.calls(ended).update({ status: 'completed' }));

// The document it was sent to has a verb that does not exist.
const [note] = await waitFor('a notification', async () => {
  const list = await main.calls(redirected).notifications.list();
  return list.length > 0 && list;
});
assert.deepEqual([note.errorCode, note.log, note.callSid], ['12200', '1', redirected]);
const whole = await main.calls(redirected).notifications(note.sid).fetch();
assert.ok(whole.messageText.includes('Dance') && whole.responseBody.includes('<Dance/>'));
console.log('done');
