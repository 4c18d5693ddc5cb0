// Pictures asked of TorchServe: each is a request of its own, so that one that cannot be read fails alone.
import errors from 'errors.js';
import unanswered from 'unanswered.js';

const MOST = 64; // in one request
// The names under which clients send one, as handlers/request_row.py takes them.
const NAMES = ['body', 'data', 'image', 'b64', 'image_data', 'image_bytes'];
const AT_ONCE = 4;
const PATIENCE_MS = 5000;
const PAUSE_MS = 20;

function pause() {
    return new Promise((done) => { setTimeout(done, PAUSE_MS); });
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch (e) {
        return {message: text};
    }
}

function unansweredWords(reply) {
    return reply.status === 502 ? errors.BUSY : unanswered.words(reply.status, reply.headersOut['Server-Timing']);
}

// One picture → {status, answer: {label: probability}} or {status, error: sentence}. A full server is asked again
// until `deadline` (ms since 1970).
async function ask(r, model, picture, topk, deadline) {
    const address = '/-/predict/' + model;
    const options = {method: 'POST', body: picture, args: topk ? 'topk=' + encodeURIComponent(topk) : ''};
    let reply = await r.subrequest(address, options);
    while (unansweredWords(reply) === errors.BUSY && Date.now() < deadline) {
        await pause();
        reply = await r.subrequest(address, options);
    }
    const words = unansweredWords(reply);
    if (words) {
        return {status: words === errors.BUSY ? 503 : 500, error: words};
    }
    const answer = parsed(reply.responseText || '');
    const common = {status: reply.status, text: reply.responseText, timing: reply.headersOut['Server-Timing']};
    common[reply.status === 200 ? 'answer' : 'error'] = reply.status === 200 ? answer : answer.message;
    return common;
}

// The answers in the pictures' order.
async function askAll(r, model, pictures, topk) {
    const answers = [];
    const deadline = Date.now() + PATIENCE_MS;
    let next = 0;
    async function asker() {
        while (next < pictures.length) {
            const index = next;
            next += 1;
            const picture = pictures[index];
            answers[index] = picture.error
                ? {status: 400, error: picture.error}
                : await ask(r, model, picture.bytes, topk, deadline);
        }
    }
    const askers = [];
    for (let i = 0; i < Math.min(AT_ONCE, pictures.length); i++) {
        askers.push(asker());
    }
    await Promise.all(askers);
    return answers;
}

// The error of a request none of whose pictures was answered, or that came while the server had no worker; or null.
function failure(answers) {
    const busy = answers.find((one) => one.status === 503);
    if (busy) {
        return busy;
    }
    return answers.every((one) => one.status !== 200) ? answers[0] : null;
}

// Base64, a `data:` URL too → {bytes} or {error}.
function fromBase64(text) {
    if (typeof text !== 'string') {
        return {error: 'The picture is not text; send it in base64.'};
    }
    const plain = text.replace(/^data:[^,]*,/i, '').replace(/\s+/g, '').replace(/=+$/, '')
        .replace(/-/g, '+').replace(/_/g, '/');
    if (!plain || !/^[A-Za-z0-9+/]+$/.test(plain) || plain.length % 4 === 1) {
        return {error: 'The picture\'s text is not base64.'};
    }
    return {bytes: Buffer.from(plain, 'base64')};
}

export default {MOST, NAMES, ask, askAll, failure, fromBase64};
