// The same request as code. The key is not written out: a snippet is for sharing.
const LANGUAGES = {
  curl: (url) => `curl -H "Authorization: Bearer $KEY" -T picture.jpg ${url}`,
  Python: (url) => `import os
import requests

with open("picture.jpg", "rb") as picture:
    answer = requests.post(
        "${url}",
        data=picture,
        headers={"Authorization": f"Bearer {os.environ['KEY']}"},
        timeout=30,
    )
answer.raise_for_status()
print(answer.json())`,
  JavaScript: (url) => `import { readFile } from 'node:fs/promises';

const answer = await fetch('${url}', {
  method: 'POST',
  body: await readFile('picture.jpg'),
  headers: { Authorization: \`Bearer \${process.env.KEY}\` },
});
console.log(answer.status, await answer.json());`,
};

// Returns what shows them anew, for when the model has changed.
export function start(model) {
  const tabs = document.getElementById('languages');
  const code = document.getElementById('snippet');
  let chosen = Object.keys(LANGUAGES)[0];
  const show = () => {
    code.textContent = LANGUAGES[chosen](new URL(`predictions/${model()}`, document.baseURI).href);
  };
  const select = (language) => {
    chosen = language;
    for (const tab of tabs.children) {
      const is = tab.textContent === chosen;
      tab.setAttribute('aria-selected', String(is));
      tab.tabIndex = is ? 0 : -1;
    }
    show();
  };
  const names = Object.keys(LANGUAGES);
  for (const name of names) {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.textContent = name;
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', 'snippet-panel');
    tab.addEventListener('click', () => select(name));
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        const next = names[(names.indexOf(name) + step + names.length) % names.length];
        select(next);
        [...tabs.children].find((other) => other.textContent === next).focus();
      }
    });
    tabs.append(tab);
  }
  const copied = document.getElementById('copied');
  document.getElementById('copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copied.textContent = 'Copied.';
    } catch {
      // Without TLS a browser lends no clipboard.
      getSelection().selectAllChildren(code);
      copied.textContent = 'Selected: copy it with the keyboard.';
    }
  });
  select(chosen);
  return show;
}
