#!/usr/bin/env python3
"""What people do with Huikuan, in a browser: python3 Tests/Browser/journeys.py [NAME …]"""

import datetime
import re
import sys
import time

from playwright.sync_api import Error, expect

from sample import OUT, TODAY, Failed, Site, Words, bring_file, email, figure, report, yuan

JOURNEYS = []


def journey(*also):
    """A journey is made in Chinese at a desk, and `also` in these languages and widths."""

    def keep(body):
        JOURNEYS.extend((body, language, width) for language, width in (("zh", 1440), *also))
        return body

    return keep


def after(days):
    return str(datetime.date.fromisoformat(TODAY) + datetime.timedelta(days=days))


# MARK: Who I am


@journey(("en", 1440), ("zh", 390))
def signing_in(site, look):
    """Signs in with a wrong password, then with the right one, and changes the password that somebody else gave them."""
    person = f"new.{site.next_number()}@yunqiao.example"
    given, own = "correct horse staple", "seven quiet lamps on a hill"
    site.run("user", "add", person, "--name", "新人", "--role", "sales", "--password-stdin", typed=given + "\n")
    with site.visit(**look) as visit:
        visit.expects(401)

        def sign_in(who, password):
            visit.type("#u", who)
            visit.type("#p", password)
            with visit.page.expect_navigation():
                visit.click(visit.button("sign-in"))

        visit.go("/aging?by=owner")
        visit.same("the address that asks who somebody is", visit.place().split("?")[0], "/sign-in")
        visit.holds("scripts of the page alone", "script-src 'self';" in visit.page.reload().headers["content-security-policy"])

        sign_in(person, "correct horse stable")
        visit.shows("a refusal", visit.find(".callout[role=alert]"))
        refusal = visit.text(".callout[role=alert]")
        visit.same("the address that was typed", visit.find("#u").input_value(), person)
        visit.same("the password field", visit.find("#p").input_value(), "")
        sign_in(f"nobody.{site.next_number()}@yunqiao.example", given)
        visit.same(
            "the refusal of somebody unknown, beside that of a wrong password", visit.text(".callout[role=alert]"), refusal
        )

        sign_in(person, given)
        visit.same("the page after a password that somebody else gave", visit.place(), "/password")
        visit.go("/customers")
        visit.same("the page while the password isn't changed", visit.place(), "/password")
        visit.type("#old", given)
        meter = visit.find("meter[data-strength=n]")
        visit.type("#n", "aaaaaaaaaaaaaa")
        visit.holds("a weak password told as such", float(meter.evaluate("it => it.value")) <= 1)
        visit.type("#n", own)
        visit.holds("a strong password told as such", float(meter.evaluate("it => it.value")) == 4)
        visit.same("a password that isn't shown", visit.find("#n").get_attribute("type"), "password")
        eye = visit.find("button[data-reveal=n]")
        visit.click(eye)
        visit.same("a password that is shown", visit.find("#n").get_attribute("type"), "text")
        visit.same("what the button does next", eye.inner_text(), visit.words("password-hide"))
        visit.same("what was typed, after it was shown", visit.find("#n").input_value(), own)
        visit.click(eye)
        visit.same("a password that is hidden again", visit.find("#n").get_attribute("type"), "password")
        visit.leave_to(lambda: visit.click(visit.button("change-password")), "/account$")
        visit.toast("done-saved")

        visit.click("details.menu summary")
        visit.leave_to(lambda: visit.click(visit.button("sign-out")), "/sign-in$")
        visit.go("/aging")
        visit.same("a page after signing out", visit.place(), "/sign-in?next=%2Faging")
        sign_in(person, given)
        visit.shows("a refusal of the old password", visit.find(".callout[role=alert]"))
        sign_in(person, own)
        visit.same("the page that was asked for before signing in", visit.place(), "/aging")


@journey()
def inviting(site, look):
    """The administrator invites somebody, who sets a password and begins; management grants the role."""
    guest = f"guest.{site.next_number()}@yunqiao.example"
    with site.visit("admin", at="/people", **look) as admin:
        form = admin.unfold("invite-act")
        form.locator("#name").fill("来客")
        form.locator("#email").fill(guest)
        form.get_by_label(admin.words("name.role.credit"), exact=True).check()
        admin.click(admin.button("invite-act", form))
        link = admin.find("a.secret")
        admin.shows("the invitation's address", link, "/invitation/")
        # What is to be sent to somebody must work from their place: the whole address.
        admin.holds("a whole address to send", link.inner_text().startswith("http"), link.inner_text())
        address = link.get_attribute("href")
        admin.shows("the guest among the people", admin.row(guest), admin.words("account-invited"))

    with site.visit(**look) as visit:
        visit.expects(422, 404)
        visit.go(address)
        visit.same("the guest's address", visit.find("#u").input_value(), guest)
        visit.type("#n", "password1234")
        visit.click(visit.button("invitation-accept"))
        visit.shows("a refusal of an easy password", visit.find(".callout[role=alert]"))
        visit.type("#n", "four green boats at noon")
        visit.leave_to(lambda: visit.click(visit.button("invitation-accept")), "/$")
        visit.shows("a greeting", visit.find("h1"), "来客")
        visit.click("details.menu summary")
        visit.shows("that there is no role yet", visit.find("details.menu .who"), visit.words("no-role"))
        visit.page.keyboard.press("Escape")
        visit.same("an invitation that was used, asked for again", visit.go(address), 404)

        with site.visit("management", at="/approvals", **look) as manager:
            lane = manager.find(".lane.mine", has_text="来客").last
            manager.leave_to(lambda: manager.click(manager.button("approve", lane)), "/approvals$")
            manager.toast("done-decided")
        visit.go("/")
        visit.click("details.menu summary")
        visit.shows("the role that was granted", visit.find("details.menu .who"), visit.words("name.role.credit"))


