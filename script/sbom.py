"""Of what the product is made, as a CycloneDX document and as a table. script/sbom runs it.

What is linked is looked up, not listed here: Swift packages by the manifests, from the product's target downwards, and compared
with what the linker was given; system libraries by what the program loads. Only licences that can't be read by a program, and
what a part is for, stand in the tables below. What nobody knows stops the script.
"""
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import uuid

from cyclonedx import spdx
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence
from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import AND, OR, get_spdx_licensing
from packageurl import PackageURL

root = pathlib.Path(__file__).resolve().parent.parent
checkouts = root / ".build/checkouts"
target = root / "out/sbom.cdx.json"

# --- What --check allows. ---

# Whatever is done with the program, these ask for no more than to be named.
PERMISSIVE = {
    "Apache-2.0", "Apache-2.0 WITH Swift-exception", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause WITH PCRE2-exception",
    "BSD-Attribution-HPND-disclaimer", "FTL", "HPND", "HPND-sell-variant", "ISC", "MIT", "MIT-open-group", "OLDAP-2.8",
    "PostgreSQL", "Unicode-3.0", "X11", "Zlib", "blessing", "bzip2-1.0.6", "curl", "libpng-2.0", "libselinux-1.0",
}
# These ask that the library can be exchanged, which holds for one of the system that is loaded when the program starts.
DYNAMIC = {
    "GPL-3.0-or-later WITH GCC-exception-3.1", "LGPL-2.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-or-later",
    "MPL-1.1", "MPL-2.0",
}
# May be embedded into documents, which stay free of it.
FONTS = {"OFL-1.1"}

# --- What a part is for, where the product itself asks for it. Others are told by who needs them. ---

PURPOSES = {
    "grdb.swift": "the store in a file", "hummingbird": "serves the pages", "swift-argument-parser": "the command line",
    "swift-http-types": "requests and responses of the pages", "swift-log": "the log", "swift-nio": "network and threads",
    "swift-service-lifecycle": "starts and stops the server", "yams": "policies and mappings in YAML",
    "cairo": "PDF reports", "curl": "mail", "fonts-noto-cjk": "Chinese text in PDF reports, which embed it", "gcc": "compiler runtime",
    "glib2.0": "PDF reports", "glibc": "C library", "harfbuzz": "PDF reports", "libsodium": "encryption of personal data, passwords",
    "libxlsxwriter": "writes XLSX", "libzip": "reads XLSX", "openssl": "hashes, one-time codes", "pango1.0": "PDF reports",
    "postgresql": "the store on a server", "sqlite3": "the store in a file",
}

# --- Foreign code inside of Swift packages: target -> name, licence, purl, and where its version stands. ---

BUNDLED = {
    ("yams", "CYaml"): ("libyaml", "MIT", "pkg:github/yaml/libyaml", None),
    ("swift-nio", "CNIOAtomics"): ("uSHET", "MIT", "pkg:github/18sg/uSHET", ("src/cpp_magic.h", r"uSHET/blob/([0-9a-f]{40})")),
    ("swift-nio", "CNIOLLHTTP"): (
        "llhttp", "MIT", "pkg:github/nodejs/llhttp",
        ("include/c_nio_llhttp.h", r"VERSION_MAJOR (\d+)\s+#define LLHTTP_VERSION_MINOR (\d+)\s+#define LLHTTP_VERSION_PATCH (\d+)")),
    ("swift-nio", "CNIOSHA1"): ("sha1 of FreeBSD", "BSD-3-Clause", "pkg:github/freebsd/freebsd-src", None),
    ("swift-nio-extras", "CNIOExtrasZlib"): (
        "zlib", "Zlib", "pkg:github/madler/zlib", ("include/nioextras-zlib.h", r'ZLIB_VERSION "([0-9.]+)')),
}
# How files of the packages' own say so.
OWN = re.compile(r"open source project|__SWIFT_IORING", re.I)

# --- Licences of Debian packages. ---

