"""A phone on a WebSocket (RFC 7118), on the library `websockets`: websocket.py URL CAFILE. It asks for OPTIONS, calls
with a password, and hears the service hang up."""

import hashlib
import re
import ssl
import sys
import uuid

from websockets.sync.client import connect

url, authority = sys.argv[1:]
USER, PASSWORD = "alice", "Wonderland2026"
DOMAIN = "browser.sip.twilio.com"
CALL = uuid.uuid4().hex
VIA = "WSS" if url.startswith("wss") else "WS"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def request(method, number, branch, to="", more="", body="", uri=f"sip:100@{DOMAIN}"):
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/{VIA} df7jal23ls0d.invalid;branch=z9hG4bK{CALL}{branch}\r\n"
        f"From: <sip:{USER}@{DOMAIN}>;tag=f1\r\nTo: {to or f'<sip:100@{DOMAIN}>'}\r\n"
        f"Call-ID: {CALL}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:{USER}@df7jal23ls0d.invalid;transport=ws>\r\n{more}"
        + (f"Content-Type: application/sdp\r\n" if body else "")
        + f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def header(message, name):
    return re.search(rf"^{name}: (.*?)\r$", message, re.M).group(1)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def credentials(challenge):
    value = lambda name: re.search(rf'{name}="([^"]*)"', challenge).group(1)
    realm, nonce, uri = value("realm"), value("nonce"), f"sip:100@{DOMAIN}"
    ha1, ha2 = md5(f"{USER}:{realm}:{PASSWORD}"), md5(f"INVITE:{uri}")
    response = md5(f"{ha1}:{nonce}:00000001:c0ffee:auth:{ha2}")
    return (
        f'Proxy-Authorization: Digest username="{USER}",realm="{realm}",nonce="{nonce}",uri="{uri}",'
        f'response="{response}",qop=auth,nc=00000001,cnonce="c0ffee",opaque="{value("opaque")}"\r\n'
    )


def final(socket):
    while True:
        message = socket.recv(timeout=20)
        assert isinstance(message, str), "SIP that is text comes as text"
        if not message.startswith("SIP/2.0 1"):
            return message


secured = ssl.create_default_context(cafile=authority) if VIA == "WSS" else None
with connect(url, subprotocols=["sip"], ssl=secured) as socket:
    assert socket.subprotocol == "sip"
    socket.send(request("OPTIONS", 1, "o1"))
    assert final(socket).startswith("SIP/2.0 200 "), "OPTIONS"
    assert socket.ping().wait(20), "a pong"
    socket.send(request("INVITE", 2, "i2", body=SDP))
    refused = final(socket)
    assert refused.startswith("SIP/2.0 407 "), refused
    socket.send(request("ACK", 2, "i2", to=header(refused, "To")))
    # In two fragments, as a browser may send it.
    invite = request("INVITE", 3, "i3", more=credentials(header(refused, "Proxy-Authenticate")), body=SDP)
    socket.send([invite[:100], invite[100:]])
    answer = final(socket)
    assert answer.startswith("SIP/2.0 200 "), answer
    contact = re.search("<(.*)>", header(answer, "Contact")).group(1)
    assert contact.endswith(";transport=ws"), contact
    socket.send(request("ACK", 3, "a3", to=header(answer, "To"), uri=contact))
    bye = final(socket)
    assert bye.startswith(f"BYE sip:{USER}@df7jal23ls0d.invalid;transport=ws SIP/2.0\r\n"), bye
    copied = "".join(f"{name}: {header(bye, name)}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
    socket.send(f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n")
print("done")
