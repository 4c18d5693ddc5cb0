// What the server does, read every two seconds from its metrics.
import { ask, key } from './client.js';
import { buckets, parse, quantile, sum } from './histogram.js';

const EVERY_MS = 2000;
const KEPT = 60;
const rates = [];
let before = null;

const ms = (seconds) => (Number.isNaN(seconds) ? '–' : `${(1000 * seconds).toFixed(0)} ms`);
const mb = (bytes) => (bytes ? `${(bytes / 2 ** 20).toFixed(0)} MB` : '–');

function figures(now, status) {
  const seconds = (now.at - before.at) / 1000;
  const more = (name, accepts) => sum(now.sample, name, accepts) - sum(before.sample, name, accepts);
  const requests = more('gateway_request_seconds_count');
  const failed = more('gateway_requests_total', (labels) => /code="[45]/.test(labels) && !labels.includes('"other"'));
  const queue = (labels) => labels.includes('stage="queue"');
  const queued = more('vision_stage_seconds_count', queue);
  const counted = buckets(before.sample, now.sample);
  rates.push(requests / seconds);
  rates.splice(0, Math.max(0, rates.length - KEPT));
  return {
    'requests/s': (requests / seconds).toFixed(1),
    'errors/s': (failed / seconds).toFixed(1),
    p50: ms(quantile(0.5, counted)),
    p95: ms(quantile(0.95, counted)),
    p99: ms(quantile(0.99, counted)),
    'mean queue': queued ? ms(more('vision_stage_seconds_sum', queue) / queued) : '–',
    'workers’ memory': mb(status.workers_memory_bytes),
    'free memory': mb(status.available_memory_bytes),
  };
}

export function fill(list, rows) {
  list.replaceChildren(...Object.entries(rows).map(([name, value]) => {
    const pair = document.createElement('div');
    const term = document.createElement('dt');
    const description = document.createElement('dd');
    term.textContent = name;
    description.textContent = value;
    pair.append(term, description);
    return pair;
  }));
}

function draw() {
  const most = Math.max(1, ...rates);
  const points = rates.map((rate, index) => `${600 * (KEPT - rates.length + index) / (KEPT - 1)},${115 - 110 * rate / most}`);
  document.getElementById('chart-line').setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '');
  document.getElementById('chart-most').textContent = most.toFixed(1);
}

async function look(told) {
  const note = document.getElementById('watch-note');
  if (!key.get() || document.hidden) {
    return;
  }
  try {
    const [metrics, about] = await Promise.all([ask('metrics'), ask('status')]);
    const now = { at: performance.now(), sample: parse(await metrics.text()) };
    const status = await about.json();
    told(status);
    if (before) {
      fill(document.getElementById('figures'), figures(now, status));
      draw();
      document.getElementById('figures').hidden = document.getElementById('chart').hidden = false;
    }
    note.hidden = true;
    before = now;
  } catch (error) {
    note.textContent = error.message;
    note.hidden = false;
    before = null;
  }
}

// `told` hears the server's status each time.
export function start(told) {
  setInterval(() => look(told), EVERY_MS);
  return () => look(told);
}
