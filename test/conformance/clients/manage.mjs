// The official Node client manages domains, lists, users and keys.

import assert from 'node:assert/strict';
import { account, client, refused } from './world.mjs';

const main = client(account, process.env.TOKEN);
const { sip } = main;
const sids = (list) => list.map((one) => one.sid);

// A domain with every field that there is. What `create` returns cannot be updated with this client, which
// forgets its SID; so contexts are used.
const domain = await sip.domains.create({
  domainName: 'node.sip.twilio.com',
  friendlyName: 'Node',
  voiceUrl: 'https://example.com/voice?a=b#rc=2',
  voiceMethod: 'GET',
  voiceFallbackUrl: 'https://example.com/fallback',
  voiceFallbackMethod: 'GET',
  voiceStatusCallbackUrl: 'https://example.com/status',
  voiceStatusCallbackMethod: 'GET',
  sipRegistration: true,
  emergencyCallingEnabled: false,
  secure: true,
});
assert.match(domain.sid, /^SD[0-9a-f]{32}$/);
assert.deepEqual([domain.accountSid, domain.apiVersion, domain.authType], [account, '2010-04-01', '']);
assert.deepEqual([domain.sipRegistration, domain.secure, domain.emergencyCallingEnabled], [true, true, false]);
assert.deepEqual([domain.voiceUrl, domain.voiceMethod], ['https://example.com/voice?a=b#rc=2', 'GET']);
assert.ok(Math.abs(Date.now() - domain.dateCreated.getTime()) < 600_000);
const fetched = await sip.domains(domain.sid).fetch();
assert.deepEqual(fetched.toJSON(), domain.toJSON());
const updated = await sip.domains(domain.sid).update({ friendlyName: 'Renamed', secure: false });
assert.deepEqual([updated.friendlyName, updated.secure, updated.voiceUrl], ['Renamed', false, domain.voiceUrl]);

// Lists and what is in them.
const acl = await sip.ipAccessControlLists.create({ friendlyName: 'Office' });
const addresses = sip.ipAccessControlLists(acl.sid).ipAddresses;
const host = await addresses.create({ friendlyName: 'Host', ipAddress: '192.0.2.1' });
assert.deepEqual([host.cidrPrefixLength, host.ipAccessControlListSid], [32, acl.sid]);
const moved = await addresses(host.sid).update({ ipAddress: '198.51.100.0', cidrPrefixLength: 24 });
assert.deepEqual([moved.ipAddress, moved.cidrPrefixLength], ['198.51.100.0', 24]);
assert.deepEqual(sids(await addresses.list()), [host.sid]);
assert.equal((await sip.ipAccessControlLists(acl.sid).update({ friendlyName: 'Offices' })).friendlyName, 'Offices');

const users = await sip.credentialLists.create({ friendlyName: 'Users' });
const credentials = sip.credentialLists(users.sid).credentials;
const alice = await credentials.create({ username: 'alice', password: 'Correct1Horse' });
assert.equal((await credentials(alice.sid).update({ password: 'Battery2Staple' })).username, 'alice');
assert.equal((await credentials(alice.sid).fetch()).credentialListSid, users.sid);
assert.equal((await sip.credentialLists(users.sid).update({ friendlyName: 'People' })).friendlyName, 'People');

// Every door to the mappings; the first two of each kind lead to one set.
const doors = sip.domains(domain.sid);
const byAddress = doors.ipAccessControlListMappings;
const byAddressToo = doors.auth.calls.ipAccessControlListMappings;
const byPassword = doors.credentialListMappings;
const byPasswordToo = doors.auth.calls.credentialListMappings;
const registrations = doors.auth.registrations.credentialListMappings;

