// The partitions of an asset or a job: counts, a bar of all, the grid, and what can be done with them.

class Partitions {
  constructor(model, host) {
    this.model = model;
    this.head = el("div", { class: "jq-head" });
    this.bar = el("canvas", { class: "jq-bar", title: "all partitions" });
    this.said = el("div", { class: "jw-note jq-said", role: "status", "aria-live": "polite" });
    this.tell = debounce((place) => this.tellOf(place), 120);
    this.grid = partitionCanvas({
      states: model.get("about").states,
      picked: (pieces) => put(model, { picked: pieces }),
      hovered: (place) => (place === null ? this.tell.cancel() : this.tell(place)),
    });
    this.text = el("input", {
      class: "jw-input jw-grow", spellcheck: "false", autocomplete: "off", "aria-label": "selection",
      placeholder: "first...last, another; or missing, failed",
      onkeydown: (event) => event.key === "Enter" && this.write(),
      onchange: () => this.write(),
    });
    this.count = el("span", { class: "jw-note" });
    this.only = el("select", { class: "jw-select", "aria-label": "which of them" },
      [["", "all of it"], ["missing", "only missing"], ["failed", "only failed or skipped"]]
        .map(([value, text]) => el("option", { value }, text)));
    this.go = button(model.get("about").deed, () => this.act("materialize", { only: this.only.value }), { class: "jw-main", "data-changes": true });
    this.stopper = button("Cancel", () => this.act("cancel"), { class: "jw-hidden", "data-changes": true });
    this.told = el("div", { class: "jw-note", role: "status", "aria-live": "polite" });
    append(host, [
      this.head, this.bar, this.grid.node, this.said,
      el("div", { class: "jw-bar" }, this.text, this.count),
      el("div", { class: "jw-bar" }, this.go, this.only, this.stopper, this.told),
    ]);
    this.resting = 0;
    this.timer = setInterval(() => this.beat(), 1000);
    this.sized = new ResizeObserver(() => this.drawBar());
    this.sized.observe(this.bar);
    this.coloured = watchColours(() => {
      this.grid.repaint();
      this.drawBar();
    });
    this.drawAll();
  }

  drawAll() {
    this.drawHead();
    this.grid.show(this.model.get("grid"), this.bytes());
    this.drawPicked();
    this.drawBar();
    if (this.place !== undefined) this.tell(this.place); // it may stand otherwise now
  }

  bytes() {
    const given = this.model.get("statuses");
    return given instanceof DataView ? given : new DataView(new ArrayBuffer(0));
  }

  drawHead() {
    const { name, states } = this.model.get("about");
    const counts = Object.values(this.model.get("counts"));
    fill(this.head, el("strong", { class: "jn-name" }, name), " ", el("span", { class: "jn-noun" }, "partitions"),
      states.map(({ word, state }, at) => counts[at]
        ? el("span", { class: `jw-badge jn-${state} jq-count`, data: { status: word } },
            glyphIcon(state) ?? el("i", { class: "jq-dot" }), `${counts[at].toLocaleString("en")} ${word}`)
        : null),
      button("Refresh", () => this.act("refresh"), { class: "jw-plain" }));
    const running = this.model.get("running");
    this.stopper.classList.toggle("jw-hidden", !running || !this.model.get("told"));
    this.told.textContent = this.model.get("told");
  }

  drawPicked() {
    const [pieces, words] = [this.model.get("picked"), this.model.get("selection")];
    this.grid.select(pieces);
    const typing = this.text.getRootNode().activeElement === this.text;
    if (!typing) this.text.value = this.written = words;
    const { deed } = this.model.get("about");
    this.go.textContent = pieces.length ? `${deed} selected` : deed;
  }

  // Selects what is written; said twice (by Enter, and when the field is left) it is asked once.
  async write() {
    const text = this.text.value;
    if (text === this.written) return;
    this.written = text;
    const selection = await this.act("select", { text });
    if (selection !== null && this.text.value === text) this.text.value = this.written = selection;
  }

  // All partitions in one line, each pixel the gravest of those below it.
  drawBar() {
    const { bar } = this;
    const statuses = this.bytes();
    const dense = window.devicePixelRatio || 1;
    const wide = bar.clientWidth * dense;
    if (!wide || !statuses.byteLength) return;
    Object.assign(bar, { width: wide, height: 10 * dense });
    const context = bar.getContext("2d");
    const style = getComputedStyle(bar);
    const colour = this.model.get("about").states.map(({ state }) => (
      style.getPropertyValue(`--jn-${state === "none" ? "line" : state}`).trim()));
    const gravity = this.model.get("about").gravity;
    for (let x = 0; x < wide; x++) {
      const from = Math.floor((x * statuses.byteLength) / wide);
      const to = Math.max(from + 1, Math.floor(((x + 1) * statuses.byteLength) / wide));
      context.fillStyle = colour[gravestOf(statuses, from, to, gravity)];
      context.fillRect(x, 0, 1, bar.height);
    }
  }

  async tellOf(place) {
    this.place = place;
    const told = await ask(this.model, "cell", { place }).catch(() => null);
    if (told && place === this.place) this.said.textContent = [told.key, told.state, told.made].filter(Boolean).join(" · ");
  }

  // Looks again while something goes on; where that takes long, it looks seldom.
  beat() {
    const now = performance.now();
    if (now < this.resting || !this.model.get("running") || !this.head.isConnected) return;
    this.resting = Infinity;
    const rest = () => (this.resting = performance.now() + 9 * (performance.now() - now));
    ask(this.model, "refresh").then(rest, rest);
  }

  async act(name, asked) {
    try {
      const answer = await ask(this.model, name, asked);
      this.said.classList.remove("jw-problem");
      if (name === "select") {
        this.said.textContent = "";
        this.place = undefined;
      }
      return answer;
    } catch (error) {
      this.place = undefined;
      this.said.textContent = error.message;
      this.said.classList.add("jw-problem");
      return null;
    }
  }

  stop() {
    clearInterval(this.timer);
    this.sized.disconnect();
    this.coloured();
    this.grid.stop();
  }
}

// Of some partitions the one to be known of first; `gravity` tells for each status how much it is.
function gravestOf(statuses, from, to, gravity) {
  let worst = statuses.getUint8(from);
  for (let at = from + 1; at < to; at++) {
    const code = statuses.getUint8(at);
    if (gravity[code] > gravity[worst]) worst = code;
  }
  return worst;
}

function render({ model, el: host }) {
  const box = el("div", { class: "jobnb jp-partitions", "data-lm-suppress-shortcuts": "true" });
  host.append(box);
  const view = new Partitions(model, box);
  const stops = [
    watch(model, ["grid", "statuses", "counts", "running", "told"], eachFrame(() => view.drawAll())),
    watch(model, ["picked", "selection"], () => view.drawPicked()),
  ];
  return () => {
    view.stop();
    stops.forEach((stop) => stop());
  };
}

export default alive({ render });
