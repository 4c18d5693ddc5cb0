// The server, asked with the key of this tab. The key is in the session's storage: it goes with the tab.
const STORE = 'vision-serve key';

export const key = {
  get: () => sessionStorage.getItem(STORE) || '',
  // As `make key` prints it, or the key alone.
  set: (text) => sessionStorage.setItem(STORE, text.trim().replace(/^Authorization:\s*/i, '').replace(/^Bearer\s+/i, '')),
  forget: () => sessionStorage.removeItem(STORE),
};

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Raises Refused with the server's own sentence, or with ours where it does not answer at all.
export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key.get()) {
    headers.Authorization = `Bearer ${key.get()}`;
  }
  let reply;
  try {
    reply = await fetch(path, { ...options, headers, cache: 'no-store' });
  } catch {
    throw new Refused(0, 'The server does not answer.');
  }
  if (!reply.ok) {
    const text = await reply.text();
    let message;
    try {
      const document = JSON.parse(text);
      message = document.message || document.error || document.why;
    } catch { /* not JSON */ }
    throw new Refused(reply.status, message || `The server answered HTTP ${reply.status}.`);
  }
  return reply;
}

export async function health() {
  try {
    const reply = await fetch('health', { cache: 'no-store' });
    return await reply.json();
  } catch {
    return { status: 'unavailable', why: 'the server does not answer' };
  }
}
