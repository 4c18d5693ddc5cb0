// An error in the words and the shape of the protocol that was asked in.

const PHRASES = {
    400: ['BadRequestException', 'The request is not well formed.'],
    401: ['UnauthorizedException', 'A key is wanted.'],
    403: ['ForbiddenException', 'This is not allowed.'],
    404: ['ResourceNotFoundException', 'There is nothing at this address; /openapi.json lists what there is.'],
    405: ['MethodNotAllowedException', 'This address does not take this method.'],
    408: ['RequestTimeoutException', 'The request did not arrive in time.'],
    411: ['LengthRequiredException', 'The request says no length.'],
    413: ['PayloadTooLargeException', ''],
    414: ['UriTooLongException', 'The address is too long.'],
    429: ['TooManyRequestsException', ''],
    431: ['RequestHeaderFieldsTooLargeException', 'The headers are too large.'],
    495: ['BadCertificateException', 'The client\'s certificate is not one that is accepted here.'],
    497: ['BadRequestException', 'This port speaks HTTPS; write https:// before the address.'],
    500: ['InternalServerException', 'The gateway failed at this request.'],
    501: ['NotImplementedException', 'This way of sending a request is not served.'],
    503: ['ServiceUnavailableException', ''],
    505: ['HttpVersionNotSupportedException', 'This version of HTTP is not served.']
};
// nginx's own codes for what has another name outside.
const OUTSIDE = {495: 400, 497: 400};
// A worker that died is another type, so that a client with many pictures can tell a picture that always ends one.
const DIED = 'A worker ended with this picture in hand. Ask again in a second; if it ends again, it is the picture.';
const BUSY = 'Every worker is busy, or the server is starting. Ask again in a second.';

// gRPC's own codes: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
const GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 422: 3, 429: 8, 502: 14, 503: 14, 504: 14};
const GRPC_INTERNAL = 13;

function isGrpc(r) {
    return (r.variables.request_uri || '').indexOf('/inference.') === 0;
}

// An answer of gRPC without a message: its status is in the trailers, and HTTP knows of no error.
function sendGrpc(r, status, message) {
    r.variables.grpc_status = String(status);
    r.variables.grpc_message = encodeURIComponent(message);
    r.headersOut['Content-Type'] = 'application/grpc';
    r.return(200, '');
}

function text(r, code, message) {
    const document = /^\/v[12](\/|$|\?)/.test(r.variables.request_uri || '')
        ? {error: message}
        : {code: OUTSIDE[code] || code, type: (PHRASES[message === DIED ? 500 : code] || PHRASES[500])[0], message: message};
    return JSON.stringify(document) + '\n';
}

function send(r, code, message, retry) {
    if (isGrpc(r)) {
        sendGrpc(r, GRPC[code] || GRPC_INTERNAL, message);
        return;
    }
    if (retry) {
        r.headersOut['Retry-After'] = String(retry);
    }
    r.headersOut['Content-Type'] = 'application/json';
    r.return(OUTSIDE[code] || code, text(r, code, message));
}

function busy(r, message) {
    send(r, 503, message, 1);
}

// An answer of pictures.js that is an error.
function fail(r, answer) {
    if (answer.status === 503 || answer.error === DIED) {
        busy(r, answer.error);
    } else {
        send(r, answer.status, answer.error);
    }
}

// nginx's own errors, where `error_page` leads.
function page(r) {
    const code = Number(r.variables.wrong || r.variables.status) || 500;
    if (r.httpVersion === '0.9') {
        r.return(444); // its answers have no status: hung up on, as in locations.conf
    } else if (code === 503) {
        busy(r, BUSY);
    } else if (code === 429) {
        send(r, code, 'Too many requests are under way from your address.', 1);
    } else if (code === 413) {
        send(r, code, 'The request is larger than ' + settings.body_bytes + ' bytes; send a smaller picture.');
    } else {
        send(r, PHRASES[code] || OUTSIDE[code] ? code : 500, (PHRASES[code] || PHRASES[500])[1]);
    }
}

export default {BUSY, DIED, text, send, sendGrpc, fail, page};
