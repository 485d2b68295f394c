"use strict";
(() => {
  const search = document.querySelector("#search");
  const found = document.querySelector("#found");
  const changes = [...document.querySelectorAll("details.change")];
  const kinds = [...document.querySelectorAll("button[data-kind]")];
  const texts = changes.map((change) => change.textContent.toLowerCase());

  // What is shown: every word of the search stands in it, and its kind is one of those that are pressed, if any is.
  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = kinds.filter((button) => button.ariaPressed === "true").map((button) => button.dataset.kind);
    let count = 0;
    changes.forEach((change, index) => {
      const fits = words.every((word) => texts[index].includes(word));
      change.hidden = !fits || (chosen.length > 0 && !chosen.includes(change.dataset.kind));
      count += !change.hidden;
    });
    document.querySelectorAll("[data-root]").forEach((root) => {
      const all = [...root.querySelectorAll("details.change")];
      root.querySelectorAll(".nothing-found").forEach((note) => { note.hidden = !all.length || all.some((change) => !change.hidden); });
    });
    found.textContent = words.length || chosen.length ? `${count} of ${changes.length}` : "";
  }

  function visible() { return changes.filter((change) => !change.hidden); }

  function fold(open) { visible().forEach((change) => { change.open = open; }); }

  function go(step) {
    const shown = visible();
    const here = shown.indexOf(document.activeElement.closest("details.change"));
    const next = shown[here < 0 ? (step > 0 ? 0 : shown.length - 1) : Math.min(Math.max(here + step, 0), shown.length - 1)];
    if (next) next.querySelector("summary").focus();
  }

  // A change that is linked to is shown and unfolded.
  function reveal() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches("details.change")) return;
    if (target.hidden) { search.value = ""; kinds.forEach((button) => { button.ariaPressed = "false"; }); show(); }
    target.open = true;
    target.querySelector("summary").focus();
    target.scrollIntoView({block: "nearest"});
  }

  if (!search) return;
  search.addEventListener("input", show);
  kinds.forEach((button) => button.addEventListener("click", () => {
    button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
    show();
  }));
  document.querySelector("#unfold").addEventListener("click", () => fold(true));
  document.querySelector("#fold").addEventListener("click", () => fold(false));
  addEventListener("hashchange", reveal);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; show(); search.blur(); return; }
    if (event.target.matches("input")) return;
    const keys = {"/": () => search.focus(), j: () => go(1), k: () => go(-1), e: () => fold(true), c: () => fold(false)};
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  reveal();
})();
