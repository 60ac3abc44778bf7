// The first generation of the official Node client, 2.11.1, manages domains, lists and users. It speaks https
// only, and answers with the JSON as it came, with names in camel case beside it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(process.env.LIBRARIES + '/');
const twilio = require('twilio');
const account = process.env.ACCOUNT;
const host = new URL(process.env.API).host;
const client = (token) => new twilio.RestClient(account, token, { host });
const { sip } = client(process.env.TOKEN).accounts(account);
const sids = (list) => list.map((one) => one.sid);

async function refused(status, code, action) {
  await assert.rejects(Promise.resolve(action()), (error) => {
    assert.deepEqual([error.status, error.code], [status, code], error.message);
    return true;
  });
}

const domain = await sip.domains.create({
  friendlyName: 'My Domain',
  voiceUrl: 'https://demo.twilio.com/welcome',
  authType: 'IP_ACL',
  domainName: 'marlo.sip.twilio.com',
});
assert.deepEqual([domain.domainName, domain.domain_name], ['marlo.sip.twilio.com', 'marlo.sip.twilio.com']);
assert.ok(domain.dateCreated instanceof Date && !Number.isNaN(domain.dateCreated.getTime()));
const updated = await sip.domains(domain.sid).update({ friendlyName: 'Little Kevin', voiceMethod: 'GET' });
assert.deepEqual([updated.friendlyName, updated.voiceMethod], ['Little Kevin', 'GET']);

const acl = await sip.ipAccessControlLists.create({ friendlyName: 'Office' });
const users = await sip.credentialLists.create({ friendlyName: 'Users' });
const credentials = sip.credentialLists(users.sid).credentials;
const alice = await credentials.create({ username: 'alice', password: 'Correct1Horse' });
assert.equal((await credentials(alice.sid).update({ password: 'Battery2Staple' })).username, 'alice');
const byAddress = sip.domains(domain.sid).ipAccessControlListMappings;
const byPassword = sip.domains(domain.sid).credentialListMappings;
assert.equal((await byAddress.create({ ipAccessControlListSid: acl.sid })).sid, acl.sid);
assert.equal((await byPassword.create({ credentialListSid: users.sid })).sid, users.sid);
assert.deepEqual(sids((await byAddress.list()).ipAccessControlListMappings), [acl.sid]);
assert.equal((await sip.domains(domain.sid).get()).sid, domain.sid);

await refused(400, 21232, () => sip.domains.create({ domainName: 'marlo.sip.twilio.com' }));
await refused(400, 21236, () => sip.ipAccessControlLists(acl.sid).delete());
await refused(404, 20404, () => sip.domains('SD' + '0'.repeat(32)).get());
await refused(401, 20003, () => client('0'.repeat(32)).accounts(account).sip.domains.list());

for (let number = 0; number < 5; number += 1) {
  await sip.credentialLists.create({ friendlyName: 'List ' + number });
}
const everything = sids((await sip.credentialLists.list()).credentialLists);
assert.equal(everything.length, 6);
const first = await sip.credentialLists.list({ PageSize: 4 });
assert.deepEqual(sids(first.credentialLists), everything.slice(0, 4));
const token = new URL(first.nextPageUri, 'https://x').searchParams.get('PageToken');
const second = await sip.credentialLists.list({ PageSize: 4, Page: 1, PageToken: token });
assert.deepEqual(sids(second.credentialLists), everything.slice(4));

await byAddress(acl.sid).delete();
await byPassword(users.sid).delete();
await credentials(alice.sid).delete();
await sip.ipAccessControlLists(acl.sid).delete();
await sip.credentialLists(users.sid).delete();
await sip.domains(domain.sid).delete();
assert.deepEqual((await sip.domains.list()).domains, []);
console.log('done');