# Source package -> licence of its libraries, and words that the copyright file must hold, so that a change is noticed. Here
# stands what no program reads: prose, names that are no SPDX ids, or files that give the tools' licence for the whole.
LICENCES = {
    "bzip2": ("bzip2-1.0.6", "Julian R Seward"),
    "cairo": (
        "LGPL-2.1-only OR MPL-1.1",
        "either the GNU Lesser General Public License (LGPL) version 2.1 or the Mozilla Public License (MPL) version 1.1"),
    "cyrus-sasl2": ("BSD-Attribution-HPND-disclaimer", "must retain the following acknowledgment"),
    # libcom_err alone: its sources carry the notice of the Student Information Processing Board, which Debian's file leaves out.
    "e2fsprogs": ("HPND", "Upstream-Name: e2fsprogs"),
    "fontconfig": ("HPND-sell-variant", "Permission to use, copy, modify, distribute, and sell this software"),
    "gcc": ("GPL-3.0-or-later WITH GCC-exception-3.1", "(v3 or later) with version 3.1 of the GCC Runtime Library Exception"),
    "glib2.0": ("LGPL-2.1-or-later", "LGPL-2.1+"),
    "glibc": ("LGPL-2.1-or-later", "Lesser General Public License as published by the Free Software Foundation; either version 2.1"),
    "gnutls28": ("LGPL-2.1-or-later", "The main library is licensed under GNU Lesser General Public License (LGPL) version 2.1+"),
    "krb5": ("BSD-2-Clause", "by the Massachusetts Institute of Technology. All rights reserved. Redistribution and use in source and binary"),
    "libselinux": ("libselinux-1.0", "This library (libselinux) is public domain software"),
    "libtasn1-6": ("LGPL-2.1-or-later", "The library itself is licensed as LGPLv2.1+"),
    "libx11": ("MIT AND MIT-open-group", "slight variant of the common MIT license"),
    "libxau": ("MIT-open-group", "the name of The Open Group shall not be used in advertising"),
    "libxcb": ("X11", "Except as contained in this notice, the names of the authors"),
    "libxdmcp": ("MIT-open-group", "the name of The Open Group shall not be used in advertising"),
    "libxext": ("MIT-open-group", "the name of The Open Group shall not be used in advertising"),
    "libxlsxwriter": ("BSD-2-Clause AND MPL-2.0", "third_party/tmpfileplus"),
    "libxrender": ("HPND-sell-variant", "Permission to use, copy, modify, distribute, and sell this software"),
    "libzip": ("BSD-3-Clause", "The names of the authors may not be used to endorse"),
    "pcre2": ("BSD-3-Clause WITH PCRE2-exception", "EXEMPTION FOR BINARY LIBRARY-LIKE PACKAGES"),
    "pixman": ("MIT", "The following is the MIT license"),
    "rtmpdump": (
        "LGPL-2.1-or-later",
        "librtmp is free software; you can redistribute it and/or modify it under the terms of the GNU Lesser General Public "
        "License as published by the Free Software Foundation; either version 2.1"),
    "sqlite3": ("blessing", "License: public-domain"),
}
# Machine-readable files say for which files a licence holds. These libraries are not `*`, which is for their tools.
STANZAS = {"libblkid1": "libblkid/*", "libidn2-0": "*.c *.h", "libkeyutils1": "keyutils.*", "libmount1": "libmount/*"}
# Debian's names that SPDX calls otherwise.
NAMES = {"bsd2": "BSD-2-Clause", "bsd3": "BSD-3-Clause", "expat": "MIT", "libpng": "libpng-2.0", "openldap-2.8": "OLDAP-2.8", "sil-1.1": "OFL-1.1"}

# --- The toolchain's libraries. Others than these (FoundationXML, FoundationNetworking) hold foreign code: look before adding. ---

RUNTIME = re.compile(r"lib(swift\w+|Foundation|FoundationEssentials|FoundationInternationalization|_FoundationICU|dispatch|BlocksRuntime)\.so")


def run(*command):
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {answer.stderr.strip()}")
    return answer.stdout


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


# --- Licence texts ---

def words(text):
    lines = (line for line in text.splitlines() if not re.match(r"\W*(Copyright\s*(\([cC]\)|©|[\d\[{A-Z])|All rights reserved)", line))
    return re.findall(r"[a-z0-9]+", " ".join(lines).lower())


EXCEPTION = words(
    "Runtime Library Exception to the Apache 2.0 License: As an exception, if you use this Software to compile your source code and "
    "portions of this Software are embedded into the binary product as a result, you may redistribute such product without providing "
    "attribution as would otherwise be required by Sections 4(a), 4(b) and 4(d) of the License.")
