"""Receivers that answer well, fail, hang and answer late, told by a real server that is killed in between.

Every message is checked with the public library of Standard Webhooks; forged, altered and replayed ones are refused.
"""

import collections
import datetime
import hmac
import http.server
import json
import signal
import sys
import threading
import time

from standardwebhooks.webhooks import Webhook

from served import Served


def is_signed(secret, headers, body):
    """As the public library signs it. The sample company's clock isn't today's, so how old it is isn't asked here."""
    moment = datetime.datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=datetime.timezone.utc)
    expected = Webhook(secret).sign(headers["webhook-id"], moment, body.decode())
    return any(hmac.compare_digest(part, expected) for part in headers["webhook-signature"].split(" "))


class Receiver:
    """One address that answers as `behaves` says: called with the number of the request, gives a status or None."""

    def __init__(self, behaves):
        self.behaves = behaves
        self.requests = []
        self.taken = collections.OrderedDict()
        self.secret = None
        self.bad = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.receive(self, body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, handler, body):
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append((headers, body))
        # Before anything else: a message that isn't signed is nobody's.
        if not is_signed(self.secret, headers, body):
            self.bad += 1
        status = self.behaves(len(self.requests))
        if status is None:
            time.sleep(6)
            status = 200
        if 200 <= status < 300:
            self.taken.setdefault(headers["webhook-id"], json.loads(body))
        try:
            handler.send_response(status)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        except OSError:
            pass

    def numbers(self):
        return [row["number"] for message in self.taken.values() for row in message["data"] if "number" in row]


def check(condition, what):
    if not condition:
        raise SystemExit(f"Webhooks: {what}")


def register(site, number):
    status, body, _ = site.ask(
        "POST", "/invoices",
        {"number": number, "customer": "C0001", "issueDate": "2026-06-01", "dueDate": "2026-06-20", "amount": "10.00"},
        key=f"invoice-{number}",
    )
    check(status in (200, 201), f"{number}: {status} {body}")


def wait(until, seconds, what):
    end = time.monotonic() + seconds
    while not until():
        check(time.monotonic() < end, f"{what} within {seconds} s")
        time.sleep(0.1)


def main():
    receivers = {
        "good": Receiver(lambda _: 200),
        "failing": Receiver(lambda number: 500 if number % 3 else 200),
        # The first answer comes after the server has given up on it; the message comes again.
        "late": Receiver(lambda number: None if number == 1 else 200),
        "hanging": Receiver(lambda _: None),
        "redirecting": Receiver(lambda _: 302),
        "gone": Receiver(lambda _: 410),
    }
    with Served(["--webhook-timeout", "2"]) as site:
        for name, receiver in receivers.items():
            status, body, _ = site.ask(
                "POST", "/webhooks", {"code": name, "url": receiver.url, "events": ["invoice.registered"]}
            )
            check(status == 201, f"{name}: {status} {body}")
            receiver.secret = body["secret"]
        numbers = [f"W-{number}" for number in range(24)]
        for number in numbers[:12]:
            register(site, number)
        # Killed while messages are on their way; nothing that was recorded is forgotten.
        site.stop(signal.SIGKILL)
        site.start(site.port)
        for number in numbers[12:]:
            register(site, number)
        good, failing, late = receivers["good"], receivers["failing"], receivers["late"]
        wait(lambda: set(numbers) <= set(good.numbers()), 30, "the good one has all")
        check(sorted(good.numbers()) == sorted(numbers), f"once each: {good.numbers()}")
        wait(lambda: set(numbers) <= set(late.numbers()), 60, "the late one has all")
        first = late.requests[0][0]["webhook-id"]
        check(
            sum(headers["webhook-id"] == first for headers, _ in late.requests) >= 2,
            "a message that was answered too late wasn't sent again",
        )
        wait(lambda: len(failing.taken) >= 4, 60, "the failing one gets on")
        wait(lambda: receivers["gone"].requests and state(site, "gone")["givenUp"] > 0, 30, "what is gone is left alone")
        check(not receivers["redirecting"].taken, "a redirect was taken for an answer")
        for name, receiver in receivers.items():
            check(receiver.bad == 0, f"{name} got {receiver.bad} messages with a bad signature")
        signatures(good)
        again(site, good, numbers)
        logs(site)
        check(not site.verify(), "the store isn't sound")
    print("Webhooks: told, tried again, told again, and signed.")
    return 0


def state(site, name):
    return site.ask("GET", f"/webhooks/{name}")[1]


def signatures(receiver):
    """What a receiver has to refuse, it can."""
    headers, body = receiver.requests[-1]
    check(is_signed(receiver.secret, headers, body), "a good message doesn't pass")
    forged = [
        (headers, body.replace(b"10.00", b"99.00")),
        ({**headers, "webhook-id": "another"}, body),
        ({**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
        ({**headers, "webhook-signature": "v1,AAAA"}, body),
    ]
    for other, content in forged:
        check(not is_signed(receiver.secret, other, content), f"a forged message passed: {other}")


def again(site, good, numbers):
    """Replay from an act: the same messages, with the same ids."""
    before = set(good.taken)
    count = len(good.requests)
    _, page, _ = site.ask("GET", "/webhooks/good/messages?limit=200")
    oldest = min(int(row["act"]) for row in page["items"])
    status, _, _ = site.ask("POST", "/webhooks/good/replay", {"after": oldest - 1})
    check(status == 200, f"replay: {status}")
    wait(lambda: len(good.requests) >= count + len(numbers), 30, "a replay comes")
    check(set(good.taken) == before, "a replay has other ids")
    number = page["items"][0]["number"]
    count = len(good.requests)
    site.ask("POST", f"/webhooks/good/messages/{number}/resend")
    wait(lambda: len(good.requests) > count, 15, "one that is sent again comes")


def logs(site):
    text = "".join(site.log)
    for secret in ("whsec_", "/hook", *site.tokens.values()):
        check(secret not in text, f"the log holds a secret: {secret[:8]}…")


if __name__ == "__main__":
    sys.exit(main())
