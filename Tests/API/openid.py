"""Signing in at a real provider process (oidc-provider-mock), and at one that lies.

The first is a program of its own, asked over HTTP as a browser would; its keys change while the server runs. The second
gives tokens that must not be believed, each wrong in one way, and one that is right.
"""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from served import TODAY, Served, run


def check(condition, what):
    if not condition:
        raise SystemExit(f"OpenID: {what}")


class Browser:
    """Keeps cookies by host and path prefix, follows redirects only when told."""

    def __init__(self):
        self.cookies = {}

    def ask(self, url, form=None):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        kept = self.cookies.setdefault(parts.port, {})
        headers = {"Accept-Language": "en"}
        if kept:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("POST" if form is not None else "GET", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                content = rest.partition(";")[0]
                check("HttpOnly" in value and "SameSite=Lax" in value or key == "hk_language", f"the cookie {value}")
                kept[key] = content
                if "Max-Age=0" in value:
                    kept.pop(key)
        return answer.status, answer.getheader("Location"), text

    def session(self, port):
        return self.cookies.get(port, {}).get("hk_session")


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class Provider:
    """The public mock provider, as a process."""

    def __init__(self, port):
        self.port = port
        users = [
            {"sub": "u1", "email": "Lin.Yue@yunqiao.example", "email_verified": True, "name": "Lin Yue"},
            {"sub": "u2", "email": "new@yunqiao.example", "email_verified": True, "name": "New One", "groups": ["ar"]},
            {"sub": "u3", "email": "nobody@yunqiao.example", "email_verified": True},
            {"sub": "u4", "email": "lin.yue@yunqiao.example", "email_verified": False},
            {"sub": "u5", "email": "lin.yue@yunqiao.example", "email_verified": True},
            {"sub": "u6", "email": "both@yunqiao.example", "email_verified": True, "groups": ["ar", "audit"]},
        ]
        program = os.path.join(os.path.dirname(sys.executable), "oidc-provider-mock")
        self.process = subprocess.Popen(
            [program, "--port", str(port), "--require-nonce", "true"]
            + [word for user in users for word in ("--user-claims", json.dumps(user))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                if Browser().ask(f"http://127.0.0.1:{port}/.well-known/openid-configuration")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("The provider doesn't start")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def sign_in(site, browser, subject, next_page="/customers"):
    """From our button to the page that comes back; (status, location, text) of our answer to the return."""
    status, location, _ = browser.ask(f"{site.address}/sign-in/provider?next={urllib.parse.quote(next_page)}")
    check(status == 303 and location, f"the way out: {status}")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    check(query["code_challenge_method"] == ["S256"] and len(query["code_challenge"][0]) == 43, "PKCE is missing")
    check(query["nonce"] and query["state"] and query["response_type"] == ["code"], "nonce or state is missing")
    status, back, text = browser.ask(location, {"sub": subject})
    check(status in (302, 303), f"the provider: {status} {text[:200]}")
    return (*browser.ask(back), back)


def main():
    port = free_port()
    provider = Provider(port)
    options = [
        "--oidc-issuer", f"http://127.0.0.1:{port}", "--oidc-client", "huikuan", "--oidc-name", "Yunqiao",
        "--oidc-role", "ar=accountant,collector", "--oidc-role", "audit=auditor",
    ]
    os.environ["HUIKUAN_OIDC_SECRET"] = "a secret of the client"
    from served import ENVIRONMENT

    # What a token says of its time is compared with the real clock's, which the provider has.
    ENVIRONMENT.pop("HUIKUAN_NOW")
    ENVIRONMENT["HUIKUAN_OIDC_SECRET"] = os.environ["HUIKUAN_OIDC_SECRET"]
    try:
        with Served(options) as site:
            well_meant(site, provider)
            logs = "".join(site.log)
            for secret in ("code=", "id_token", os.environ["HUIKUAN_OIDC_SECRET"], "lin.yue@"):
                check(secret not in logs, f"the log holds {secret}")
    finally:
        provider.stop()
    liar()
    print("OpenID: signed in at a real provider, with new keys and with groups; forged tokens are refused.")
    return 0


def well_meant(site, provider):
    _, _, page = Browser().ask(f"{site.address}/sign-in")
    check("Sign in with Yunqiao" in page, "the button isn't there")
    browser = Browser()
    status, location, _, back = sign_in(site, browser, "u1")
    check(status == 303 and location == "/customers", f"a known person: {status} {location}")
    check(browser.ask(f"{site.address}/customers")[0] == 200, "the session doesn't work")
    # The same answer once more, and in another browser.
    check(browser.ask(back)[0] == 401, "an answer was taken twice")
    check(Browser().ask(back)[0] == 401, "an answer was taken by another browser")
    # Known by the provider's own name now: somebody else with the address is somebody else.
    for subject in ("u4", "u5"):
        status, _, _, _ = sign_in(site, Browser(), subject)
        check(status == 401, f"{subject} came in with somebody else's address")
    # Groups give roles, also to somebody new; exclusive ones don't go together; without any nobody comes in.
    browser = Browser()
    status, _, text, _ = sign_in(site, browser, "u2", "/ledger")
    check(status == 303, f"somebody new with a group: {status} {text[:300]}")
    check(browser.ask(f"{site.address}/ledger")[0] == 200, "the group's role isn't there")
    status, _, text, _ = sign_in(site, Browser(), "u3")
    check(status == 401 and "Nobody is registered" in text, "somebody without a group came in")
    status, _, text, _ = sign_in(site, Browser(), "u6")
    check(status == 401 and "auditor" in text.lower(), f"exclusive roles: {status}")
    # The provider starts again with new keys.
    provider.stop()
    time.sleep(5.2)
    again = Provider(provider.port)
    provider.process = again.process
    status, location, _, _ = sign_in(site, Browser(), "u2")
    check(status == 303, f"new keys: {status}")
    # Denied there, begun elsewhere, sent away.
    browser = Browser()
    _, location, _ = browser.ask(f"{site.address}/sign-in/provider?next=//evil.example")
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["state"][0]
    status, _, text = browser.ask(f"{site.address}/sign-in/provider/return?error=access_denied&state={state}")
    check(status == 401 and "access_denied" in text, "a denial isn't said")
    status, _, _ = browser.ask(f"{site.address}/sign-in/provider/return?code=x&state=other")
    check(status == 401, "another state was taken")
    status, location, _, _ = sign_in(site, Browser(), "u2", "//evil.example")
    check(status == 303 and location == "/", f"led away to {location}")
    run("user", "disable", "new@yunqiao.example", "--store", site.store)
    check(sign_in(site, Browser(), "u2")[0] == 401, "a closed account came in")


class Liar:
    """A provider of our own that answers with whatever token the test wants."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "good", "use": "sig", "alg": "RS256"})
        self.curve = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig", "alg": "ES256"})
        self.make = None
        self.challenge = None
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                if self.path.endswith("openid-configuration"):
                    document = {
                        "issuer": liar.issuer, "authorization_endpoint": f"{liar.issuer}/authorize",
                        "token_endpoint": f"{liar.issuer}/token", "jwks_uri": f"{liar.issuer}/keys",
                    }
                else:
                    document = {"keys": [liar.key.as_dict(private=False), liar.curve.as_dict(private=False)]}
                self.answer(document)

            def do_POST(self):  # noqa: N802
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                verifier = form["code_verifier"][0]
                digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
                if digest != liar.challenge:
                    self.answer({"error": "invalid_grant"}, 400)
                    return
                self.answer({"access_token": "x", "token_type": "Bearer", "id_token": liar.make(liar.nonce)})

            def answer(self, document, status=200):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self, nonce, /, **changes):
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": "huikuan", "sub": "s1", "iat": now, "exp": now + 300, "nonce": nonce,
            "email": "lin.yue@yunqiao.example", "email_verified": True,
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims, header=None, key=None, algorithm="RS256"):
        head = {"alg": algorithm, "kid": "good", **(header or {})}
        registry = jws.JWSRegistry(algorithms=["RS256", "HS256", "ES256", "RS512", "PS256"])
        return jws.serialize_compact(
            {name: value for name, value in head.items() if value is not None}, json.dumps(claims).encode(),
            key or self.key, registry=registry,
        )


def liar():
    provider = Liar()
    other = RSAKey.generate_key(2048, {"kid": "good"})
    free = RSAKey.import_key(provider.key.as_pem(private=True), {"kid": "good"})

    def encoded(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    def unsigned(nonce):
        return f"{encoded({'alg': 'none'})}.{encoded(provider.claims(nonce))}."

    def keyed(nonce):
        # The old mistake: a verifier that lets the token choose takes the public key for a shared secret.
        signed = f"{encoded({'alg': 'HS256', 'kid': 'good'})}.{encoded(provider.claims(nonce))}"
        digest = hmac.digest(provider.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    def altered(nonce):
        head, _, signature = provider.sign(provider.claims(nonce)).split(".")
        return f"{head}.{encoded(provider.claims(nonce, sub='s2'))}.{signature}"

    def claims(**changes):
        return lambda nonce: provider.sign(provider.claims(nonce, **changes))

    now = int(time.time())
    forged = {
        "not signed": unsigned,
        "altered": altered,
        "signed by somebody else": lambda nonce: provider.sign(provider.claims(nonce), key=other),
        "signed with the public key as a secret": keyed,
        "an unknown key": lambda nonce: provider.sign(provider.claims(nonce), {"kid": "other"}),
        "another algorithm": lambda nonce: provider.sign(provider.claims(nonce), key=free, algorithm="RS512"),
        "another issuer": claims(iss="https://evil.example"),
        "another audience": claims(aud="another"),
        "two audiences without a party": claims(aud=["huikuan", "another"]),
        "another party": claims(azp="another"),
        "expired": claims(exp=now - 300),
        "without an end": claims(exp=None),
        "from the future": claims(iat=now + 3_600),
        "another nonce": claims(nonce="another"),
        "without a nonce": claims(nonce=None),
        "without a subject": claims(sub=None),
        "no token": lambda _: "x",
        "no JSON": lambda _: "e30.e30.e30",
    }
    good = {
        "RS256": claims(),
        "RS256 without the key's name, where one fits": None,
        "ES256": lambda nonce: provider.sign(
            provider.claims(nonce), {"kid": "curve"}, key=provider.curve, algorithm="ES256"
        ),
        "several audiences with the party": claims(aud=["huikuan", "another"], azp="huikuan"),
    }
    good["RS256 without the key's name, where one fits"] = lambda nonce: provider.sign(
        provider.claims(nonce), {"kid": None}
    )
    with Served(["--oidc-issuer", provider.issuer, "--oidc-client", "huikuan"]) as site:

        def attempt(make):
            browser = Browser()
            _, location, _ = browser.ask(f"{site.address}/sign-in/provider")
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
            provider.nonce, provider.challenge = query["nonce"][0], query["code_challenge"][0]
            provider.make = make
            status, location, text = browser.ask(
                f"{site.address}/sign-in/provider/return?code={secrets.token_hex(8)}&state={query['state'][0]}"
            )
            return status, browser.session(site.port), text

        for name, make in forged.items():
            status, session, text = attempt(make)
            check(status == 401 and not session, f"a token came through: {name} ({status})")
            check("be believed, and was not" in text, f"{name}: {re.sub('<[^>]+>', ' ', text)[-400:]}")
        for name, make in good.items():
            status, session, text = attempt(make)
            check(status == 303 and session, f"a good token was refused: {name} ({status})")


if __name__ == "__main__":
    sys.exit(main())