@journey()
def how_it_looks(site, look):
    """Switches language, theme and row height, and finds them again after signing in elsewhere."""
    with site.visit("legal", **look) as visit:
        page = visit.page
        visit.same("the language", page.evaluate("document.documentElement.lang"), "zh-Hans")
        visit.leave_to(lambda: visit.click(visit.find("header.bar .tools > form").first.locator("button")), "/$")
        expect(visit.find("html")).to_have_attribute("lang", "en")
        visit.shows("English navigation", visit.find("nav.side"), Words("en")("nav-customers"))

        theme = visit.find("form[data-theme-form] button")
        for wanted in ("dark", "light", "dark"):
            with page.expect_response(lambda answer: answer.url.endswith("/preferences")):
                visit.click(theme)
            try:
                expect(visit.find("html")).to_have_attribute("data-theme", wanted, timeout=3000)
            except AssertionError:
                visit.same(
                    "the theme after another click on the button", page.evaluate("document.documentElement.dataset.theme"), wanted
                )
                # What is looked at below is whether the choice is kept.
                visit.go("/")
                if page.evaluate("document.documentElement.dataset.theme") != "dark":
                    visit.click(theme)
                break
        visit.click("details.menu summary")
        visit.leave_to(lambda: visit.click(visit.find("details.menu button[name=density]")), "/$")
        expect(visit.find("html")).to_have_attribute("data-density", "compact")
    with site.visit("legal", at="/customers", **look) as visit:
        for name, wanted in (("lang", "en"), ("data-theme", "dark"), ("data-density", "compact")):
            visit.same(f"{name} in another browser", visit.find("html").get_attribute(name), wanted)
        visit.go("/account")
        visit.same("the theme among the settings", visit.find("#theme").input_value(), "dark")
        visit.find("#language").select_option("zh-Hans")
        visit.find("#single-keys").select_option("off")
        with visit.page.expect_navigation():
            visit.click(visit.find("form.form[action='/preferences'] button[type=submit]"))
        expect(visit.find("html")).to_have_attribute("lang", "zh-Hans")
        visit.page.keyboard.press("/")
        visit.holds("no single keys after they are switched off", visit.page.evaluate("document.activeElement.id") != "q")


# MARK: Money


def register_receipt(site, look, names):
    """The cashier registers a receipt that pays two open invoices but for a hundred: those that are due first, or the
    last two, whose numbers stand in its text."""
    customers = site.rows("customers")
    groups = {row["group"] for row in customers}
    waiting = {row["key"]: yuan(row["unapplied"]) for row in site.run("aging")["rows"]}
    opened = sorted(site.rows("invoices", "--open"), key=lambda item: item["dueDate"])
    plain = {item["number"] for item in site.open_items() if yuan(item["open"]["amount"]) > 2_000_00}
    candidates = []
    for row in customers:
        code = row["code"]
        # What a group owes together could be paid by any of it.
        if row["group"] or code in groups or waiting.get(code) != 0:
            continue
        items = [item for item in opened if item["customer"] == code]
        two = items[-2:] if names else items[:2]
        days = [item["dueDate"] for item in items[:3]]
        # The text names two, and another has a number that ends alike.
        ends = {item["number"][-4:] for item in items if item not in two}
        if (
            len(items) >= 3
            and all(item["number"] in plain for item in two)
            and (any(item["number"][-4:] in ends for item in two) if names else len(set(days)) == 3)
        ):
            candidates.append({"customer": code, "items": two})
    chosen = site.take(candidates, "customer")
    one, two = chosen["items"]
    amount = yuan(one["open"]["amount"]) + yuan(two["open"]["amount"]) - 100_00
    reference = f"TEST{TODAY.replace('-', '')}{site.next_number():04}"
    with site.visit("cashier", at="/receipts", **look) as cashier:
        cashier.click(cashier.find("main .head a", has_text=cashier.words("new-receipt")))
        cashier.type("#reference", reference)
        cashier.same("the day that is proposed", cashier.find("#date").input_value(), TODAY)
        cashier.type("#amount", figure(amount))
        cashier.type("#customer", chosen["customer"])
        cashier.type("#remittance", f"货款 {one['number']} {two['number']}" if names else "货款")
        cashier.leave_to(lambda: cashier.click(cashier.button("new-receipt")), r"/receipts\?q=")
        cashier.toast("done-registered")
        cashier.shows("the receipt", cashier.find("ol.lines"), reference)
        cashier.shows("who allocates", cashier.find(".callout"), cashier.words("allocate-not-yours"))
    return reference, amount, one, two


def unapplied(site, reference):
    return next(yuan(row["unapplied"]["amount"]) for row in site.rows("receipts") if row["reference"] == reference)


def still_open(site, number):
    return yuan(site.rows("invoices", "--number", number)[0]["open"]["amount"])


def part_of(visit, item):
    return visit.find("form[data-split] tr", has_text=item["number"]).locator("input.money")


def open_receipt(visit, reference):
    visit.leave_to(lambda: visit.click(visit.find("ol.lines a", has_text=reference)), r"/receipts/\d+")
    expect(visit.find("ol.lines a[aria-current]")).to_contain_text(reference)
    expect(visit.find(".bench section header .meta").first).to_contain_text(reference)


@journey(("en", 1440), ("zh", 390))
def allocating(site, look):
    """The accountant splits a receipt over several invoices, and takes one of the allocations back."""
    reference, amount, one, two = register_receipt(site, look, names=False)
    first, second = yuan(one["open"]["amount"]), yuan(two["open"]["amount"])
    with site.visit("accountant", at="/receipts", **look) as visit:
        page = visit.page
        button = visit.button("allocate-act")

        visit.actions = 0
        open_receipt(visit, reference)
        visit.same("the part of the invoice that is due first", yuan(part_of(visit, one).input_value()), first)
        visit.same("the part of the invoice that is due next", yuan(part_of(visit, two).input_value()), amount - first)

        # Too much is seen at once, and can't be sent.
        part_of(visit, one).fill(figure(first + 1))
        expect(part_of(visit, one)).to_have_attribute("aria-invalid", "true")
        expect(button).to_be_disabled()

        # Less for the first leaves a remainder, which going into an empty line takes.
        visit.type(part_of(visit, one), "1000")
        visit.type(part_of(visit, two), "")
        visit.same("the remainder", visit.text("[data-left]"), figure(amount - 1000_00))
        visit.press("Shift+Tab")
        visit.click(part_of(visit, two))
        rest = min(second, amount - 1000_00)
        left = amount - 1000_00 - rest
        visit.same("the part that fills itself", part_of(visit, two).input_value(), figure(rest))
        visit.same("the remainder afterwards", visit.text("[data-left]"), figure(left))
        visit.same("the sum", visit.text("[data-sum]"), figure(1000_00 + rest))
        visit.leave_to(lambda: visit.click(button), r"/receipts(\?|$)")
        visit.toast("done-allocated")
        visit.holds("at most 6 actions from the list of receipts", visit.actions <= 6, visit.actions)
        visit.same("what remains of the receipt", unapplied(site, reference), left)
        visit.same("what remains of the first invoice", still_open(site, one["number"]), first - 1000_00)
        visit.same("what remains of the second invoice", still_open(site, two["number"]), second - rest)

        visit.go(f"/receipts?state=all&q={reference}")
        visit.shows("the allocations", visit.find("main table", has_text=visit.words("posting-day")).first, two["number"])
        form = visit.unfold("unapply-act")
        form.locator("[name=invoice]").select_option(two["number"])
        form.locator("[name=reason]").fill("客户要求改付另一张")
        visit.leave_to(lambda: visit.click(visit.button("unapply-act", form)), r"/receipts/\d+$")
        visit.toast("done-unapplied")
        visit.shows(
            "the allocation that was taken back", visit.find("main tr", has_text=visit.words("taken-back")), two["number"]
        )
        visit.same("what remains of the receipt after taking back", unapplied(site, reference), amount - 1000_00)
        visit.same("what remains of the second invoice after taking back", still_open(site, two["number"]), second)


