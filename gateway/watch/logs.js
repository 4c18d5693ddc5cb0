// nginx lets its logs grow, and a small box has nobody who would rotate them: one that is too large is copied to
// <name>.1 and emptied. nginx appends, so it goes on at the file's new end.
import fs from 'fs';

function rotate() {
    ['access.log', 'error.log'].forEach((name) => {
        try {
            const file = settings.logs + '/' + name;
            if (fs.statSync(file).size > settings.log_bytes) {
                fs.writeFileSync(file + '.1', fs.readFileSync(file));
                fs.writeFileSync(file, '');
            }
        } catch (e) {
            // not there yet
        }
    });
}

export default {rotate};
