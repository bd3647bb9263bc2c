#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A static site of the documents: tools/site/site.py OUTPUT

Each document is a page, and is there as Markdown under the same name. README.md of a folder is its index.html. Search needs no
server: search-index.js has the text of each section. llms.txt lists the pages for programs that read them. A link that leads
nowhere ends it before anything is written. The folder changes in one step.
"""
import html
import json
import pathlib
import posixpath
import re
import shutil
import sys

import markdown

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/lint"))
import cited  # noqa: E402

TOP = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "guest/README.md", "guest/agent/README.md",
       "examples/README.md"]
MAP = "docs/README.md"  # its sections and links are the list of pages at the side
FILES = ["LICENSE"]     # others that a document links to
PIPE = "\ue000"


def sources():
    return TOP + sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))


def url(source):
    """Where a document's page is: docs/README.md is docs/index.html."""
    folder, name = posixpath.split(source)
    return posixpath.join(folder, "index.html" if name == "README.md" else name[:-3] + ".html")


def relative(page, target):
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def plain(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text))


class Page:
    def __init__(self, source):
        self.source, self.url = source, url(source)
        self.text = (ROOT / source).read_text()
        found = re.search(r"^# (.*)$", self.text, re.M)
        self.title = re.sub(r"[`\\]", "", found.group(1)) if found else source
        self.problems, self.headings = [], []

    def first_sentence(self):
        body = self.text.split("\n", 1)[1] if self.text.startswith("# ") else self.text
        parts = [p.strip("\n") for p in re.split(r"\n\s*\n", body)]
        para = next((p for p in parts if p and not p.startswith(("|", "#", "- ", "```", "    ", "1. "))), self.title)
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(para.split())).replace("`", "").replace("**", "")
        return re.split(r"(?<=[.]) ", words)[0].rstrip(":")

    def link(self, pages, match):
        before, target = match.group(1), html.unescape(match.group(2))
        if re.match(r"[a-z]+:", target):
            return match.group(0)
        path, _, anchor = target.partition("#")
        source = posixpath.normpath(posixpath.join(posixpath.dirname(self.source), path)) if path else self.source
        if source in FILES:
            return f'{before}"{relative(self.url, source)}"'
        if source not in pages:
            self.problems.append(f"{self.source}: a link to {target}, which is not a page")
            return match.group(0)
        if anchor and anchor not in cited.anchors(pages[source].text):
            self.problems.append(f"{self.source}: a link to {target}, which is not a heading")
        return f'{before}"{html.escape(relative(self.url, pages[source].url))}{"#" + anchor if anchor else ""}"'

    def heading(self, match):
        level, inner = match.group(1), match.group(2)
        name, count = cited.slug(plain(inner)), 0
        taken = {h[1] for h in self.headings}
        anchor = name
        while anchor in taken:
            count += 1
            anchor = f"{name}-{count}"
        self.headings.append((int(level), anchor, plain(inner)))
        return f'<h{level} id="{anchor}">{inner}<a class="to" href="#{anchor}" aria-label="Link to this section">#</a></h{level}>'

    def render(self, pages):
        text = re.sub(r"^(\|.*)$", lambda m: m.group(1).replace("\\|", PIPE), self.text, flags=re.M)
        body = markdown.markdown(text, extensions=["tables", "fenced_code", "sane_lists"], output_format="html").replace(PIPE, "|")
        body = re.sub(r'(<a href=)"([^"]*)"', lambda m: self.link(pages, m), body)
        body = re.sub(r"<h([1-6])>(.*?)</h\1>", self.heading, body, flags=re.S)
        # an option does not break after its hyphens; what is long may
        body = re.sub(r"(?<!<pre>)<code>([^<]{1,24})</code>", r'<code class="short">\1</code>', body)
        body = re.sub(r"<table>.*?</table>", label, body, flags=re.S)
        self.body = re.sub(r"(<table.*?</table>)", r'<div class="table" tabindex="0">\1</div>', body, flags=re.S)

    def toc(self):
        rows = [(anchor, text) for level, anchor, text in self.headings if level == 2]
        if len(rows) < 3:
            return ""
        items = "".join(f'<li><a href="#{anchor}">{html.escape(text)}</a></li>' for anchor, text in rows)
        return f'<aside class="toc" aria-label="On this page"><b>On this page</b><ul>{items}</ul></aside>'

    def sections(self):
        """(anchor, heading, text) of each section."""
        parts = re.split(r'<h[1-6] id="([^"]*)">(.*?)<a class="to".*?</h[1-6]>', self.body, flags=re.S)
        yield from zip(parts[1::3], map(plain, parts[2::3]), (" ".join(plain(p).split()) for p in parts[3::3]))


