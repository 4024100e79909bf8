/** The screen and keyboard of a terminal element: xterm.js, which draws what programs write. */

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import style from "@xterm/xterm/css/xterm.css";

const OWN_STYLE = `
  :host { display: block; min-height: 12em; overflow: hidden; background: #14161b; }
  .screen { width: 100%; height: 100%; }
`;

const THEME = {
  background: "#14161b",
  foreground: "#dfe3ea",
  cursor: "#8ab4f8",
  selectionBackground: "#3a4660",
};

export class Screen {
  /** Where keys go when no program runs. @type {((data: string) => void) | null} */
  input = null;
  #terminal;
  /** @type {import("./process.js").Process | null} */
  #process = null;
  /** What was typed before there was anything to read it. */
  #ahead = "";

  /** @param {HTMLElement} host */
  constructor(host) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = document.createElement("style");
    sheet.textContent = style + OWN_STYLE;
    const place = document.createElement("div");
    place.className = "screen";
    root.replaceChildren(sheet, place);
    const terminal = (this.#terminal = new Terminal({
      cursorBlink: true,
      fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
      fontSize: 14,
      lineHeight: 1.2,
      scrollback: 5000,
      theme: THEME,
    }));
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(place);
    fit.fit();
    new ResizeObserver(() => fit.fit()).observe(host);
    terminal.onData((data) => this.#key(data));
    terminal.onResize(({ cols, rows }) => void this.#process?.resize(cols, rows));
    if (host.hasAttribute("autofocus")) terminal.focus();
  }

  get size() {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  /** The text on the screen and above it, without trailing blank lines. */
  get text() {
    const buffer = this.#terminal.buffer.active;
    const lines = [];
    for (let i = 0; i < buffer.length; i++) {
      lines.push(buffer.getLine(i)?.translateToString(true) ?? "");
    }
    return lines.join("\n").trimEnd();
  }

  clear() {
    this.#terminal.reset();
  }

  /** @param {string} text */
  print(text) {
    if (this.#terminal.buffer.active.cursorX) text = `\n${text}`;
    this.#terminal.write(text.replaceAll("\n", "\r\n"));
  }

  /** Send keys and sizes to a program. @param {import("./process.js").Process} process */
  attach(process) {
    this.#process = process;
    this.#key(this.#ahead);
    this.#ahead = "";
    void process.ended.then(() => {
      if (this.#process === process) this.#process = null;
    });
  }

  /** Show a stream to its end, no faster than it can be drawn. @param {ReadableStream<Uint8Array>} stream */
  async show(stream) {
    for (const reader = stream.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      await new Promise((drawn) => this.#terminal.write(value, () => drawn(undefined)));
    }
  }

  /** @param {string} data */
  #key(data) {
    if (this.#process) void this.#process.type(data);
    else if (this.input) this.input(data);
    else this.#ahead += data;
  }
}