# First and last words, turns of phrase between them in their order, and how many words that is: nothing was added or left out.
CONDITIONS = "redistribution and use in source and binary forms with or without modification are permitted"
PHRASES = {
    "MIT": (160, 166, [
        "permission is hereby granted free of charge to any person obtaining a copy", "to deal in the software without restriction",
        "shall be included in all copies or substantial portions of the software", "the software is provided as is",
        "use or other dealings in the software"]),
    "BSD-3-Clause": (205, 225, [
        CONDITIONS, "redistributions of source code must retain", "redistributions in binary form must reproduce", "neither the name",
        "to endorse or promote products", "even if advised of the possibility of such damage"]),
    "BSD-2-Clause": (175, 192, [
        CONDITIONS, "redistributions of source code must retain", "redistributions in binary form must reproduce",
        "even if advised of the possibility of such damage"]),
    "ISC": (95, 120, [
        "permission to use copy modify and or distribute this software for any purpose with or without fee",
        "the software is provided as is", "use or performance of this software"]),
}
# Around them stand a title and names at most.
AROUND = 8


def recognise(text):
    """The SPDX expression of a licence's text, or None. What Apache 2.0 says is compared with the product's own LICENSE."""
    said, apache = words(text), words(read(root / "LICENSE"))
    end = " ".join(apache).index("end of terms and conditions")
    body = len(" ".join(apache)[:end].split()) + 5
    if said[:body] == apache[:body]:
        rest = said[body:]
        if rest[:len(apache) - body] == apache[body:]:
            rest = rest[len(apache) - body:]
        return {"": "Apache-2.0", " ".join(EXCEPTION): "Apache-2.0 WITH Swift-exception"}.get(" ".join(rest))
    whole = " ".join(said)
    for name, (least, most, phrases) in PHRASES.items():
        found = re.search(".*".join(phrases), whole)
        if found and least <= len(found[0].split()) <= most and len(said) - len(found[0].split()) <= AROUND:
            return name
    return None


def licence_of(folder):
    files = sorted(one for one in folder.iterdir() if re.fullmatch(r"(LICEN[CS]E|COPYING)(\.(txt|md))?", one.name, re.I))
    found = {recognise(read(one)) for one in files}
    if len(found) != 1 or None in found:
        sys.exit(f"The licence of {folder.name} is not known: look at {[one.name for one in files]} and teach script/sbom.py")
    return found.pop()


def spdx_of(debian):
    """The SPDX expression of a `License:` field, or None."""
    def one(name):
        name = re.sub(r"\s+", " ", name).strip()
        if gnu := re.fullmatch(r"(A?GPL|LGPL)-?v?([\d.]+)(\+?)", name, re.I):
            number = gnu[2] if "." in gnu[2] else gnu[2] + ".0"
            return f"{gnu[1].upper()}-{number}-{'or-later' if gnu[3] else 'only'}"
        return NAMES.get(name.lower()) or spdx.fixup_id(name)

    parts = re.split(r"\s+(and|or)\s+", debian.strip(), flags=re.I)
    ids = [part.upper() if index % 2 else one(part) for index, part in enumerate(parts)]
    # "A or B, and C" would need brackets; no package has needed it yet.
    if None in ids or "," in debian:
        return None
    return ids[0] if len(set(ids[::2])) == 1 else " ".join(ids)


