"""A live view in a page whose kernel answers when a test says so, as one on a slow machine does."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page

PAGE = """<!doctype html><body data-jp-theme-light="true"><div id="host"></div></body>"""
MOUNT = """async ([code, style, state]) => {
  const heard = {}, sent = [];
  const model = {
    get: (name) => structuredClone(state[name]),
    set: (name, value) => { state[name] = value; },
    on: (event, listener) => (heard[event] ??= []).push(listener),
    off: (event, listener) => { heard[event] = heard[event].filter((each) => each !== listener); },
    send: (message) => sent.push(message),
    save_changes: () => {},
  };
  const tell = (event, ...told) => (heard[event] ?? []).slice().forEach((each) => each(...told));
  window.kernel = {
    sent,
    update(newer) {
      const names = Object.keys(newer).filter(
        (name) => JSON.stringify(newer[name]) !== JSON.stringify(state[name]));
      Object.assign(state, newer);
      names.forEach((name) => tell(`change:${name}`));
    },
    say: (message) => tell('msg:custom', message),
  };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [sheet];
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  (await import(url)).default.render({ model, el: document.querySelector('#host') });
}"""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class SlowKernel:
    """A view, drawn; what it asks waits until `answer` is called.

    Args:
        page: Where to draw it.
        view: The widget; it lives in this process.
    """

    def __init__(self, page: Page, view: Any) -> None:
        self.page, self.view = page, view
        self._said: list[Any] = []
        view.send = self._said.append
        page.set_content(PAGE)
        page.evaluate(MOUNT, [view._esm, view._css, self._state()])

    def _state(self) -> Any:
        state = self.view.get_state()
        ours = {k: v for k, v in state.items() if not k.startswith("_") and k != "layout"}
        return json.loads(json.dumps(ours))

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What waits for an answer."""
        waiting: list[dict[str, Any]] = self.page.evaluate("kernel.sent")
        return waiting

    def answer(self, most: int = 1000) -> int:
        """Answer the first of what was asked, one after the other; each state is drawn."""
        waiting = self.asked[:most]
        for message in waiting:
            self.page.evaluate("kernel.sent.shift()")
            self.view._hear(None, message, [])
            self.show()
        return len(waiting)

    def show(self) -> None:
        """Draw the state as the kernel has it now."""
        self.page.evaluate("(state) => kernel.update(state)", self._state())
        for message in self._said:
            self.page.evaluate("(message) => kernel.say(message)", message)
        self._said.clear()
        self.page.evaluate(FRAMES)
