#!/usr/bin/env python3
"""Takes pictures of every page, in both languages, wide and narrow, light and dark: python3 Tests/Browser/screenshots.py [--out FOLDER] [PAGE …]"""
import argparse
import pathlib
import re
import sys
import time

from playwright.sync_api import Error

from sample import NARROW, REPOSITORY, WIDE, Site, pages, report

MOST_HTML = 200_000
MOST_ASSETS = 100_000

# The widest thing that stands out to the right, to say what to mend.
WIDEST = """() => {
    const edge = document.documentElement.clientWidth;
    let worst = null, most = edge;
    for (const el of document.querySelectorAll('body *')) {
        const box = el.getBoundingClientRect();
        if (box.right > most + 0.5 && box.width > 0 && getComputedStyle(el).position !== 'fixed') {
            let inner = el.parentElement;
            while (inner && getComputedStyle(inner).overflowX === 'visible') inner = inner.parentElement;
            if (!inner || inner === document.body || inner === document.documentElement) { most = box.right; worst = el; }
        }
    }
    return worst ? `${worst.localName}.${worst.className} to ${Math.round(most)}` : 'unknown';
}"""


def take(visit, page, folder, language):
    """The pictures of one page; what was wrong with it."""
    answer = visit.page.goto(page.path)
    wrong = []
    size = len(answer.body())
    if size > MOST_HTML:
        wrong.append(f"its HTML was expected to have at most {MOST_HTML:,} bytes, but has {size:,}")
    for width in (WIDE, NARROW):
        visit.page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme)
            visit.page.screenshot(path=folder / f"{page.name}-{language}-{width}-{scheme}.jpg", type="jpeg", quality=80, full_page=True)
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            wrong.append(f"it was expected to fit into {width} pixels, but scrolls sideways to {wide}: {visit.page.evaluate(WIDEST)}")
        visit.page.emulate_media(color_scheme="light")
    visit.page.set_viewport_size({"width": WIDE, "height": 900})
    return [f"({language}) {line}" for line in wrong]


def main(arguments):
    asked = argparse.ArgumentParser(description=__doc__)
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
            sizes = {address: len(visit.context.request.get(address).body()) for address in
                     set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', visit.page.content()))}
            if sum(sizes.values()) > MOST_ASSETS:
                wrongs["assets"] = [f"stylesheet and script were expected to have at most {MOST_ASSETS:,} bytes, but have {sizes}"]
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
    print(f"{len(list(asked.out.glob('*.jpg')))} pictures in {folder}")
    return report("Screenshots", list(wrongs.items()), begun)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
