"""The sample company, its server, and people who look at it in a browser.

HUIKUAN names the program (default: .build/debug/huikuan), HUIKUAN_SAMPLE a ready store to copy instead of making one,
CHROMIUM the browser. The clock stands still on one day, so that every run sees the same company.
"""

import collections
import contextlib
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
import time

from playwright.sync_api import Error, expect, sync_playwright

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CATALOGUES = REPOSITORY / "Sources/Operations/Resources/catalogue"
OUT = REPOSITORY / "out/browser"
PROGRAM = os.environ.get("HUIKUAN") or str(REPOSITORY / ".build/debug/huikuan")
TODAY = "2026-06-30"
ENVIRONMENT = {**os.environ, "HUIKUAN_NOW": f"{TODAY}T10:30:00Z"}  # half past six in the evening where the company is
LONGEST_WAIT = 8_000

PEOPLE = {
    "accountant": "su.wan",
    "cashier": "bai.zhuo",
    "credit": "qiao.mu",
    "legal": "yan.shu",
    "finance_manager": "wen.ruo",
    "management": "jiang.heng",
    "auditor": "ji.mingche",
    "admin": "ye.anran",
    "sales": "lin.yue",
    "collector": "he.jingyi",
}
LANGUAGES = {"zh": ("zh-CN", "zh-Hans"), "en": ("en-US", "en")}
WIDE, NARROW = 1440, 390


def email(role):
    return f"{PEOPLE[role]}@yunqiao.example"


class Failed(AssertionError):
    """Something isn't as it must be: says what, what was expected, and what was there."""


# MARK: The words of the product


