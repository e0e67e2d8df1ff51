#!/usr/bin/env python3
"""Looks with axe for what keeps people out, on every page, light and dark, wide and narrow:

python3 Tests/Browser/accessibility.py [PAGE …]
"""

import collections
import re
import sys
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error

from sample import NARROW, WIDE, Site, pages, report

ROLES = ("finance_manager", "accountant", "admin")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}

# Light and dark differ in colours alone, so what isn't about colours is looked at once in each width.
WHOLE = {"resultTypes": ["violations"], "runOnly": TAGS}
COLOURS = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}

# What axe doesn't ask.
OWN = """() => {
    const found = [], seen = new Map();
    const path = el => el.localName + (el.id ? '#' + el.id : '') + (el.getAttribute('name') ? `[name=${el.getAttribute('name')}]` : '');
    for (const el of document.querySelectorAll('[id]')) {
        if (seen.has(el.id)) found.push(['duplicate-id', path(el), `its id is that of <${path(seen.get(el.id))}> too: labels, links and errors lead to the first`]);
        else seen.set(el.id, el);
    }
    for (const label of document.querySelectorAll('label[for]')) {
        const target = document.getElementById(label.htmlFor);
        if (!target || !('value' in target)) found.push(['label-target', `label[for="${label.htmlFor}"]`, `leads to ${target ? '<' + path(target) + '>' : 'nothing'} instead of a field`]);
    }
    if (document.querySelectorAll('h1').length !== 1) found.push(['one-heading', 'h1', `there are ${document.querySelectorAll('h1').length}`]);
    const text = document.body.innerText.match(/<\\/?[a-z]+[ >][^\\n]{0,60}/);
    if (text) found.push(['markup-as-text', text[0], 'markup is read out as text']);
    const place = document.body.innerText.match(/[^\\n]{0,30}\\{[a-zA-Z]+\\}/);
    // A template shows its places; everywhere else they are filled in.
    if (place && !['/templates', '/api'].includes(location.pathname)) found.push(['unfilled-text', place[0], 'a place in the text has no value']);
    return found;
}"""

# A page of another role is looked at again where it has something that the roles before didn't have there.
KINDS = """() => [...new Set([...document.querySelectorAll('body *')].map(el =>
    el.localName + '.' + (el.getAttribute('class') || '') + '|' + (el.getAttribute('role') || '') + '|' + (el.getAttribute('type') || '')
    + '|' + (el.getAttribute('name') || '').replace(/\\d+/g, '#') + '|' + (el.parentElement.getAttribute('class') || '')))]"""


def drawers(site, role):
    """Drawers beside the page that opens them: the page and what is clicked there."""
    return {
        "finance_manager": [
            ("drawer-aging", "/aging", "main tbody td a[data-drawer]"),
            ("drawer-task", "/tasks", "main tbody a[data-drawer]"),
            ("drawer-act", "/acts", "main tbody a[data-drawer]"),
            ("drawer-views", "/invoices", "main a[href^='/views'][data-drawer]"),
        ],
        "accountant": [
            ("drawer-invoice", "/receipts", "form[data-split] a[data-drawer]"),
            ("drawer-contact", f"/customers/{site.rows('customers')[0]['code']}", "main .head a[data-drawer]"),
        ],
    }.get(role, [])


def kind(selector):
    """A selector without what differs from row to row, so that one fault of a table is said once."""
    selector = re.sub(r'\[href\^?\$?="[^"]*"\]|:nth-child\(\d+\)', "", selector)
    return re.sub(r"\d+", "#", selector)


class Findings:
    """Violations by rule and selector, with the pages that have them."""

    def __init__(self):
        self.grave = collections.defaultdict(list)
        self.others = collections.Counter()

    @property
    def count(self):
        return sum(map(len, self.grave.values()))

    def add(self, violations, where):
        for violation in violations:
            if violation["impact"] not in GRAVE:
                self.others[violation["id"]] += 1
                continue
            for node in violation["nodes"]:
                selector = " ".join(str(part) for part in node["target"])
                lines = [line.strip() for line in (node.get("failureSummary") or violation["help"]).split("\n")]
                self.grave[(violation["id"], kind(selector))].append((where, selector, " ".join(lines[1:3] or lines)))

    def say(self):
        for (rule, selector), found in sorted(self.grave.items()):
            places = list(dict.fromkeys(place for place, _, _ in found))
            print(f"FAIL {rule}: {selector} ({len(found)} times)")
            print(f"     on {', '.join(places[:6])}" + (f" and {len(places) - 6} more" if len(places) > 6 else ""))
            print(f"     first {found[0][1]}: {found[0][2]}", flush=True)
        if self.others:
            print("note of less weight: " + ", ".join(f"{rule} {count}" for rule, count in self.others.most_common()))


def look(page, axe, name, findings):
    """All that is to be seen of a page as it stands there; the number of violations."""
    before = findings.count
    page.evaluate(axe.axe_script)

    def run(options, where):
        # Colours change at once, but are drawn with the next frame.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        findings.add(
            page.evaluate("options => axe.run(document, options).then(found => found.violations)", options), f"{name} ({where})"
        )

    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="light")
        run(WHOLE, f"light, {width}")
        page.emulate_media(color_scheme="dark")
        run(COLOURS, f"dark, {width}")
    for rule, selector, hint in page.evaluate(OWN):
        findings.grave[(rule, kind(selector))].append((name, selector, hint))
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDE, "height": 900})
    return findings.count - before


def main(names):
    begun = time.monotonic()
    findings, results, seen, axe = Findings(), [], collections.defaultdict(set), Axe()

    def one(visit, name, route, role, is_new=True):
        if names and name not in names:
            return
        try:
            kinds = set(visit.page.evaluate(KINDS))
            if not is_new and kinds <= seen[route]:
                return
            seen[route] |= kinds
            wrong = look(visit.page, axe, name, findings)
            results.append((name if is_new else f"{name} ({role})", f"{wrong} violations" if wrong else None))
        except Error as error:
            results.append((name, str(error)))
            print(f"FAIL {name}: {error}", flush=True)

    with Site() as site:
        every = pages(site)
        with site.visit() as visit:
            for page in every:
                if page.role is None:
                    visit.go(page.path)
                    one(visit, page.name, page.route, "nobody")
        for role in ROLES:
            with site.visit(role) as visit:
                visit.expects(403, 404)
                for page in every:
                    if page.role is None or (page.role != role and page.is_personal):
                        continue
                    status = visit.go(page.path)
                    # What a role may not see is the page that says so, which is looked at as such.
                    if status == 200 or page.route == "-":
                        one(visit, page.name, page.route, role, page.route not in seen)
                for name, path, opener in drawers(site, role):
                    if names and name not in names:
                        continue
                    visit.go(path)
                    visit.click(visit.find(opener).first)
                    visit.shows("the drawer", visit.find("aside.drawer"))
                    one(visit, name, name, role)
    findings.say()
    return report("Accessibility", results, begun)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