def licence_of_debian(package, source):
    """Licence, whether somebody looked, and all that the copyright file names for any of the source's files."""
    text = read(pathlib.Path(f"/usr/share/doc/{package}/copyright"))
    stanzas = {}
    if re.match(r"Format(-Specification)?:", text):
        for paragraph in re.split(r"\n\s*\n", text):
            fields = {name.lower(): " ".join(value.split()) for name, value in re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", paragraph, re.M)}
            label = re.search(r"^License:[ \t]*(.*)", paragraph, re.M | re.I)
            if "files" in fields and label:
                stanzas[fields["files"]] = label[1].strip()
    named = {spdx_of(one) or one for one in stanzas.values() if one}
    if known := LICENCES.get(source):
        if known[1] not in " ".join(text.split()):
            sys.exit(f"{package}: its copyright file no longer says “{known[1]}”: look at it and at LICENCES in script/sbom.py")
        return known[0], True, named
    files = set(STANZAS.get(package, "*").split())
    stanza = next((label for pattern, label in reversed(stanzas.items()) if files <= set(pattern.split())), "")
    if not (licence := spdx_of(stanza)):
        sys.exit(f"The licence of {package} is not known (“{stanza or 'prose'}”): look at its copyright file, and add {source} to "
                 "LICENCES in script/sbom.py")
    return licence, package in STANZAS, named


def allowed(expression, sort):
    """Of alternatives one is enough."""
    def holds(part):
        if isinstance(part, OR):
            return any(map(holds, part.args))
        if isinstance(part, AND):
            return all(map(holds, part.args))
        name = str(part)
        return name in PERMISSIVE or sort == "library" and name in DYNAMIC or sort == "font" and name in FONTS
    return holds(get_spdx_licensing().parse(expression))


# --- Swift packages ---

class Packages:
    def __init__(self, scratch):
        self.scratch = scratch
        self.pins = {pin["identity"]: pin for pin in json.loads(read(root / "Package.resolved"))["pins"]}
        self.manifests = {"": self.manifest(root)}
        for identity in self.pins:
            self.manifests[identity] = self.manifest(self.folder(identity))
        # Which packages a package names, and the traits that it asks of them.
        self.asked = {
            one: {entry["identity"]: entry.get("traits", [{"name": "default"}])
                  for place in manifest["dependencies"] for entries in place.values() for entry in entries if entry["identity"] in self.pins}
            for one, manifest in self.manifests.items()
        }
        self.traits = self.enabled_traits()

    def folder(self, identity):
        folder = checkouts / re.sub(r"\.git$", "", self.pins[identity]["location"].rstrip("/").split("/")[-1])
        if not folder.is_dir():
            sys.exit(f"The sources of {identity} are not there: swift package resolve")
        return folder

    def manifest(self, folder):
        # A scratch folder of its own, so that it waits for no build.
        return json.loads(run("swift", "package", "--package-path", folder, "--scratch-path", self.scratch, "dump-package"))

    def enabled_traits(self):
        enabled = {one: set() for one in self.manifests}
        implied = {one: {trait["name"]: trait["enabledTraits"] for trait in manifest.get("traits", [])} for one, manifest in self.manifests.items()}
        changed = True
        while changed:
            changed = False
            for one, asked in self.asked.items():
                for other, traits in asked.items():
                    waiting = [trait["name"] for trait in traits
                               if set((trait.get("condition") or {}).get("traits", [])) <= enabled[one]]
                    while waiting:
                        trait = waiting.pop()
                        if trait in implied[other] and trait not in enabled[other]:
                            enabled[other].add(trait)
                            waiting += implied[other][trait]
                            changed = True
        return enabled

    def applies(self, condition, package):
        if not condition:
            return True
        platforms, traits = condition.get("platformNames", []), condition.get("traits", [])
        return (not platforms or "linux" in platforms) and (not traits or bool(set(traits) & self.traits[package]))

    def target(self, package, name):
        return next((one for one in self.manifests[package]["targets"] if one["name"] == name), None)

    def product(self, package, name, among=None):
        """The targets of a product that a package names, and whose they are."""
        for other in self.asked[package]:
            if among and among.lower() not in (other, self.manifests[other]["name"].lower(), self.folder(other).name.lower()):
                continue
            for product in self.manifests[other]["products"]:
                if product["name"] == name:
                    return [(other, one) for one in product["targets"]]
        return None

    def linked(self, start):
        """All targets that get into the program, and which package uses which."""
        seen, waiting, uses = set(), [("", start)], {}
        while waiting:
            package, name = node = waiting.pop()
            target = self.target(package, name)
            if node in seen or target["type"] in ("macro", "plugin"):
                continue
            seen.add(node)
            for dependency in target["dependencies"]:
                (kind, said), = dependency.items()
                if not self.applies(said[-1], package):
                    continue
                if kind == "product":
                    found = self.product(package, said[0], said[1])
                elif self.target(package, said[0]):
                    found = [(package, said[0])]
                else:
                    found = self.product(package, said[0])
                if found is None:
                    sys.exit(f"{name} of {package or 'the product'} needs {said[0]}, which is nowhere")
                waiting += found
                for other, _ in found:
                    if other != package:
                        uses.setdefault(other, set()).add(package)
        return seen, uses

    def sources(self, package, target):
        said = self.target(package, target).get("path") or f"Sources/{target}"
        return (self.folder(package) if package else root) / said


def compare_with_linker(program, packages, linked):
    """What the linker was given lies beside a built program."""
    given = program.parent / f"{program.name}.product/Objects.LinkFileList"
    if not given.exists():
        return
    objects = set(re.findall(r"/([^/]+)\.build/[^\n]*\.o'?$", read(given), re.M))
    said = {re.sub(r"\W", "_", name) for package, name in linked if packages.target(package, name)["type"] != "system"}
    if objects - said:
        sys.exit(f"The linker got {sorted(objects - said)}, which the manifests don't name: build again, or look at script/sbom.py")


def foreign_code(packages, linked):
    """The foreign code in what is linked; a C file that doesn't say whose it is stops the script."""
    found = []
    for package, name in sorted(linked):
        if not package or packages.target(package, name)["type"] == "system":
            continue
        folder = packages.sources(package, name)
        if known := BUNDLED.get((package, name)):
            version = None
            if known[3]:
                version = re.search(known[3][1], read(folder / known[3][0]))
                if not version:
                    sys.exit(f"{package}: the version of {known[0]} no longer stands in {known[3][0]}: look at BUNDLED in script/sbom.py")
                version = ".".join(version.groups())
            found.append((package, known[0], known[1], known[2], version))
            continue
        # A target is in Swift or in C; a header beside Swift is for Xcode.
        files = [] if any(folder.rglob("*.swift")) else [one for suffix in ("c", "h", "S", "cpp") for one in folder.rglob(f"*.{suffix}")]
        for file in sorted(files):
            if not OWN.search(read(file)[:1500]):
                sys.exit(f"{package}: {file.relative_to(folder.parent)} doesn't say whose it is: look at BUNDLED in script/sbom.py")
    return found


# --- System libraries ---

def loaded(files):
    """All libraries that these load, by name."""
    found = {}
    for file in files:
        for line in run("ldd", file).splitlines():
            if "not found" in line:
                sys.exit(f"{pathlib.Path(file).name} lacks a library: {line.strip()}")
            if place := re.match(r"\s*(?:(\S+) => )?(/\S+) \(0x", line):
                found[pathlib.Path(place[1] or place[2]).name] = pathlib.Path(place[2])
    return found


def needed(file):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", file))


def named_by_manifests(packages, linked):
    """Without a program: the libraries that pkg-config names for the system targets, and the toolchain's Foundation."""
    files = []
    for package, name in sorted(linked):
        target = packages.target(package, name)
        if target["type"] == "system" and target.get("pkgConfig"):
            for library in re.findall(r"-l(\S+)", run("pkg-config", "--libs-only-l", target["pkgConfig"])):
                files.append(pathlib.Path(run("cc", f"-print-file-name=lib{library}.so").strip()))
    paths = json.loads(run("swift", "-print-target-info"))["paths"]["runtimeLibraryPaths"]
    return files + [next(file for path in paths if (file := pathlib.Path(path) / "libFoundation.so").exists())]


def owners(files):
    """The Debian package of each file, which may have been recorded without /usr."""
    real = {file: str(file.resolve()).removeprefix("/usr") for file in files}
    answer = subprocess.run(
        ["dpkg-query", "-S", *sorted({prefix + path for path in real.values() for prefix in ("", "/usr")})], capture_output=True, text=True)
    found = {}
    for line in answer.stdout.splitlines():
        package, _, path = line.rpartition(": ")
        if not package.startswith("diversion"):
            found[path.removeprefix("/usr")] = package.split(",")[0]
    for file, path in real.items():
        if path not in found:
            sys.exit(f"{file} belongs to no Debian package and not to the Swift toolchain: look at script/sbom.py")
    return {file: found[path] for file, path in real.items()}


def os_release():
    said = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', read(pathlib.Path("/etc/os-release")), re.M))
    return said.get("ID", "debian"), said.get("VERSION_ID", "unstable")


# --- The document ---

class Document:
    def __init__(self):
        self.bom = Bom()
        self.edges = {}
        self.rows = []
        self.bad = []

    def add(self, name, version, licence, purpose, purl, *, sort="code", looked=False, kind=ComponentType.LIBRARY, scope=ComponentScope.REQUIRED,
            named=(), **more):
        said = LicenseFactory().make_from_string(
            licence, license_acknowledgement=LicenseAcknowledgement.CONCLUDED if looked else LicenseAcknowledgement.DECLARED)
        if isinstance(said, DisjunctiveLicense) and not said.id:
            sys.exit(f"{name}: {licence} is no SPDX licence")
        # What the rest of a source holds (its tools, tests and packaging) is told as seen, not as what holds for the library.
        seen = [DisjunctiveLicense(id=one) if spdx.is_supported_id(one) else DisjunctiveLicense(name=one) for one in sorted(named)]
        part = Component(
            name=name, version=version, licenses=[said], description=purpose, purl=purl, type=kind, scope=scope, bom_ref=str(purl),
            evidence=ComponentEvidence(licenses=seen) if seen else None, **more)
        self.bom.components.add(part)
        self.rows.append((scope != ComponentScope.REQUIRED, sort, name, version or "", licence, purpose))
        if not allowed(licence, sort):
            self.bad.append(f"{name} {version or ''}: {licence} is not allowed for {sort}")
        return part

    def uses(self, part, *others):
        self.edges.setdefault(part, set()).update(others)

    def table(self):
        order = ["code", "toolchain", "library", "font"]
        rows = [("Name", "Version", "Licence", "What for")]
        rows += [row[2:] for row in sorted(self.rows, key=lambda row: (row[0], order.index(row[1]), row[2].lower()))]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["| " + " | ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]) + " |" for row in rows]
        return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|---|", *lines[1:]])

    def text(self):
        for part, others in self.edges.items():
            self.bom.register_dependency(part, others)
        self.bom.serial_number = uuid.UUID(int=0)
        content = JsonV1Dot6(self.bom).output_as_string(indent=2)
        self.bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, content)
        text = JsonV1Dot6(self.bom).output_as_string(indent=2) + "\n"
        if faults := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
            sys.exit(f"The document does not keep to CycloneDX 1.6: {faults}")
        return text


def through(names):
    names = sorted(names)
    return "through " + ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def describe(program):
    document = Document()
    version = re.search(r'appVersion = "(.*?)"', read(root / "Sources/Operations/Store/Store.swift"))[1]
    product = Component(
        name="huikuan", version=version, type=ComponentType.APPLICATION, bom_ref=f"pkg:generic/huikuan@{version}",
        purl=PackageURL("generic", None, "huikuan", version), licenses=[LicenseFactory().make_from_string(recognise(read(root / "LICENSE")))],
        description="Runs a technology company's receivables")
    document.bom.metadata.component = product
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct")
    document.bom.metadata.timestamp = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)

    with tempfile.TemporaryDirectory() as scratch:
        packages = Packages(scratch)
    linked, uses = packages.linked("huikuan")
    if program:
        compare_with_linker(program, packages, linked)
    add_swift_packages(document, product, packages, linked, uses)

    start = [program] if program else named_by_manifests(packages, linked)
    libraries = loaded(start)
    if not program:
        # What is named is loaded too, under the name by which others know it.
        libraries |= {file.resolve().name: file.resolve() for file in start}
    ours = {name: file for name, file in libraries.items() if "/lib/swift/" in str(file) or RUNTIME.fullmatch(name)}
    runtime = add_toolchain(document, product, ours, program)
    add_debian(document, product, runtime, libraries, ours, program, start)
    return document


