// KServe's first protocol, which is TensorFlow Serving's: {"instances": [{"b64": …}]} → {"predictions": [{label:
// probability}]}. https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
import errors from 'errors.js';
import health from 'health.js';
import json from 'json.js';
import pictures from 'pictures.js';

// "<base64>", {"b64": "<base64>"} or {"image_bytes": {"b64": …}} → {bytes} or {error}.
function picture(instance) {
    let value = instance;
    for (let depth = 0; depth < 3 && value && typeof value === 'object'; depth++) {
        const holder = value;
        value = holder[pictures.NAMES.find((name) => holder[name] !== undefined)];
    }
    return typeof value === 'string' && value
        ? pictures.fromBase64(value)
        : {error: 'There is no picture in this instance; send {"b64": "<base64>"}.'};
}

function instances(text) {
    let document;
    try {
        document = JSON.parse(text);
    } catch (e) {
        return {error: 'The request is not JSON.'};
    }
    const list = document && document.instances;
    if (!Array.isArray(list) || !list.length) {
        return {error: 'The request holds no instances; send {"instances": [{"b64": "<base64>"}]}.'};
    }
    if (list.length > pictures.MOST) {
        return {error: 'The request holds ' + list.length + ' pictures; ' + pictures.MOST + ' are taken at a time.'};
    }
    return {list: list};
}

async function predict(r) {
    const given = instances(r.requestText || '');
    if (given.error) {
        errors.send(r, 400, given.error);
        return;
    }
    const answers = await pictures.askAll(r, r.variables.asked_model, given.list.map(picture), r.variables.topk);
    const failed = pictures.failure(answers);
    if (failed) {
        errors.fail(r, failed);
        return;
    }
    const predictions = answers.map((one) => one.answer || {error: one.error, code: one.status});
    json.send(r, 200, {predictions: predictions});
}

function models(r) {
    json.send(r, 200, {models: Object.keys(settings.models)});
}

function model(r) {
    const name = r.variables.asked_model;
    if (!health.serves(name)) {
        errors.send(r, 404, 'There is no model ' + name + ' here; /v1/models lists what there is.');
        return;
    }
    json.send(r, 200, {name: name, ready: health.ready(name)});
}

export default {predict, models, model};
