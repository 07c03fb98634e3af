// The page: navigation, search, and the view of the present address, which the server makes.

const about = JSON.parse(document.body.dataset.about);
const PLACES = [["/", "Overview"], ["/jobs", "Jobs"], ["/runs", "Runs"], ["/backfills", "Backfills"], ["/automation", "Automation"]];
const VISIT = "jobnb-visit";
const OTHERS = new BroadcastChannel(VISIT); // the other tabs with this page
const page = { socket: null, turn: 0, stop: null, tries: 0, shown: "", visit: "" };
const wires = new Wires(sent, addressOf);

function sent(message) {
  // What cannot be sent is lost: all is drawn anew once the server is there again.
  if (page.socket?.readyState === WebSocket.OPEN) page.socket.send(JSON.stringify(message));
}

function addressOf(kind, name) {
  const parts = kind === "asset" ? String(name).split("/") : [String(name)];
  return `/${{ asset: "assets", job: "jobs", run: "runs" }[kind]}/${parts.map(encodeURIComponent).join("/")}`;
}

// --- the frame ------------------------------------------------------------------

const links = PLACES.map(([address, label]) => el("a", { href: address, class: "jp-link" }, label));
const notice = el("div", { class: "jp-notice jw-hidden", role: "status" });
const place = el("main", { id: "content", class: "jp-content", tabindex: -1 });
const finder = searchBox();
append(document.body, [
  el("a", { class: "jp-skip", href: "#content", onclick: (event) => (event.preventDefault(), place.focus()) }, "Skip to the content"),
  el("header", { class: "jp-head" },
    el("a", { href: "/", class: "jp-name", title: about.name }, about.name),
    el("nav", { class: "jp-nav", "aria-label": "Pages" }, links),
    about.readOnly ? el("span", { class: "jp-badge", title: "Nothing can be launched or changed here" }, "read only") : null,
    finder),
  notice,
  place,
]);
if (about.readOnly) showOnly();
document.addEventListener("click", followLink);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  finder.querySelector("input").focus();
});
window.addEventListener("popstate", () => show());
window.addEventListener("pagehide", () => OTHERS.close()); // the page that comes next has the same visit
window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
connect();

// Where nothing may be changed, what would change it stands there and says why it does nothing; the
// server refuses it, too.
function showOnly() {
  const title = "This page only shows: it was started with --read-only";
  const lock = () => {
    for (const node of document.querySelectorAll("[data-changes]")) {
      if (!node.disabled || node.title !== title) Object.assign(node, { disabled: true, title });
    }
  };
  new MutationObserver(lock).observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled", "title"] });
}

