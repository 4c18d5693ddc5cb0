// What runs here: for the page, and for whoever writes a client.
import fs from 'fs';

import health from 'health.js';
import json from 'json.js';

// The OpenAPI document of this very server: its model's name where one has to be written.
function openapi(r) {
    const document = JSON.parse(fs.readFileSync(settings.openapi, 'utf8'));
    document.info.version = settings.version;
    document.components.parameters.model.schema.enum = [settings.model];
    json.send(r, 200, document);
}

// Bytes of a line like `Pss:  1234 kB` in one of the kernel's files; 0 where there is none.
function kernel(file, name) {
    try {
        const line = fs.readFileSync(file, 'utf8').split('\n').find((one) => one.startsWith(name + ':'));
        return Number(line.slice(name.length + 1).trim().split(' ')[0]) * 1024;
    } catch (e) {
        return 0;
    }
}

function status(r) {
    const verdict = health.verdict();
    const about = {model: settings.model + ' ' + (verdict.version || ''), workers: String(verdict.workers || 0)};
    Object.keys(settings.about).forEach((name) => { about[name] = settings.about[name]; });
    json.send(r, 200, {
        ready: verdict.ready,
        about: about,
        // Each page that several of them share counts as its part.
        workers_memory_bytes: (verdict.pids || []).reduce((sum, pid) => {
            return sum + kernel('/proc/' + pid + '/smaps_rollup', 'Pss');
        }, 0),
        available_memory_bytes: kernel('/proc/meminfo', 'MemAvailable')
    });
}

export default {openapi, status};
