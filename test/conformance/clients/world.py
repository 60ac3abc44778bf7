"""What the scripts of the official Python client share."""

import json
import os
import time

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

ACCOUNT = os.environ["ACCOUNT"]


def client(*login):
    """The unmodified client; only where the API is differs, and not even that when it is led there."""
    made = Client(*login)
    if "API" in os.environ:
        made.api.base_url = made.voice.base_url = os.environ["API"]
    return made


def refused(status, code, action):
    """The action must raise the client's own exception with these numbers."""
    try:
        result = action()
    except TwilioRestException as error:
        assert (error.status, error.code) == (status, code), (error.status, error.code, error.msg)
        assert error.msg, "an error has a message"
        return error
    raise AssertionError(f"expected {status} {code}, got {result}")


def refused_page(status, code, action):
    """The client's lists raise its base exception, with the response."""
    try:
        result = action()
    except TwilioException as error:
        response = error.args[1]
        assert (response.status_code, json.loads(response.text)["code"]) == (status, code), response
        return
    raise AssertionError(f"expected {status} {code}, got {result}")


def wait_for(what, condition):
    """Until the condition gives something true."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within 20 s")