// Links within the page are followed without loading it again.
function followLink(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.target || link.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

// --- addresses ------------------------------------------------------------------

function go(address) {
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  show();
}

// Shows what stands at the present address; what stood there before goes once that is there.
async function show(again) {
  const address = location.pathname + location.search;
  const turn = ++page.turn;
  for (const link of links) {
    const [, first] = location.pathname.split("/");
    const on = link.pathname === "/" ? ["", "assets"].includes(first) : link.pathname === `/${first}`;
    if (on) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  place.setAttribute("aria-busy", "true");
  const host = el("div", { class: "jp-view" });
  let stop = () => {};
  let title = "Not found";
  try {
    const told = await wires.ask("go", address);
    title = told.title;
    if (turn !== page.turn) return;
    if (told.model) stop = await showWidget(wires, told.model, host);
    else stop = showRows(host, address, told.rows);
  } catch (error) {
    fill(host, el("h1", {}, title), el("p", { class: "jw-problem", role: "alert" }, error.message),
      el("p", {}, otherPlace()));
  }
  if (turn !== page.turn) return stop();
  const scrolled = window.scrollY;
  page.stop?.();
  page.stop = stop;
  place.replaceChildren(host);
  place.removeAttribute("aria-busy");
  document.title = `${title} · ${about.name}`;
  if (again || page.shown === address) window.scrollTo(0, scrolled);
  else {
    window.scrollTo(0, 0);
    if (page.shown) place.focus({ preventScroll: true });
  }
  page.shown = location.pathname + location.search;
}

// Where to look for what is not at an address.
function otherPlace() {
  const [address, label] = PLACES.findLast(([each]) => location.pathname.startsWith(each));
  return el("a", { href: address }, `To ${address === "/" ? "the" : "all"} ${label.toLowerCase()}`);
}

// A list; it is read again while something of it goes on.
function showRows(host, address, rows) {
  const draw = address.startsWith("/backfills") ? backfillRows : jobRows;
  let shown = JSON.stringify(rows);
  host.append(draw(rows));
  if (!rows.some((row) => row.going)) return () => {};
  const timer = setInterval(async () => {
    if (document.hidden || !host.isConnected) return;
    const told = await wires.ask("go", address).catch(() => null);
    if (!told || JSON.stringify(told.rows) === shown) return;
    shown = JSON.stringify(told.rows);
    const focused = document.activeElement?.closest?.("a")?.getAttribute("href");
    host.replaceChildren(draw(told.rows));
    [...host.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }, 2000);
  return () => clearInterval(timer);
}

function backfillRows(rows) {
  const title = el("h1", {}, "Backfills");
  if (!rows.length) {
    return el("section", { class: "jp-jobs" }, title, el("p", { class: "jw-note" },
      "None yet. Partitions that are selected on the tab Partitions of an asset or a job are materialized by one."));
  }
  const body = rows.map((row) => el("tr", {},
    el("td", {}, el("a", { href: row.address, class: "jw-code" }, row.id)), el("td", {}, row.title),
    el("td", {}, row.note && !row.going ? el("span", { class: "jw-note" }, row.note) : null),
    el("td", {}, stateBadge(row.status, row.word)), el("td", {}, row.done), el("td", {}, whenText(row.time))));
  const head = ["backfill", "of", "", "status", "partitions", "launched"].map(columnHead);
  return el("section", { class: "jp-jobs" }, title,
    scrolling(el("table", { class: "jn-table jp-table" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body))));
}

function jobRows(rows) {
  if (!rows.length) return el("p", { class: "jw-note" }, "No jobs are defined.");
  const body = rows.map((row) => el("tr", {},
    el("td", {}, el("a", { href: row.address }, row.name)), el("td", {}, row.noun), el("td", {}, row.doc),
    el("td", {}, row.run ? el("a", { href: row.run, title: "The latest run" }, stateBadge(row.status, row.word)) : el("span", { class: "jw-note" }, "never ran")),
    el("td", {}, whenText(row.time)),
    el("td", {}, about.readOnly ? null : el("a", { href: `${row.address}?tab=launchpad`, class: "jw-button" }, "Launch…"))));
  const head = ["name", "kind", "description", "latest run", "created", ""].map(columnHead);
  return el("section", { class: "jp-jobs" }, el("h1", {}, "Jobs"),
    scrolling(el("table", { class: "jn-table jp-table" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body))));
}

// --- search ---------------------------------------------------------------------

function searchBox() {
  const list = el("div", { class: "jp-found jw-hidden", role: "listbox", id: "found", "aria-label": "Found" });
  const input = el("input", {
    class: "jw-input", type: "search", placeholder: "Find…  ( / )", role: "combobox", autocomplete: "off",
    "aria-label": "Find an asset, a job, a schedule or a run by its id", "aria-controls": "found", "aria-expanded": "false",
  });
  const box = { at: -1, turn: 0 };
  const options = () => [...list.querySelectorAll("a")];
  const open = (on) => {
    list.classList.toggle("jw-hidden", !on);
    input.setAttribute("aria-expanded", String(on));
    if (!on) pick(-1);
  };
  const pick = (at) => {
    box.at = at;
    for (const [number, option] of options().entries()) option.setAttribute("aria-selected", String(number === at));
    const chosen = options()[at];
    if (chosen) input.setAttribute("aria-activedescendant", chosen.id);
    else input.removeAttribute("aria-activedescendant");
    chosen?.scrollIntoView({ block: "nearest" });
  };
  const look = debounce(async () => {
    const turn = ++box.turn;
    const text = input.value.trim();
    const rows = text ? await wires.ask("find", text).catch(() => []) : [];
    if (turn !== box.turn) return;
    fill(list, rows.map((row, at) => el("a", { href: row.address, role: "option", id: `found-${at}`, tabindex: -1 },
      el("span", { class: "jw-note" }, row.noun), " ", row.name)),
    text && !rows.length ? el("div", { class: "jw-note" }, "Nothing of this name.") : null);
    open(Boolean(text));
    pick(rows.length ? 0 : -1);
  }, 120);
  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = options().length;
    if (step && count) pick((box.at + step + count) % count);
    else if (event.key === "Enter" && options()[box.at]) options()[box.at].click();
    else if (event.key === "Escape") open(false);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", () => {
    input.value = "";
    open(false);
  });
  const node = el("div", { class: "jp-find", role: "search" }, input, list);
  node.addEventListener("focusout", (event) => !node.contains(event.relatedTarget) && open(false));
  // What was typed while there was no server to ask.
  node.again = () => input.value.trim() && node.contains(document.activeElement) && look();
  return node;
}

// --- the server -----------------------------------------------------------------

// A tab that was duplicated begins with the visit of the other one: it gets one of its own.
function ownVisit() {
  const visit = sessionStorage.getItem(VISIT) ?? "";
  if (!visit) return visit;
  return new Promise((resolve) => {
    const heard = ({ data }) => data.taken === visit && answer("");
    const timer = setTimeout(() => answer(visit), 60);
    const answer = (own) => {
      clearTimeout(timer);
      OTHERS.removeEventListener("message", heard);
      resolve(own);
    };
    OTHERS.addEventListener("message", heard);
    tellOthers({ wants: visit });
  });
}

OTHERS.addEventListener("message", ({ data }) => {
  if (data.wants && data.wants === page.visit && page.socket?.readyState === WebSocket.OPEN) tellOthers({ taken: page.visit });
});

function tellOthers(message) {
  OTHERS.postMessage(message); // oxlint-disable-line unicorn/require-post-message-target-origin -- it is no window
}

async function connect() {
  const visit = await ownVisit();
  const address = new URL(`/-/socket?visit=${encodeURIComponent(visit)}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  let opened = false;
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (!opened) {
      opened = true;
      welcome(socket, message);
    } else if (socket === page.socket) receive(message);
  });
  socket.addEventListener("close", () => lost(opened));
}

// The server is there: all is drawn as it stands now.
function welcome(socket, { visit, script }) {
  if (script !== about.script) return void location.reload(); // another version of it
  sessionStorage.setItem(VISIT, visit);
  const back = page.socket !== null;
  Object.assign(page, { socket, tries: 0, visit });
  notice.classList.add("jw-hidden");
  place.inert = false;
  wires.forget();
  show(back);
  finder.again();
}

function lost(opened) {
  page.tries += 1;
  place.inert = true;
  fill(notice, "The server does not answer. The page comes back by itself as soon as it does.");
  notice.classList.remove("jw-hidden");
  // A server that is there and lets nobody in has another token: it asks for that.
  if (!opened && page.tries > 1) reloadIfThere();
  setTimeout(connect, Math.min(3000, 250 * page.tries));
}

async function reloadIfThere() {
  const answer = await fetch("/", { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) location.reload();
}

function receive(message) {
  if ("go" in message) go(message.go);
  else if (message.over) page.socket.close(); // another tab has this visit: this one gets its own
  else if (message.again) {
    wires.forget();
    show(true);
  } else if ("notice" in message) {
    fill(notice, message.notice);
    notice.classList.toggle("jw-hidden", !message.notice);
  } else if ("query" in message) {
    // The open tab and the filter of runs stand in the address: a link to it shows the same.
    const address = message.place + (message.query ? `?${message.query}` : "");
    if (location.pathname !== message.place) return;
    if (page.shown === location.pathname + location.search) page.shown = address;
    history.replaceState(null, "", address);
  } else wires.take(message);
}
