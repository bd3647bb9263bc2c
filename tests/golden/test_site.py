# SPDX-License-Identifier: Apache-2.0
"""The site of tools/site: every link and anchor leads somewhere, every page is Markdown too, and search finds."""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
TOOL = REPO / "tools/site/site.py"
pytest.importorskip("markdown", reason="python3-markdown is not installed: tools/install-packages site")


class Reader(html.parser.HTMLParser):
    """The links, anchors and text of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.text, self.paragraphs, self.outside, self.titles = [], set(), [], [], [], []
        self.inside = []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in ("meta", "link", "input", "br", "img", "hr"):
            self.inside.append(tag)
        if "id" in attrs:
            assert attrs["id"] not in self.ids, attrs["id"]
            self.ids.add(attrs["id"])
        for name in ("href", "src"):
            if name in attrs:
                self.links.append(attrs[name])
                if tag != "a" and ":" in attrs[name]:
                    self.outside.append(attrs[name])

    def handle_endtag(self, tag):
        assert self.inside and self.inside[-1] == tag, (tag, self.inside)
        self.inside.pop()

    def handle_data(self, data):
        if self.inside and self.inside[-1] == "title":
            self.titles.append(data)
        if "pre" not in self.inside and "code" not in self.inside and "script" not in self.inside:
            self.text.append(data)
            if self.inside and self.inside[-1] == "p":
                self.paragraphs.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    output = tmp_path_factory.mktemp("site") / "out"
    done = subprocess.run(["/usr/bin/python3", "-B", TOOL, output], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def pages(site):
    return {path: Reader(path) for path in sorted(site.rglob("*.html"))}


def test_every_document_is_a_page_and_markdown(site, pages):
    documents = [p.relative_to(REPO) for p in (REPO / "docs").rglob("*.md")]
    assert len(documents) > 90
    for document in documents:
        assert (site / document).read_text() == (REPO / document).read_text()
        name = "index.html" if document.name == "README.md" else document.stem + ".html"
        assert site / document.parent / name in pages, document
    assert not list(site.parent.glob("out.*"))


def test_links_and_anchors(site, pages):
    count = 0
    for path, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if re.match(r"https?:", link):
                continue
            to = (path.parent / target.split("?")[0]).resolve() if target else path
            assert to.is_file(), f"{path}: {link}"
            assert not anchor or anchor in pages[to].ids, f"{path}: {link}"
            count += 1
    assert count > 4000


def test_nothing_is_loaded_from_elsewhere(pages):
    assert not [p.outside for p in pages.values() if p.outside]


def test_every_page_has_a_title_of_its_own_and_fits_a_phone(pages):
    titles = [" ".join(p.titles) for p in pages.values()]
    assert all(t.strip() for t in titles)
    for path in pages:
        text = path.read_text()
        assert 'name="viewport"' in text and text.count("<h1") == 1, path
        for table in re.findall(r".{40}<table\b", text, re.S):
            assert '<div class="table"' in table, path


def test_markup_is_converted(pages):
    """What another reader of Markdown takes for a list or a link is one here, too."""
    for path, page in pages.items():
        text = "".join(page.text)
        assert "](" not in text and "\ue000" not in text and "**" not in text, path
        assert not re.findall(r"^(?:- |\d\. |\|).*", "".join(page.paragraphs), re.M), path


def test_llms_txt(site):
    text = (site / "llms.txt").read_text()
    assert text.startswith("# capsem-builder\n\n> ")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 90 and len(set(links)) == len(links)
    assert all((site / link).is_file() and link.endswith(".md") for link in links)
    for line in re.findall(r"^- \[.*", text.split("## Optional")[0], re.M):
        assert re.fullmatch(r"- \[[^\]]+\]\([^)]+\): .{10,300}", line), line


def index(site):
    text = (site / "search-index.js").read_text()
    return json.loads(re.fullmatch(r"window\.searchIndex = (.*);\n", text, re.S).group(1))


def test_the_index_of_search(site, pages):
    entries = index(site)
    assert len(entries) > 200
    for entry in entries:
        path, _, anchor = entry["url"].partition("#")
        assert anchor in pages[site / path].ids
    assert any("--scratch" in e["text"] and e["page"] == "Running" for e in entries)


def test_a_link_that_leads_nowhere_ends_it(tmp_path):
    copy = tmp_path / "repo"
    for name in ("docs", "tools/site", "guest/README.md", "guest/agent/README.md", "examples/README.md", "LICENSE", "tests/lint",
                 "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (REPO / name).is_dir() else shutil.copy)(REPO / name, copy / name)
    page = copy / "docs/how-to/editor.md"
    page.write_text(page.read_text() + "\n[a](gone.md) [b](gallery.md#gone) [c](../../tools/site)\n")
    (copy / "docs/how-to/new.md").write_text("# A page that the map lacks\n")
    done = subprocess.run(["/usr/bin/python3", "-B", copy / "tools/site/site.py", tmp_path / "out"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and not (tmp_path / "out").exists()
    for wanted in ("editor.md: a link to gone.md, which is not a page", "gallery.md#gone, which is not a heading", "../../tools/site, which is not a page",
                   "docs/how-to/new.md is in no list"):
        assert wanted in done.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed: tools/install-packages look")
@pytest.mark.parametrize("query, first", [("W003", "W003"), ("virtiofs", "run.html"), ("keep-days", "store.html"), ("nosuchword", None), ("<b>", None)])
def test_search_finds(site, tmp_path, query, first):
    address = f"file://{site}/docs/index.html?q={urllib.parse.quote(query)}"
    done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--virtual-time-budget=5000",
                           f"--user-data-dir={tmp_path}", "--dump-dom", address], capture_output=True, text=True, timeout=120)
    found = re.search(r'<ol id="found"([^>]*)>(.*?)</ol>', done.stdout, re.S)
    assert found, done.stderr[-500:]
    links = re.findall(r'href="([^"]+)"', found.group(2))
    if first is None:
        assert links == [] or query == "<b>"
    else:
        assert any(first in link for link in links[:3]), links


