"""The first generation of the official Python client, 5.7.0, manages domains, lists and users.

It sends its credentials only when it was asked for them, so every request of it comes twice.
"""

import cgi
import os
import urllib.parse

# Gone from Python since; the client only forgot to ask for it elsewhere.
cgi.parse_qs = urllib.parse.parse_qs

from twilio import TwilioRestException
from twilio.rest import TwilioRestClient

ACCOUNT = os.environ["ACCOUNT"]
client = TwilioRestClient(ACCOUNT, os.environ["TOKEN"], base=os.environ["API"])
sip = client.sip


def refused(status, code, action):
    try:
        result = action()
    except TwilioRestException as error:
        assert (error.status, error.code) == (status, code), (error.status, error.code, error.msg)
        return
    raise AssertionError(f"expected {status} {code}, got {result}")


def sids(items):
    return [item.sid for item in items]


domain = sip.domains.create(
    friendly_name="My Domain",
    voice_url="https://demo.twilio.com/welcome",
    auth_type="IP_ACL",
    domain_name="marlo.sip.twilio.com",
)
assert (domain.domain_name, domain.auth_type) == ("marlo.sip.twilio.com", ""), domain.auth_type
assert domain.date_created and domain.account_sid == ACCOUNT
assert sip.domains.get(domain.sid).friendly_name == "My Domain"
assert sip.domains.update(domain.sid, friendly_name="Little Kevin", voice_method="GET").voice_method == "GET"

acl = sip.ip_access_control_lists.create(friendly_name="Office")
host = sip.ip_addresses(acl.sid).create(friendly_name="Host", ip_address="192.0.2.1")
assert sids(sip.ip_addresses(acl.sid).list()) == [host.sid]
users = sip.credential_lists.create(friendly_name="Users")
alice = sip.credentials(users.sid).create(username="alice", password="Correct1Horse")
assert sip.credentials(users.sid).update(alice.sid, password="Battery2Staple").username == "alice"

by_address = sip.ip_access_control_list_mappings(domain.sid)
by_password = sip.credential_list_mappings(domain.sid)
assert by_address.create(ip_access_control_list_sid=acl.sid).sid == acl.sid
assert by_password.create(credential_list_sid=users.sid).sid == users.sid
assert (sids(by_address.list()), sids(by_password.list())) == ([acl.sid], [users.sid])
assert set(sip.domains.get(domain.sid).auth_type.split(",")) == {"IP_ACL", "CREDENTIAL_LIST"}

refused(400, 21232, lambda: sip.domains.create(domain_name="marlo.sip.twilio.com"))
refused(400, 21236, lambda: sip.ip_access_control_lists.delete(acl.sid))
refused(404, 20404, lambda: sip.domains.get("SD" + "0" * 32))
stranger = TwilioRestClient(ACCOUNT, "0" * 32, base=os.environ["API"])
refused(401, 20003, lambda: stranger.sip.domains.get(domain.sid))

for number in range(5):
    sip.credential_lists.create(friendly_name=f"List {number}")
everything = sids(sip.credential_lists.list())
assert len(everything) == 6
assert sids(sip.credential_lists.list(page_size=4)) == everything[:4]
assert sids(sip.credential_lists.list(page_size=4, page=1)) == everything[4:]

assert by_address.delete(acl.sid) and by_password.delete(users.sid)
assert sip.ip_addresses(acl.sid).delete(host.sid) and sip.credentials(users.sid).delete(alice.sid)
assert sip.ip_access_control_lists.delete(acl.sid) and sip.credential_lists.delete(users.sid)
assert sip.domains.delete(domain.sid)
assert sip.domains.list() == []
print("done")