@journey()
def editing_in_place(site, look):
    """The accountant gives a customer to another collector without leaving the list."""
    with site.visit("accountant", at="/customers", **look) as visit:
        row = visit.find("main tbody tr").first
        cell = row.locator("td[data-field=collector]")
        before = cell.inner_text()
        cell.dblclick()
        visit.press("Escape")
        visit.same("the cell after Escape", row.locator("td[data-field=collector]").inner_text(), before)
        other = "tang.wanqiu" if before == "何静宜" else "he.jingyi"
        cell.dblclick()
        box = row.locator("td[data-field=collector] input")
        box.fill(f"{other}@yunqiao.example")
        visit.press("Enter")
        expect(row.locator("td[data-field=collector] input")).to_have_count(0)
        after_it = row.locator("td[data-field=collector]").inner_text()
        visit.holds("another collector", after_it not in (before, ""), after_it)
        code = row.locator("th small").inner_text().split(" ")[0]
        visit.go(f"/customers/{code}")
        visit.shows("the collector on the customer's page", visit.find("main .head .meta"), after_it)


@journey()
def undoing(site, look):
    """What the accountant just allocated is taken back with one key."""
    reference, amount, _, _ = register_receipt(site, look, names=False)
    with site.visit("accountant", at="/receipts", **look) as visit:
        open_receipt(visit, reference)
        visit.leave_to(lambda: visit.click(visit.button("allocate-act")), r"/receipts(\?|$)")
        visit.toast("done-allocated")
        visit.same("what remains of the receipt", unapplied(site, reference), 0)
        visit.leave_to(lambda: visit.press("z"), r"/receipts/\d+$")
        visit.toast("done-unapplied")
        visit.same("what remains of the receipt after taking back", unapplied(site, reference), amount)


@journey()
def allocating_by_the_text(site, look):
    """The accountant finds the invoices that the payer named already filled in; what was refused stays as it was typed."""
    reference, amount, one, two = register_receipt(site, look, names=True)
    with site.visit("accountant", at="/receipts", **look) as visit:
        visit.expects(422)
        open_receipt(visit, reference)
        visit.same(
            "numbers that are marked in the text", visit.find("blockquote mark").all_inner_texts(), [one["number"], two["number"]]
        )
        proposal = visit.find("ul.props li", has_text=visit.words("name.proposal.numbers-named"))
        visit.shows("a proposal by the numbers in the text", proposal, one["number"])
        rows = visit.page.eval_on_selector_all(
            "form[data-split] tbody tr",
            "rows => rows.map(row => [row.querySelector('th a').textContent, row.querySelector('input').value])",
        )
        visit.same(
            "the invoices that the text names, filled in",
            {number for number, value in rows if value},
            {one["number"], two["number"]},
        )

        for row in visit.find("form[data-split] input.money").all():
            row.fill("")
        visit.type(part_of(visit, two), "１，０００．５")
        visit.press("Tab")
        visit.same("an amount in full width", part_of(visit, two).input_value(), "1,000.50")
        # A day before the money came.
        form = visit.unfold("more-choices")
        form.locator("[name=day]").fill("2024-01-02")
        with visit.page.expect_navigation():
            visit.click(visit.button("allocate-act"))
        visit.shows("the reason", visit.find(".callout[role=alert]"))
        visit.same("the amount that was typed", part_of(visit, two).input_value(), "1,000.50")
        visit.same(
            "the day that was typed",
            visit.find("details", has_text=visit.words("more-choices")).locator("[name=day]").first.input_value(),
            "2024-01-02",
        )
        visit.same("what is left of the receipt", unapplied(site, reference), amount)


@journey(("en", 1440), ("zh", 390))
def registering(site, look):
    """The accountant registers an invoice by hand, first with a mistake, and finds what was typed still there."""
    number = f"TEST-{site.next_number():04}"
    with site.visit("accountant", at="/invoices", **look) as visit:
        visit.expects(422)
        visit.click(visit.find("main .head a", has_text=visit.words("new-invoice")))
        typed = {
            "number": number,
            "customer": "C9999",
            "issue_date": TODAY,
            "due_date": after(30),
            "amount": "12,345.60",
            "contract": "HT-TEST",
            "currency": "CNY",
        }
        for name, value in typed.items():
            (visit.choose if name == "currency" else visit.type)(f"#{name}", value)
        with visit.page.expect_navigation():
            visit.click(visit.button("new-invoice"))
        visit.shows("an error at the customer", visit.find(".field", has=visit.find("#customer")).locator(".error"), "C9999")
        visit.same("the field that is marked", visit.find("#customer").get_attribute("aria-invalid"), "true")
        visit.same("the field's description", visit.find("#customer").get_attribute("aria-describedby"), "customer-error")
        for name, value in typed.items():
            got = visit.find(f"#{name}").input_value()
            visit.same(f"what was typed into {name}", got, value)
        visit.same("fields that are marked", visit.find("main [aria-invalid=true]").count(), 1)
        # DESIGN.md: on submit focus goes to the first field that is wrong.
        visit.same("the field that has focus", visit.page.evaluate("document.activeElement.id"), "customer")

        # A customer is found by a part of its name, and meant by all of it.
        visit.type("#customer", "宁岫交通投资集团")
        visit.page.wait_for_selector("#customer-options option[value=C0001]", state="attached")
        visit.type("#customer", "宁岫交通投资集团有限公司")
        visit.leave_to(lambda: visit.click(visit.button("new-invoice")), f"/invoices/{number}$")
        visit.toast("done-registered")
        visit.shows("the amount", visit.find("main .answer"), "¥12,345.60")
        visit.same("what is open", still_open(site, number), 1234560)
        # What was done is said once.
        visit.go("/invoices")
        visit.hides("note of what was done on the next page", visit.find(".toast"))


