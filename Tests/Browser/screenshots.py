#!/usr/bin/env python3
"""Takes pictures of every page, in both languages, wide and narrow, light and dark, and fails where one can't be read:

python3 Tests/Browser/screenshots.py [--out FOLDER] [PAGE …]
"""

import argparse
import pathlib
import re
import sys
import time

from playwright.sync_api import Error

from sample import NARROW, REPOSITORY, WIDE, Site, pages, report

MOST_HTML = 200_000
MOST_ASSETS = 100_000
TALLEST = 6_000

# What can't be read: the widest thing that stands out to the right, choices that are cut off, and columns so narrow
# that a name stands letter under letter.
UNREADABLE = """() => {
    const edge = document.documentElement.clientWidth, found = [];
    const path = el => el.localName + (el.className ? '.' + String(el.className).trim().replace(/ +/g, '.') : '');
    const shown = el => el.checkVisibility ? el.checkVisibility({ visibilityProperty: true }) : true;
    if (document.documentElement.scrollWidth > edge) {
        let worst = null, most = edge;
        for (const el of document.querySelectorAll('body *')) {
            const right = el.getBoundingClientRect().right;
            let box = el.parentElement;
            while (box && getComputedStyle(box).overflowX === 'visible') box = box.parentElement;
            if (right > most && (!box || box === document.body || box === document.documentElement)) { most = right; worst = el; }
        }
        found.push(`it scrolls sideways to ${document.documentElement.scrollWidth} pixels${worst ? ' because of ' + path(worst) : ''}`);
    }
    for (const el of document.querySelectorAll('main *')) {
        const style = getComputedStyle(el);
        if (el.childElementCount > 1 && style.overflowX === 'hidden' && el.scrollWidth > el.clientWidth + 2 && el.clientWidth > 40 && shown(el))
            found.push(`${path(el)} is cut off: “${el.innerText.trim().replace(/\\s+/g, ' ').slice(0, 60)}”`);
    }
    const squeezed = new Set();
    for (const el of document.querySelectorAll('main :is(td, th, a, li, dd, small, span)')) {
        const text = [...el.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join('');
        if (text.length < 4 || squeezed.has(path(el)) || el.closest('svg, .hidden, select') || !shown(el)) continue;
        const range = document.createRange();
        range.selectNodeContents([...el.childNodes].find(node => node.nodeType === 3 && node.data.trim()));
        const lines = new Set([...range.getClientRects()].filter(box => box.width > 0).map(box => Math.round(box.top))).size;
        if (lines >= 4 && text.length / lines < 4) { squeezed.add(path(el)); found.push(`${path(el)} is squeezed into ${lines} lines: “${text.slice(0, 40)}”`); }
    }
    return found;
}"""


def take(visit, page, folder, language):
    """The pictures of one page; what was wrong with it."""
    answer = visit.page.goto(page.path)
    wrong = []
    if answer.status != 200 and page.route != "-":
        wrong.append(f"it was expected to be answered with 200, but was with {answer.status}")
    size = len(answer.body())
    if size > MOST_HTML:
        wrong.append(f"its HTML was expected to have at most {MOST_HTML:,} bytes, but has {size:,}")
    for width in (WIDE, NARROW):
        visit.page.set_viewport_size({"width": width, "height": 900})
        wrong += [f"at {width}: {line}" for line in visit.page.evaluate(UNREADABLE)]
        # As tall as the page, so that what sticks to the window's edge stands at the page's.
        height = visit.page.evaluate("document.documentElement.scrollHeight")
        visit.page.set_viewport_size({"width": width, "height": min(height, TALLEST)})
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme)
            visit.page.screenshot(path=folder / f"{page.name}-{language}-{width}-{scheme}.png")
        visit.page.emulate_media(color_scheme="light")
    return [f"({language}) {line}" for line in wrong]


def main(arguments):
    asked = argparse.ArgumentParser(description=__doc__.split(":")[0])
    asked.add_argument("--out", type=pathlib.Path, default=REPOSITORY / "out/screens")
    asked.add_argument("pages", nargs="*")
    asked = asked.parse_args(arguments)
    begun = time.monotonic()
    asked.out.mkdir(parents=True, exist_ok=True)
    wrongs = {}
    with Site() as site:
        chosen = [page for page in pages(site) if not asked.pages or page.name in asked.pages]
        with site.visit() as visit:
            visit.go("/sign-in")
            sizes = {
                address: len(visit.context.request.get(address).body())
                for address in set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', visit.page.content()))
            }
            if sum(sizes.values()) > MOST_ASSETS:
                wrongs["assets"] = [
                    f"stylesheet and script were expected to have at most {MOST_ASSETS:,} bytes, but have {sizes}"
                ]
            else:
                wrongs["assets"] = []
        for language in ("zh", "en"):
            for role in dict.fromkeys(page.role for page in chosen):
                with site.visit(role, language=language) as visit:
                    visit.expects(403, 404)
                    for page in chosen:
                        if page.role != role:
                            continue
                        wrong = wrongs.setdefault(page.name, [])
                        try:
                            wrong += take(visit, page, asked.out, language)
                        except Error as error:
                            wrong.append(f"({language}) {error}")
    for name, wrong in wrongs.items():
        for line in wrong:
            print(f"FAIL {name} {line}", flush=True)
    folder = asked.out.relative_to(REPOSITORY) if asked.out.is_relative_to(REPOSITORY) else asked.out
    print(f"{len(list(asked.out.glob('*.png')))} pictures in {folder}")
    return report("Screenshots", list(wrongs.items()), begun)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
