// An answer in JSON, which nobody is to keep: the next one may be another.
function send(r, status, document) {
    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['Cache-Control'] = 'no-store';
    r.return(status, JSON.stringify(document) + '\n');
}

export default {send};
