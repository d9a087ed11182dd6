"use strict";
(() => {
  const tree = document.getElementById("tree");
  const panel = document.getElementById("panel");
  const inside = document.getElementById("inside");
  if (!tree) return;
  const cells = [...tree.querySelectorAll(".cell")];
  let here = cells[0];

  const number = (cell, name) => Number(cell.dataset[name]);

  const go = (cell) => {
    here.setAttribute("tabindex", "-1");
    here = cell;
    here.setAttribute("tabindex", "0");
  };

  // The closest cell in a direction: of the next column or lane that has one.
  const next = (key) => {
    const along = key === "ArrowLeft" || key === "ArrowRight" ? "c" : "l";
    const across = along === "c" ? "l" : "c";
    const sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    const ahead = (cell) => sign * (number(cell, along) - number(here, along));
    const aside = (cell) => Math.abs(number(cell, across) - number(here, across));
    const rank = (cell) => (along === "c" ? ahead(cell) * 1e4 + aside(cell) : aside(cell) * 1e4 + ahead(cell));
    return cells.filter((cell) => ahead(cell) > 0).sort((a, b) => rank(a) - rank(b))[0];
  };

  const copy = (step) => {
    const node = document.getElementById("s" + step).cloneNode(true);
    node.removeAttribute("id");
    return node;
  };

  const show = (cell) => {
    cells.forEach((each) => each.classList.toggle("open", each === cell));
    const source = document.getElementById("s" + cell.dataset.s);
    const before = [];
    for (let step = source.dataset.b; step !== undefined; ) {
      before.unshift(copy(step));
      step = before[0].dataset.b;
    }
    inside.replaceChildren(copy(cell.dataset.s));
    const came = source.parentElement.querySelectorAll(":scope > .output");
    if (source === [...source.parentElement.querySelectorAll(":scope > .step")].pop()) {
      came.forEach((each) => inside.append(each.previousElementSibling.cloneNode(true), each.cloneNode(true)));
    }
    if (before.length) {
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = "What came before";
      details.append(summary, ...before);
      inside.append(details);
    }
    if (!panel.open) panel.show();
    panel.scrollTop = 0;
    cell.focus({ preventScroll: false });
  };

  const close = () => {
    panel.close();
    cells.forEach((each) => each.classList.remove("open"));
    here.focus();
  };

  go(here);
  tree.addEventListener("click", (event) => {
    const cell = event.target.closest(".cell");
    if (cell) { go(cell); show(cell); }
  });
  document.getElementById("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && panel.open) {
      event.preventDefault();
      close();
    } else if (document.activeElement === here && event.key.startsWith("Arrow")) {
      event.preventDefault();
      const found = next(event.key);
      if (found) { go(found); found.focus(); if (panel.open) show(found); }
    } else if (document.activeElement === here && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      show(here);
    }
  });
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
  });
})();