@journey()
def bringing_a_statement(site, look):
    """The cashier brings a bank statement, assigns its columns, mends it after a try, and imports it."""
    head = "交易日期,流水号,客户编码,对方户名,到账金额,摘要\n"
    stem = f"STM{site.next_number():04}"
    wrong = head + f'{TODAY},{stem}1,C0001,宁岫交通投资集团有限公司,"1,234.50",货款\n{TODAY},{stem}2,C0002,,12.3.4,货款\n'
    right = head + f'{TODAY},{stem}1,C0001,宁岫交通投资集团有限公司,"1,234.50",货款\n{TODAY},{stem}2,C0002,,88.00,货款\n'
    with site.visit("cashier", at="/receipts", **look) as visit:
        visit.expects(422)
        visit.click(visit.find("main .head a", has_text=visit.words("import-statement")))
        visit.same("the kind that is chosen", visit.find("#kind").input_value(), "receipts")
        bring_file(visit, "statement.csv", wrong)
        column = {
            name: visit.find(f"select[name='column:{name}']")
            for name in ("date", "reference", "amount", "customer", "payer", "remittance")
        }
        for name, heading in (
            ("date", "交易日期"),
            ("reference", "流水号"),
            ("customer", "客户编码"),
            ("payer", "对方户名"),
            ("remittance", "摘要"),
        ):
            visit.same(f"the column that is guessed for {name}", column[name].input_value(), heading)
        visit.shows("the first lines", visit.find("main table"), f"{stem}1")
        if column["amount"].input_value() != "":
            column["amount"].select_option("")
        visit.click(visit.button("try-out"))
        visit.shows("that a column is missing", visit.find(".callout[role=alert]"))
        visit.same("the mapping that was chosen", column["date"].input_value(), "交易日期")

        # A column's name can be dragged to where it belongs, or chosen there.
        visit.find("li[data-heading]", has_text="到账金额").drag_to(column["amount"])
        visit.same("the column after dragging its name there", column["amount"].input_value(), "到账金额")
        visit.choose(column["amount"], "到账金额")
        used = visit.find("form[data-mapping] li[data-heading][aria-disabled=true]").count()
        visit.same("headings that are marked as used", used, 6)
        visit.click(visit.button("try-out"))
        fault = visit.find("main table tbody tr", has_text="12.3.4")
        visit.shows("the wrong amount among the faults", fault)
        visit.holds("the line of the wrong amount", fault.locator("th").inner_text() == "3", fault.first.inner_text())
        visit.shows("that nothing was imported", visit.find(".callout[role=alert]"))
        visit.same("the mapping after the try", column["amount"].input_value(), "到账金额")
        visit.holds("nothing to import with a fault in it", visit.find("form[action$='/commit']").count() == 0)

        bring_file(visit, "statement.csv", right)
        visit.choose(column["amount"], "到账金额")
        visit.click(visit.button("try-out"))
        visit.shows("what would be imported", visit.find("main .answer"), "2")
        visit.holds("nothing imported yet", not any(row["reference"].startswith(stem) for row in site.rows("receipts")))
        visit.find("input[name=remember]").check()
        visit.leave_to(lambda: visit.click(visit.button("import-now", count=2)), "/progress")
        visit.shows("the summary", visit.find("#progress .answer"), visit.words("imported-summary", created=2, updated=0, unchanged=0))
        visit.same(
            "the receipts of the file",
            sorted(yuan(row["amount"]["amount"]) for row in site.rows("receipts") if row["reference"].startswith(stem)),
            [8800, 123450],
        )
        visit.click(visit.find("#progress a", has_text=visit.words("next-file")))

        # The same columns need no second assignment, and the same file does nothing twice.
        bring_file(visit, "statement.csv", right)
        visit.same("the column that was remembered", column["amount"].input_value(), "到账金额")
        visit.click(visit.button("try-out"))
        visit.shows(
            "that all lines are there already", visit.find("main .answer"), visit.words("try-good", created=0, unchanged=2)
        )


# MARK: Who owes what


@journey()
def finding_the_worst(site, look):
    """Finds after signing in who owes most beyond ninety days, and why, with two clicks."""
    rows = [row for row in site.run("aging")["rows"] if row["currency"] == "CNY" and row["key"]]

    def beyond(row):
        return sum(yuan(amount) for amount in row["buckets"][4:])

    worst = max(rows, key=beyond)
    with site.visit("finance_manager", **look) as visit:
        visit.actions = 0
        section = visit.find("section", has=visit.page.get_by_role("heading", name=visit.words("who-owes-most")))
        row = section.locator("tbody tr").first
        visit.shows("the customer who owes most", row, worst["name"])
        visit.shows("how much", row, figure(beyond(worst)))
        visit.click(row.locator("a"))
        visit.shows("the customer", visit.find("h1"), worst["name"])
        visit.shows(
            "a sentence with what is overdue",
            visit.find("main .answer .bad"),
            figure(sum(yuan(amount) for amount in worst["buckets"][1:])),
        )
        # Why: which invoices are so late, and what was done about them.
        items = [item for item in site.rows("invoices", "--customer", worst["key"], "--open") if item["daysOverdue"] > 90]
        late = visit.find("section[aria-labelledby=oi] tbody tr")
        texts = late.all_inner_texts()
        for item in items:
            visit.holds(
                f"{item['number']}, {item['daysOverdue']} days late, among the open items",
                any(item["number"] in text and visit.words("days-overdue", days=item["daysOverdue"]) in text for text in texts),
                texts[:3],
            )
        visit.click(late.first.locator("a").first)
        visit.shows("what happened to the oldest invoice", visit.find("section[aria-labelledby=ev] li"))
        visit.holds("at most 2 clicks from signing in", visit.actions <= 2, visit.actions)


