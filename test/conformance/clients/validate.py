"""Checks the signatures of requests that an application got, with the official validator.

validate.py TOKEN FILE: the file has one JSON object a line, {"url", "params", "signature"}; prints one word a
line, `valid` or `invalid`.
"""

import json
import sys

from twilio.request_validator import RequestValidator

validator = RequestValidator(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as requests:
    for line in requests:
        request = json.loads(line)
        valid = validator.validate(request["url"], dict(request["params"]), request["signature"])
        print("valid" if valid else "invalid")