def label(table):
    """On a phone a table of many columns is a list of rows: each cell needs the name of its column."""
    heads = [plain(h) for h in re.findall(r"<th>(.*?)</th>", table.group(0), re.S)]
    if len(heads) < 4:
        return table.group(0)
    columns = iter(range(sys.maxsize))
    named = re.sub(r"<td>", lambda _: f'<td data-label="{html.escape(heads[next(columns) % len(heads)])}">', table.group(0))
    return named.replace("<table>", '<table class="wide">')


def side(pages):
    """[(heading, [(title, source)])] of the map: its sections, and their links. Diagnostics are too many for it."""
    text = pages[MAP].text
    groups = []
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        head, body = part.split("\n", 1)
        links = [(t, posixpath.normpath(posixpath.join("docs", p))) for t, p in re.findall(r"\[([^\]]+)\]\(([^)#]+\.md)\)", body)]
        groups.append((head, [(pages[p].title if p.startswith("docs/") else t[0].upper() + t[1:], p) for t, p in links]))
    return groups


def nav(page, groups, pages):
    out = []
    for head, links in groups:
        rows = "".join(f'<li><a href="{relative(page.url, pages[source].url)}"{current(page, source)}>'
                       f"{html.escape(title.replace('`', ''))}</a></li>" for title, source in links)
        out.append(f"<h2>{html.escape(head)}</h2><ul>{rows}</ul>")
    return "\n".join(out)


def current(page, source):
    inside = source.endswith("diagnostics/README.md") and page.source.startswith("docs/reference/diagnostics/")
    return ' aria-current="page"' if page.source == source or inside else ""


def whole(page, template, groups, pages):
    root = relative(page.url, ".").rstrip("/") + "/"
    values = {"title": page.title if page.title == "capsem-builder" else f"{page.title} · capsem-builder", "description": page.first_sentence(),
              "markdown": relative(page.url, page.source)}
    text = template
    for name, value in values.items():
        text = text.replace("{" + name + "}", html.escape(value))
    for name, value in {"root": root, "open": " open", "nav": nav(page, groups, pages), "toc": page.toc(), "body": page.body}.items():
        text = text.replace("{" + name + "}", value)
    return text


def unlisted(groups, pages):
    listed = {source for _, links in groups for _, source in links}
    return [f"{MAP}: {source} is in no list" for source in pages if source.startswith("docs/") and source != MAP and source not in listed
            and not re.match(r"docs/(reference/diagnostics|spec)/", source)]


def search_index(pages):
    ranks = (("docs/spec", 2), ("docs/", 0), ("README.md", 1), ("", 3))
    entries = [{"page": page.title, "head": head, "url": f"{page.url}#{anchor}", "text": text, "rank": next(rank for start, rank in ranks if page.source.startswith(start))}
               for page in pages.values() for anchor, head, text in page.sections()]
    return "window.searchIndex = " + json.dumps(entries, ensure_ascii=False, separators=(",", ":")) + ";\n"


def llms(groups, pages):
    lines = ["# capsem-builder", "", f"> {pages['README.md'].first_sentence()}", "",
             "Every page is Markdown under the address of its HTML page, with .md for .html; an index.html is README.md."]
    for head, links in groups:
        lines += ["", f"## {head}", ""]
        lines += [f"- [{title}]({source}): {pages[source].first_sentence()}" for title, source in links]
    lines += ["", "## Optional", ""] + [f"- [{p.title}]({p.source})" for s, p in pages.items() if re.match(r"docs/(reference/diagnostics/[EW]|spec/[a-z])", s)]
    return "\n".join(lines) + "\n"


def write(folder, pages, groups):
    template = (HERE / "page.html").read_text()
    for page in pages.values():
        (folder / page.url).parent.mkdir(parents=True, exist_ok=True)
        (folder / page.url).write_text(whole(page, template, groups, pages))
        (folder / page.source).write_text(page.text)
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    for name in ("style.css", "search.js"):
        shutil.copyfile(HERE / name, folder / name)
    (folder / "search-index.js").write_text(search_index(pages))
    (folder / "llms.txt").write_text(llms(groups, pages))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tools/site/site.py OUTPUT")
    output = pathlib.Path(sys.argv[1])
    pages = {source: Page(source) for source in sources()}
    for page in pages.values():
        page.render(pages)
    groups = side(pages)
    problems = [line for page in pages.values() for line in page.problems] + unlisted(groups, pages)
    if problems:
        sys.exit("\n".join(problems))
    new, old = output.with_name(output.name + ".new"), output.with_name(output.name + ".old")
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir(parents=True)
    write(new, pages, groups)
    if output.exists():
        output.rename(old)
    new.rename(output)
    shutil.rmtree(old, ignore_errors=True)
    print(f"{len(pages)} pages in {output}/index.html")


if __name__ == "__main__":
    main()
