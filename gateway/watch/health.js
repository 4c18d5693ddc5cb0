// Whether the server answers, found out by asking it: of each model every worker READY, and a golden picture answered
// rightly not long ago. A load balancer reads it at /health without a key.
import fs from 'fs';

import access from 'access.js';
import json from 'json.js';

const GOLDEN_EVERY_MS = 15000;
const STALE_MS = 10000;
const TIE = 1e-3; // as common/server/answers.py has it
const ASK_MS = 5000;

function within(promise, ms) {
    return Promise.race([promise, new Promise((done, failed) => {
        setTimeout(() => { failed(new Error('no answer within ' + ms / 1000 + ' s')); }, ms);
    })]);
}

async function ask(address, options) {
    const reply = await ngx.fetch(address, options);
    const text = await reply.text();
    if (reply.status !== 200) {
        throw new Error('HTTP ' + reply.status);
    }
    return JSON.parse(text);
}

// The version of a model whose workers answer. Throws when one of them does not.
async function workers(model) {
    const rows = await ask(settings.management + '/models/' + model, {
        headers: {Authorization: access.management()}
    });
    const states = rows[0].workers.map((worker) => worker.status);
    const ready = states.filter((state) => state === 'READY').length;
    if (!ready || ready < states.length) {
        throw new Error(ready + ' of ' + states.length + ' workers are ready');
    }
    return {version: String(rows[0].modelVersion), pids: rows[0].workers.map((worker) => worker.pid)};
}

function wrong(answer, expected, tolerance) {
    const labels = Object.keys(expected);
    const best = labels[0];
    const first = Object.keys(answer)[0];
    const last = labels.length > 1 ? Math.min.apply(null, labels.map((label) => expected[label])) : -1;
    const known = expected[first] === undefined ? last : expected[first];
    return expected[best] - known > TIE || !(Math.abs(answer[first] - expected[best]) <= tolerance);
}

// A golden picture asked as clients ask. Throws when its answer is not the right one.
async function golden(model) {
    const folder = settings.golden + '/' + model;
    const index = JSON.parse(fs.readFileSync(folder + '/golden.json', 'utf8'));
    const row = index.pictures[0];
    const answer = await ask(settings.inference + '/predictions/' + model, {
        method: 'POST',
        body: fs.readFileSync(folder + '/' + row.file),
        headers: {Authorization: access.inference(), 'Content-Type': 'application/octet-stream', 'X-Probe': '1'}
    });
    if (wrong(answer, row.expected, index.tolerance)) {
        throw new Error('the golden picture ' + row.file + ' gets a wrong answer');
    }
}

function kept() {
    return JSON.parse(ngx.shared.health.get('verdict') || '{"ready": false, "why": "the server is starting"}');
}

function keep(verdict) {
    verdict.at = Date.now();
    ngx.shared.health.set('verdict', JSON.stringify(verdict));
}

// Twice a second. On a box, who started the server asks it, and tells what came of it in a file.
async function watch() {
    if (settings.verdict) {
        told();
        return;
    }
    const before = kept();
    const verdict = {ready: true, models: {}};
    const names = Object.keys(settings.models);
    const seen = await Promise.all(names.map((name) => look(name, of(before, name))));
    names.forEach((name, index) => { verdict.models[name] = seen[index]; });
    const down = names.find((name) => !verdict.models[name].ready);
    if (down) {
        verdict.ready = false;
        verdict.why = (names.length > 1 ? down + ': ' : '') + verdict.models[down].why;
    }
    keep(verdict);
}

// One model, of which `before` was seen last → {ready, why, version, workers, pids, proved}.
async function look(model, before) {
    try {
        const found = await within(workers(model), ASK_MS);
        let proved = before.ready ? before.proved : 0;
        if (Date.now() - proved > GOLDEN_EVERY_MS || found.version !== before.version) {
            await within(golden(model), ASK_MS);
            proved = Date.now();
        }
        return {ready: true, version: found.version, workers: found.pids.length, pids: found.pids, proved: proved};
    } catch (e) {
        return {ready: false, why: e.message, version: before.version};
    }
}

// What a verdict says of one model. One that was told by an older program is of the only one.
function of(verdict, model) {
    return (verdict.models ? verdict.models[model] : verdict) || {ready: false, version: ''};
}

function told() {
    let verdict;
    try {
        verdict = JSON.parse(fs.readFileSync(settings.verdict, 'utf8'));
    } catch (e) {
        verdict = {ready: false, why: 'the server is not running, or is starting'};
    }
    keep(verdict);
}

// {ready, why, models: {name: {ready, why, version, workers, pids, proved}}}: what was last seen.
function verdict() {
    const last = kept();
    if (last.ready && Date.now() - last.at > STALE_MS) {
        return {ready: false, why: 'the server was not watched for ' + STALE_MS / 1000 + ' s', models: last.models};
    }
    return last;
}

// Whether there is a model of that name. An object has more names than its own: "constructor" is one.
function serves(model) {
    return Object.keys(settings.models).indexOf(model) >= 0;
}

// Whether one model answers, whatever the others do.
function ready(model) {
    const last = verdict();
    return last.ready || (Date.now() - last.at <= STALE_MS && of(last, model).ready);
}

function version(model) {
    return of(kept(), model).version || '';
}

function answer(r) {
    const last = verdict();
    const models = Object.keys(settings.models).map((name) => {
        return {name: name, version: version(name), ready: ready(name)};
    });
    const document = {
        status: last.ready ? 'ready' : 'unavailable', model: models[0].name, version: models[0].version, models: models
    };
    if (!last.ready) {
        document.why = last.why;
        r.headersOut['Retry-After'] = '1';
    }
    json.send(r, last.ready ? 200 : 503, document);
}

// The same in TorchServe's words, for what was set up for it.
function ping(r) {
    const ready = verdict().ready;
    json.send(r, ready ? 200 : 503, {status: ready ? 'Healthy' : 'Unhealthy'});
}

export default {watch, verdict, of, serves, ready, version, answer, ping};
