// Who may ask, and how often. A key's file is named for its SHA-256: one that is added counts with the next request,
// one that is revoked half a second later at most, and nothing is reloaded.
import crypto from 'crypto';
import fs from 'fs';

import errors from 'errors.js';

const SCHEME = 'bearer ';
const CHALLENGE = 'Bearer realm="vision-serve"';

// No regular expression where each request comes by: njs compiles it anew every time.
function presented(r) {
    const header = r.headersIn.Authorization || '';
    return header.slice(0, SCHEME.length).toLowerCase() === SCHEME ? header.slice(SCHEME.length).trim() : '';
}

// What a file said, read anew when it was last read half a second ago (the zone's own timeout). "" where there is none;
// that is not kept, so a new key counts at once.
function recent(file) {
    let text = ngx.shared.recent.get(file);
    if (!text) {
        try {
            text = fs.readFileSync(file, 'utf8');
            ngx.shared.recent.set(file, text);
        } catch (e) {
            return '';
        }
    }
    return text;
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch (e) {
        return null;
    }
}

// The key's own document, or null: {name, made, rate: {count, seconds}, models: [name]}.
function keyFor(text) {
    const digest = crypto.createHash('sha256').update(text).digest('hex');
    return parsed(recent(settings.keys + '/' + digest + '.json'));
}

// A client by its certificate, where the gateway has an authority for clients.
function byCertificate(r) {
    if (r.variables.ssl_client_verify !== 'SUCCESS') {
        return null;
    }
    const match = /(?:^|,)CN=([^,]+)/.exec(r.variables.ssl_client_s_dn || '');
    return {name: match ? match[1] : 'certificate'};
}

// Seconds until the key may ask again; 0 when it may now. The window is the rate's own second, minute or hour.
function wait(key, now) {
    if (!key.rate) {
        return 0;
    }
    const window = Math.floor(now / key.rate.seconds);
    const asked = ngx.shared.rates.incr(key.name + ' ' + window, 1, 0, key.rate.seconds * 1000);
    return asked > key.rate.count ? Math.max(1, Math.ceil((window + 1) * key.rate.seconds - now)) : 0;
}

// The client is let in, or told why not.
function admits(r) {
    const text = presented(r);
    const key = text ? keyFor(text) : byCertificate(r);
    if (!key) {
        r.headersOut['WWW-Authenticate'] = CHALLENGE;
        const why = text ? 'This key is not known here, or was revoked.' : 'A key is wanted.';
        errors.send(r, 401, why + ' Send it as the header "Authorization: Bearer <key>".');
        return false;
    }
    r.variables.client = key.name;
    r.variables.client_models = (key.models || []).join(' ');
    const now = Date.now() / 1000;
    if (key.made) { // a client's own, and not a certificate or a question of the kit's
        ngx.shared.used.set(key.name, Math.floor(now));
    }
    const seconds = wait(key, now);
    if (seconds) {
        errors.send(r, 429, 'This key may ask ' + key.rate.count + ' times in ' + key.rate.seconds + ' s.', seconds);
    }
    return !seconds;
}

function check(r) {
    if (admits(r) && r.variables.asked_model) {
        permits(r, r.variables.asked_model);
    }
}

// Whether the request's key is good for a model; where not, that is answered.
function permits(r, model) {
    const models = r.variables.client_models;
    if (!models || models.split(' ').indexOf(model) >= 0) {
        return true;
    }
    errors.send(r, 403, 'This key is not for ' + model + '; it is for ' + models.split(' ').join(', ') + '.');
    return false;
}

// What is of all models is for keys that are not limited to some.
function checkWhole(r) {
    if (admits(r) && r.variables.client_models) {
        errors.send(r, 403, 'This key is for predictions of ' + r.variables.client_models.split(' ').join(', ') + ' alone.');
    }
}

// TorchServe makes its tokens anew at each start. "" where tokens are off, or TorchServe is not there.
function authorization(kind) {
    const keys = parsed(recent(settings.tokens));
    return keys && keys[kind] ? 'Bearer ' + keys[kind].key : '';
}

function inference() {
    return authorization('inference');
}

function management() {
    return authorization('management');
}

const HOUR = 3600;

// When each key was last used, to the hour, kept where `make keys` reads it: a file that small boxes seldom write.
function keepUse() {
    const file = settings.keys + '/last-used.json';
    let used = {};
    try {
        used = JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch (e) {
        // none was used yet
    }
    let changed = false;
    ngx.shared.used.keys(100000).forEach((name) => {
        const last = ngx.shared.used.get(name);
        if (last - (used[name] || 0) > HOUR) {
            used[name] = last;
            changed = true;
        }
    });
    try {
        if (changed) {
            fs.writeFileSync(file + '.new', JSON.stringify(used));
            fs.renameSync(file + '.new', file);
        }
    } catch (e) {
        // a disk that takes no change: its keys are good all the same
    }
}

export default {check, checkWhole, permits, inference, management, keepUse};
