/** The screen and keyboard of a terminal element: xterm.js, which draws what programs write. */

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import style from "@xterm/xterm/css/xterm.css";
import { Keys, KEYS_STYLE } from "./keys.js";
import { colour, STYLE, Theme } from "./theme.js";
import { stayUncovered } from "./uncovered.js";
import { useGraphemes } from "./unicode.js";

const OWN_STYLE = `
  :host { display: block; min-height: 8em; overflow: hidden; }
  .terminal { display: flex; flex-direction: column; height: 100%; }
  .screen { flex: 1; min-width: 0; min-height: 0; }
  /* Inside of what takes the mouse: a selection may begin at the very edge. */
  .screen .xterm { box-sizing: border-box; height: 100%; padding: var(--wasix-padding, 0); }
  .screen .xterm .xterm-viewport { background: none; }
  /* Fainter, but not too faint to be read. */
  .screen .xterm .xterm-rows .xterm-dim:not([class*="xterm-fg-"]) {
    color: color-mix(in srgb, ${colour("foreground")} 75%, ${colour("background")}); }
  /* Browsers of telephones zoom in on smaller text that is typed into. */
  @media (pointer: coarse) { .screen .xterm .xterm-helper-textarea { font-size: 16px; } }
`;

/** Milliseconds without a change of size until there is a new one: each has the program draw anew. */
const CALM = 50;

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const WINDOWS = /Win/.test(navigator.platform);

export class Screen {
  /** Where keys go when no program runs. @type {((data: string) => void) | null} */
  input = null;
  #host;
  #terminal;
  #keys;
  #theme;
  /** @type {import("./process.js").Process | null} */
  #process = null;
  /** What was typed before there was anything to read it. */
  #ahead = "";
  /** Whether Escape was the last key. */
  #escaped = false;

  /** @param {HTMLElement} host */
  constructor(host) {
    this.#host = host;
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = document.createElement("style");
    sheet.textContent = style + STYLE + OWN_STYLE + KEYS_STYLE;
    const place = document.createElement("div");
    place.className = "screen";
    const keys = (this.#keys = new Keys((data) => this.#press(data)));
    const whole = document.createElement("div");
    whole.className = "terminal";
    whole.append(place, keys.place);
    root.replaceChildren(sheet, whole);
    this.#theme = new Theme(root, () => this.restyle());
    const terminal = (this.#terminal = new Terminal({
      allowProposedApi: true, // that of characters' widths
      cursorBlink: true,
      // Programs choose colours for a black screen or a white one.
      minimumContrastRatio: 4.5,
      scrollback: 5000,
      ...this.#theme.options,
    }));
    useGraphemes(terminal);
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.attachCustomKeyEventHandler((event) => this.#takes(event));
    terminal.open(place);
    fit.fit();
    this.fit = () => fit.fit();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let pause;
    new ResizeObserver(() => {
      clearTimeout(pause);
      pause = setTimeout(this.fit, CALM);
    }).observe(place);
    stayUncovered(root, whole);
    terminal.onData((data) => this.#key(keys.modified(data)));
    terminal.onResize(({ cols, rows }) => void this.#process?.resize(cols, rows));
    place.addEventListener("copy", () => setTimeout(() => terminal.clearSelection()));
    place.addEventListener("paste", (event) => this.#paste(event), { capture: true });
    const keyboard = /** @type {HTMLTextAreaElement} */ (terminal.textarea);
    keyboard.ariaLabel = host.ariaLabel ?? "Terminal";
    keyboard.ariaDescription = "Escape, then Tab leaves it";
    keyboard.addEventListener("compositionupdate", ({ data }) => {
      if (!keys.holds || !data) return;
      // It is no word that begins.
      keyboard.blur();
      keyboard.value = "";
      keyboard.focus();
      this.#key(keys.modified(data));
    });
    // A word that was composed is sent a turn later, with all that has come after it until then.
    let ends = false;
    keyboard.addEventListener("compositionend", () => {
      ends = true;
      setTimeout(() => (ends = false));
    });
    place.addEventListener("input", (event) => ends && event.stopPropagation(), { capture: true });
    if (host.hasAttribute("autofocus")) terminal.focus();
  }

  get size() {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  /** The lines on the screen and above it, however many rows they take, without trailing blanks. */
  get text() {
    const buffer = this.#terminal.buffer.active;
    let text = "";
    for (let i = 0; i < buffer.length; i++) {
      const wraps = buffer.getLine(i + 1)?.isWrapped ?? false;
      text += buffer.getLine(i)?.translateToString(!wraps);
      if (!wraps) text += "\n";
    }
    return text.trimEnd();
  }

  /** Whether screen readers are told what is shown. @param {boolean} on */
  set screenReader(on) {
    this.#terminal.options.screenReaderMode = on;
  }

  /** In pixels; null for what CSS says. @param {string | null} size */
  set fontSize(size) {
    this.#theme.fontSize = size;
    this.restyle();
  }

  /** Take over what CSS says. */
  restyle() {
    Object.assign(this.#terminal.options, this.#theme.options);
    this.fit();
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
    const { columns, rows } = this.size;
    void process.resize(columns, rows);
    this.#key(this.#ahead);
    this.#ahead = "";
    void process.ended.then(() => {
      if (this.#process === process) this.#process = null;
    });
  }

  /**
   * Show a stream to its end, no faster than it can be drawn.
   * @param {ReadableStream<Uint8Array>} stream @param {() => void} shown Told of each part.
   */
  async show(stream, shown) {
    for (const reader = stream.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      await new Promise((drawn) => this.#terminal.write(value, () => drawn(undefined)));
      shown();
    }
  }

  /** A key of the bar. @param {string} data */
  #press(data) {
    const { applicationCursorKeysMode } = this.#terminal.modes;
    this.#terminal.input(applicationCursorKeysMode ? data.replace(/^\x1b\[/, "\x1bO") : data);
  }

  /** @param {string} data */
  #key(data) {
    if (!data) return;
    if (this.#process) void this.#process.type(data);
    else if (this.input) this.input(data);
    else this.#ahead += data;
  }

  /**
   * As xterm.js does it, but not into its text area as well, where a megabyte takes minutes.
   * @param {ClipboardEvent} event
   */
  #paste(event) {
    event.preventDefault();
    event.stopPropagation();
    this.#keys.holds = false;
    this.#terminal.paste(event.clipboardData?.getData("text/plain") ?? "");
  }

  /** Whether a key is the terminal's; else it does what it does in any page. @param {KeyboardEvent} event */
  #takes(event) {
    if (event.type !== "keydown") return true;
    const { key, code, shiftKey: shift } = event;
    const escaped = this.#escaped;
    this.#escaped = key === "Escape" || (escaped && key === "Shift");
    if (key === "Tab" && escaped) return false;
    const control = event.ctrlKey && !event.altKey && !event.metaKey;
    if (control && code === "KeyC" && this.#terminal.hasSelection()) {
      if (shift) {
        event.preventDefault(); // browsers' developer tools
        document.execCommand("copy"); // works without secure context and permission, too
      }
      return APPLE && !shift;
    }
    if (control && code === "KeyV") return !shift && !WINDOWS;
    // Lines are edited without them: they may reload the page and so on.
    return !/^F\d+$/.test(key) || this.#host.getAttribute("mode") === "raw";
  }
}