const mapping = await byAddressToo.create({ ipAccessControlListSid: acl.sid });
assert.deepEqual([mapping.sid, mapping.friendlyName], [acl.sid, 'Offices']);
assert.deepEqual(sids(await byAddress.list()), [acl.sid]);
assert.equal((await byAddress(acl.sid).fetch()).domainSid, domain.sid);
assert.equal((await byPassword.create({ credentialListSid: users.sid })).domainSid, domain.sid);
assert.deepEqual(sids(await byPasswordToo.list()), [users.sid]);
assert.equal((await byPasswordToo(users.sid).fetch()).friendlyName, 'People');
assert.deepEqual(await registrations.list(), []);
assert.equal((await registrations.create({ credentialListSid: users.sid })).sid, users.sid);
assert.equal((await registrations(users.sid).fetch()).sid, users.sid);

// Errors are the client's exceptions, with the documented numbers.
await refused(400, 21232, () => sip.domains.create({ domainName: 'node.sip.twilio.com' }));
await refused(400, 21403, () => sip.domains(domain.sid).update({ voiceMethod: 'TRACE' }));
await refused(400, 21231, () => byAddress.create({ ipAccessControlListSid: acl.sid }));
await refused(400, 21235, () => sip.ipAccessControlLists.create({ friendlyName: 'Offices' }));
await refused(400, 21243, () => credentials.create({ username: 'bob', password: 'weak' }));
await refused(400, 21236, () => sip.ipAccessControlLists(acl.sid).remove());
await refused(400, 21241, () => sip.credentialLists(users.sid).remove());
await refused(400, 20007, () => sip.domains.page({ pageSize: 1001 }));
await refused(404, 20404, () => sip.domains('SD' + '0'.repeat(32)).fetch());
await refused(401, 20003, () => client(account, '0'.repeat(32)).sip.domains.list());

// Pages, as the client walks them.
for (let number = 0; number < 5; number += 1) {
  await sip.credentialLists.create({ friendlyName: 'List ' + number });
}
const everything = sids(await sip.credentialLists.list());
assert.equal(everything.length, 6);
assert.deepEqual(sids(await sip.credentialLists.list({ pageSize: 2 })), everything);
assert.deepEqual(sids(await sip.credentialLists.list({ pageSize: 2, limit: 3 })), everything.slice(0, 3));
const first = await sip.credentialLists.page({ pageSize: 4 });
const second = await first.nextPage();
assert.deepEqual(sids(second.instances), everything.slice(4));
assert.equal(await second.nextPage(), undefined);
assert.deepEqual(sids((await second.previousPage()).instances), everything.slice(0, 4));

// The product API pages by absolute URLs, which lead back the way the client came.
const { byocTrunks } = main.voice.v1;
const trunks = [];
for (const friendlyName of ['Trunk 0', 'Trunk 1', 'Trunk 2']) {
  trunks.push((await byocTrunks.create({ friendlyName })).sid);
}
assert.deepEqual(sids(await byocTrunks.list({ pageSize: 1 })).sort(), [...trunks].sort());
assert.ok((await byocTrunks(trunks[0]).fetch()).url.startsWith(main.voice.baseUrl + '/v1/ByocTrunks/'));
for (const trunk of trunks) await byocTrunks(trunk).remove();

// A key is as good as the token, but for the keys themselves.
const key = await main.newKeys.create({ friendlyName: 'Build' });
const withKey = client(key.sid, key.secret, { accountSid: account });
assert.equal((await withKey.sip.domains(domain.sid).fetch()).sid, domain.sid);
await refused(403, 20003, () => withKey.keys.list());
assert.equal(await main.keys(key.sid).remove(), true);
await refused(401, 20003, () => withKey.sip.domains.list());

// And away again.
assert.equal(await byAddress(acl.sid).remove(), true);
await refused(404, 20404, () => byAddressToo(acl.sid).fetch());
assert.equal(await byPasswordToo(users.sid).remove(), true);
assert.equal(await registrations(users.sid).remove(), true);
assert.equal(await credentials(alice.sid).remove(), true);
assert.equal(await addresses(host.sid).remove(), true);
assert.equal(await sip.ipAccessControlLists(acl.sid).remove(), true);
assert.equal(await sip.credentialLists(users.sid).remove(), true);
assert.equal(await sip.domains(domain.sid).remove(), true);
assert.deepEqual(await sip.domains.list(), []);
console.log('done');
