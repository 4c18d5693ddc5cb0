// The Open Inference Protocol's tensors, whichever way they travel: pictures in, labels and probabilities out.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
import pictures from 'pictures.js';

const INPUTS = [{name: 'picture', datatype: 'BYTES', shape: [-1]}];
const OUTPUTS = [
    {name: 'label', datatype: 'BYTES', shape: [-1, -1]},
    {name: 'probability', datatype: 'FP32', shape: [-1, -1]},
    {name: 'error', datatype: 'BYTES', shape: [-1]}
];

function elements(shape) {
    return shape.reduce((product, size) => product * Number(size), 1);
}

// The one input of a request, or a sentence that says what is wrong with it. `shape` has a picture an element.
function check(inputs) {
    if (!Array.isArray(inputs) || inputs.length !== 1 || !inputs[0]) {
        return 'The request must hold one input, a tensor of pictures.';
    }
    const input = inputs[0];
    if (input.datatype !== 'BYTES') {
        return 'The input\'s datatype is ' + input.datatype + '; pictures are sent as BYTES, each the content of a file.';
    }
    if (!Array.isArray(input.shape) || !(elements(input.shape) > 0)) {
        return 'The input\'s shape must say how many pictures it holds, as in [1].';
    }
    if (elements(input.shape) > pictures.MOST) {
        return 'The request holds ' + elements(input.shape) + ' pictures; ' + pictures.MOST + ' are taken at a time.';
    }
    return '';
}

// BYTES as they travel raw: each element behind its length, 4 bytes, little endian. → [Buffer] or null.
function unpack(raw, count) {
    const found = [];
    let at = 0;
    while (at + 4 <= raw.length) {
        const end = at + 4 + raw.readUInt32LE(at);
        if (end > raw.length) {
            return null;
        }
        found.push(raw.slice(at + 4, end));
        at = end;
    }
    return at === raw.length && found.length === count ? found : null;
}

function packBytes(texts) {
    const packed = [];
    texts.forEach((text) => {
        const content = Buffer.from(text);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(content.length, 0);
        packed.push(length, content);
    });
    return Buffer.concat(packed);
}

function packFloats(values) {
    const packed = Buffer.alloc(4 * values.length);
    values.forEach((value, index) => { packed.writeFloatLE(value, 4 * index); });
    return packed;
}

function pack(output) {
    return output.datatype === 'FP32' ? packFloats(output.data) : packBytes(output.data);
}

// Answers in their order → the output tensors. A picture that was not answered has empty labels and its error.
function outputs(answers) {
    const width = answers.reduce((most, one) => Math.max(most, one.answer ? Object.keys(one.answer).length : 0), 0);
    const labels = [], probabilities = [], errors = [];
    answers.forEach((one) => {
        const names = one.answer ? Object.keys(one.answer) : [];
        for (let i = 0; i < width; i++) {
            labels.push(i < names.length ? names[i] : '');
            probabilities.push(i < names.length ? one.answer[names[i]] : 0);
        }
        errors.push(one.error || '');
    });
    const data = {label: labels, probability: probabilities, error: errors};
    return OUTPUTS.map((output) => ({
        name: output.name,
        datatype: output.datatype,
        shape: output.shape.length === 2 ? [answers.length, width] : [answers.length],
        data: data[output.name]
    }));
}

// Of the outputs, those that were asked for by name; all where none was. → [output] or a sentence.
function wanted(all, names) {
    const unknown = names.find((name) => !all.some((output) => output.name === name));
    if (unknown !== undefined) {
        return 'There is no output ' + unknown + '; the model has label, probability and error.';
    }
    return names.length ? names.map((name) => all.find((output) => output.name === name)) : all;
}

// pictures: [{bytes} or {error}] → {outputs} or {status, error}.
async function infer(r, model, list, topk, names) {
    const known = wanted(outputs([]), names);
    if (typeof known === 'string') {
        return {status: 400, error: known};
    }
    const answers = await pictures.askAll(r, model, list, topk);
    return pictures.failure(answers) || {outputs: wanted(outputs(answers), names)};
}

export default {INPUTS, OUTPUTS, check, elements, unpack, pack, infer};
