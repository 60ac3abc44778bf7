"""The official Python client watches and steers live calls: calls.py ENDED REDIRECTED TOLD URL, three live
calls, and the document that the second one is to be sent to."""

import os
import sys

from world import ACCOUNT, client, refused, wait_for

twilio = client(ACCOUNT, os.environ["TOKEN"])
ended, redirected, told, url = sys.argv[1:]

live = wait_for("three calls in progress", lambda: (
    [call.sid for call in twilio.calls.list(status="in-progress")] if
    len(twilio.calls.list(status="in-progress")) == 3 else None
))
assert set(live) == {ended, redirected, told}, live
call = twilio.calls(told).fetch()
assert (call.direction, call.status, call.api_version) == ("inbound", "in-progress", "2010-04-01")
assert call.to == "sip:live@calls.sip.twilio.com" and call.end_time is None, (call.to, call.end_time)
assert call.start_time is not None and call.date_created is not None
assert [one.sid for one in twilio.calls.list(to=call.to, page_size=1, limit=2)] == live[:2]

assert twilio.calls(ended).update(status="completed").sid == ended
assert twilio.calls(redirected).update(url=url, method="GET").sid == redirected
assert twilio.calls(told).update(twiml='<Response><Play digits="7*"/></Response>').sid == told

for sid in (ended, redirected, told):
    over = wait_for("the end", lambda: (lambda call: call.end_time and call)(twilio.calls(sid).fetch()))
    assert over.status == "completed" and int(over.duration) >= 0, (over.status, over.duration)
refused(400, 21220, lambda: twilio.calls(ended).update(status="completed"))
refused(404, 20404, lambda: twilio.calls("CA" + "0" * 32).update(status="completed"))

# The document it was sent to has a verb that does not exist.
notes = wait_for("a notification", lambda: twilio.calls(redirected).notifications.list())
assert (notes[0].error_code, notes[0].log, notes[0].call_sid) == ("12200", "1", redirected)
assert notes[0].request_url.startswith(url), notes[0].request_url
whole = twilio.calls(redirected).notifications(notes[0].sid).fetch()
assert "Dance" in whole.message_text and "<Dance/>" in whole.response_body
assert "CallSid=" + redirected in whole.request_variables
assert twilio.calls(ended).notifications.list() == []
assert notes[0].sid in [one.sid for one in twilio.api.account.notifications.list()]
print("done")
