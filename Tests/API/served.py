"""The sample company, served for programs, with a token for each kind of office.

HUIKUAN names the program (default: .build/debug/huikuan), HUIKUAN_SAMPLE a ready store to copy instead of making one.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("HUIKUAN") or str(REPOSITORY / ".build/debug/huikuan")
TODAY = "2026-06-30"
ENVIRONMENT = {**os.environ, "HUIKUAN_NOW": f"{TODAY}T10:30:00Z"}

# Nobody holds all roles: auditor and admin are exclusive.
OFFICES = {
    "office": ["sales", "credit", "accountant", "cashier", "collector", "legal", "finance_manager", "management"],
    "audit": ["auditor"],
    "admin": ["admin"],
    "own": ["sales"],
}


def permissions():
    """Which roles may what, from the document that a test keeps true."""
    rows = {}
    roles = []
    section = ""
    for line in (REPOSITORY / "docs/PERMISSIONS.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        if section not in ("Commands", "Questions"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| |"):
            roles = cells[1:]
        elif match := re.match(r"`([a-z-]+)`$", cells[0]):
            rows[match[1]] = {role for role, mark in zip(roles, cells[1:]) if mark}
    return rows


def run(*arguments):
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{arguments}: {done.stdout}{done.stderr}")
    return done.stdout


def make_sample(store):
    run("demo", "--store", store, "--language", "en", "--seed", 7, "--customers", 60, "--invoices", 700)


class Served:
    """A sample company in a folder of its own, served until the block ends."""

    def __init__(self, options=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="huikuan-api-"))
        self.store = self.folder / "sample.db"
        self.options = list(options)
        self.tokens = {}
        self.server = None
        self.log = []

    def __enter__(self):
        try:
            if ready := os.environ.get("HUIKUAN_SAMPLE"):
                shutil.copyfile(ready, self.store)
            else:
                make_sample(self.store)
            may = permissions()
            for name, roles in OFFICES.items():
                self.tokens[name] = self.token(f"{name}@programs.example", roles, may)
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def token(self, person, roles, may, scopes=None):
        run("person", person, "--store", self.store, *[word for role in roles for word in ("--role", role)])
        run("user", "link", person, "--store", self.store)
        names = scopes or [name for name, allowed in may.items() if allowed & set(roles)]
        made = run(
            "user", "token", "tests", "--as", person, "--store", self.store, "--json",
            *[word for name in names for word in ("--scope", name)],
        )
        return json.loads(made)["secret"]

    def start(self, port=0):
        self.server = subprocess.Popen(
            [PROGRAM, "serve", "--store", str(self.store), "--port", str(port), *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        )
        threading.Thread(target=self._read, args=(self.server.stderr,), daemon=True).start()
        for line in self.server.stdout:
            if match := re.search(r"http://127\.0\.0\.1:(\d+)$", line.strip()):
                self.port = int(match[1])
                self.address = match[0]
                threading.Thread(target=self._read, args=(self.server.stdout,), daemon=True).start()
                return
        raise SystemExit("The server ended: " + "".join(self.log))

    def _read(self, stream):
        for line in stream:
            self.log.append(line)

    def ask(self, method, path, body=None, token="office", key=None, headers=None):
        """One request; (status, decoded body, headers)."""
        given = {"Accept-Language": "en", **(headers or {})}
        if token:
            given["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        if method != "GET":
            given["Idempotency-Key"] = key or str(uuid.uuid4())
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"{self.address}/api/v1{path}", data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, self._decoded(answer), answer.headers
        except urllib.error.HTTPError as answer:
            return answer.code, self._decoded(answer), answer.headers

    @staticmethod
    def _decoded(answer):
        text = answer.read()
        return json.loads(text) if "json" in (answer.headers.get("Content-Type") or "") else text

    def stop(self, by=signal.SIGTERM):
        if self.server and self.server.poll() is None:
            self.server.send_signal(by)
            self.server.wait(30)

    def verify(self):
        """What `verify` finds wrong with the store; None when it is sound. The server goes on."""
        done = subprocess.run(
            [PROGRAM, "verify", "--store", str(self.store)], capture_output=True, text=True, env=ENVIRONMENT, check=False
        )
        return None if done.returncode == 0 else done.stdout + done.stderr

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
