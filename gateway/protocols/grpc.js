// The Open Inference Protocol over gRPC: a request is one message behind five bytes, and an answer ends with its
// status in the trailers. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import access from 'access.js';
import errors from 'errors.js';
import health from 'health.js';
import pb from 'protobuf.js';
import tensors from 'tensors.js';

const UNIMPLEMENTED = 12;
const NONE = 'There is no such model here; /v1/models lists what there is.';

function finish(r, content) {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(content.length, 1);
    r.variables.grpc_status = '0';
    r.headersOut['Content-Type'] = 'application/grpc';
    r.return(200, Buffer.concat([prefix, content]));
}

// The message of a request, or null.
function message(r) {
    const body = r.requestBuffer || Buffer.alloc(0);
    const whole = body.length >= 5 && body[0] === 0 && body.readUInt32BE(1) === body.length - 5;
    return whole ? pb.read(body.slice(5)) : null;
}

function metadataOf(tensor) {
    return Buffer.concat([pb.field(1, tensor.name), pb.field(2, tensor.datatype), pb.packed(3, tensor.shape)]);
}

function topkOf(request) {
    // map<string, InferParameter>: each entry a message of its key (1) and its value (2), an int64 at 2 or text at 3
    const entries = pb.all(request, 4).map(pb.read).filter((entry) => entry && pb.text(entry, 1) === 'topk');
    const value = entries.length ? pb.read(pb.all(entries[0], 2)[0] || Buffer.alloc(0)) : null;
    return value ? String(pb.numbers(value, 2)[0] || pb.text(value, 3)) : '';
}

function inputOf(fields) {
    return {datatype: pb.text(fields, 2), shape: pb.numbers(fields, 3), contents: pb.all(fields, 5)};
}

// The pictures of a ModelInferRequest → [{bytes}] or a sentence.
function picturesOf(request) {
    const read = pb.all(request, 5).map(pb.read);
    if (read.some((fields) => !fields)) {
        return 'The request is not a ModelInferRequest.';
    }
    const inputs = read.map(inputOf);
    const wrong = tensors.check(inputs);
    if (wrong) {
        return wrong;
    }
    const count = tensors.elements(inputs[0].shape);
    const raw = pb.all(request, 7);
    const contents = inputs[0].contents.length ? pb.read(inputs[0].contents[0]) : null;
    const found = raw.length ? tensors.unpack(raw[0], count) : contents ? pb.all(contents, 8) : [];
    if (!found || found.length !== count) {
        return 'The input\'s shape says ' + count + ', and its contents do not hold as many pictures.';
    }
    return found.map((bytes) => ({bytes: bytes}));
}

async function infer(r, request) {
    const list = picturesOf(request);
    if (typeof list === 'string') {
        errors.send(r, 400, list);
        return;
    }
    const name = pb.text(request, 1), version = pb.text(request, 2);
    const names = pb.all(request, 6).map((asked) => pb.text(pb.read(asked) || [], 1));
    const model = name + (version ? '/' + version : '');
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*(\/[A-Za-z0-9_.-]+)?$/.test(model)) {
        errors.send(r, 404, NONE);
        return;
    }
    if (!access.permits(r, name)) {
        return;
    }
    const done = await tensors.infer(r, model, list, topkOf(request), names);
    if (!done.outputs) {
        errors.fail(r, done);
        return;
    }
    const answer = [pb.field(1, name), pb.field(2, version || health.version(name)),
        pb.field(3, pb.text(request, 3))];
    done.outputs.forEach((output) => { answer.push(pb.field(5, metadataOf(output))); });
    done.outputs.forEach((output) => { answer.push(pb.field(6, tensors.pack(output))); });
    finish(r, Buffer.concat(answer));
}

function flag(value) {
    return value ? pb.field(1, true) : Buffer.alloc(0);
}

function modelMetadata(r, request) {
    const name = pb.text(request, 1);
    if (!health.serves(name)) {
        errors.send(r, 404, NONE);
        return;
    }
    const parts = [pb.field(1, name), pb.field(2, health.version(name)), pb.field(3, 'torchserve')];
    tensors.INPUTS.forEach((tensor) => { parts.push(pb.field(4, metadataOf(tensor))); });
    tensors.OUTPUTS.forEach((tensor) => { parts.push(pb.field(5, metadataOf(tensor))); });
    finish(r, Buffer.concat(parts));
}

const METHODS = {
    ServerLive: (r) => { finish(r, flag(true)); },
    ServerReady: (r) => { finish(r, flag(health.verdict().ready)); },
    ModelReady: (r, request) => {
        const name = pb.text(request, 1);
        finish(r, flag(health.serves(name) && health.ready(name)));
    },
    ServerMetadata: (r) => {
        finish(r, Buffer.concat([pb.field(1, 'vision-serve'), pb.field(2, settings.version)]));
    },
    ModelMetadata: modelMetadata,
    ModelInfer: infer
};

async function call(r) {
    const name = r.uri.split('/').pop();
    if (!Object.keys(METHODS).some((known) => known === name)) {
        errors.sendGrpc(r, UNIMPLEMENTED, name + ' is not served here.');
        return;
    }
    const request = message(r);
    if (!request) {
        errors.send(r, 400, 'The message is damaged, or compressed, which is not served here.');
        return;
    }
    await METHODS[name](r, request);
}

export default {call};
