// Views of widgets on a page without Jupyter: those of anywidget, boxes, texts and outputs.

// showWidget(wires, id, host) -> a promise of what takes it away again.
async function showWidget(wires, id, host) {
  const model = await wires.model(id);
  for (const name of model.get("_dom_classes") ?? []) host.classList.add(name);
  const kind = model.get("_model_name");
  if (kind === "AnyModel") return showAny(model, host);
  if (kind === "HTMLModel") return showHtml(model, host);
  if (kind === "OutputModel") return showOutputs(model, host);
  return showBox(wires, model, host);
}

const loadedStyles = new Map();

function loadStyle(url) {
  if (url && !loadedStyles.has(url)) {
    loadedStyles.set(url, new Promise((done) => {
      const link = el("link", { rel: "stylesheet", onload: done, onerror: done });
      link.href = url;
      document.head.append(link);
    }));
  }
  return loadedStyles.get(url);
}

async function showAny(model, host) {
  const [module] = await Promise.all([import(model.get("_esm")), loadStyle(model.get("_css"))]);
  const widget = typeof module.default === "function" ? await module.default() : module.default;
  await widget.initialize?.({ model });
  const stop = await widget.render?.({ model, el: host });
  return () => stop?.();
}

// What one box holds; those that stay are not drawn again.
function showBox(wires, model, host) {
  const shown = new Map(); // reference -> { node, stop }
  const draw = () => {
    const wanted = model.get("children") ?? [];
    for (const [reference, each] of shown) {
      if (wanted.includes(reference)) continue;
      shown.delete(reference);
      each.node.remove();
      each.stop();
    }
    for (const reference of wanted) {
      if (!shown.has(reference)) shown.set(reference, showChild(wires, reference));
      host.append(shown.get(reference).node);
    }
  };
  // Nodes are not moved where the order stays: a field that has the focus would lose it.
  const redraw = () => {
    const wanted = model.get("children") ?? [];
    const there = [...shown.keys()];
    if (wanted.length !== there.length || wanted.some((each, at) => each !== there[at])) draw();
  };
  draw();
  const stop = watch(model, ["children"], redraw);
  return () => {
    stop();
    for (const each of shown.values()) each.stop();
  };
}

function showChild(wires, reference) {
  const node = el("div");
  let gone = false;
  let stop = null;
  showWidget(wires, reference.replace(/^IPY_MODEL_/, ""), node).then((made) => {
    if (gone) made();
    else stop = made;
  }, (error) => node.append(el("div", { class: "jw-problem" }, error.message)));
  return { node, stop: () => ((gone = true), stop?.()) };
}

// HTML that the server has made of texts, which are escaped there; the page lets no script in it run.
function showHtml(model, host) {
  const draw = () => {
    host.replaceChildren();
    host.insertAdjacentHTML("beforeend", model.get("value"));
  };
  draw();
  return watch(model, ["value"], draw);
}

// What a value shows itself as. It may be anything: it stands in a frame that may do nothing.
function showOutputs(model, host) {
  const draw = () => fill(host, (model.get("outputs") ?? []).map(outputNode));
  draw();
  return watch(model, ["outputs"], draw);
}

function outputNode({ data }) {
  const image = ["image/png", "image/jpeg", "image/svg+xml"].find((mime) => data?.[mime]);
  if (data?.["text/html"]) {
    const frame = el("iframe", { class: "jp-frame", sandbox: "", title: "The value as it shows itself" });
    frame.srcdoc = data["text/html"];
    return frame;
  }
  if (image) {
    const coded = image.endsWith("xml") ? encodeURIComponent(data[image]) : data[image];
    const node = el("img", { alt: data["text/plain"] ?? "" });
    node.src = `data:${image}${image.endsWith("xml") ? "," : ";base64,"}${coded}`;
    return node;
  }
  return pre(data?.["text/plain"] ?? "");
}