@journey(("en", 1440), ("zh", 390))
def reading_the_aging(site, look):
    """Filters the aging as one types, goes from a figure to its invoices, looks at another day, and takes files along."""
    with site.visit("finance_manager", at="/aging", **look) as visit:
        page = visit.page
        rows = [row for row in site.run("aging")["rows"] if row["currency"] == "CNY" and row["key"]]
        total = sum(yuan(row["open"]) for row in rows)
        visit.shows("the sum", visit.find("tr.sub", has_text="CNY"), figure(total))
        visit.holds("every proof to hold", visit.find(".proof.off").count() == 0 and visit.find(".proof").count() > 0)

        # From a figure to what it is made of, and back to where one was.
        worst = max(rows, key=lambda row: yuan(row["buckets"][2]))
        line = visit.find("main tr[data-row]", has_text=worst["key"]).first
        cell = line.locator("td a", has_text=figure(yuan(worst["buckets"][2]))).first
        visit.click(cell)
        drawer = visit.find("aside.drawer")
        visit.shows("the drawer", drawer)
        numbers = [
            item["number"]
            for item in site.rows("invoices", "--customer", worst["key"], "--currency", "CNY", "--bucket", "d31_60")
        ]
        visit.same("the invoices of the figure", drawer.locator("tbody tr").count(), len(numbers))
        visit.shows("their sum", drawer.locator("tfoot"), figure(yuan(worst["buckets"][2])))
        visit.in_sight("the open amount of an invoice in the drawer", drawer.locator("tbody tr").first.locator("td").last)
        visit.holds("the cell to be marked", "on" in (cell.locator("xpath=..").get_attribute("class") or "").split())
        visit.holds(
            "focus in the drawer", page.evaluate("document.querySelector('aside.drawer').contains(document.activeElement)")
        )
        page.keyboard.press("Escape")
        visit.hides("drawer after Esc", drawer)
        visit.holds("focus back at the figure", cell.evaluate("cell => document.activeElement === cell"))

        # A filter replaces the table, not the page.
        page.evaluate("window.same = true")
        with page.expect_response(lambda answer: "by=owner" in answer.url):
            visit.choose("#by", "owner")
        page.wait_for_url(re.compile("by=owner"))
        visit.shows("rows by owner", visit.find("main table th"), visit.words("sales-owner"))
        visit.holds("the same page", page.evaluate("window.same === true"))
        visit.shows("the same sum", visit.find("tr.sub", has_text="CNY"), figure(total))
        visit.same(
            "owners by address instead of by name",
            [text for text in visit.find("main tbody th[scope=row]").all_inner_texts() if "@" in text],
            [],
        )
        page.go_back()
        page.wait_for_url(re.compile("/aging$"))
        visit.shows("customers again", visit.find("main table th"), visit.words("customer"))
        visit.holds("the same page after going back", page.evaluate("window.same === true"))

        with page.expect_response(lambda answer: "unit=wan" in answer.url):
            visit.click(visit.find(".seg a", has_text=visit.words("unit-ten-thousand")))
        expect(visit.find("tr.sub", has_text="CNY").locator("td").first).to_have_text(re.compile(r"^[\d,]+\.\d$"))
        visit.go("/aging")

        # Files: what is shown, not less and not more.
        name, content = visit.download(visit.find("main .head a", has_text="CSV"))
        lines = [line for line in content.decode("utf-8-sig").splitlines() if line]
        visit.holds("a CSV file", name.endswith(".csv"), name)
        visit.holds(f"the customer {worst['name']} in the CSV", any(worst["name"] in line for line in lines), lines[:4])
        visit.holds("as many lines as customers at least", len(lines) > len(rows), len(lines))
        name, content = visit.download(visit.find("main .head a", has_text="XLSX"))
        visit.holds("a workbook", name.endswith(".xlsx") and content[:2] == b"PK" and len(content) > 4000, (name, len(content)))
        name, content = visit.download(visit.find("main .head a", has_text="PDF"))
        visit.holds("a PDF", name.endswith(".pdf") and content[:5] == b"%PDF-" and len(content) > 4000, (name, len(content)))

        # Another day.
        day = "2026-03-31"
        then = [row for row in site.run("aging", "--as-of", day)["rows"] if row["currency"] == "CNY" and row["key"]]
        visit.type("#asOf", day)
        page.wait_for_url(re.compile(f"asOf={day}"))
        visit.shows("the sum of that day", visit.find("tr.sub", has_text="CNY"), figure(sum(yuan(row["open"]) for row in then)))
        visit.holds("every proof of that day to hold", visit.find(".proof.off").count() == 0)
        worst = max(then, key=lambda row: yuan(row["buckets"][1]))
        cell = (
            visit.find("main tr[data-row]", has_text=worst["key"])
            .first.locator("td a", has_text=figure(yuan(worst["buckets"][1])))
            .first
        )
        before = visit.place()
        visit.click(cell)
        try:
            expect(drawer).to_be_visible(timeout=4000)
            visit.shows("the sum of the invoices of a figure of that day", drawer, figure(yuan(worst["buckets"][1])))
        except AssertionError:
            visit.same("the page beside the drawer of a figure of another day", visit.place(), before)
        if look["width"] <= 720:
            visit.go("/aging")
            visit.click("a.tool.menu")
            visit.leave_to(lambda: visit.click(visit.find("nav.side a.go", has_text=visit.words("nav-customers"))), "/customers$")


@journey()
def searching(site, look):
    """Finds a customer by the initials of its name, and an invoice by a part of its number, with the arrows."""
    name, initials = "石家庄霁桥智能科技有限公司", "sjzjq"
    customer = next(row for row in site.rows("customers") if row["name"] == name)
    item = site.open_items()[0]
    with site.visit("accountant", **look) as visit:
        page = visit.page
        page.keyboard.press("/")
        visit.same("the field that has focus after /", page.evaluate("document.activeElement.id"), "q")
        page.keyboard.type(initials)
        options = visit.find("#suggest [role=option]")
        visit.shows(f"{name} for {initials}", options.filter(has_text=name))
        at = [name in text for text in options.all_inner_texts()].index(True)
        for _ in range(at + 1):
            page.keyboard.press("ArrowDown")
        visit.same("the suggestion that is chosen", options.nth(at).get_attribute("aria-selected"), "true")
        visit.same(
            "what the field says of it",
            visit.find("#q").get_attribute("aria-activedescendant"),
            options.nth(at).get_attribute("id"),
        )
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(f"/customers/{customer['code']}$"))
        visit.shows("the customer", visit.find("h1"), name)

        page.keyboard.press("/")
        page.keyboard.type(item["number"][-8:])
        visit.shows("an invoice for a part of its number", options.filter(has_text=item["number"]))
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        visit.same("nothing chosen in the field itself", visit.find("#suggest [aria-selected=true]").count(), 0)
        at = [item["number"] in text for text in options.all_inner_texts()].index(True)
        for _ in range(at + 1):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(f"/invoices/{item['number']}$"))

        page.keyboard.press("/")
        page.keyboard.type("没有这样的公司")
        visit.shows("that nothing was found", visit.find("#suggest"), visit.words("search-nothing"))
        page.keyboard.press("Escape")
        visit.hides("suggestions after Esc", visit.find("#suggest"))
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/search"))
        visit.shows("that nothing was found", visit.find("main .empty"), visit.words("search-nothing"))


