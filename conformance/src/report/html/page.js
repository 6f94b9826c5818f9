'use strict';
// Draws what a case opens to. The data are two blocks: the texts, as JSON, and the frames, gzipped, unpacked on first use.
(() => {
  const data = JSON.parse(document.getElementById('texts').textContent);
  const text = (place) => (place === null || place === undefined ? null : data.texts[place]);
  const cases = [...document.querySelectorAll('details.case')];

  // ---- building blocks

  function el(name, props = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(props)) {
      if (value === false || value === null || value === undefined) continue;
      if (key === 'class') node.className = value;
      else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? '' : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  const title = (word) => word[0].toUpperCase() + word.slice(1);

  // ---- a case

  const severity = ['broken', 'differs', 'vanished', 'known', 'unclaimed', 'unreachable', 'passed'];

  function open(details) {
    if (details.dataset.drawn) return;
    details.dataset.drawn = 'yes';
    const it = data.cases[details.dataset.index];
    const shown = it.runs.reduce((worst, run) =>
      severity.indexOf(run.verdict) < severity.indexOf(worst.verdict) ? run : worst);
    const place = el('div', { class: 'run' });
    const body = el('div', { class: 'body' });
    if (it.runs.length > 1) body.append(chooser(it, shown, (run) => draw(place, it, run)));
    body.append(place);
    details.append(body);
    draw(place, it, shown);
  }

  // The versions of the matrix as one group of radio buttons: arrow keys come with them.
  function chooser(it, shown, choose) {
    const set = el('fieldset', { class: 'chooser' }, el('legend', {}, `${it.runs[0].api ?? 'Run'} version`));
    it.runs.forEach((run, at) => {
      const id = `r-${it.name}-${at}`;
      set.append(
        el('input', { type: 'radio', name: `r-${it.name}`, id, checked: run === shown, onchange: () => choose(run) }),
        el('label', { for: id, class: `w-${run.verdict}`, title: title(run.verdict) },
          run.version === null ? run.id : `v${run.version}`, el('span', { class: 'unseen' }, ` ${run.verdict}`)));
    });
    return set;
  }

  function draw(place, it, run) {
    const note = run.note && el('p', { class: 'note' }, el('strong', {}, noteHead[run.verdict] ?? ''), ` ${run.note} `,
      run.link && el('a', { href: run.link, rel: 'noreferrer' }, run.link));
    const copy = el('button', { type: 'button', class: 'quiet', onclick: (event) => copied(event.target, report(it, run)) }, 'Copy as text');
    place.replaceChildren(
      el('p', { class: 'runline' }, el('span', { class: `verdict v-${run.verdict}` }, title(run.verdict)),
        el('code', {}, run.id), el('span', { class: 'soft' }, `${run.ms} ms`), copy),
      ...(note ? [note] : []), el('ol', { class: 'steps' }, ...run.steps.map(step)),
      el('p', { class: 'again' }, 'Ask again', el('code', {}, command(run)),
        el('button', { type: 'button', class: 'quiet', onclick: (event) => copied(event.target, command(run)) }, 'Copy command')));
  }

  // What plays this run alone, to be pasted into a shell.
  function command(run) {
    const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
    const { target, oracle } = document.body.dataset;
    const asked = oracle === 'recorded:4.3.1' ? '' : ` --oracle ${quoted(oracle)}`;
    return `conformance run --target ${quoted(target)}${asked} --case ${quoted(run.id)}`;
  }

  const noteHead = { known: 'Known:', vanished: 'The profile said:', unclaimed: 'Not claimed:', unreachable: 'Needs', broken: 'What went wrong:' };

  // ---- a step

  function step(it) {
    const differs = it.difference?.length > 0;
    const unanswered = it.expected === null;
    const lines = (places) => (places ?? []).map(text);
    const actual = lines(it.actual ?? it.expected);
    const item = el('li', { class: differs || it.findings ? 'step off' : 'step' },
      el('div', { class: 'source' }, el('span', { class: 'line', title: 'line in the case file' }, String(it.line)), el('pre', {}, text(it.source))));
    if (differs) item.append(sides(it.difference));
    else if (actual.length) {
      item.append(el('div', { class: 'answer' },
        el('span', { class: 'soft' }, unanswered ? 'the target' : 'both'), el('pre', {}, actual.join('\n'))));
    } else if (!unanswered) item.append(el('div', { class: 'answer' }, el('span', { class: 'soft' }, 'both'), el('span', { class: 'soft' }, 'nothing')));
    if (it.findings) {
      item.append(el('ul', { class: 'findings' }, ...it.findings.map((f) => el('li', {}, text(f)))));
    }
    if (it.frames[1] > 0) item.append(framesOf(it.frames));
    return item;
  }

  // ---- two answers beside each other

  const FOLD = 6; // more equal rows than this in a row are folded
  const NEAR = 2; // of which so many stay at either end, beside a row that differs

  function sides(rows) {
    const table = el('div', { class: 'sides', role: 'table', 'aria-label': 'Kafka’s answer and the target’s' },
      el('div', { class: 'head', role: 'row' }, el('span', { role: 'columnheader' }, 'Kafka'), el('span', { role: 'columnheader' }, 'Target')));
    for (let at = 0; at < rows.length;) {
      let end = at;
      while (end < rows.length && rows[end][0] === rows[end][1]) end += 1;
      if (end === at) {
        table.append(side(rows[at]));
        at += 1;
        continue;
      }
      const from = at === 0 ? 0 : at + NEAR;
      const to = end === rows.length ? end : end - NEAR;
      if (to - from > FOLD) {
        const hidden = rows.slice(from, to);
        const more = el('button', { type: 'button', class: 'quiet fold' }, `${hidden.length} equal lines`);
        more.addEventListener('click', () => more.replaceWith(...hidden.map(side)));
        table.append(...rows.slice(at, from).map(side), more, ...rows.slice(to, end).map(side));
      } else table.append(...rows.slice(at, end).map(side));
      at = end;
    }
    return table;
  }

  function side([expected, actual]) {
    const same = expected === actual;
    const [left, right] = same ? [[text(expected)], [text(actual)]] : marked(text(expected), text(actual));
    const cell = (parts, who, there) => el('code', { role: 'cell', class: there ? `cell ${who}` : 'cell absent', 'data-who': who === 'kafka' ? 'Kafka' : 'Target' },
      there ? el('span', {}, ...parts) : el('span', { class: 'soft' }, 'no such line'));
    return el('div', { class: same ? 'row same' : 'row changed', role: 'row' },
      cell(left, 'kafka', expected !== null), cell(right, 'target', actual !== null));
  }

  // The words that only one side has, a field's name and its value being two: what both have in order stays unmarked.
  function marked(left, right) {
    if (left === null || right === null) return [[left && el('mark', {}, left)], [right && el('mark', {}, right)]];
    const [a, b] = [left, right].map((line) => line.match(/[^\s=,[\]]+|\s+|[=,[\]]/g) ?? []);
    const [x, y] = a.length * b.length > 250000 ? [new Set(), new Set()] : shared(a, b);
    const paint = (words, kept) => {
      const parts = [];
      const alone = (at) => at >= 0 && at < words.length && !kept.has(at);
      words.forEach((word, at) => {
        const off = alone(at) || (!word.trim() && alone(at - 1) && alone(at + 1));
        const last = parts[parts.length - 1];
        if (last && last.off === off) last.text += word;
        else parts.push({ off, text: word });
      });
      return parts.map(({ off, text: part }) => (off && part.trim() ? el('mark', {}, part) : part));
    };
    return [paint(a, x), paint(b, y)];
  }

  // The longest common subsequence, as the places of its words on either side.
  function shared(a, b) {
    const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
      }
    }
    const [x, y] = [new Set(), new Set()];
    for (let i = 0, j = 0; i < a.length && j < b.length;) {
      if (a[i] === b[j]) { x.add(i); y.add(j); i += 1; j += 1; } else if (best[i + 1][j] >= best[i][j + 1]) i += 1; else j += 1;
    }
    return [x, y];
  }

  for (const glance of document.querySelectorAll('.glance:not(:has(.absent))')) {
    const [left, right] = glance.querySelectorAll('.kafka > span:last-child, .target > span:last-child');
    if (!right) continue;
    const [a, b] = marked(left.textContent, right.textContent);
    left.replaceChildren(...a);
    right.replaceChildren(...b);
  }

  // ---- frames

  let unpacked = null;
  function frames() {
    unpacked ??= (async () => {
      const packed = Uint8Array.from(atob(document.getElementById('frames').textContent.trim()), (c) => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
      return JSON.parse(await new Response(stream).text());
    })();
    return unpacked;
  }

  function framesOf([first, count]) {
    const details = el('details', { class: 'frames' }, el('summary', {}, count === 1 ? '1 frame' : `${count} frames`));
    details.addEventListener('toggle', async () => {
      if (!details.open || details.dataset.drawn) return;
      details.dataset.drawn = 'yes';
      try {
        const all = await frames();
        details.append(...all.frames.slice(first, first + count).map((frame) => drawFrame(frame, all.texts)));
      } catch {
        details.append(el('p', { class: 'note' }, 'This browser cannot unpack the frames; result.json has them as hex.'));
      }
    });
    return details;
  }

  // A path may be folded after its dots.
  const breakable = (path) => path.split(/(?<=\.)/).flatMap((part, at) => (at ? [el('wbr'), part] : [part]));

  const ROW = 16;
  const LIMIT = 4096;

  function drawFrame(frame, names) {
    const size = frame.hex.length / 2;
    const cut = frame.size > size && el('p', { class: 'field' }, `Of ${frame.size} bytes the first ${size} are kept here.`);
    const fields = [];
    for (let at = 0; at < frame.fields.length; at += 4) {
      const [start, end, path, value] = frame.fields.slice(at, at + 4);
      fields.push({ start, end, path: names[path], value: names[value] });
    }
    // The innermost field of every byte: the shortest range that covers it, the later one of two equals.
    const owner = new Array(size).fill(-1);
    fields.forEach((field, at) => {
      for (let i = field.start; i < Math.min(field.end, size); i += 1) {
        const now = fields[owner[i]];
        if (!now || field.end - field.start <= now.end - now.start) owner[i] = at;
      }
    });
    const leaves = [...new Set(owner)].filter((at) => at >= 0);
    const says = el('p', { class: 'field', 'aria-live': 'polite' }, 'Point at a byte, or press an arrow key, to name its field.');
    const hex = el('div', { class: 'hex', tabindex: '0', role: 'group', 'aria-label': `Bytes of the ${frame.direction}; arrow keys walk its fields` });
    const list = el('ol', { class: 'fields' });
    const bytes = [];
    const items = new Map();
    const draw = (limit) => {
      bytes.length = 0;
      const lines = [];
      for (let at = 0; at < Math.min(size, limit); at += ROW) {
        const line = el('div', {}, el('span', { class: 'offset' }, at.toString(16).padStart(4, '0')));
        for (let i = at; i < Math.min(at + ROW, size, limit); i += 1) {
          const byte = el('b', { 'data-at': owner[i], class: parity(i) }, frame.hex.slice(2 * i, 2 * i + 2));
          bytes.push(byte);
          line.append(byte);
        }
        lines.push(line);
      }
      if (size > limit) {
        lines.push(el('button', { type: 'button', class: 'quiet', onclick: () => draw(size) }, `${size - limit} more bytes`));
      }
      hex.replaceChildren(...lines);
    };
    const parity = (i) => (owner[i] < 0 ? 'gap' : leaves.indexOf(owner[i]) % 2 ? 'odd' : '');
    leaves.sort((x, y) => fields[x].start - fields[y].start);
    draw(LIMIT);

    let current = -1;
    function name(at, follow) {
      if (at === current) return;
      current = at;
      bytes.forEach((byte) => byte.classList.toggle('on', at >= 0 && Number(byte.dataset.at) === at));
      items.forEach((item, key) => item.classList.toggle('on', key === at));
      const field = fields[at];
      if (!field) return;
      says.replaceChildren(el('code', {}, ...breakable(field.path)), el('span', { class: 'value' }, field.value),
        el('span', { class: 'soft' }, field.end - field.start === 1 ? `byte ${field.start}` : `bytes ${field.start} to ${field.end - 1}`));
      const item = items.get(at);
      if (follow && item) list.scrollTop = item.offsetTop - list.clientHeight / 2;
      if (follow === 'key') bytes.find((byte) => Number(byte.dataset.at) === at)?.scrollIntoView({ block: 'nearest' });
    }
    for (const at of leaves) {
      const item = el('li', { 'data-at': at }, el('span', {}, ...breakable(fields[at].path)), ' ', el('b', {}, fields[at].value));
      items.set(at, item);
      list.append(item);
    }
    const under = (event) => event.target.closest?.('[data-at]');
    const point = (event, follow) => { const it = under(event); if (it && Number(it.dataset.at) >= 0) name(Number(it.dataset.at), follow); };
    hex.addEventListener('pointerover', (event) => point(event, 'list'));
    hex.addEventListener('click', (event) => point(event, 'list'));
    list.addEventListener('pointerover', (event) => point(event, false));
    list.addEventListener('click', (event) => point(event, false));
    hex.addEventListener('focus', () => { if (current < 0 && leaves.length && hex.matches(':focus-visible')) name(leaves[0], 'list'); });
    hex.addEventListener('keydown', (event) => {
      const now = leaves.indexOf(current);
      const row = (by) => {
        const from = now < 0 ? 0 : fields[current].start;
        const to = Math.min(Math.max(from + by * ROW, 0), size - 1);
        let next = leaves.indexOf(owner[to]);
        if (next === now) next = now + by;
        return next;
      };
      const moves = { ArrowRight: () => now + 1, ArrowLeft: () => now - 1, ArrowDown: () => row(1), ArrowUp: () => row(-1), Home: () => 0, End: () => leaves.length - 1 };
      const move = moves[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      name(leaves[Math.min(Math.max(move(), 0), leaves.length - 1)], 'key');
    });
    const copy = el('button', { type: 'button', class: 'quiet', onclick: (event) => copied(event.target, frame.hex) }, 'Copy hex');
    return el('section', { class: 'frame' },
      el('h4', {}, el('span', { class: `way ${frame.direction}`, 'aria-hidden': 'true' }, frame.direction === 'request' ? '→' : '←'),
        `${frame.api} v${frame.version} ${frame.direction}`, el('span', { class: 'soft' }, `${frame.size} bytes`), copy),
      ...(cut ? [cut] : []), says, el('div', { class: 'split' }, hex, list));
  }

  // ---- copying

  async function copied(button, what) {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(what);
      button.textContent = 'Copied';
    } catch {
      const area = el('textarea', { class: 'unseen' });
      area.value = what;
      document.body.append(area);
      area.select();
      button.textContent = document.execCommand('copy') ? 'Copied' : 'Copying is not allowed here';
      area.remove();
      button.focus();
    }
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  // What someone pastes into a bug report.
  function report(it, run) {
    const out = [`${run.id}  ${it.ids.join(' ')}`, it.intent, command(run), `${title(run.verdict)}${run.note ? `: ${run.note}` : ''}`];
    for (const step of run.steps) {
      out.push('', `line ${step.line}: ${text(step.source)}`);
      if (step.difference) {
        for (const [expected, actual] of step.difference) {
          if (expected === actual) out.push(`    ${text(expected)}`);
          else {
            if (expected !== null) out.push(`  - ${text(expected)}`);
            if (actual !== null) out.push(`  + ${text(actual)}`);
          }
        }
      } else (step.actual ?? step.expected ?? []).forEach((line) => out.push(`    ${text(line)}`));
      (step.findings ?? []).forEach((finding) => out.push(`  ! ${text(finding)}`));
    }
    if (run.steps.some((s) => s.difference)) out.push('', '(- Kafka, + target)');
    return `${out.join('\n')}\n`;
  }

  // ---- filters, kept in the address so that a view can be sent to someone

  const form = document.querySelector('.filters');
  const [q, family, api, verdict] = ['q', 'family', 'api', 'verdict'].map((id) => document.getElementById(id));
  const count = document.getElementById('count');
  const texts = cases.map((it) => `${it.textContent} ${it.dataset.apis}`.toLowerCase());
  form.hidden = false;

  function apply() {
    const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    cases.forEach((it, at) => {
      const fits = (!family.value || it.dataset.family === family.value)
        && (!api.value || it.dataset.apis.split(' ').includes(api.value))
        && (!verdict.value || it.dataset.verdicts.split(' ').includes(verdict.value))
        && words.every((word) => texts[at].includes(word));
      it.hidden = !fits;
      left += fits;
    });
    document.querySelectorAll('.group').forEach((group) => {
      group.hidden = !group.querySelector('details.case:not([hidden])');
    });
    document.querySelector('.empty').hidden = left > 0;
    count.textContent = left === cases.length ? `${left} cases` : `${left} of ${cases.length} cases`;
  }

  function remember() {
    const state = new URLSearchParams();
    for (const field of [q, family, api, verdict]) if (field.value) state.set(field.id, field.value);
    try { history.replaceState(null, '', `#${state}`); } catch { /* a page inside a frame may not */ }
  }

  function recall() {
    const hash = decodeURIComponent(location.hash.slice(1));
    const named = document.getElementById(hash);
    if (named?.classList.contains('case')) {
      form.reset();
      apply();
      named.open = true;
      open(named);
      const show = () => requestAnimationFrame(() => named.scrollIntoView({ behavior: 'instant' }));
      // While the page loads, the browser goes to the address by itself, and knows nothing of what was just opened.
      if (document.readyState === 'complete') show();
      else window.addEventListener('load', show, { once: true });
      return;
    }
    if (hash === 'cases') return;
    const state = new URLSearchParams(location.hash.slice(1));
    for (const field of [q, family, api, verdict]) field.value = state.get(field.id) ?? '';
    apply();
    if ([...state].length) document.getElementById('cases').scrollIntoView();
  }

  form.addEventListener('input', () => { apply(); remember(); });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(() => { apply(); remember(); }));
  window.addEventListener('hashchange', recall);
  cases.forEach((it) => it.addEventListener('toggle', () => it.open && open(it)));
  cases.forEach((it) => it.open && open(it));

  // ---- keys

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches('input[type=search], select, textarea');
    if (event.key === 'Escape' && event.target === q) { q.value = ''; apply(); remember(); return; }
    if (event.key === 'Enter' && event.target === q) { event.preventDefault(); cases.find((it) => !it.hidden)?.querySelector('summary').focus(); return; }
    if (typing) return;
    if (event.key === '/') { event.preventDefault(); q.focus(); q.select(); }
    if (event.key === 'j' || event.key === 'k') {
      const seen = cases.filter((it) => !it.hidden);
      const here = seen.indexOf(document.activeElement.closest?.('details.case'));
      const next = here < 0 ? 0 : here + (event.key === 'j' ? 1 : -1);
      seen[Math.min(Math.max(next, 0), seen.length - 1)]?.querySelector('summary').focus();
    }
  });

  // What is printed is complete for the cases that are open.
  recall();
  apply();
})();
