// What TorchServe sends when it has no worker for a request: its token changed, a worker died, its queue is full. No
// client can mend that, so it becomes "ask again". The handler's own errors carry its timing, and pass as they are.
import errors from 'errors.js';

const GONE = [400, 401, 500, 503, 504, 507];

const DIED = [500, 507];

// The sentence for it; "" where the handler has answered.
function words(status, timing) {
    if (timing || GONE.indexOf(status) < 0) {
        return '';
    }
    return DIED.indexOf(status) >= 0 ? errors.DIED : errors.BUSY;
}

function header(r) {
    const said = r.variables.upstream_status ? words(r.status, r.variables.upstream_http_server_timing) : '';
    if (said) {
        r.variables.unanswered = said;
        r.status = 503;
        r.headersOut['Content-Type'] = 'application/json';
        r.headersOut['Retry-After'] = '1';
        delete r.headersOut['Content-Length'];
    }
}

function body(r, data, flags) {
    if (!r.variables.unanswered) {
        r.sendBuffer(data, flags);
    } else if (flags.last) {
        r.sendBuffer(errors.text(r, 503, r.variables.unanswered), flags);
    }
}

export default {words, header, body};