def add_swift_packages(document, product, packages, linked, uses):
    parts = {"": product}
    for identity, pin in packages.pins.items():
        address = re.sub(r"\.git$", "", pin["location"])
        place = re.sub(r"^\w+://([^@/]*@)?", "", address).split("/")
        version = pin["state"].get("version") or pin["state"]["revision"]
        used = uses.get(identity, set())
        if not used:
            purpose = "not linked; named by " + ", ".join(sorted(one for one, asked in packages.asked.items() if identity in asked))
        else:
            purpose = PURPOSES.get(identity, "for the product") if "" in used else through(used)
        parts[identity] = document.add(
            place[-1], version, licence_of(packages.folder(identity)), purpose,
            PackageURL("swift", "/".join(place[:-1]), place[-1], version), group="/".join(place[1:-1]),
            scope=ComponentScope.REQUIRED if used else ComponentScope.EXCLUDED,
            external_references=[
                ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(address), comment=f"commit {pin['state']['revision']}")])
    for one, asked in packages.asked.items():
        document.uses(parts[one], *(parts[other] for other in asked))
    for identity, name, licence, purl, version in foreign_code(packages, linked):
        purl = PackageURL.from_string(f"{purl}@{version}" if version else purl)
        document.uses(parts[identity], document.add(name, version, licence, f"inside of {identity}", purl, looked=True))


