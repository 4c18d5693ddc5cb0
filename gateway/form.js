// A form → its picture, sent on as a plain body: TorchServe's own form parser takes all of Java's memory for one of
// 15 MB. Python's urllib and `curl --data-binary` call any body a form, so one that does not begin like a form is
// taken for the picture itself.
import errors from 'errors.js';
import pictures from 'pictures.js';
import querystring from 'querystring';

const HEADERS_END = Buffer.from('\r\n\r\n');
const MOST_PARTS = 16;

// multipart/form-data → [{name, file, bytes}] or null when it is none.
function parts(body, boundary) {
    const mark = Buffer.from('--' + boundary);
    const found = [];
    let at = body.indexOf(mark);
    while (at >= 0 && found.length <= MOST_PARTS) {
        const begin = at + mark.length;
        if (body.slice(begin, begin + 2).toString() === '--') {
            return found;
        }
        const headersEnd = body.indexOf(HEADERS_END, begin);
        const next = body.indexOf(mark, begin);
        if (headersEnd < 0 || next < 0 || headersEnd > next) {
            return null;
        }
        const head = body.slice(begin, headersEnd).toString();
        const name = /\bname="([^"]*)"/i.exec(head) || /\bname=([^;\s]+)/i.exec(head);
        found.push({
            name: name ? name[1] : '',
            file: /\bfilename=/i.test(head) || /^content-type:/im.test(head),
            bytes: body.slice(headersEnd + 4, next - 2)
        });
        at = next;
    }
    return null;
}

function fromMultipart(body, type) {
    const boundary = /boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))/i.exec(type);
    const all = boundary && body.length ? parts(body, boundary[1] || boundary[2]) : null;
    if (!all) {
        return {error: 'The form is not well formed: it has no end, or no boundary.'};
    }
    const topk = all.find((part) => part.name === 'topk');
    const files = all.filter((part) => part.file && part.name !== 'topk');
    const texts = all.filter((part) => !part.file && pictures.NAMES.indexOf(part.name) >= 0);
    const chosen = files.length ? files : texts;
    if (chosen.length > 1) {
        return {error: 'The request holds ' + chosen.length + ' pictures; send one picture a request.'};
    }
    if (!chosen.length) {
        return {error: 'There is no picture in the form. Send one: curl -F image=@picture.jpg.'};
    }
    return {bytes: chosen[0].bytes, topk: topk ? topk.bytes.toString() : ''};
}

function fromUrlEncoded(body) {
    if (!pictures.NAMES.concat(['topk']).some((name) => body.indexOf(name + '=') === 0)) {
        return {bytes: body, topk: ''};
    }
    const fields = querystring.parse(body.toString());
    const name = pictures.NAMES.find((one) => fields[one]);
    if (!name) {
        return {error: 'There is no picture in the form. Send one: curl -T picture.jpg.'};
    }
    // A plus sign stands for a space here, and base64 that was not escaped has lost its own.
    const picture = pictures.fromBase64(String(fields[name]).replace(/ /g, '+'));
    return picture.error ? picture : {bytes: picture.bytes, topk: fields.topk || ''};
}

async function predict(r) {
    const body = r.requestBuffer || Buffer.alloc(0);
    const type = r.headersIn['Content-Type'] || '';
    const form = /^multipart\/form-data/i.test(type) ? fromMultipart(body, type) : fromUrlEncoded(body);
    if (form.error) {
        errors.send(r, 400, form.error);
        return;
    }
    const topk = r.variables.topk || form.topk;
    const reply = await pictures.ask(r, r.variables.asked, form.bytes, topk, 0);
    if (!reply.text) {
        errors.fail(r, reply);
        return;
    }
    if (reply.timing) {
        r.variables.worker_timing = reply.timing;
    }
    r.headersOut['Content-Type'] = 'application/json';
    r.return(reply.status, reply.text);
}

export default {predict};
