// Protocol Buffers on the wire: as much of them as the Open Inference Protocol's messages need.
// https://protobuf.dev/programming-guides/encoding/
const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

// → [value, next position] or null. Numbers up to 2^53 are whole; nothing here is larger.
function varint(buffer, at) {
    let value = 0, factor = 1;
    for (let i = 0; i < 10 && at + i < buffer.length; i++) {
        const byte = buffer[at + i];
        value += (byte & 0x7f) * factor;
        factor *= 128;
        if (byte < 128) {
            return [value, at + i + 1];
        }
    }
    return null;
}

// A message → [[number, value]], in their order; a value is a number, or a Buffer. null when it is damaged.
function read(buffer) {
    const fields = [];
    let at = 0;
    while (at < buffer.length) {
        const tag = varint(buffer, at);
        if (!tag) {
            return null;
        }
        const number = Math.floor(tag[0] / 8), kind = tag[0] % 8;
        let value, end;
        if (kind === VARINT) {
            const found = varint(buffer, tag[1]);
            if (!found) {
                return null;
            }
            value = found[0];
            end = found[1];
        } else {
            const length = kind === BYTES ? varint(buffer, tag[1]) : null;
            const begin = length ? length[1] : tag[1];
            const size = length ? length[0] : kind === FIXED64 ? 8 : kind === FIXED32 ? 4 : -1;
            end = begin + size;
            if (size < 0 || end > buffer.length) {
                return null;
            }
            value = buffer.slice(begin, end);
        }
        fields.push([number, value]);
        at = end;
    }
    return fields;
}

function all(fields, number) {
    return fields.filter((field) => field[0] === number).map((field) => field[1]);
}

function text(fields, number) {
    const found = all(fields, number);
    const last = found[found.length - 1];
    return Buffer.isBuffer(last) ? last.toString() : '';
}

// int64s, packed or one by one → [number] or null.
function numbers(fields, number) {
    const found = [];
    const whole = all(fields, number).every((value) => {
        let at = 0;
        while (Buffer.isBuffer(value) && at < value.length) {
            const next = varint(value, at);
            if (!next) {
                return false;
            }
            found.push(next[0]);
            at = next[1];
        }
        if (!Buffer.isBuffer(value)) {
            found.push(value);
        }
        return true;
    });
    return whole ? found : null;
}

function number(value) {
    const bytes = [];
    let left = value < 0 ? 0 : value;
    if (value < 0) { // -1, a size that is not fixed: all bits of 64 set
        return Buffer.from([255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }
    while (left > 127) {
        bytes.push(left % 128 + 128);
        left = Math.floor(left / 128);
    }
    bytes.push(left);
    return Buffer.from(bytes);
}

// A field to be written: text, a Buffer, or true for a bool.
function field(id, value) {
    if (value === true) {
        return Buffer.concat([number(id * 8 + VARINT), number(1)]);
    }
    const content = Buffer.isBuffer(value) ? value : Buffer.from(value);
    return Buffer.concat([number(id * 8 + BYTES), number(content.length), content]);
}

function packed(id, values) {
    return field(id, Buffer.concat(values.map(number)));
}

export default {read, all, text, numbers, field, packed};
