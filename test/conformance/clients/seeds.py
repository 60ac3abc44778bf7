"""Runs the programs that a document prints for the first generation of the Python client, as they are printed.

seeds.py FILE TABLE: TABLE is a JSON object of what stands for what. Each program finds a domain of its own.
"""

import cgi
import functools
import json
import os
import re
import sys
import urllib.parse

cgi.parse_qs = urllib.parse.parse_qs

import twilio.rest

ACCOUNT, TOKEN, API = os.environ["ACCOUNT"], os.environ["TOKEN"], os.environ["API"]
original = twilio.rest.TwilioRestClient
ours = original(ACCOUNT, TOKEN, base=API).sip
# The one thing that a program is not told by its text: where the API is.
twilio.rest.TwilioRestClient = functools.partial(original, base=API)

with open(sys.argv[1], encoding="utf-8") as document:
    text = document.read()
table = json.loads(sys.argv[2])
programs = re.findall(r"^from twilio\.rest import TwilioRestClient\n.*?(?=^# Get twilio-ruby)", text, re.M | re.S)
for number, program in enumerate(programs):
    domain = ours.domains.create(domain_name=f"seed-{number}.sip.twilio.com")
    acl = ours.ip_access_control_lists.create(friendly_name=f"Seed {number}")
    users = ours.credential_lists.create(friendly_name=f"Seed {number}")
    # A mapping that a program makes is not there before.
    if "ip_access_control_list_mappings" not in program or ".create(" not in program:
        ours.ip_access_control_list_mappings(domain.sid).create(acl.sid)
    if "credential_list_mappings" not in program or ".create(" not in program:
        ours.credential_list_mappings(domain.sid).create(users.sid)
    found = {"domain": domain.sid, "acl": acl.sid, "users": users.sid, "account": ACCOUNT, "token": TOKEN}
    for printed, name in table.items():
        program = program.replace(printed, found[name])
    try:
        exec(compile(program, f"{sys.argv[1]} program {number}", "exec"), {})
    except Exception:
        print(program)
        raise
assert len(programs) >= 10, f"{len(programs)} programs"
print("done")
