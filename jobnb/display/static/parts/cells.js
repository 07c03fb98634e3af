// Code in cells below the one that shows a view, where the front end is a notebook of Jupyter.

// Puts cells below the one that holds a node; false where no notebook can be reached.
function placeCells(model, node, sources) {
  const notebook = model.widget_manager?.context?.model?.sharedModel;
  if (typeof notebook?.insertCells !== "function") return false;
  const made = sources.map((source) => ({ cell_type: "code", source, metadata: { trusted: true }, outputs: [] }));
  notebook.insertCells(placeBelow(node) ?? notebook.cells.length, made);
  return true;
}

// The place after the cell that holds a node; null for a view that stands outside of the notebook.
function placeBelow(node) {
  const cell = node.closest(".jp-Notebook .jp-Cell");
  if (!cell) return null;
  const told = cell.dataset.windowedListIndex; // where cells out of sight are not in the page
  const place = told === undefined ? [...cell.parentElement.querySelectorAll(":scope > .jp-Cell")].indexOf(cell) : Number(told);
  return place < 0 ? null : place + 1;
}

// The cells as text, each to be copied, where they cannot be put into the notebook.
function cellTexts(sources) {
  return el("div", { class: "jw-cells", role: "group", "aria-label": "Code to copy into cells" },
    el("div", { class: "jw-note" }, "This front end takes no cells from a view. Copy them:"),
    sources.map((source) => el("div", null, button("Copy", (event) => copied(event.target, source), { title: "Copy this cell" }), pre(source))));
}

function copied(pressed, text) {
  const done = (word) => (pressed.textContent = word);
  if (!navigator.clipboard) return done("Select it and copy");
  return navigator.clipboard.writeText(text).then(() => done("Copied"), () => done("Select it and copy"));
}
