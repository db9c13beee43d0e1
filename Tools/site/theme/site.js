// The menu of narrow windows, and a search over every section of every page.
"use strict";
const menu = document.getElementById("menu");
menu.addEventListener("click", () => {
  const open = document.body.classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});

const search = document.getElementById("search"), found = document.getElementById("found"), pages = document.getElementById("pages");
const base = document.body.dataset.base;
const folded = (window.sections || []).map(([url, page, title, text]) => ({ url, page, title, text, heads: (page + " " + title).toLowerCase(), all: text.toLowerCase() }));

function look() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !words.length;
  pages.hidden = !!words.length;
  found.replaceChildren();
  if (!words.length) return;
  const hits = [];
  for (const section of folded) {
    let score = 0;
    for (const word of words) {
      const inHead = section.heads.includes(word), inText = section.all.includes(word);
      if (!inHead && !inText) { score = 0; break; }
      score += (inHead ? 10 : 0) + (inText ? 1 : 0);
    }
    if (score) hits.push([score, section]);
  }
  hits.sort((a, b) => b[0] - a[0]);
  for (const [, section] of hits.slice(0, 30)) {
    const item = document.createElement("li"), link = document.createElement("a"), where = document.createElement("small");
    link.href = base + "/" + section.url;
    link.textContent = section.title === section.page ? section.page : section.page + " › " + section.title;
    const at = Math.max(0, section.all.indexOf(words[0]) - 40);
    where.textContent = (at ? "…" : "") + section.text.slice(at, at + 110) + "…";
    item.append(link, where);
    found.append(item);
  }
  if (!hits.length) found.append(Object.assign(document.createElement("li"), { textContent: "Nothing has all of these words." }));
}
search.addEventListener("input", look);
document.addEventListener("keydown", event => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); search.focus(); }
  if (event.key === "Escape" && document.activeElement === search) { search.value = ""; look(); }
});

// What scrolls sideways is reached by keyboard too.
function reach() {
  for (const box of document.querySelectorAll("main pre, main .wide")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
reach();
addEventListener("resize", reach);