def _catalogue(name):
    words = {}
    for file in CATALOGUES.glob(f"*.{name}.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            key, is_pair, text = line.partition(" = ")
            if is_pair and not line.startswith("#"):
                words[key] = text
    return words


class Words:
    """The texts of one language, by their keys: `words("save")` is the page's text `web.save`."""

    _by_language = {}

    def __init__(self, language):
        if language not in self._by_language:
            self._by_language[language] = _catalogue(LANGUAGES[language][1])
        self.texts = self._by_language[language]

    def __call__(self, key, **places):
        text = self.texts[key if key in self.texts else f"web.{key}"]
        for name, value in places.items():
            text = text.replace("{" + name + "}", str(value))
        return text


# MARK: The company and its server


class Site:
    """A sample company in a folder of its own, served until the block ends."""

    def __init__(self):
        self.program = PROGRAM
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="huikuan-browser-"))
        self.store = self.folder / "sample.db"
        self.servers = []
        self.number = 0
        self.taken = set()
        # What is being done, for pictures of what went wrong.
        self.doing = "visit"

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _start(self):
        if ready := os.environ.get("HUIKUAN_SAMPLE"):
            shutil.copyfile(ready, self.store)
        else:
            make_sample(self.program, self.store)
        self.address = self.serve(self.store)
        self.playwright = sync_playwright().start()
        # A browser of the system, else the one that Playwright brought.
        browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        self.browser = self.playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        expect.set_options(timeout=LONGEST_WAIT)

    def __exit__(self, kind, error, trace):
        for name in ("browser", "playwright"):
            if hasattr(self, name):
                with contextlib.suppress(Error):
                    getattr(self, name).close() if name == "browser" else getattr(self, name).stop()
        problems = [problem for server in self.servers for problem in self.stop(server)]
        shutil.rmtree(self.folder, ignore_errors=True)
        if problems and error is None:
            raise Failed("\n".join(problems))

    def serve(self, store, address=r"http://127\.0\.0\.1:\d+"):
        """Starts a server, which takes any free port; the address that it says."""
        server = subprocess.Popen(
            [self.program, "serve", "--store", str(store), "--port", "0", "--development"],
            env=ENVIRONMENT,
            text=True,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        server.said, server.address = [], None
        is_ready = threading.Event()

        def read():
            for line in server.stdout:
                server.said.append(line.rstrip())
                # The lines for people come once connections are taken.
                if not line.startswith("{") and (found := re.search(address, line)):
                    server.address = found.group(0)
                    is_ready.set()
            is_ready.set()

        server.reader = threading.Thread(target=read, daemon=True)
        server.reader.start()
        self.servers.append(server)
        is_ready.wait(30)
        if server.address is None:
            raise Failed("the server was expected to say its address, but said:\n" + "\n".join(server.said))
        return server.address

    def stop(self, server):
        """Asks a server to stop, and says what was wrong with it."""
        problems = [f"the server reported an error: {line}" for line in server.said if '"level":"error"' in line]
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        try:
            code = server.wait(10)
            if code != 0:
                problems.append(f"the server was expected to end with 0 when asked to stop, but ended with {code}")
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            problems.append(f"the server was expected to stop within 10 s, but ran on for {time.monotonic() - begun:.0f} s")
        server.reader.join(5)
        return problems

    def run(self, *arguments, typed=None):
        """Runs a command on the store; its answer as JSON."""
        return self.run_on(self.store, *arguments, typed=typed)

    def run_on(self, store, *arguments, typed=None):
        command = [self.program, *arguments, "--store", str(store), "--json"]
        done = subprocess.run(command, env=ENVIRONMENT, input=typed, capture_output=True, text=True, encoding="utf-8")
        if done.returncode != 0:
            raise Failed(f"`{' '.join(arguments)}` was expected to succeed, but said: {done.stderr.strip() or done.stdout}")
        return json.loads(done.stdout)

    def rows(self, *arguments):
        return self.run(*arguments, "--limit", "5000")["items"]

    def link(self, role):
        """An address that signs somebody in, once."""
        person = role if "@" in role else email(role)
        return self.run("user", "link", person, "--url", self.address)["secret"]

    def next_number(self):
        """For names that stand once in the store, whichever journeys ran before."""
        self.number += 1
        return self.number

    def take(self, candidates, key):
        """The first candidate that no other journey works on."""
        for one in candidates:
            if one[key] not in self.taken:
                self.taken.add(one[key])
                return one
        raise Failed(f"the sample company was expected to have another fitting {key}")

    def open_items(self, customer=None):
        """Open items in the company's currency that are no instalments, by number."""
        found = self.rows("invoices", *(["--customer", customer] if customer else []))
        instalments = collections.Counter(row["number"] for row in found)
        return sorted(
            (
                row
                for row in found
                if row["open"]["currency"] == "CNY"
                and yuan(row["open"]["amount"]) > 0
                and instalments[row["number"]] == 1
                and row["entity"] == "main"
            ),
            key=lambda row: row["number"],
        )

    @contextlib.contextmanager
    def visit(self, role=None, language="zh", width=WIDE, dark=False, at="/", **options):
        """Somebody in a browser of their own, signed in when a role or an address is given."""
        visit = Visit(self, language, width, dark, options)
        try:
            if role:
                visit.page.goto(self.link(role))
                if at != "/":
                    visit.go(at)
            yield visit
            visit.settle()
        except BaseException as error:
            visit.note_failure(error)
            raise
        finally:
            visit.context.close()


def make_sample(program, store):
    """Makes the company; one store, once made, can be copied for several runs."""
    if not os.access(program, os.X_OK):
        raise SystemExit(f"{program} isn't there: build it with `swift build --product huikuan`, or set HUIKUAN.")
    done = subprocess.run(
        [program, "demo", "--store", str(store), "--customers", "60", "--invoices", "600", "--language", "zh-Hans"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise SystemExit(f"The sample company can't be made: {done.stderr}")


# MARK: Somebody at a browser


class Visit:
    """One person's browser. Whatever the console complains of, a script's error, and a server's error fail the visit."""

    def __init__(self, site, language, width, dark, options):
        self.site = site
        self.language = language
        self.width = width
        self.words = Words(language)
        self.problems = []
        self.expected = set()
        self.actions = 0
        self.context = site.browser.new_context(
            base_url=site.address,
            locale=LANGUAGES[language][0],
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            accept_downloads=True,
            **options,
        )
        self.context.set_default_timeout(LONGEST_WAIT)
        self.context.on("console", self._heard)
        self.context.on("weberror", lambda error: self.problems.append(f"a script failed: {error.error}"))
        self.context.on("response", self._answered)
        self.page = self.context.new_page()
        self.page.on("dialog", self._asked)

    def _heard(self, message):
        if message.type != "error":
            return
        status = re.search(r"responded with a status of (\d+)", message.text)
        if status and int(status.group(1)) in self.expected:
            return
        self.problems.append(f"the console complains at {self.place()}: {message.text}")

    def _answered(self, response):
        if response.status >= 500 and response.url.startswith(self.site.address):
            self.problems.append(f"the server answered {response.status} to {response.request.method} {response.url}")

    def _asked(self, dialog):
        self.problems.append(f"nobody expected a question at {self.place()}: {dialog.type} {dialog.message}")
        dialog.accept()

    def expects(self, *statuses):
        """Answers that refuse something are right here; without this the console's note of them fails the visit."""
        self.expected.update(statuses)

    def settle(self):
        """Fails with all that was wrong."""
        if self.problems:
            raise Failed("\n".join(self.problems))

    def note_failure(self, error):
        """What else was wrong, and a picture of what stood there."""
        with contextlib.suppress(Error):
            OUT.mkdir(parents=True, exist_ok=True)
            picture = OUT / f"{self.site.doing}.png"
            self.page.screenshot(path=picture)
            error.place = f"{self.place()}, picture: {picture.relative_to(REPOSITORY)}"
        if not isinstance(error, Failed):
            error.others = list(self.problems)

    # Looking.

    def place(self):
        return self.page.url.removeprefix(self.site.address) or "/"

    def find(self, selector, **options):
        return self.page.locator(selector, **options)

    def button(self, key, within=None, **places):
        return (within or self.page).get_by_role("button", name=self.words(key, **places), exact=True)

    def main(self):
        return self.find("main#main")

    def row(self, text):
        return self.find("main [data-row]", has_text=text)

    def text(self, selector):
        return " ".join(self.find(selector).first.inner_text().split())

    # Doing. What a person does with mouse or keys is counted.

    def go(self, path):
        answer = self.page.goto(path)
        return answer.status if answer else None

    def click(self, target):
        self.actions += 1
        (self.find(target) if isinstance(target, str) else target).click()

    def type(self, target, text):
        self.actions += 1
        (self.find(target) if isinstance(target, str) else target).fill(text)

    def choose(self, target, value):
        self.actions += 1
        (self.find(target) if isinstance(target, str) else target).select_option(value)

    def press(self, keys):
        self.actions += 1
        for key in keys.split(" "):
            self.page.keyboard.press(key)

    def leave_to(self, act, address):
        """Does something and waits until the browser is at an address; a pattern's part of it is enough."""
        act()
        self.page.wait_for_url(re.compile(address))

    def unfold(self, key, within=None):
        """Opens what stands behind a summary."""
        place = (within or self.page).locator("details", has=self.page.locator("summary", has_text=self.words(key))).last
        if place.get_attribute("open") is None:
            place.locator("summary").first.click()
        return place

    def download(self, target):
        with self.page.expect_download() as waiting:
            self.click(target)
        path = self.site.folder / f"download-{self.site.next_number()}"
        waiting.value.save_as(path)
        return waiting.value.suggested_filename, path.read_bytes()

    # Saying what must hold. Each of these goes on, so that a journey reports all that it sees.

    def same(self, what, got, wanted):
        if got != wanted:
            self.problems.append(f"{what} at {self.place()}: expected {wanted!r}, got {got!r}")

    def holds(self, what, condition, got=""):
        if not condition:
            self.problems.append(f"expected at {self.place()}: {what}" + (f"; got {got!r}" if got != "" else ""))

    def shows(self, what, locator, text=None):
        """Waits until something is to be seen, with a text."""
        try:
            if text is None:
                expect(locator.first).to_be_visible()
            else:
                expect(locator.first).to_contain_text(text)
        except AssertionError:
            there = locator.first.inner_text() if locator.count() else "nothing"
            self.problems.append(f"expected at {self.place()}: {what}" + (f" with {text!r}" if text else "") + f"; got {there!r}")

    def in_sight(self, what, locator):
        """Whether somebody sees it without moving anything sideways."""
        box = locator.bounding_box()
        self.holds(f"{what} within the window", box is not None and box["x"] >= 0 and box["x"] + box["width"] <= self.width, box)

    def toast(self, key):
        self.shows("a note of what was done", self.find(".toast[role=status]"), self.words(key))

    def hides(self, what, locator):
        try:
            expect(locator).to_have_count(0)
        except AssertionError:
            self.problems.append(f"expected at {self.place()}: no {what}; got {locator.first.inner_text()!r}")

    def fetch(self, path, **form):
        """Sends a form by hand, as somebody would who knows its address; the answer's status."""
        return self.page.evaluate(
            """async ([path, form]) => {
                const token = document.querySelector('input[name=form]').value;
                const answer = await fetch(path, { method: 'POST', body: new URLSearchParams({ form: token, ...form }) });
                return answer.status;
            }""",
            [path, form],
        )


def yuan(text):
    """An amount in fen, so that sums are exact: '¥1,234.50' and '1234.50' alike."""
    digits = re.sub(r"[^\d.]", "", text)
    whole, _, cents = digits.partition(".")
    value = int(whole or 0) * 100 + int((cents + "00")[:2])
    return -value if re.search(r"[-\u2212]", text) else value


def figure(fen):
    """1,234.50"""
    return f"{fen // 100:,}.{fen % 100:02}"


# MARK: All pages


class Page:
    """A page to look at: its route in the program, who looks, and one address of it."""

    def __init__(self, name, role, path, route=None, is_personal=False):
        self.name, self.role, self.path = name, role, path
        self.route = route or path.split("?")[0]
        # Only this person has it at this address.
        self.is_personal = is_personal


NOT_PAGES = {
    # Files and answers for machines; the link that signs in leads on to the first page.
    "/customers/options",
    "/approvals/count",
    "/assets/{name}",
    "/icon.svg",
    "/health",
    "/ready",
    "/metrics",
    "/imports/template/{kind}",
    "/attachments/{id}",
    "/link/{token}",
    # The way to another program's page, and back from it.
    "/sign-in/provider",
    "/sign-in/provider/return",
}


def routes():
    """Every address that the program answers, from its sources: a new page can't be forgotten here."""
    found = set()
    for file in (REPOSITORY / "Sources/Web").rglob("*.swift"):
        found.update(re.findall(r'Route\(\s*\.get, "([^"]+)"', file.read_text(encoding="utf-8")))
    return found


def pages(site):
    """One page of every route, and of every tab, seen by the one who has most to do there."""
    manager, accountant, cashier, admin = "finance_manager", "accountant", "cashier", "admin"
    rows = [row for row in site.run("aging")["rows"] if row["currency"] == "CNY" and row["key"]]
    worst = max(rows, key=lambda row: sum(yuan(amount) for amount in row["buckets"][4:]))["key"]
    item = site.open_items(worst)[0]["number"]
    task = next(row["id"] for row in site.rows("tasks") if row["kind"] == "collect")
    act = site.rows("acts", "--command", "import-customers")[0]["act"]
    invitation = site.run(
        "user", "add", f"guest.{site.next_number()}@yunqiao.example", "--name", "来客", "--role", "sales", "--url", site.address
    )["secret"]
    with site.visit(accountant, at="/receipts") as visit:
        receipt = visit.find("ol.lines a[data-open]").first.get_attribute("href")
        # Something that waits for a second person.
        visit.go("/approvals")
        if visit.find(".lane").count() == 0:
            visit.go(f"/customers/{worst}/contact")
            visit.type("#name", "钱程")
            visit.find("#purpose").select_option("payment")
            visit.type("#email", "qian@customer.example")
            visit.type("#reason", "回拨原联系电话核实")
            with visit.page.expect_navigation():
                visit.click(visit.button("save"))
    with site.visit(cashier) as visit:
        bring_file(visit, "statement.csv", STATEMENT)
        mapping = visit.place()
        with visit.page.expect_navigation():
            visit.click(visit.button("try-out"))
        visit.leave_to(lambda: visit.click(visit.find("form[action$='/commit'] button")), "/progress")
        visit.shows("the summary", visit.find("#progress .answer"), visit.words("imported-summary", created=1, updated=0, unchanged=0))
        progress = visit.place()
    connect(site)
    empty = site.folder / "empty.db"
    site.run_on(empty, "init", "--company", "空白公司", "--kind", "test")
    set_up = site.serve(empty, r"http://127\.0\.0\.1:\d+/set-up/\w+")
    found = [
        Page("sign-in", None, "/sign-in"),
        Page("invitation", None, invitation, "/invitation/{token}"),
        Page("set-up", None, set_up, "/set-up/{token}"),
        Page("my-day", manager, "/"),
        Page("my-day-of-work", "credit", "/", is_personal=True),
        Page("customers", manager, "/customers"),
        Page("customer", accountant, f"/customers/{worst}", "/customers/{code}"),
        Page("contact", accountant, f"/customers/{worst}/contact", "/customers/{code}/contact"),
        Page("new-customer", manager, "/new/customers"),
        Page("change-customer", accountant, f"/customers/{worst}/change", "/customers/{code}/change"),
        Page("new-calendar-day", manager, "/new/calendar"),
        Page("invoices", accountant, "/invoices"),
        Page("invoices-none", accountant, "/invoices?number=none"),
        Page("invoice", manager, f"/invoices/{item}", "/invoices/{number}"),
        Page("new-invoice", accountant, "/new/invoices"),
        Page("new-credit-note", accountant, "/new/credit-notes"),
        Page("receipts", accountant, "/receipts"),
        Page("receipt", accountant, receipt, "/receipts/{fact}"),
        Page("receipts-all", cashier, "/receipts?state=all"),
        Page("new-receipt", cashier, "/new/receipts"),
        Page("imports", accountant, "/imports"),
        Page("import-mapping", cashier, mapping, "/imports/{id}", is_personal=True),
        Page("import-progress", cashier, progress, "/imports/{id}/progress", is_personal=True),
        Page("aging", manager, "/aging"),
        Page("aging-items", manager, f"/aging/items?by=customer&key={worst}&currency=CNY&bucket=5&asOf=2026-05-31&basis=due"),
        Page("aging-crossed", manager, "/aging?by=owner&cross=size&unit=wan&asOf=2026-05-31"),
        Page("tasks", "credit", "/tasks", is_personal=True),
        Page("tasks-all", manager, "/tasks"),
        Page("task", "collector", f"/tasks/{task}", "/tasks/{id}"),
        Page("reminders", manager, "/reminders"),
        Page("reminders-held", manager, "/reminders?state=held"),
        Page("preview", manager, "/reminders/preview"),
        Page("templates", manager, "/templates"),
        Page("checks", manager, "/checks"),
        Page("ledger", manager, "/ledger"),
        Page("ledger-account", manager, "/ledger/receivable", "/ledger/{account}"),
        Page("ledger-entry", manager, f"/ledger/entries/{receipt.split('/')[2].split('?')[0]}", "/ledger/entries/{fact}"),
        Page("acts", manager, "/acts"),
        Page("act", manager, f"/acts/{act}", "/acts/{number}"),
        Page("approvals", manager, "/approvals"),
        *(
            Page(f"settings-{tab}", manager, f"/settings?tab={tab}")
            for tab in ("policy", "calendar", "bank", "accounts", "periods", "company")
        ),
        Page("people", admin, "/people"),
        Page("change-person", admin, f"/people/change?person={email('sales')}", "/people/change"),
        Page("services", admin, "/people/services"),
        Page("service-token", admin, "/people/services/erp/token", "/people/services/{name}/token"),
        Page("my-day-of-cashier", "cashier", "/"),
        Page("my-day-of-admin", "admin", "/"),
        Page("api", manager, "/api"),
        Page("webhooks", manager, "/webhooks"),
        Page("webhook", manager, "/webhooks/erp", "/webhooks/{webhook}"),
        Page("status", admin, "/status"),
        Page("security", admin, "/security"),
        Page("account", manager, "/account"),
        Page("password", manager, "/password"),
        Page("search", manager, "/search?q=2026"),
        Page("views", manager, "/views?at=%2Finvoices"),
        Page("gallery", manager, "/gallery"),
        Page("error-404", manager, "/nowhere", "-"),
        Page("error-refused", manager, "/customers/C9999", "-"),
        Page("error-denied", accountant, "/new/receipts", "-"),
    ]
    if missing := routes() - NOT_PAGES - {page.route for page in found}:
        raise Failed(f"every page was expected to be looked at, but pages() in sample.py lacks {sorted(missing)}")
    return found


def connect(site):
    """A webhook, and a program with an account, a token that works and one that waits."""
    with site.visit("finance_manager", at="/webhooks") as visit:
        if visit.find("a[href='/webhooks/erp']").count() == 0:
            visit.click(visit.find("#main details summary").first)
            visit.type("#code", "erp")
            visit.type("#url", "https://erp.yunqiao.example/huikuan")
            visit.find("input[name=event]").first.check()
            with visit.page.expect_navigation():
                visit.click(visit.find("form[action='/webhooks'] button[type=submit], form[action='/webhooks'] button").last)
    with site.visit("admin", at="/people/services") as visit:
        if visit.find("h2", has_text="erp").count():
            return
        visit.click(visit.find("#main details summary").first)
        visit.type("#name", "erp")
        visit.find("input[name=role][value=accountant]").check()
        with visit.page.expect_navigation():
            visit.click(visit.find("form[action='/people/services'] button").last)
    with site.visit("management", at="/approvals") as visit:
        lane = visit.find(".lane").first
        visit.leave_to(lambda: visit.click(visit.button("approve", lane)), "/approvals$")
    with site.visit("admin", at="/people/services/erp/token") as visit:
        visit.type("#label", "夜间同步")
        visit.find("input[name=scope][value=see-invoices]").check()
        with visit.page.expect_navigation():
            visit.click(visit.find("form[action='/people/services/erp/token'] button").last)


STATEMENT = f"交易日期,流水号,客户编码,对方户名,贷方发生额,摘要\n{TODAY},LOOK1,C0001,,88.00,货款\n"


def bring_file(visit, name, text, kind="receipts"):
    """Uploads a file; the page that maps its columns is there afterwards."""
    visit.go(f"/imports?kind={kind}")
    visit.find("input[name=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})
    visit.leave_to(lambda: visit.click(visit.button("upload")), r"/imports/[0-9a-f-]+\?kind=")


# MARK: Running


def report(title, results, begun):
    """The last line; results are pairs of a name and what was wrong. Returns the exit code."""
    bad = [name for name, wrong in results if wrong]
    print(
        f"{title}: {len(results) - len(bad)} of {len(results)} good in {time.monotonic() - begun:.0f} s"
        + (f"; not good: {', '.join(bad)}" if bad else ""),
        flush=True,
    )
    return 1 if bad else 0


if __name__ == "__main__":
    make_sample(PROGRAM, sys.argv[1])
