// Models of widgets on a page without Jupyter: what a front end of anywidget gives to its views.

class Wires {
  // `sent(message)` sends to the server; `address(kind, name)` is where a thing stands.
  constructor(sent, address) {
    this.sent = sent;
    this.models = new Map();
    this.waiting = new Map();
    this.asked = 0;
    this.manager = { get_model: (id) => this.model(id), address };
  }

  // Asks the server, not a widget.
  ask(kind, given) {
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.sent({ ask: kind, id, with: given });
    });
  }

  model(id) {
    if (!this.models.has(id)) this.models.set(id, this.load(id));
    return this.models.get(id);
  }

  async load(id) {
    try {
      return new PageModel(this, id, await this.ask("model", id));
    } catch (error) {
      this.models.delete(id);
      throw error;
    }
  }

  // Takes what the server sends about answers and models; whether it was for these.
  async take(message) {
    if ("answer" in message) {
      const asked = this.waiting.get(message.answer);
      this.waiting.delete(message.answer);
      if ("error" in message) asked?.reject(new Error(message.error));
      else asked?.resolve(message.value);
    } else if ("model" in message && this.models.has(message.model)) {
      const model = await this.models.get(message.model).catch(() => null);
      model?.hear(message);
    }
  }

  forget() {
    this.models.clear();
    this.waiting.clear();
  }
}

class PageModel {
  constructor(wires, id, { state, buffer_paths, buffers }) {
    this.wires = wires;
    this.model_id = id;
    this.widget_manager = wires.manager;
    this.state = withBuffers(state, buffer_paths, buffers);
    this.listeners = new Map();
    this.unsaved = {};
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    const given = typeof name === "object" ? name : { [name]: value };
    Object.assign(this.unsaved, this.change(given));
  }

  save_changes() {
    const state = this.unsaved;
    this.unsaved = {};
    if (Object.keys(state).length) this.tell({ method: "update", state, buffer_paths: [] });
  }

  send(content) {
    this.tell({ method: "custom", content });
  }

  on(names, heard) {
    for (const name of names.split(/\s+/)) {
      if (!this.listeners.has(name)) this.listeners.set(name, new Set());
      this.listeners.get(name).add(heard);
    }
  }

  off(names, heard) {
    for (const name of names ? names.split(/\s+/) : [...this.listeners.keys()]) {
      if (heard) this.listeners.get(name)?.delete(heard);
      else this.listeners.delete(name);
    }
  }

  tell(data) {
    this.wires.sent({ tell: this.model_id, data });
  }

  hear({ data, buffers }) {
    if (data?.method === "update") this.change(withBuffers(data.state, data.buffer_paths, buffers));
    else if (data?.method === "custom") this.emit("msg:custom", data.content, buffers);
  }

  // Takes new values in, and tells of those that differ; all are there when the first is told.
  change(given) {
    const changed = Object.fromEntries(
      Object.entries(given).filter(([name, value]) => !sameValue(this.state[name], value)),
    );
    Object.assign(this.state, changed);
    for (const [name, value] of Object.entries(changed)) this.emit(`change:${name}`, this, value);
    if (Object.keys(changed).length) this.emit("change", this);
    return changed;
  }

  emit(name, ...told) {
    for (const heard of [...(this.listeners.get(name) ?? [])]) heard(...told);
  }
}

function sameValue(one, other) {
  if (one === other) return true;
  if (!one || !other || typeof one !== "object" || typeof other !== "object") return false;
  if (ArrayBuffer.isView(one) || ArrayBuffer.isView(other)) return false;
  return JSON.stringify(one) === JSON.stringify(other);
}

// Puts the buffers that came beside a state into it, as views of their bytes.
function withBuffers(state, paths, buffers) {
  for (const [at, path] of (paths ?? []).entries()) {
    const bytes = Uint8Array.from(atob(buffers[at]), (sign) => sign.charCodeAt(0));
    const place = path.slice(0, -1).reduce((within, name) => within[name], state);
    place[path.at(-1)] = new DataView(bytes.buffer);
  }
  return state;
}
