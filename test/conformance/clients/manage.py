"""The official Python client manages domains, lists, users and keys."""

import datetime
import os

from world import ACCOUNT, client, refused, refused_page

twilio = client(ACCOUNT, os.environ["TOKEN"])
sip = twilio.sip

# A domain with every field that there is, and one with none.
domain = sip.domains.create(
    domain_name="python.sip.twilio.com",
    friendly_name="Python",
    voice_url="https://example.com/voice?a=b#rc=2",
    voice_method="GET",
    voice_fallback_url="https://example.com/fallback",
    voice_fallback_method="GET",
    voice_status_callback_url="https://example.com/status",
    voice_status_callback_method="GET",
    sip_registration=True,
    emergency_calling_enabled=False,
    secure=True,
)
assert domain.sid.startswith("SD") and len(domain.sid) == 34, domain.sid
assert (domain.account_sid, domain.api_version) == (ACCOUNT, "2010-04-01")
assert domain.auth_type == "", domain.auth_type
assert (domain.sip_registration, domain.secure, domain.emergency_calling_enabled) == (True, True, False)
assert domain.voice_url == "https://example.com/voice?a=b#rc=2"
assert domain.voice_method == domain.voice_fallback_method == domain.voice_status_callback_method == "GET"
age = datetime.datetime.now(datetime.timezone.utc) - domain.date_created
assert abs(age.total_seconds()) < 600, domain.date_created
assert domain.subresource_uris["credential_list_mappings"].endswith("/CredentialListMappings.json")
bare = sip.domains.create(domain_name="bare.sip.twilio.com")
assert bare.voice_method == "POST" and not bare.voice_url and not bare.sip_registration

fetched = sip.domains(domain.sid).fetch()
assert (fetched.domain_name, fetched.date_created) == (domain.domain_name, domain.date_created)
updated = domain.update(friendly_name="Renamed", secure=False, voice_url="http://example.com/")
assert (updated.friendly_name, updated.secure, updated.voice_url) == ("Renamed", False, "http://example.com/")
assert updated.voice_fallback_url == "https://example.com/fallback", "what is not named stays"

# Lists and what is in them.
acl = sip.ip_access_control_lists.create(friendly_name="Office")
addresses = sip.ip_access_control_lists(acl.sid).ip_addresses
host = addresses.create(friendly_name="Host", ip_address="192.0.2.1")
net = addresses.create(friendly_name="Net", ip_address="198.51.100.0", cidr_prefix_length=24)
assert (host.cidr_prefix_length, net.cidr_prefix_length) == (32, 24)
assert host.ip_access_control_list_sid == acl.sid
host = addresses(host.sid).update(ip_address="192.0.2.2", cidr_prefix_length=31)
assert (addresses(host.sid).fetch().ip_address, host.cidr_prefix_length) == ("192.0.2.2", 31)
assert {one.sid for one in addresses.list()} == {host.sid, net.sid}
assert acl.update(friendly_name="Offices").friendly_name == "Offices"
assert sip.ip_access_control_lists(acl.sid).fetch().friendly_name == "Offices"

users = sip.credential_lists.create(friendly_name="Users")
credentials = sip.credential_lists(users.sid).credentials
alice = credentials.create(username="alice", password="Correct1Horse")
assert alice.sid.startswith("CR") and not hasattr(alice, "password")
assert credentials(alice.sid).update(password="Battery2Staple").username == "alice"
assert credentials(alice.sid).fetch().credential_list_sid == users.sid
assert [one.username for one in credentials.list()] == ["alice"]
assert users.update(friendly_name="People").friendly_name == "People"
assert sip.credential_lists(users.sid).fetch().friendly_name == "People"

# Every door to the mappings; the first two of each kind lead to one set.
doors = sip.domains(domain.sid)
by_address = doors.ip_access_control_list_mappings
by_address_too = doors.auth.calls.ip_access_control_list_mappings
by_password = doors.credential_list_mappings
by_password_too = doors.auth.calls.credential_list_mappings
registrations = doors.auth.registrations.credential_list_mappings

