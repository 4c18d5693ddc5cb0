// The Open Inference Protocol over REST, with its binary tensor extension.
// https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
import errors from 'errors.js';
import health from 'health.js';
import json from 'json.js';
import pictures from 'pictures.js';
import tensors from 'tensors.js';

const HEADER_LENGTH = 'Inference-Header-Content-Length';

function flat(data) {
    return Array.isArray(data) ? data.reduce((all, one) => all.concat(flat(one)), []) : [data];
}

// → {document, binary: Buffer} or null.
function read(r) {
    const body = r.requestBuffer || Buffer.alloc(0);
    const header = r.headersIn[HEADER_LENGTH];
    const length = header === undefined ? body.length : /^\d{1,9}$/.test(header) ? Number(header) : -1;
    if (length < 0 || length > body.length) {
        return null;
    }
    try {
        return {document: JSON.parse(body.slice(0, length).toString()), binary: body.slice(length)};
    } catch (e) {
        return null;
    }
}

// The pictures of the one input → [{bytes} or {error}] or a sentence.
function picturesOf(input, binary) {
    const count = tensors.elements(input.shape);
    const size = (input.parameters || {}).binary_data_size;
    if (size !== undefined) {
        const found = size === binary.length ? tensors.unpack(binary, count) : null;
        return found ? found.map((bytes) => ({bytes: bytes})) : 'The binary data are not those of its shape.';
    }
    const data = input.data === undefined ? [] : flat(input.data);
    if (data.length !== count) {
        return 'The input\'s shape says ' + count + ' and its data are ' + data.length + '.';
    }
    return data.map(pictures.fromBase64);
}

function isBinary(document, output) {
    const asked = (document.outputs || []).find((one) => one.name === output.name);
    const own = asked && asked.parameters && asked.parameters.binary_data;
    return own === undefined || own === null ? Boolean((document.parameters || {}).binary_data_output) : Boolean(own);
}

function answer(r, document, outputs) {
    const reply = {model_name: r.variables.asked_model, model_version: health.version(r.variables.asked_model)};
    if (document.id !== undefined) {
        reply.id = document.id;
    }
    const binaries = [];
    reply.outputs = outputs.map((output) => {
        if (!isBinary(document, output)) {
            return output;
        }
        const packed = tensors.pack(output);
        binaries.push(packed);
        return {
            name: output.name, datatype: output.datatype, shape: output.shape,
            parameters: {binary_data_size: packed.length}
        };
    });
    if (!binaries.length) {
        json.send(r, 200, reply);
        return;
    }
    const head = Buffer.from(JSON.stringify(reply));
    r.headersOut[HEADER_LENGTH] = String(head.length);
    r.headersOut['Content-Type'] = 'application/octet-stream';
    r.return(200, Buffer.concat([head].concat(binaries)));
}

function target(r) {
    const version = r.variables.asked_version;
    return r.variables.asked_model + (version ? '/' + version : '');
}

async function infer(r) {
    const request = read(r);
    if (!request || !request.document || typeof request.document !== 'object') {
        errors.send(r, 400, 'The request is not JSON, or its ' + HEADER_LENGTH + ' is wrong.');
        return;
    }
    const document = request.document;
    const list = tensors.check(document.inputs) || picturesOf(document.inputs[0], request.binary);
    if (typeof list === 'string') {
        errors.send(r, 400, list);
        return;
    }
    if (document.outputs !== undefined && !Array.isArray(document.outputs)) {
        errors.send(r, 400, 'outputs must be a list.');
        return;
    }
    const topk = r.variables.topk || (document.parameters || {}).topk || '';
    const names = (document.outputs || []).map((output) => String((output || {}).name));
    const done = await tensors.infer(r, target(r), list, topk, names);
    if (done.outputs) {
        answer(r, document, done.outputs);
    } else {
        errors.fail(r, done);
    }
}

function server(r) {
    json.send(r, 200, {name: 'vision-serve', version: settings.version, extensions: ['binary_tensor_data']});
}

function live(r) {
    json.send(r, 200, {live: true});
}

function ready(r) {
    const verdict = health.verdict();
    verdict.ready ? json.send(r, 200, {ready: true}) : errors.send(r, 503, verdict.why, 1);
}

function known(r) {
    const name = r.variables.asked_model;
    if (health.serves(name)) {
        return true;
    }
    const there = Object.keys(settings.models).join(', ');
    errors.send(r, 404, 'There is no model ' + name + ' here; there is ' + there + '.');
    return false;
}

function model(r) {
    if (known(r)) {
        const name = r.variables.asked_model;
        json.send(r, 200, {
            name: name, versions: [health.version(name)], platform: 'torchserve',
            inputs: tensors.INPUTS, outputs: tensors.OUTPUTS
        });
    }
}

function modelReady(r) {
    if (known(r)) {
        const name = r.variables.asked_model;
        health.ready(name) ? json.send(r, 200, {name: name, ready: true}) : errors.send(r, 503, health.verdict().why, 1);
    }
}

export default {infer, server, live, ready, model, modelReady};
