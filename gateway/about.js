// What runs here: for the page, and for whoever writes a client.
import fs from 'fs';

import health from 'health.js';
import json from 'json.js';

// The OpenAPI document of this very server: its models' names where one has to be written.
function openapi(r) {
    const document = JSON.parse(fs.readFileSync(settings.openapi, 'utf8'));
    document.info.version = settings.version;
    document.components.parameters.model.schema.enum = Object.keys(settings.models);
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
    const models = Object.keys(settings.models);
    const about = {};
    let pids = [];
    models.forEach((name) => {
        const seen = health.of(verdict, name);
        const words = Object.assign({model: name + ' ' + seen.version, workers: String(seen.workers || 0)},
            settings.models[name].about);
        Object.keys(words).forEach((one) => { about[models.length > 1 ? name + ': ' + one : one] = words[one]; });
        pids = pids.concat(seen.pids || []);
    });
    Object.assign(about, settings.about);
    json.send(r, 200, {
        ready: verdict.ready,
        about: about,
        // Each page that several of them share counts as its part.
        workers_memory_bytes: pids.reduce((sum, pid) => sum + kernel('/proc/' + pid + '/smaps_rollup', 'Pss'), 0),
        available_memory_bytes: kernel('/proc/meminfo', 'MemAvailable')
    });
}

export default {openapi, status};