@journey()
def keeping_a_view(site, look):
    """Keeps a filtered list under a name, returns to it, and removes it."""
    with site.visit("credit", at="/invoices", **look) as visit:
        page = visit.page
        with page.expect_response(lambda answer: "state=overdue" in answer.url):
            visit.click(visit.find(".seg a", has_text=visit.words("name.status.overdue")))
        page.wait_for_url(re.compile("state=overdue"))
        visit.click(visit.find("main a", has_text=visit.words("save-view")))
        visit.shows("the drawer", visit.find("aside.drawer"))
        visit.same("the field that has focus", page.evaluate("document.activeElement.id"), "name")
        visit.type("aside.drawer #name", "逾期的")
        visit.leave_to(lambda: visit.click(visit.button("save-view", visit.find("aside.drawer"))), "state=overdue")
        visit.toast("done-saved")
        visit.go("/invoices")
        tab = visit.find("main nav.tabs a", has_text="逾期的")
        visit.click(tab)
        page.wait_for_url(re.compile("state=overdue"))
        expect(tab).to_have_attribute("aria-current", "page")
        visit.shows("overdue items alone", visit.find("main .seg [aria-current=true]"), visit.words("name.status.overdue"))
    with site.visit("credit", at="/invoices", **look) as visit:
        visit.shows("the view in another browser", visit.find("main nav.tabs a", has_text="逾期的"))
        visit.click(visit.find("main nav.tabs a", has_text=visit.words("manage")))
        with visit.page.expect_navigation():
            visit.click(visit.button("remove", visit.find("aside.drawer")))
        visit.hides("view after removing it", visit.find("main nav.tabs a", has_text="逾期的"))


# MARK: The day's work


@journey()
def working_by_keyboard(site, look):
    """The collector works through the day without the mouse: moves, opens, closes, and finishes a task with a note."""
    with site.visit("collector", **look) as visit:
        page = visit.page

        def focus():
            return page.evaluate("document.activeElement.closest('[data-row]')?.innerText ?? document.activeElement.localName")

        page.keyboard.press("j")
        current = visit.find("main [data-row][aria-current=true], main [data-row][aria-selected=true]")
        visit.same("rows that are current after J", current.count(), 1)
        visit.leave_to(lambda: page.keyboard.press("Enter"), r"/(tasks|customers)/")
        page.keyboard.press("g")
        visit.leave_to(lambda: page.keyboard.press("d"), "/$")

        visit.go("/tasks")
        mine = visit.find("main tbody tr[data-row]")
        count = mine.count()
        if count == 0:
            raise Failed(f"{email('collector')} was expected to have tasks")
        page.keyboard.press("j")
        visit.holds("the first row to be current after J", mine.first.get_attribute("aria-selected") == "true")
        page.keyboard.press("Enter")
        drawer = visit.find("aside.drawer")
        visit.shows("the task beside the list", drawer)
        visit.holds(
            "focus in the drawer", page.evaluate("document.querySelector('aside.drawer').contains(document.activeElement)")
        )
        page.keyboard.press("Escape")
        visit.hides("drawer after Esc", drawer)
        visit.holds(
            "focus back in the first row",
            page.evaluate("document.activeElement.closest('[data-row]') === document.querySelector('main tbody tr[data-row]')"),
            focus(),
        )

        page.keyboard.press("Enter")
        visit.shows("the task again", drawer)
        task = drawer.locator("input[name=task]").get_attribute("value")
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.localName") == "textarea":
                break
        visit.same("what Tab leads to", page.evaluate("document.activeElement.id"), "finish-note")
        page.keyboard.type("已通话，客户答应周五付")
        # What was typed isn't lost by one key: the first Esc asks by leading back to it.
        page.keyboard.press("Escape")
        visit.holds("the drawer to stay while something is typed in it", drawer.count() == 1)
        with page.expect_navigation():
            page.keyboard.press("Control+Enter")
        visit.toast("done-finished")
        visit.same("tasks that are left", mine.count(), count - 1)
        visit.holds("the task to be closed in the store", task not in {row["id"] for row in site.rows("tasks")}, task)
        visit.go("/tasks?closed=1")
        visit.holds(
            "the task that was just finished on the first page of the finished ones",
            visit.find(f"main a[href='/tasks/{task}']").count() == 1,
        )
        visit.holds("no finished task to be late", visit.find("main .answer .bad").count() == 0, visit.text("main .answer"))


@journey()
def knowing_the_keys(site, look):
    """Goes through the product with the keys that the help lists."""
    with site.visit("finance_manager", at="/customers", **look) as visit:
        page = visit.page
        page.keyboard.press("/")
        visit.same("the field that has focus after /", page.evaluate("document.activeElement.id"), "q")
        page.keyboard.press("Escape")
        visit.holds("the search field left after Esc", page.evaluate("document.activeElement.id") != "q")
        page.keyboard.press("?")
        dialog = visit.find("dialog#keys")
        visit.shows("the keys", dialog, visit.words("keys-title"))
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        for keys, address in (("g d", "/$"), ("g c", "/customers$"), ("g 3", "/invoices$"), ("g 4", "/aging$")):
            one, other = keys.split()
            page.keyboard.press(one)
            visit.leave_to(lambda: page.keyboard.press(other), address)
        # In a table of figures: rows, cells, the drawer.
        page.keyboard.press("j")
        page.keyboard.press("l")
        page.keyboard.press("l")
        visit.holds("focus on a figure after L", page.evaluate("document.activeElement.matches('#main td a')"))
        first = page.evaluate("document.activeElement.closest('tr').rowIndex")
        page.keyboard.press("j")
        row = page.evaluate("document.activeElement.closest('tr')?.rowIndex")
        visit.holds("the next row after J", row is not None and row > first, (first, row))
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        visit.shows("the figure's invoices after Enter", visit.find("aside.drawer"))
        page.keyboard.press("Escape")
        visit.hides("drawer after Esc", visit.find("aside.drawer"))
        with page.expect_download() as waiting:
            page.keyboard.press("e")
        visit.holds("a workbook after E", waiting.value.suggested_filename.endswith(".xlsx"), waiting.value.suggested_filename)
        # Where somebody types, letters are letters.
        visit.go("/invoices")
        visit.find("#number").press_sequentially("gd")
        visit.same("what was typed", visit.find("#number").input_value(), "gd")


