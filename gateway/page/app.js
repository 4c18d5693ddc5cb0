// The page: its key, and its four parts.
import { health, key } from './client.js';
import * as snippets from './snippets.js';
import * as trying from './try.js';
import { fill, start as watch } from './watch.js';

const HEALTH_EVERY_MS = 2000;
let model = '';

function askForKey(message = '') {
  document.getElementById('key-form').hidden = Boolean(key.get());
  document.getElementById('key-known').hidden = !key.get();
  const error = document.getElementById('key-error');
  error.textContent = message;
  error.hidden = !message;
  if (message) {
    document.getElementById('key').focus();
  }
}

async function showHealth() {
  const found = await health();
  const line = document.getElementById('health');
  const up = found.status === 'ready';
  line.className = up ? 'up' : 'down';
  const words = up ? `ready · version ${found.version}` : `unavailable: ${found.why}`;
  if (line.textContent !== words) {
    line.textContent = words;
  }
  if (found.model && found.model !== model) {
    model = found.model;
    document.getElementById('model').textContent = model;
    document.title = `${model} · vision-serve`;
    snippetsShown ||= (snippets.start(() => model), true);
  }
}

let snippetsShown = false;

function showStatus(status) {
  document.getElementById('about-note').hidden = true;
  fill(document.getElementById('about'), status.about);
}

const look = watch(showStatus);
trying.start(() => model, (message = 'The server does not take this key.') => {
  key.forget();
  askForKey(message);
});
document.getElementById('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = document.getElementById('key');
  key.set(input.value);
  input.value = '';
  askForKey();
  look();
});
document.getElementById('key-forget').addEventListener('click', () => {
  key.forget();
  askForKey();
  document.getElementById('key').focus();
});
askForKey();
showHealth();
look();
setInterval(showHealth, HEALTH_EVERY_MS);