def add_toolchain(document, product, ours, program):
    """Swift's own libraries are one part, whether they are loaded or inside of the program."""
    if strange := sorted(name for name in ours if not RUNTIME.fullmatch(name)):
        sys.exit(f"The toolchain's {strange} may hold foreign code: look at RUNTIME in script/sbom.py")
    said = run("swift", "--version")
    version, tag = re.search(r"Swift version (\S+)", said)[1], re.search(r"\((swift-[^ )]+)", said)
    runtime = document.add(
        "swift-runtime", version, "Apache-2.0 WITH Swift-exception",
        "Swift's own libraries, Foundation among them, " + ("loaded" if ours else "inside of the program"),
        PackageURL("github", "swiftlang", "swift", tag[1] if tag else version), sort="toolchain", looked=True)
    document.uses(product, runtime)
    # Its data names its version.
    data = re.search(rb"icudt(\d+)", (ours.get("lib_FoundationICU.so") or program).read_bytes())
    version = data[1].decode() if data else None
    document.uses(runtime, document.add(
        "icu", version, "Unicode-3.0", "inside of Foundation", PackageURL("github", "unicode-org", "icu", version), sort="toolchain",
        looked=True))
    return runtime


def add_debian(document, product, runtime, libraries, ours, program, start):
    system = {name: file for name, file in libraries.items() if name not in ours}
    owner = owners(list(system.values()))
    package_of = {name: owner[file] for name, file in system.items()}
    font = "fonts-noto-cjk"
    names = [*sorted(set(package_of.values())), font]
    form = "${binary:Package}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"
    facts = {}
    for line in run("dpkg-query", "-W", "-f", form, *names).splitlines():
        full, *fact = line.split("\t")
        facts[full] = facts[fact[0]] = fact

    # Which package, or the product, or Swift's libraries, names which package's libraries.
    needs = {name: set() for name in names}
    for name, file in [*system.items(), *ours.items(), *([("", program)] if program else [])]:
        user = runtime if name in ours else package_of.get(name, product)
        for other in needed(file):
            if other in package_of and package_of[other] != user:
                needs[package_of[other]].add(user)
    if not program:
        for file in start:
            if file.resolve().name in package_of:
                needs[package_of[file.resolve().name]].add(product)
    needs[font].add(product)

    distribution, release = os_release()
    parts = {product: product, runtime: runtime}
    for package in names:
        name, version, architecture, source = facts[package]
        # Some sources have their version in their name.
        family = re.sub(r"^(gcc|postgresql)-\d+$", r"\1", source)
        licence, looked, named = licence_of_debian(name, family)
        direct = needs[package] & {product, runtime}
        others = {facts[user][0] for user in needs[package] - direct}
        parts[package] = document.add(
            name, version, licence, direct and PURPOSES.get(family) or (through(others) if others else "for the product"),
            PackageURL("deb", distribution, name, version, {
                "arch": architecture, "distro": f"{distribution}-{release}", "upstream": source}),
            sort="font" if package == font else "library", looked=looked, named=named,
            kind=ComponentType.DATA if package == font else ComponentType.LIBRARY)
    for package, users in needs.items():
        for user in users:
            document.uses(parts[user], parts[package])


def main(arguments):
    flags = {one for one in arguments if one.startswith("--")}
    named = [one for one in arguments if not one.startswith("--")]
    if flags - {"--table", "--check"} or len(flags) > 1 or len(named) > 1:
        print("Usage: script/sbom [--table|--check] [PROGRAM]", file=sys.stderr)
        sys.exit(2)
    built = [root / f".build/{one}/huikuan" for one in ("release", "debug")]
    program = next((one for one in ([pathlib.Path(named[0]).absolute()] if named else built) if one.is_file()), None)
    if named and not program:
        sys.exit(f"{named[0]} is not there")
    if not program:
        print("No built program: the libraries are those that Package.swift names", file=sys.stderr)

    document = describe(program)
    text = document.text()
    if "--check" in flags:
        if document.bad:
            sys.exit("\n".join(document.bad))
        print(f"Parts: {len(document.rows)}, all with licences that are allowed")
        return
    print(document.table())
    if "--table" not in flags:
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(f"\n{target.relative_to(root)}: {len(document.rows)} parts, {document.bom.serial_number}", file=sys.stderr)
        for one in document.bad:
            print(one, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
