/** The page: a list of containers, and a tab for each session. What comes from a container is shown as text alone. */
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// @ts-expect-error: the server takes it from its package
import { FitAddon } from './addon-fit.mjs';
// @ts-expect-error: and this one
import { Terminal } from './xterm.mjs';

const [list, tabs, terminals] = ['ul', 'nav', 'main'].map(name => document.querySelector(name));
/** Bytes of a message: what is pasted can be long. */
const mostAtOnce = 64 * 1024;
let showTab = () => {};

async function look() {
  const answer = await fetch('containers');
  if (!answer.ok) throw new Error(await answer.text());
  list.replaceChildren(...(await answer.json()).map(row));
}

function row({ name, engine, image = '', state, key }) {
  const item = element(
    'li',
    element('strong', name),
    element('small', `${engine} ${image} ${state}`),
  );
  for (const kind of ['exec', 'debug']) {
    const button = element('button', kind);
    button.type = 'button';
    button.disabled = kind === 'exec' && state === 'paused';
    button.onclick = () => open({ name, key, kind });
    item.append(button, ' ');
  }
  return item;
}

function open({ name, key, kind }) {
  const screen = element('div');
  screen.className = 'tab';
  terminals.append(screen);
  const terminal = new Terminal({ cursorBlink: true, scrollback: 10_000, fontFamily: 'monospace' });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(screen);
  fit.fit();

  const query = new URLSearchParams({ key, kind, columns: terminal.cols, rows: terminal.rows });
  const address = new URL(`terminal?${query}`, location.href);
  address.protocol = 'ws:';
  const socket = new WebSocket(address);
  socket.binaryType = 'arraybuffer';

  const title = element('button', `${kind} ${name}`);
  const cross = element('button', '×');
  cross.setAttribute('aria-label', `close ${kind} ${name}`);
  const tab = element('span', title, cross);
  tabs.append(tab);

  const show = () => {
    for (const other of document.querySelectorAll('.shown')) other.classList.remove('shown');
    for (const own of [tab, screen]) own.classList.add('shown');
    showTab = () => fit.fit();
    showTab();
    terminal.focus();
  };
  title.onclick = show;
  cross.onclick = () => {
    socket.close();
    terminal.dispose();
    const other = tab.nextElementSibling ?? tab.previousElementSibling;
    for (const own of [tab, screen]) own.remove();
    other?.querySelector('button').click();
  };
  show();

  const say = what => socket.readyState === WebSocket.OPEN && socket.send(what);
  const type = bytes => {
    for (let at = 0; at < bytes.length; at += mostAtOnce) say(bytes.subarray(at, at + mostAtOnce));
  };
  terminal.onData(text => type(new TextEncoder().encode(text)));
  terminal.onBinary(text => type(Uint8Array.from(text, letter => letter.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => say(JSON.stringify({ columns: cols, rows })));
  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') {
      const { ended, failed } = JSON.parse(data);
      title.textContent = `${kind} ${name}: ${ended ?? 'failed'}`;
      if (failed !== undefined) terminal.writeln(`\r\n${printable(failed)}`);
      return;
    }
    const { byteLength } = data;
    terminal.write(new Uint8Array(data), () => say(JSON.stringify({ shown: byteLength })));
  };
  socket.onclose = () => terminal.writeln('\r\n[closed]');
}

/** Messages name files of the container, which may be called anything. */
function printable(text) {
  return text.replace(/\p{Cc}/gu, '?');
}

function element(name, ...content) {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

const again = document.querySelector('button');
again.onclick = () => look().catch(error => list.replaceChildren(error.message));
again.click();
new ResizeObserver(() => showTab()).observe(terminals);