@journey()
def managing(site, look):
    """The finance manager pauses an invoice, moves a due day, previews tomorrow, and sees what another policy would do."""
    items = [item for item in site.open_items() if item["daysOverdue"] > 0]
    one = site.take(items, "number")
    with site.visit("finance_manager", at=f"/invoices/{one['number']}", **look) as visit:
        visit.expects(422)
        form = visit.unfold("pause-act")
        form.locator("[name=until]").fill(after(-3))
        form.locator("[name=reason]").fill("质量争议，等客户回函")
        with visit.page.expect_navigation():
            visit.click(visit.button("pause-act", form))
        visit.shows("why it can't be paused until a day that is over", visit.find(".callout[role=alert]"))
        form = visit.unfold("pause-act")
        visit.same("the reason that was typed", form.locator("[name=reason]").input_value(), "质量争议，等客户回函")
        form.locator("[name=until]").fill(after(21))
        form.locator("[name=reason]").fill("质量争议，等客户回函")
        with visit.page.expect_navigation():
            visit.click(visit.button("pause-act", form))
        visit.toast("done-paused")
        visit.shows("until when it is paused", visit.find("aside.rail"), visit.words("until", day=after(21)))
        visit.same("the place after pausing", visit.place().split("?")[0], f"/invoices/{one['number']}")

        form = visit.unfold("change-due-act")
        form.locator("[name=due]").fill(after(45))
        form.locator("[name=reason]").fill("合同补充协议约定")
        with visit.page.expect_navigation():
            visit.click(visit.button("change-due-act", form))
        visit.toast("done-saved")
        visit.shows("the new due day", visit.find("aside.rail dl.facts"), after(45))
        visit.shows(
            "the change on the line of time", visit.find("section[aria-labelledby=ev]"), visit.words("name.event.due-change")
        )
        visit.same("the due day in the store", site.rows("invoices", "--number", one["number"])[0]["dueDate"], after(45))
        visit.shows("when it is due now", visit.find("main .answer"), visit.words("days-left", days=45))

        acts = site.rows("acts")[0]["act"]
        visit.go("/reminders")
        visit.click(visit.find("main .head a", has_text=visit.words("preview-tomorrow")))
        visit.shows("that nothing is done", visit.find("main .answer"), visit.words("preview-text"))
        visit.shows("rules and what they would do", visit.find("main tbody tr"))
        # In words of the product, with the codes of rules beside them.
        told = " ".join(visit.find("main section table").last.inner_text().split())
        for code in visit.find("main code").all_inner_texts():
            told = told.replace(code, "")
        visit.same(
            "words of the program among what would be done",
            sorted(set(re.findall(r"\b[a-z]+:[a-z]+\b|\b(?:task|case|escalation)\b", told))),
            [],
        )
        visit.same("the last act after a preview", site.rows("acts")[0]["act"], acts)

        visit.go("/settings")
        visit.unfold("policy-as-text")
        policy = visit.find("#policy")
        text = policy.input_value()
        stopped = re.sub(r"(overdue-start:\s*\{enabled: )true", r"\1false", text)
        visit.holds("a rule of the policy to switch off", stopped != text, text[:400])
        visit.type(policy, stopped)
        visit.type("#reason", "试试")
        with visit.page.expect_navigation():
            visit.click(visit.button("policy-try"))
        visit.shows("the effect", visit.find("main h2", has_text=visit.words("policy-effect")))
        visit.shows("what would be, rule by rule", visit.find("main table tbody tr"))
        visit.holds("a rule that would do something else", visit.find("main table td.strong").count() > 0)
        visit.same("the text that was typed", visit.find("#policy").input_value().strip(), stopped.strip())
        visit.same("the last act after a try", site.rows("acts")[0]["act"], acts)


@journey()
def proposing_a_contact(site, look):
    """The salesperson proposes to whom payment messages go, the accountant decides, and nobody decides on their own."""
    code = site.take([row for row in site.rows("customers", "--owner", email("sales"))], "code")["code"]
    name = f"钱来{site.next_number()}"
    with site.visit("sales", at=f"/customers/{code}", **look) as visit:
        visit.expects(403)
        visit.click(visit.find("main .head a", has_text=visit.words("new-contact")))
        drawer = visit.find("aside.drawer")
        visit.shows("the drawer", drawer)
        drawer.locator("#name").fill(name)
        drawer.locator("#purpose").select_option("payment")
        drawer.locator("#email").fill("pay@customer.example")
        drawer.locator("#reason").fill("回拨原联系电话核实")
        visit.leave_to(lambda: visit.click(visit.button("save", drawer)), f"/customers/{code}$")
        visit.toast("done-proposed")
        visit.holds("no contact before somebody decided", name not in visit.find("aside.rail").inner_text())
        visit.same("what the salesperson asked for", visit.go("/approvals"), 200)
        own = visit.find(".lane")
        visit.shows("the proposal of one's own", own.first, name)
        visit.holds("nothing to decide on", visit.button("approve", own.first).count() == 0)
        visit.go(f"/customers/{code}")

        with site.visit("accountant", at="/approvals", **look) as accountant:
            lane = accountant.find(".lane", has_text=name)
            accountant.shows("the proposal, with its reason", lane, "回拨原联系电话核实")
            action = lane.locator("form").get_attribute("action")
            # The one who asked can't answer, not even knowing where to.
            visit.same("the answer to one's own proposal", visit.fetch(action, answer="1"), 403)
            accountant.leave_to(lambda: accountant.click(accountant.button("approve", lane)), "/approvals$")
            accountant.toast("done-decided")
            accountant.shows("the decision", accountant.find("ul.check li.good"), accountant.words("approved"))
        visit.go(f"/customers/{code}")
        visit.shows("the contact after somebody decided", visit.find("aside.rail"), name)

    with site.visit("accountant", at=f"/customers/{code}/contact", **look) as visit:
        visit.expects(403, 422)
        visit.type("#name", name + "二")
        visit.find("#purpose").select_option("payment")
        visit.type("#email", "other@customer.example")
        visit.type("#reason", "客户来函")
        visit.leave_to(lambda: visit.click(visit.button("save")), f"/customers/{code}$")
        visit.go("/approvals")
        lane = visit.find(".lane", has_text=name + "二")
        visit.shows("that a second person decides", lane, visit.words("second-person-needed"))
        visit.holds("no way to approve one's own", visit.button("approve", lane).count() == 0)
        status = visit.fetch(lane.locator("form").get_attribute("action").removesuffix("/withdraw"), answer="1")
        visit.holds("one's own approval to be refused", status in (403, 422), status)
        with visit.page.expect_navigation():
            visit.click(visit.button("withdraw", lane))
        visit.hides("proposal that waits after withdrawing it", lane)


# MARK: Who sees and may what


