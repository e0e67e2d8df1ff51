"""A client made from the description by a public generator (openapi-python-client), and what a program does with it."""

import importlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request
import uuid

from served import Served


def generate(site, folder):
    document = folder / "openapi.json"
    with urllib.request.urlopen(f"{site.address}/api/v1/openapi.json") as answer:
        document.write_bytes(answer.read())
    done = subprocess.run(
        [
            os.path.join(os.path.dirname(sys.executable), "openapi-python-client"), "generate",
            "--path", str(document), "--output-path", str(folder / "client"), "--meta", "none",
        ],
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise SystemExit(f"The generator: {done.stdout}{done.stderr}")
    # It knows no files but plain ones; everything else has its function.
    skipped = re.findall(r"WARNING parsing (\S+ \S+)", done.stdout)
    check(set(skipped) <= {"POST /imports"}, f"without a function: {skipped}")
    sys.path.insert(0, str(folder))
    return importlib.import_module("client")


def check(condition, what):
    if not condition:
        raise SystemExit(f"The client: {what}")


def main():
    with Served() as site, tempfile.TemporaryDirectory() as name:
        package = generate(site, pathlib.Path(name))
        api = site.address + "/api/v1"
        with package.AuthenticatedClient(base_url=api, token=site.tokens["office"]) as client:
            use(client)
    print("Client: made from the description and used.")
    return 0


def use(client):
    from client.api.customers import change_customer, get_customer, list_customers, register_customer
    from client.api.invoices import get_invoice, register_invoice
    from client.api.items import list_items
    from client.api.receipts import allocate_receipt, list_receipts
    from client.api.reports import get_aging
    from client.models import (
        AllocationPart, CustomerChange, NewAllocation, NewCustomer, NewInvoice, NewReceipt, Problem,
    )
    import datetime

    def key():
        return str(uuid.uuid4())

    # All customers, page by page.
    codes, cursor = [], None
    while True:
        page = list_customers.sync(client=client, limit=25, **({"cursor": cursor} if cursor else {}))
        codes += [customer.code for customer in page.items]
        cursor = page.next_
        if not cursor:
            break
    check(len(codes) == len(set(codes)) >= 50, f"{len(codes)} customers")

    made = register_customer.sync(
        client=client, body=NewCustomer(code="PY1", name="Python Ltd", terms_days=30), idempotency_key=key()
    )
    check(made.is_new and made.act, "a customer wasn't registered")
    customer = get_customer.sync("PY1", client=client)
    check(customer.name == "Python Ltd" and customer.terms_days == 30, "a customer isn't what was registered")
    changed = change_customer.sync(
        "PY1", client=client, body=CustomerChange(industry="software"), idempotency_key=key(),
        if_match=f'"{customer.version}"',
    )
    check(changed.act, "a customer wasn't changed")
    stale = change_customer.sync(
        "PY1", client=client, body=CustomerChange(industry="other"), idempotency_key=key(), if_match='"1"'
    )
    check(isinstance(stale, Problem) and stale.code == "customer.changed", "a stale change was taken")

    invoice = NewInvoice(
        number="PY-1", customer="PY1", issue_date=datetime.date(2026, 6, 1), due_date=datetime.date(2026, 6, 20),
        amount="1130.00",
    )
    same = key()
    first = register_invoice.sync(client=client, body=invoice, idempotency_key=same)
    again = register_invoice.sync(client=client, body=invoice, idempotency_key=same)
    check(first.act == again.act, "the same request was two acts")
    check(get_invoice.sync("PY-1", client=client).open_.amount == "1130.00", "an invoice isn't what was registered")
    items = list_items.sync(client=client, customer="PY1")
    check([item.number for item in items.items] == ["PY-1"], "an invoice isn't in the list")
    aging = get_aging.sync(client=client)
    check(any(row.key == "PY1" and row.open_ == "1130.00" for row in aging.rows), "an invoice isn't in the aging")
    check(all(proof.holds for proof in aging.proof), "the aging's proof doesn't hold")

    # Money that came before; who registered it may not say what it paid.
    from client.api.receipts import register_receipt

    register_receipt.sync(
        client=client, idempotency_key=key(),
        body=NewReceipt(reference="PY-R1", date=datetime.date(2026, 6, 25), amount="500.00", customer="PY1"),
    )
    receipt = next(row for row in list_receipts.sync(client=client, customer="PY1").items if row.reference == "PY-R1")
    refused = allocate_receipt.sync(
        receipt.id, client=client, idempotency_key=key(),
        body=NewAllocation(parts=[AllocationPart(invoice="PY-1", amount="500.00")]),
    )
    check(isinstance(refused, Problem) and refused.code == "access.registered-by-you", "one person did both")


if __name__ == "__main__":
    sys.exit(main())