mapping = by_address.create(ip_access_control_list_sid=acl.sid)
assert (mapping.sid, mapping.friendly_name, mapping.domain_sid) == (acl.sid, "Offices", domain.sid)
assert by_address(acl.sid).fetch().sid == acl.sid
assert [one.sid for one in by_address_too.list()] == [acl.sid]
assert by_address_too(acl.sid).fetch().friendly_name == "Offices"
mapping = by_password_too.create(credential_list_sid=users.sid)
assert (mapping.sid, mapping.friendly_name) == (users.sid, "People")
assert [one.sid for one in by_password.list()] == [users.sid]
assert by_password(users.sid).fetch().domain_sid == domain.sid
assert registrations.list() == [], "registrations have a set of their own"
assert registrations.create(credential_list_sid=users.sid).sid == users.sid
assert registrations(users.sid).fetch().friendly_name == "People"
assert [one.sid for one in registrations.list()] == [users.sid]
assert set(domain.fetch().auth_type.replace(" ", "").split(",")) == {"IP_ACL", "CREDENTIAL_LIST"}

# Errors are the client's exceptions, with the documented numbers.
refused(400, 21232, lambda: sip.domains.create(domain_name="python.sip.twilio.com"))
refused(400, 21232, lambda: sip.domains.create(domain_name="python.example.com"))
refused(400, 21402, lambda: domain.update(voice_url="nonsense"))
refused(400, 21231, lambda: by_address_too.create(ip_access_control_list_sid=acl.sid))
refused(400, 21231, lambda: by_password.create(credential_list_sid=acl.sid))
refused(400, 21235, lambda: sip.ip_access_control_lists.create(friendly_name="Offices"))
refused(400, 21238, lambda: addresses.create(friendly_name="Bad", ip_address="192.0.2.*"))
refused(400, 21243, lambda: credentials.create(username="bob", password="weak"))
refused(400, 21240, lambda: sip.credential_lists.create(friendly_name="People"))
refused(400, 21236, lambda: acl.delete())
refused(400, 21241, lambda: users.delete())
refused_page(400, 20007, lambda: sip.domains.page(page_size=1001))
refused(404, 20404, lambda: sip.domains("SD" + "0" * 32).fetch())
refused(404, 20404, lambda: sip.domains("SD" + "0" * 32).delete())
stranger = client(ACCOUNT, "0" * 32).sip
assert refused(401, 20003, lambda: stranger.domains(domain.sid).fetch()).msg.endswith("Authenticate")
refused_page(401, 20003, lambda: stranger.domains.list())

# Pages, as the client walks them.
for number in range(5):
    sip.credential_lists.create(friendly_name=f"List {number}")
everything = [one.sid for one in sip.credential_lists.list()]
assert len(everything) == 6
assert [one.sid for one in sip.credential_lists.list(page_size=2)] == everything
assert [one.sid for one in sip.credential_lists.stream(limit=3, page_size=2)] == everything[:3]
page = sip.credential_lists.page(page_size=4)
assert [one.sid for one in page] == everything[:4]
page = page.next_page()
assert [one.sid for one in page] == everything[4:]
assert page.next_page() is None
assert [one.sid for one in page.previous_page()] == everything[:4]

# The product API pages by absolute URLs, which lead back the way the client came.
trunks = [twilio.voice.v1.byoc_trunks.create(friendly_name=f"Trunk {number}").sid for number in range(3)]
assert sorted(one.sid for one in twilio.voice.v1.byoc_trunks.list(page_size=1)) == sorted(trunks)
assert twilio.voice.v1.byoc_trunks(trunks[0]).fetch().url.startswith(twilio.voice.base_url + "/v1/ByocTrunks/")
assert all(twilio.voice.v1.byoc_trunks(trunk).delete() for trunk in trunks)

# A key is as good as the token, but for the keys themselves.
key = twilio.new_keys.create(friendly_name="Build")
assert key.sid.startswith("SK") and key.secret
assert [(one.sid, one.friendly_name) for one in twilio.keys.list()] == [(key.sid, "Build")]
with_key = client(key.sid, key.secret, ACCOUNT)
assert with_key.sip.domains(domain.sid).fetch().sid == domain.sid
by_key = with_key.sip.domains.create(domain_name="by-key.sip.twilio.com")
assert with_key.sip.domains(by_key.sid).delete()
refused(403, 20003, lambda: with_key.keys(key.sid).fetch())
assert twilio.keys(key.sid).delete()
refused_page(401, 20003, lambda: with_key.sip.domains.list())

# And away again.
assert by_address_too(acl.sid).delete()
refused(404, 20404, lambda: by_address(acl.sid).fetch())
assert by_password(users.sid).delete()
assert by_password_too.list() == []
assert registrations(users.sid).delete()
assert credentials(alice.sid).delete()
assert addresses(host.sid).delete()
assert acl.delete() and users.delete()
assert domain.delete() and bare.delete()
assert sip.domains.list() == []
print("done")