@journey()
def seeing_own_customers(site, look):
    """The salesperson sees their own customers, what these owe, and nothing of the others."""
    everybody = site.rows("customers")
    own = {row["code"] for row in everybody if row["salesOwner"] == email("sales")}
    foreign = next(row for row in everybody if row["code"] not in own)
    item = next(row for row in site.rows("invoices", "--open") if row["customer"] not in own)

    def codes(visit):
        found = []
        visit.go("/customers")
        while True:
            found += [text.split(" ")[0] for text in visit.find("main tbody th small").all_inner_texts()]
            forward = visit.find(".pager a[rel=next]")
            if forward.count() == 0:
                return found
            before = visit.page.url
            visit.click(forward)
            visit.page.wait_for_url(lambda address: address != before)

    with site.visit("accountant", **look) as visit:
        visit.same("the customers that the accountant sees", len(set(codes(visit))), len(everybody))
    with site.visit("sales", **look) as visit:
        visit.expects(404, 403)
        visit.same("the customers that the salesperson sees", set(codes(visit)), own)
        visit.shows("how many there are", visit.find("main .answer"), str(len(own)))
        visit.same("the page of a foreign customer", visit.go(f"/customers/{foreign['code']}"), 404)
        visit.holds("nothing of the foreign customer", foreign["name"] not in visit.find("body").inner_text())
        unknown = visit.go("/customers/C9999")
        visit.same("the page of an unknown customer, like that of a foreign one", unknown, 404)
        visit.same("the page of a foreign invoice", visit.go(f"/invoices/{item['number']}"), 404)
        visit.go(f"/invoices?customer={foreign['code']}&state=all")
        visit.same("foreign invoices in a list", visit.find("main tbody tr").count(), 0)
        visit.go(f"/search?q={item['number']}")
        visit.same("foreign invoices that are found", visit.find("main [data-row]", has_text=item["number"]).count(), 0)
        visit.same("the settings", visit.go("/settings"), 403)
        visit.go("/")
        visit.same(
            "foreign contacts proposed by hand",
            visit.fetch(f"/customers/{foreign['code']}/contact", name="x", purpose="payment", email="x@y.example", reason="x"),
            404,
        )
        # The sums are those of their own customers.
        visit.go("/aging")
        own_open = sum(yuan(row["open"]) for row in site.run("aging")["rows"] if row["currency"] == "CNY" and row["key"] in own)
        visit.shows("the sum of their own customers", visit.find("tr.sub", has_text="CNY"), figure(own_open))


@journey()
def only_reading(site, look):
    """Auditor and management read everything, and find nothing to write with."""
    item = site.open_items()[0]
    task = site.rows("tasks")[0]["id"]
    waiting = next(row for row in site.rows("receipts", "--unapplied") if row["customer"])
    # One's own account and way of looking is everybody's; management decides on approvals.
    harmless = {"/preferences", "/columns", "/sign-out", "/views", "/views/remove"}
    for role in ("auditor", "management"):
        with site.visit(role, **look) as visit:
            visit.expects(403)
            visited = [
                "/",
                "/customers",
                f"/customers/{item['customer']}",
                "/invoices",
                f"/invoices/{item['number']}",
                "/receipts",
                f"/receipts?q={waiting['reference']}",
                "/imports",
                "/aging",
                "/tasks",
                f"/tasks/{task}",
                "/reminders",
                "/reminders?state=held",
                "/reminders/preview",
                "/checks",
                "/ledger",
                "/ledger/receivable",
                "/acts",
                "/people",
                "/status",
                "/security",
                *(f"/settings?tab={tab}" for tab in ("policy", "calendar", "bank", "accounts", "periods", "company")),
                "/approvals",
            ]
            for path in visited:
                visit.same(f"{path} for {role}", visit.go(path), 200)
                actions = visit.page.eval_on_selector_all(
                    "form[method=post]", "forms => forms.map(form => form.getAttribute('action'))"
                )
                written = [
                    action
                    for action in actions
                    if action not in harmless and not (role == "management" and action.startswith("/approvals/"))
                ]
                visit.same(f"forms that write for {role} at {path}", written, [])
                links = visit.find("main a[href^='/new/'], main a[href$='/contact']")
                visit.same(f"ways to new records for {role} at {path}", links.count(), 0)
            for path in ("/new/invoices", "/new/customers", "/new/receipts", f"/customers/{item['customer']}/contact"):
                visit.same(f"{path} for {role}", visit.go(path), 403)
            visit.go("/")
            for path, form in (
                ("/tasks/finish", {"task": task}),
                (f"/invoices/{item['number']}/pause", {"until": after(9), "reason": "x"}),
                ("/people/invite", {"email": "x@y.example", "name": "x"}),
                ("/settings/policy", {"policy": "x", "reason": "x"}),
            ):
                visit.same(f"writing to {path} by hand for {role}", visit.fetch(path, **form), 403)


@journey()
def without_script(site, look):
    """Works with scripts switched off: figures are links, filters are forms, a task is finished."""
    with site.visit("finance_manager", at="/aging", java_script_enabled=False, **look) as visit:
        visit.find("#by").select_option("owner")
        visit.leave_to(lambda: visit.click(visit.button("apply", visit.find("form.filters"))), "by=owner")
        visit.shows("rows by owner", visit.find("main table th"), visit.words("sales-owner"))
        visit.go("/aging")
        visit.leave_to(lambda: visit.click(visit.find("main tbody td a[data-drawer]").first), "/aging/items")
        visit.shows("the invoices of a figure", visit.find("main tbody tr"))
        visit.go("/tasks")
        visit.leave_to(lambda: visit.click(visit.find("main tbody a[data-drawer]").first), r"/tasks/\d+")
        visit.shows("the task on a page of its own", visit.find("h1"))


def main(names):
    begun = time.monotonic()
    chosen = [one for one in JOURNEYS if not names or one[0].__name__ in names]
    if unknown := set(names) - {one[0].__name__ for one in JOURNEYS}:
        raise SystemExit(f"No such journey: {', '.join(sorted(unknown))}")
    results = []
    for picture in OUT.glob("*.png"):
        picture.unlink()
    with Site() as site:
        for body, language, width in chosen:
            name = f"{body.__name__} ({language}, {width})"
            site.doing = f"{body.__name__}-{language}-{width}"
            start = time.monotonic()
            wrong = None
            try:
                body(site, {"language": language, "width": width})
            except (AssertionError, Error) as error:
                wrong = "\n".join([str(error).strip(), *getattr(error, "others", [])])
                if place := getattr(error, "place", None):
                    wrong += f"\nat {place}"
            results.append((name, wrong))
            print(f"{'FAIL' if wrong else 'ok  '} {name} {time.monotonic() - start:.1f} s", flush=True)
            if wrong:
                print(
                    f"     {body.__doc__.strip()}\n" + "\n".join("     " + line for line in wrong.splitlines()[:16]), flush=True
                )
    return report("Journeys", results, begun)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
