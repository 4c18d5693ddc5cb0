// Pictures dropped, pasted, chosen or photographed, and the answers to them.
import { ask, key } from './client.js';

const TOPK = 5;
const AT_ONCE = 4;

// `queue;dur=0.8, decode;dur=4.2` → "queue 0.8 ms · decode 4.2 ms"
function stages(header) {
  return (header || '').split(', ').map((part) => part.split(';dur=')).filter((pair) => pair.length === 2)
    .map(([name, ms]) => `${name} ${ms} ms`).join(' · ');
}

function element(name, text = '', className = '') {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function bars(answer) {
  const list = element('dl', '', 'bars');
  for (const [label, probability] of Object.entries(answer)) {
    const name = element('dt');
    const bar = element('span', '', 'bar');
    bar.style.width = `${100 * probability}%`;
    name.append(bar, element('span', label, 'name'));
    list.append(name, element('dd', `${(100 * probability).toFixed(1)} %`));
  }
  return list;
}

async function show(model, file, item) {
  const picture = document.createElement('img');
  picture.alt = '';
  picture.src = URL.createObjectURL(file);
  picture.addEventListener('load', () => URL.revokeObjectURL(picture.src));
  picture.addEventListener('error', () => picture.remove());
  const side = element('div', '', 'answer');
  const state = element('p', 'Asking …', 'note');
  side.append(element('h3', file.name || 'pasted picture'), state);
  item.append(picture, side);
  const begun = performance.now();
  try {
    const reply = await ask(`predictions/${encodeURIComponent(model)}?topk=${TOPK}`, {
      method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' },
    });
    const answer = await reply.json();
    side.insertBefore(bars(answer), state);
    const total = `${(performance.now() - begun).toFixed(0)} ms here`;
    state.textContent = [stages(reply.headers.get('Server-Timing')), total].filter(Boolean).join(' · ');
  } catch (error) {
    state.className = 'error';
    state.textContent = error.message;
    return error.status;
  }
  return 200;
}

// A few at a time; `refused` hears of a key that is not taken.
async function showAll(model, files, refused) {
  const list = document.getElementById('answers');
  const waiting = [...files].map((file) => {
    const item = document.createElement('li');
    list.prepend(item);
    return [file, item];
  });
  const asker = async () => {
    while (waiting.length) {
      const [file, item] = waiting.shift();
      if (await show(model, file, item) === 401) {
        refused();
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, asker));
}

export function start(model, refused) {
  const drop = document.getElementById('drop');
  const take = (files) => {
    if (files.length && !key.get()) {
      refused('A key is wanted first.');
    } else if (files.length) {
      showAll(model(), files, refused);
    }
  };
  for (const id of ['files', 'camera']) {
    const input = document.getElementById(id);
    input.addEventListener('change', () => {
      take(input.files);
      input.value = '';
    });
  }
  for (const kind of ['dragenter', 'dragover']) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add('over');
    });
  }
  document.addEventListener('dragleave', () => drop.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    take(event.dataTransfer.files);
  });
  document.addEventListener('paste', (event) => take(event.clipboardData.files));
}
