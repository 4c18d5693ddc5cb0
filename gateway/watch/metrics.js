// What the gateway saw, in Prometheus's text format, with what watches the server (common/watch) behind it. Counted as a
// request is logged, in memory that nginx's processes share.
import fs from 'fs';

import health from 'health.js';

const SECONDS = [0.002, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5,
    2.5, 5, 10];
const KINDS = [['/predictions/', 'predictions'], ['/v1/', 'v1'], ['/v2/', 'v2'], ['/inference.', 'grpc'],
    ['/metrics', 'metrics']];

// What an address is counted as: few names, whatever is asked. No regular expression where each request comes by: njs
// compiles it anew every time.
function kind(r) {
    const uri = r.variables.request_uri || '';
    const found = KINDS.find((one) => uri.startsWith(one[0]));
    return found ? found[1] : 'other';
}

// Which of the models that are served was asked; "" for none, so that no client makes up labels.
function model(r) {
    const asked = r.variables.asked_model;
    return asked && health.serves(asked) ? asked : '';
}

function add(name, amount) {
    ngx.shared.counts.incr(name, amount, 0);
}

// {decode: ms, network: ms} of the handler's own header: `decode;dur=4.18, network;dur=12.06`.
function stages(text) {
    const found = {};
    text.split(', ').forEach((part) => {
        const at = part.indexOf(';dur=');
        if (at > 0) {
            found[part.slice(0, at)] = Number(part.slice(at + 5));
        }
    });
    return found;
}

function timing(r) {
    return r.variables.worker_timing || r.variables.upstream_http_server_timing || '';
}

// ms between the gateway and the handler: TorchServe's queue, and the way there and back.
function queue(r, worker) {
    const upstream = Number(r.variables.upstream_header_time) * 1000;
    const inside = (worker.decode || 0) + (worker.network || 0);
    return upstream >= 0 ? Math.max(0, upstream - inside) : 0;
}

// The Server-Timing of an answer: https://www.w3.org/TR/server-timing/
function header(r) {
    const text = timing(r);
    const total = 'total;dur=' + (Number(r.variables.request_time) * 1000).toFixed(0);
    return text ? 'queue;dur=' + queue(r, stages(text)).toFixed(1) + ', ' + text + ', ' + total : total;
}

// Called while the access log's line is written, for its effect; the line gets nothing.
function observe(r) {
    const name = kind(r);
    const labels = 'path="' + name + '",model="' + model(r) + '"';
    add('requests{' + labels + ',code="' + r.variables.status + '"}', 1);
    if (name === 'metrics' || name === 'other') {
        return '';
    }
    const took = Number(r.variables.request_time);
    add('sum{' + labels + '}', took);
    const bound = SECONDS.find((seconds) => took <= seconds);
    add('bucket{' + labels + ',le="' + (bound === undefined ? '+Inf' : bound) + '"}', 1);
    add('received', Number(r.variables.request_length));
    add('sent', Number(r.variables.bytes_sent));
    return '';
}

function counts() {
    const found = {};
    ngx.shared.counts.items(10000).forEach((item) => { found[item[0]] = item[1]; });
    return found;
}

function histogram(all, labels) {
    const lines = [];
    let seen = 0;
    SECONDS.concat(['+Inf']).forEach((bound) => {
        seen += all['bucket{' + labels + ',le="' + bound + '"}'] || 0;
        lines.push('gateway_request_seconds_bucket{' + labels + ',le="' + bound + '"} ' + seen);
    });
    lines.push('gateway_request_seconds_sum{' + labels + '} ' + (all['sum{' + labels + '}'] || 0));
    lines.push('gateway_request_seconds_count{' + labels + '} ' + seen);
    return lines;
}

function text(all) {
    const names = Object.keys(all).sort();
    const lines = ['# HELP gateway_requests_total Requests by the kind of address, by model and by status.',
        '# TYPE gateway_requests_total counter'];
    names.filter((name) => name.indexOf('requests{') === 0).forEach((name) => {
        lines.push('gateway_requests_total' + name.slice(8) + ' ' + all[name]);
    });
    lines.push('# HELP gateway_request_seconds From the first byte of a request to the last of its answer.',
        '# TYPE gateway_request_seconds histogram');
    names.filter((name) => name.indexOf('sum{') === 0).forEach((name) => {
        Array.prototype.push.apply(lines, histogram(all, name.slice('sum{'.length, -1)));
    });
    [['received', 'Bytes of requests for predictions.'], ['sent', 'Bytes of the answers to them.']].forEach((one) => {
        family(lines, 'gateway_' + one[0] + '_bytes_total', 'counter', one[1], all[one[0]] || 0);
    });
    family(lines, 'gateway_ready', 'gauge', '1 while the server answers, and rightly.', health.verdict().ready ? 1 : 0);
    if (settings.certificate_ends) {
        family(lines, 'gateway_certificate_end_seconds', 'gauge', 'When it ends, since 1970.', settings.certificate_ends);
    }
    return lines.join('\n') + '\n';
}

function family(lines, name, kind, help, value) {
    lines.push('# HELP ' + name + ' ' + help, '# TYPE ' + name + ' ' + kind, name + ' ' + value);
}

async function answer(r) {
    const behind = await r.subrequest('/-/watch');
    r.headersOut['Content-Type'] = 'text/plain; version=0.0.4; charset=utf-8';
    r.return(200, text(counts()) + (behind.status === 200 ? behind.responseText : ''));
}

function label(name, wanted) {
    return name.split(wanted + '="')[1].split('"')[0];
}

// For who records what happened (common/watch/series.py): only of what asks for predictions.
function keep() {
    ngx.shared.counts.add('since', Date.now() / 1000);
    const all = counts();
    const told = {since: all.since, ready: health.verdict().ready, codes: {}, seconds: {},
        certificate_ends: settings.certificate_ends || 0,
        kilobytes_in: Math.floor((all.received || 0) / 1024), kilobytes_out: Math.floor((all.sent || 0) / 1024)};
    Object.keys(all).forEach((name) => {
        const into = {requests: ['codes', 'code'], bucket: ['seconds', 'le']}[name.split('{')[0]];
        if (into && name.indexOf('path="other"') < 0 && name.indexOf('path="metrics"') < 0) {
            const key = label(name, into[1]).replace('+Inf', 'inf');
            told[into[0]][key] = (told[into[0]][key] || 0) + all[name];
        }
    });
    const file = settings.logs + '/counts.json';
    fs.writeFileSync(file + '.new', JSON.stringify(told));
    fs.renameSync(file + '.new', file);
}

export default {header, observe, answer, keep};
