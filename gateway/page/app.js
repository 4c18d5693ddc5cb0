// The page: its key, and its four parts.
import { health, key } from './client.js';
import * as snippets from './snippets.js';
import * as trying from './try.js';
import { fill, start as watch } from './watch.js';

const HEALTH_EVERY_MS = 2000;
let model = '';
let showSnippets = null;

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
  const mine = (found.models || []).find((one) => one.name === model) || found;
  const words = up ? `ready · version ${mine.version}` : `unavailable: ${found.why}`;
  if (line.textContent !== words) {
    line.textContent = words;
  }
  if (found.models) {
    showModels(found.models.map((one) => one.name));
  }
}

// Of several, one is chosen. They may change while the page is open.
function showModels(names) {
  const choice = document.getElementById('choice');
  if (names.join() !== [...choice.options].map((option) => option.value).join()) {
    choice.replaceChildren(...names.map((name) => new Option(name, name, false, name === model)));
    choice.parentElement.hidden = names.length < 2;
  }
  take(names.includes(model) ? model : names[0]);
}

function take(name) {
  if (name !== model) {
    model = name;
    document.getElementById('model').textContent = model;
    document.title = `${model} · vision-serve`;
    showSnippets ? showSnippets() : showSnippets = snippets.start(() => model);
  }
}

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
document.getElementById('choice').addEventListener('change', (event) => take(event.target.value));
askForKey();
showHealth();
look();
setInterval(showHealth, HEALTH_EVERY_MS);
