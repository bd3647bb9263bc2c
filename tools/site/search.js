// Search without a server: the index is a script, read when somebody first looks for something. The pages work without it.
"use strict";
(() => {
  const root = document.body.dataset.root, input = document.getElementById("search"), list = document.getElementById("found");
  const pages = document.querySelector("nav details");
  if (matchMedia("(max-width: 52rem)").matches) pages.open = false;
  let loading = null, chosen = -1;
  const load = () => loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = root + "search-index.js";
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
  const words = (text) => (text.toLowerCase().match(/[\p{L}\p{N}_.-]+/gu) ?? []).map((word) => word.replace(/^[-.]+/, "")).filter(Boolean);

  const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  // A word of the question is the beginning of a word of the text: "keep-days" and "days" are in "--keep-days".
  const patterns = (wanted) => wanted.map((word) => new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(word)}`, "giu"));

  // Every word must be there. Those in a title or a heading count more, and pages for users more than those about the source.
  function score(entry, wanted) {
    let sum = 0;
    for (const pattern of wanted) {
      const count = (text) => text.match(pattern)?.length ?? 0;
      const here = (count(entry.page) ? 8 : 0) + (count(entry.head) ? 10 : 0) + Math.min(count(entry.text), 5);
      if (here === 0) return 0;
      sum += here;
    }
    return Math.max(sum - entry.rank, 0.1);
  }

  function excerpt(text, wanted) {
    const lower = text.toLowerCase();
    const at = Math.max(0, Math.min(...wanted.map((w) => lower.indexOf(w)).filter((i) => i >= 0), text.length) - 40);
    const part = document.createElement("small");
    let rest = (at > 0 ? "…" : "") + text.slice(at, at + 140) + (at + 140 < text.length ? "…" : "");
    const pattern = new RegExp(wanted.map(escaped).join("|"), "gi");
    let last = 0;
    for (const hit of rest.matchAll(pattern)) {
      const mark = document.createElement("mark");
      mark.textContent = hit[0];
      part.append(rest.slice(last, hit.index), mark);
      last = hit.index + hit[0].length;
    }
    part.append(rest.slice(last));
    return part;
  }

  function show(found, wanted) {
    list.replaceChildren();
    chosen = -1;
    for (const entry of found) {
      const item = document.createElement("li"), link = document.createElement("a"), title = document.createElement("b");
      link.href = root + entry.url;
      title.textContent = entry.head && entry.head !== entry.page ? `${entry.page}: ${entry.head}` : entry.page;
      link.append(title, excerpt(entry.text, wanted));
      item.append(link);
      list.append(item);
    }
    if (found.length === 0) {
      const item = document.createElement("li");
      item.className = "none";
      item.textContent = "Nothing has all of these words.";
      list.append(item);
    }
    list.hidden = false;
  }

  async function search() {
    const wanted = words(input.value);
    if (wanted.length === 0) {
      list.hidden = true;
      return;
    }
    await load();
    const looked = patterns(wanted);
    const scored = window.searchIndex.map((entry) => [score(entry, looked), entry]).filter(([s]) => s > 0);
    scored.sort((a, b) => b[0] - a[0]);
    show(scored.slice(0, 12).map(([, entry]) => entry), wanted);
  }

  function choose(step) {
    const links = list.querySelectorAll("a");
    if (links.length === 0) return;
    chosen = (chosen + step + links.length) % links.length;
    links.forEach((link, i) => link.classList.toggle("chosen", i === chosen));
    links[chosen].scrollIntoView({ block: "nearest" });
  }

  input.addEventListener("input", search);
  input.addEventListener("focus", () => load().then(search));
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const link = list.querySelectorAll("a")[Math.max(chosen, 0)];
    if (link) location.href = link.href;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      list.hidden = true;
      input.blur();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      input.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!input.form.contains(event.target)) list.hidden = true;
  });
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) {
    input.value = asked;
    search();
  }
})();
