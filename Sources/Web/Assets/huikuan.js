/* Huikuan: the one script.
   Every page works without it: all it does is make links and forms quick. It listens on the document, so that replaced
   parts need no wiring again, and it holds no words: whatever people read comes from the page.
   Order: tools · parts · main · drawer · forms that write · search · completion · cells · rows and keys · bulk · split · import · small things · listening. */
(() => {
'use strict';

/* ---------- tools ---------- */
const root = document.documentElement;
const byId = id => document.getElementById(id);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const on = (type, act, capture = false) => document.addEventListener(type, act, capture);
const mark = (el, name, yes) => { if (yes) el.setAttribute(name, 'true'); else el.removeAttribute(name); };
const here = () => location.pathname + location.search;
/* What a closed <details> hides may still have boxes, so boxes alone don't tell. */
const visible = el => el.checkVisibility ? el.checkVisibility({ visibilityProperty: true }) : el.getClientRects().length > 0;
/* Checkboxes and buttons are inputs too, but nobody types into them. */
const untyped = ['checkbox', 'radio', 'button', 'submit', 'reset', 'file', 'image', 'range', 'color'];
const typing = el => el.isContentEditable || el.matches('select, textarea') || (el.matches('input') && !untyped.includes(el.type));
const isText = el => el.matches('textarea, input:is(:not([type]), [type=text], [type=search], [type=number], [type=tel], [type=email], [type=url])');
/* Attributes are read by name because a field called "action" or "id" hides the form's own property. */
const attr = (el, name) => (el && el.getAttribute(name)) || '';
const submits = form => [...form.elements].filter(el => el.type === 'submit');
/* Money is whole minor units in a BigInt: a floating number loses cents. */
const whole = text => /^-?\d+$/.test(text || '') ? BigInt(text) : null;
function money(value, exponent) {
  const digits = String(value < 0n ? -value : value).padStart(exponent + 1, '0'), cut = digits.length - exponent;
  return (value < 0n ? '\u2212' : '') + digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, ',') + (exponent ? '.' + digits.slice(cut) : '');
}
/* Reads what people type, also in full width. Commas must stand at the thousands: "1,5" is refused rather than read as 15. */
function amount(text, exponent) {
  const plain = text.normalize('NFKC').replace(/\s/g, '').replace(/。/g, '.');
  if (plain === '') return 0n;
  const found = /^(\d+|\d{1,3}(?:,\d{3})+)?(?:\.(\d*))?$/.exec(plain), part = found && (found[2] || '').replace(/0+$/, '');
  if (!found || !(found[1] || found[2]) || part.length > exponent) return null;
  return BigInt((found[1] || '0').replace(/,/g, '') + part.padEnd(exponent, '0'));
}

/* ---------- parts from the server ---------- */
/* Never through the HTTP cache: page and part share an address, and Back must not show a bare part as the page. */
async function ask(url, part, options) {
  const wanted = new URL(url, location.href);
  const answer = await fetch(wanted, { credentials: 'same-origin', cache: 'no-store', ...options, headers: { 'X-Part': part } });
  const end = new URL(answer.url), ours = end.origin === location.origin, moved = !ours || (answer.redirected && end.pathname !== wanted.pathname);
  /* A template parses a table row on its own, and runs nothing. */
  const box = document.createElement('template');
  if (ours) box.innerHTML = await answer.text();
  return { good: answer.ok && !moved, ok: answer.ok, moved, redirected: answer.redirected, status: answer.status,
    part: answer.headers.get('X-Part'), path: end.pathname, address: end.pathname + end.search, content: box.content };
}
/* Remembers focus, caret and current row of a part about to be replaced; the function it gives back restores them. */
function remember(old) {
  const el = old.contains(document.activeElement) ? document.activeElement : null;
  const row = old.contains(currentRow()) ? currentRow() : null, index = row ? rows().indexOf(row) : -1, name = r => r.id || r.dataset.row;
  const caret = el && typeof el.selectionStart === 'number' ? [el.selectionStart, el.selectionEnd] : null;
  const same = fresh => {
    if (el === old) return fresh;
    if (el === row) return currentRow();
    if (el.id) return byId(el.id);
    if (el.name) return all(el.localName, fresh).find(c => c.name === el.name && (c.type !== 'radio' || c.value === el.value));
    /* A sort header's address changes when it is used; its words don't. */
    const links = el.href ? all('a[href]', fresh) : [];
    return links.find(a => a.href === el.href) || links.find(a => a.matches('[data-main]') && a.textContent === el.textContent);
  };
  return (fresh, { typed = false, keepPlace = false } = {}) => {
    /* Where a row was dealt with and is gone, the next one takes its place. */
    const list = row ? rows() : [], next = list.find(r => name(row) && name(r) === name(row)) || (keepPlace && list[Math.min(index, list.length - 1)]);
    if (next) markRow(next);
    if (!el) return;
    let found = same(fresh);
    if (!found || !fresh.contains(found) || found.disabled) found = next || byId('main');
    /* While somebody types, the field shows what they typed, not what the server made of it. */
    else if (typed && typing(el) && 'value' in found) found.value = el.value;
    if (found && found === next) found.tabIndex = -1;
    found?.focus({ preventScroll: true });
    if (caret && typeof found?.selectionStart === 'number') found.setSelectionRange(...caret);
  };
}
function swap(old, fresh, how) {
  const back = remember(old);
  old.replaceWith(fresh); back(fresh, how); settle();
}

/* ---------- main: filters, sorting, paging, tabs ---------- */
let turn = 0, stop = null, timer = 0, shown = here(), lastTyped = null;
/* Whatever is still on its way is older than what the person just did. */
function supersede() { clearTimeout(timer); stop?.abort(); return ++turn; }
/* A full load lets the browser ask about unsaved edits in its own words, so none are needed here. */
function leave(url) { if (url.pathname + url.search === here()) location.reload(); else location.assign(url); }
async function load(href, { way = 'push', typed = null, top = false } = {}) {
  const mine = supersede(), main = byId('main'), url = new URL(href, location.href);
  if (!main || editedIn(main).length) return leave(url);
  if (typed && url.pathname + url.search === shown) return mark(main, 'aria-busy', false);
  mark(main, 'aria-busy', true);
  stop = new AbortController();
  const answer = await ask(url, 'main', { signal: stop.signal }).catch(() => null); // aborted or offline
  if (mine !== turn) return;
  const fresh = answer?.good && answer.content.querySelector('main');
  if (!fresh || editedIn(main).length) return leave(url);
  /* One word typed slowly is one step back, not five. */
  if (way === 'push' && answer.address !== shown) history[typed && typed === lastTyped ? 'replaceState' : 'pushState'](null, '', answer.address + url.hash);
  shown = answer.address; lastTyped = typed;
  if (fresh.dataset.title) document.title = fresh.dataset.title;
  swap(main, fresh, { typed: Boolean(typed) });
  if (top) scrollTo(0, 0);
}
function query(form, button) {
  const data = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === 'string'));
  if (button?.name) data.append(button.name, button.value);
  return data;
}
function loadForm(form, button, typed) {
  const url = new URL(attr(form, 'action') || location.href, location.href);
  url.search = query(form, button); load(url, { typed });
}
/* A composition (pinyin on its way to a word) is no filter yet, but it already makes the older answer stale. */
function loadSoon(form, control, wait, composing) {
  supersede();
  if (!composing) timer = setTimeout(() => { if (form.isConnected) loadForm(form, null, attr(form, 'action') + ' ' + control.name); }, wait);
}
/* The address has changed already when this comes; a change of the fragment alone is no other page. */
addEventListener('popstate', () => {
  if (here() === shown) return;
  if (editedIn(document).length) return location.reload();
  removeDrawer(); load(location.href, { way: 'none' });
});

/* ---------- drawer ---------- */
let opener = null, drawerTurn = 0;
const warned = new WeakSet();
const drawer = () => byId('drawer-place')?.firstElementChild || null;
const focusedDrawer = () => drawer()?.contains(document.activeElement) ? drawer() : null;
function setOpener(link) {
  const light = yes => opener?.closest('td')?.classList.toggle('on', yes);
  light(false); opener = link; light(true);
}
/* With the page's question it asks; without one the first try only leads back to what was typed. */
function mayDiscard(aside) {
  const form = aside && editedIn(aside)[0], words = form && (aside.dataset.leave || root.dataset.leave);
  if (!form || warned.has(aside)) return true;
  if (words) return confirm(words);
  warned.add(aside);
  return [...form.elements].find(differs)?.focus() || false;
}
async function openDrawer(link) {
  const place = byId('drawer-place'), mine = ++drawerTurn, url = new URL(link.href);
  if (!place) return location.assign(link.href);
  if (!mayDiscard(drawer())) return;
  url.searchParams.set('part', 'drawer');
  mark(link, 'aria-busy', true);
  const answer = await ask(url, 'drawer').catch(() => null);
  mark(link, 'aria-busy', false);
  if (mine !== drawerTurn) return;
  const fresh = answer?.good && answer.content.querySelector('aside.drawer');
  if (!fresh) return location.assign(link.href);
  /* A link inside the drawer replaces it, but focus later returns to the page, not to a link that is gone. */
  if (!place.contains(link)) setOpener(link);
  place.replaceChildren(fresh); (fresh.querySelector('[autofocus]') || fresh).focus(); settle();
}
function removeDrawer() { drawerTurn++; setOpener(null); byId('drawer-place')?.replaceChildren(); }
function closeDrawer() {
  const aside = drawer();
  if (!aside || !mayDiscard(aside)) return Boolean(aside);
  /* Who has gone on working beside the drawer keeps their place. */
  const had = focusedDrawer() || document.activeElement === document.body;
  const back = opener && !visible(opener) ? opener.closest('details')?.querySelector('summary') : opener; // it may be in a closed menu
  removeDrawer();
  if (had) (back?.isConnected ? back : byId('main'))?.focus({ preventScroll: true });
  return true;
}

/* ---------- forms that write ---------- */
const sent = new Map(), touched = new Set(), plain = new WeakSet();
/* Only what a person touched and what differs counts, so a filled-in password or a value put back asks nothing. */
function differs(control) {
  if (!control.name || control.disabled || control.matches('[data-pick], output')) return false;
  if (control.type === 'checkbox' || control.type === 'radio') return control.checked !== control.defaultChecked;
  if (control.type === 'file') return control.files.length > 0;
  if (control.localName !== 'select') return 'defaultValue' in control && control.value !== control.defaultValue;
  const options = [...control.options], given = options.filter(o => o.defaultSelected);
  if (!given.length && !control.multiple) given.push(options.find(o => !o.disabled) || options[0]);
  return options.some(o => o.selected !== given.includes(o));
}
function editedIn(place) {
  for (const form of touched) if (!form.isConnected) touched.delete(form);
  return [...touched].filter(form => place.contains(form) && !sent.has(form) && [...form.elements].some(differs));
}
function askBeforeLeaving(event) {
  if (!editedIn(document).length) return;
  event.preventDefault(); event.returnValue = '';
  setTimeout(releaseAll, 1000); // who stays can submit again
}
/* The listener comes with the first edit only: a page that has it may be kept out of the back-forward cache. */
function touch(control) {
  if (attr(control.form, 'method').toLowerCase() !== 'post' || control.form.matches('[data-loose]') || control.matches('[data-pick], [data-pick-all]')) return;
  touched.add(control.form);
  addEventListener('beforeunload', askBeforeLeaving);
}
function hold(form, button) {
  const words = button?.localName === 'button' && button.dataset.busy, nodes = words ? [...button.childNodes] : null;
  if (button) mark(button, 'aria-busy', true);
  if (words) button.replaceChildren(words);
  sent.set(form, { button, nodes });
}
function release(form) {
  const { button, nodes } = sent.get(form) || {};
  if (button) mark(button, 'aria-busy', false);
  if (nodes) button.replaceChildren(...nodes);
  sent.delete(form);
}
function releaseAll() { [...sent.keys()].forEach(release); }
on('submit', event => {
  const form = event.target, button = event.submitter, menu = form.closest('details.menu');
  if (event.defaultPrevented) return;
  const method = (attr(button, 'formmethod') || attr(form, 'method') || 'get').toLowerCase();
  if (menu) closeMenu(menu);
  /* A button with its own address (an export) is no filter. */
  if (method === 'get' && form.matches('[data-live]') && !attr(button, 'formaction')) { event.preventDefault(); loadForm(form, button); }
  if (method !== 'post') return;
  if (sent.has(form)) return event.preventDefault();
  hold(form, button || submits(form)[0]);
  if (form.matches('[data-optimistic]') && !plain.delete(form)) {
    event.preventDefault();
    const theme = form.matches('[data-theme-form]') && button?.name === 'theme' ? button.value : null;
    sendQuietly(form, button); // it reads the form at once: showing turns the button round
    if (theme) showTheme(form, theme);
  }
  /* A download leaves the page standing, so nothing else would free the form. */
  else if (form.matches('[data-download], [target="_blank"]')) setTimeout(release, 2000, form);
});
async function sendQuietly(form, button) {
  const before = turn, row = form.closest('[data-row]'), url = attr(button, 'formaction') || attr(form, 'action') || location.href;
  if (row) mark(row, 'aria-busy', true);
  const answer = await ask(url, 'main', { method: 'POST', body: query(form, button) }).catch(() => null);
  release(form);
  if (row) mark(row, 'aria-busy', false);
  const fresh = answer?.ok && answer.part === 'main' && answer.content.querySelector('main');
  if (!fresh && answer?.status !== 204) {
    if (!form.isConnected) return location.reload();
    plain.add(form);
    return form.requestSubmit(button?.isConnected ? button : undefined);
  }
  touched.delete(form);
  if (!fresh) return;
  if (answer.redirected && answer.path !== location.pathname) return location.assign(answer.address);
  /* What is typed elsewhere in main is worth more than a fresh list; a newer filter brings its own. */
  if (before !== turn || editedIn(byId('main')).length) return;
  if (drawer()?.contains(form)) closeDrawer();
  if (answer.redirected) history.replaceState(null, '', shown = answer.address); // the address says what is shown
  swap(byId('main'), fresh, { keepPlace: true });
}
function showTheme(form, value) {
  if (['light', 'dark'].includes(value)) root.dataset.theme = value; else delete root.dataset.theme;
  for (const other of all('button[aria-pressed]', form)) other.setAttribute('aria-pressed', String(other.value === value));
  /* One button for both turns round. */
  for (const button of all('button[name=theme]:not([aria-pressed])')) button.value = value === 'dark' ? 'light' : 'dark';
}

/* ---------- search ---------- */
let findTurn = 0, findTimer = 0, findFrom = null;
const findBox = () => document.querySelector('form.find input#q');
function focusSearch() {
  const box = findBox();
  if (box && document.activeElement !== box) findFrom = document.activeElement;
  box?.focus(); box?.select();
  return Boolean(box);
}
function closeSuggest() {
  const list = byId('suggest');
  findTurn++; clearTimeout(findTimer); list?.remove();
  findBox()?.setAttribute('aria-expanded', 'false');
  findBox()?.removeAttribute('aria-activedescendant');
  return Boolean(list);
}
function suggestSoon(box) { clearTimeout(findTimer); findTimer = setTimeout(suggest, 120, box); }
async function suggest(box) {
  const text = box.value.trim(), mine = ++findTurn;
  if (!text) return closeSuggest();
  const answer = await ask('/search?' + new URLSearchParams({ part: 'suggest', q: text }), 'suggest').catch(() => null);
  if (mine !== findTurn || document.activeElement !== box) return;
  closeSuggest();
  const list = answer?.good && answer.content.querySelector('#suggest');
  if (!list) return; // searching with Enter still works
  all('[role="option"]', list).forEach((option, n) => {
    option.id = option.id || 'suggest-' + n;
    option.tabIndex = -1; // arrows move here; Tab leaves the box
    option.setAttribute('aria-selected', 'false');
  });
  box.form.append(list); box.setAttribute('aria-expanded', 'true');
}
function suggestKey(event, box) {
  const list = byId('suggest'), options = list ? all('[role="option"]', list) : [], step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const at = options.findIndex(o => o.getAttribute('aria-selected') === 'true'), places = options.length + 1;
  if (event.key === 'Enter' && at >= 0) {
    if (event.ctrlKey || event.metaKey) window.open(options[at].href, '_blank', 'noopener'); else options[at].click();
    return true;
  }
  if (!step || !options.length || event.altKey) return false;
  /* One place more than there are entries: the box itself, where nothing is chosen. */
  const next = (at + 1 + step + places) % places - 1;
  options.forEach((o, n) => o.setAttribute('aria-selected', String(n === next)));
  box.setAttribute('aria-activedescendant', next < 0 ? '' : options[next].id);
  options[next]?.scrollIntoView({ block: 'nearest' });
  return true;
}

/* ---------- fields that are completed ---------- */
let optionsTurn = 0, optionsTimer = 0;
async function complete(field) {
  const text = field.value.trim(), mine = ++optionsTurn;
  if (!text || !field.list) return;
  const answer = await ask(field.dataset.options + '?' + new URLSearchParams({ q: text }), 'options').catch(() => null);
  const fresh = answer?.good && answer.content.querySelector('datalist');
  if (fresh && mine === optionsTurn && field.list) field.list.replaceChildren(...fresh.children);
}

/* ---------- a cell that is its own field ---------- */
/* Enter saves and Escape restores; what the server refuses stays as it was typed. */
function edit(cell) {
  if (!cell || cell.querySelector('input')) return false;
  const old = [...cell.childNodes], box = document.createElement('input'), row = cell.closest('[data-row]'), before = cell.dataset.value || '';
  const said = document.createElement('small');
  const back = () => { cell.replaceChildren(...old); row?.focus({ preventScroll: true }); };
  box.value = before; box.autocomplete = 'off'; box.setAttribute('aria-label', cell.dataset.label || cell.title);
  said.className = 'bad'; said.id = 'cell-error'; said.setAttribute('role', 'alert');
  if (cell.dataset.list) box.setAttribute('list', cell.dataset.list);
  if (row) row.tabIndex = -1;
  cell.replaceChildren(box); box.focus(); box.select();
  box.addEventListener('keydown', async event => {
    if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); back(); }
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault(); event.stopPropagation();
    if (box.readOnly) return;
    if (box.value.trim() === before) return back();
    box.readOnly = true;
    const body = new URLSearchParams({ form: attr(document.querySelector('input[name="form"]'), 'value'), field: cell.dataset.field, value: box.value.trim() });
    const answer = await ask(cell.dataset.edit, 'cell', { method: 'POST', body }).catch(() => null), fresh = answer?.good && answer.content.querySelector('td');
    if (!fresh) {
      /* Somebody who isn't signed in any more is led to where they can be. */
      if (answer?.moved || answer?.status === 401) return location.reload();
      box.readOnly = false; box.setAttribute('aria-invalid', 'true'); box.setAttribute('aria-describedby', said.id);
      said.textContent = answer?.content.querySelector('.error')?.textContent || ''; cell.append(said); box.focus();
      return;
    }
    if (cell.dataset.label) fresh.dataset.label = cell.dataset.label;
    cell.replaceWith(fresh); row?.focus({ preventScroll: true });
  });
  box.addEventListener('blur', () => { if (!box.readOnly && box.getAttribute('aria-invalid') !== 'true') setTimeout(() => { if (box.isConnected && document.activeElement !== box) cell.replaceChildren(...old); }, 150); });
  return true;
}
/* In an open cell the key goes on to the next one. */
function editNext(target) {
  const cells = all('td[data-edit]', target.closest?.('[data-row]') || currentRow() || document.createElement('tr'));
  return edit(cells[(cells.indexOf(target.closest?.('td[data-edit]')) + 1) % (cells.length || 1)]);
}
on('dblclick', event => { const cell = event.target.closest?.('td[data-edit]'); if (cell && edit(cell)) event.preventDefault(); });

/* ---------- rows and keys ---------- */
let goUntil = 0, lastPick = null;
const rows = () => all('#main [data-row]').filter(visible);
const currentRow = () => document.querySelector('#main [data-row][aria-selected="true"], #main [data-row][aria-current="true"]');
const rowLink = row => row && (row.querySelector('a[data-open]') || row.querySelector('a[href]'));
function markRow(row) {
  const old = currentRow(), name = el => el.localName === 'tr' ? 'aria-selected' : 'aria-current';
  if (old && old !== row) mark(old, name(old), false);
  if (old !== row) mark(row, name(row), true);
}
function moveRow(step) {
  const list = rows(), at = list.indexOf(currentRow()), first = step > 0 ? 0 : list.length - 1;
  const row = list[at < 0 ? first : Math.max(0, Math.min(list.length - 1, at + step))];
  if (!row) return false;
  /* In a table of figures the column is kept, so that J walks down one bucket. */
  const cell = row.closest('[data-cells]') && document.activeElement?.closest('#main [data-row] :is(td, th)');
  const below = cell && row.cells?.[cell.cellIndex]?.querySelector('a[href], button');
  markRow(row);
  /* Focus goes along: a screen reader reads it, and Enter must not act on what had focus before. */
  if (!below) row.tabIndex = -1;
  (below || row).focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
  return true;
}
function moveCell(step) {
  const row = currentRow(), links = row?.closest('[data-cells]') ? all('a[href], button', row).filter(visible) : null;
  if (!links) return false;
  const at = links.indexOf(document.activeElement);
  links[at >= 0 ? at + step : step > 0 ? 0 : links.length - 1]?.focus();
  return true;
}
function press(el) {
  if (el && typing(el)) { el.focus(); el.select?.(); } else el?.click();
  return Boolean(el);
}
/* Hidden and disabled things have no key, and a key in a row is that row's alone. */
function declared(key, row, places = [row, focusedDrawer(), byId('main'), document]) {
  const fits = el => visible(el) && !el.disabled && el.getAttribute('aria-disabled') !== 'true' && [null, row].includes(el.closest('[data-row]'));
  return places.map(place => place && all(`[data-key~="${CSS.escape(key)}" i]`, place).find(fits)).find(Boolean);
}
function openTab(link) { if (link) window.open(link.href, '_blank', 'noopener'); return Boolean(link); }
function showKeys() { const keys = document.querySelector('dialog#keys'); keys?.showModal(); return Boolean(keys); }
function waitForGo() { goUntil = document.querySelector('[data-go]') ? Date.now() + 1200 : 0; return goUntil > 0; }
function pick(shift) {
  const box = currentRow()?.querySelector('input[type=checkbox][data-pick]:enabled');
  if (box && shift) pickTo(box, true); else box?.click();
  return Boolean(box);
}
const keys = {
  j: () => moveRow(1), k: () => moveRow(-1), h: () => moveCell(-1), l: () => moveCell(1),
  o: () => openTab(rowLink(currentRow())), x: () => pick(false), g: waitForGo, '/': focusSearch, '?': showKeys,
  z: () => press(all('.toast [data-undo]').find(visible)),
};
function singleKey(event, key) {
  if (goUntil > Date.now()) { goUntil = 0; press(document.querySelector(`[data-go="${CSS.escape(key)}" i]`)); return true; }
  if (event.shiftKey && /^[a-z]$/.test(key)) return key === 'x' && pick(true);
  return Boolean(keys[key]?.()) || press(declared(key, currentRow()));
}
/* Enter belongs to the control that has focus; only where there is none does it mean the current row. */
function enterKey(target) {
  if (target.closest('a, button, select, textarea, summary, [contenteditable], input:not([data-pick])')) return false;
  const row = currentRow(), aside = focusedDrawer();
  return press(aside ? declared('enter', null, [aside]) : rowLink(row) || declared('enter', row));
}
/* With several buttons the script would be the one to decide, so it doesn't. */
function submitText(form) {
  const buttons = form ? submits(form) : [];
  if (buttons.length === 1 && !buttons[0].disabled) form.requestSubmit(buttons[0]);
  return buttons.length === 1;
}
function escapeKey(target) {
  const menu = all('details.menu[open]').pop(), box = findBox();
  if (closeSuggest()) return true;
  if (target !== box) return menu ? closeMenu(menu) : closeDrawer();
  if (findFrom?.isConnected && findFrom !== document.body) findFrom.focus(); else box.blur();
  return true;
}
on('keydown', event => {
  /* Full width ？ and ／ are what a Chinese keyboard makes of these two keys. */
  const target = event.target, key = ({ '？': '?', '／': '/' }[event.key] || event.key || '').toLowerCase(), command = event.ctrlKey || event.metaKey;
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || document.querySelector('dialog[open]')) return;
  let done = false;
  if (target === findBox() && suggestKey(event, target)) done = true;
  else if (key === 'escape') done = escapeKey(target);
  else if (command && !event.altKey && !event.shiftKey && key === 'k') done = focusSearch();
  else if (key === 'f2') done = editNext(target);
  else if (command && key === 'enter' && target.matches('textarea')) done = submitText(target.form);
  else if (command || event.altKey) return;
  else if (event.key === ' ' && splitOf(target) && !target.value) { fillRest(target, splitOf(target)); done = true; }
  else if (key === 'enter') done = !event.repeat && !event.shiftKey && enterKey(target);
  /* Held down, only moving repeats. */
  else if (root.dataset.keys !== 'off' && !typing(target) && /^\S$/.test(key) && (!event.repeat || 'jkhl'.includes(key))) done = singleKey(event, key);
  if (done) event.preventDefault();
});

/* ---------- bulk ---------- */
function pickTo(box, state) {
  const boxes = all('input[type=checkbox][data-pick]:enabled').filter(b => b.form === box.form && visible(b));
  const ends = [boxes.indexOf(lastPick), boxes.indexOf(box)].filter(n => n >= 0);
  for (const b of boxes.slice(Math.min(...ends), Math.max(...ends) + 1)) b.checked = state;
  lastPick = box;
  count(box.form);
}
function count(form) {
  if (!form?.matches('[data-bulk]')) return;
  const boxes = [...form.elements].filter(el => el.matches('input[data-pick]')), picked = boxes.filter(b => b.checked);
  const sums = picked.map(b => whole(b.dataset.amount));
  /* Two currencies have no sum. */
  const summed = picked.length > 0 && !sums.includes(null) && new Set(picked.map(b => b.dataset.currency)).size === 1;
  for (const bar of all('.bulk', form)) bar.hidden = !picked.length;
  for (const el of all('[data-bulk-count]', form)) el.textContent = String(picked.length);
  for (const el of all('[data-bulk-sum]', form)) {
    const exponent = Number(picked[0]?.dataset.exponent ?? el.dataset.exponent ?? form.dataset.exponent ?? 2);
    el.textContent = summed ? money(sums.reduce((a, b) => a + b, 0n), exponent) : '\u2013';
  }
  for (const el of [...form.elements].filter(el => el.matches('[data-pick-all]'))) {
    el.checked = boxes.length > 0 && picked.length === boxes.length;
    el.indeterminate = picked.length > 0 && !el.checked;
  }
}

/* ---------- allocation split ---------- */
const splitOf = el => el.matches('input.money[data-open]') ? el.closest('form[data-split]') : null;
const exponentOf = form => Number(form.dataset.exponent ?? 2);
function show(el, value, exponent, dash) {
  el.textContent = dash && value === 0n ? '\u2013' : money(value, exponent); // nothing left of an invoice is a dash, as in every table
  el.classList.toggle('neg', value < 0n);
}
function reckon(form, changed) {
  const exponent = exponentOf(form);
  let sum = 0n, after = 0n, wrong = false;
  for (const input of all('input.money[data-open]', form)) {
    const open = whole(input.dataset.open) ?? 0n, value = amount(input.value, exponent), rest = open - (value ?? 0n), bad = value === null || rest < 0n;
    wrong = wrong || bad; sum += value ?? 0n; after += rest;
    /* A mark the server set stays until that field is changed. */
    if (bad || input === changed) mark(input, 'aria-invalid', bad);
    for (const el of all('[data-after]', input.closest('tr, li') || input.parentElement)) show(el, rest, exponent, true);
  }
  const left = (whole(form.dataset.amount) ?? 0n) - sum, state = left < 0n ? 'over' : left > 0n ? 'some' : 'none';
  for (const el of all('[data-left]', form)) show(el, left, exponent);
  for (const el of all('[data-sum]', form)) show(el, sum, exponent);
  for (const el of all('[data-after-sum]', form)) show(el, after, exponent, true);
  for (const el of all('[data-when-left]', form)) el.hidden = !el.dataset.whenLeft.split(' ').includes(state);
  /* A button that skips validation (add a line, leave it for later) doesn't allocate. */
  for (const button of submits(form)) if (!button.formNoValidate) button.disabled = left < 0n || wrong || sum === 0n;
  return left;
}
/* Clicking into an empty line, or Space in it, means "the rest here"; the selection invites another figure. Tab alone
   goes past it: nobody gives money to an invoice by passing by. */
function fillRest(input, form) {
  if (input.value.trim() || input.readOnly) return;
  const left = reckon(form), open = whole(input.dataset.open) ?? 0n, rest = open < left ? open : left;
  if (rest <= 0n) return;
  input.value = money(rest, exponentOf(form));
  reckon(form, input);
  setTimeout(() => input.select()); // after the click has set its caret
}

/* ---------- import: mapping and files ---------- */
let dragged = null;
const clashing = new WeakSet();
const hasFiles = event => Boolean(event.dataTransfer?.types.includes('Files'));
const changedByScript = el => el.dispatchEvent(new Event('change', { bubbles: true }));
function mapped(form, changed) {
  const seen = new Set(), words = new Set();
  for (const select of all('[data-drop] select', form)) {
    /* Only our own mark is taken away; the server's stays until that select is changed. */
    const clash = seen.has(select.value);
    if (clash || clashing.has(select) || select === changed) mark(select, 'aria-invalid', clash);
    clashing[clash ? 'add' : 'delete'](select);
    if (select.value) { seen.add(select.value); words.add(select.value).add(select.selectedOptions[0].text.trim()); }
  }
  for (const chip of all('li[data-heading]', form)) mark(chip, 'aria-disabled', words.has(chip.dataset.heading));
}
function dropPlace(event) {
  const place = event.target.closest?.(hasFiles(event) ? '[data-dropzone]' : '[data-drop]');
  return place && (hasFiles(event) || (dragged && place.closest('form') === dragged.closest('form'))) ? place : null;
}
function markOver(place) {
  for (const el of all('[data-over]')) if (el !== place) el.removeAttribute('data-over');
  place?.setAttribute('data-over', '');
}
function dropFiles(input, files) {
  const list = new DataTransfer();
  for (const file of [...files].slice(0, input.multiple ? undefined : 1)) list.items.add(file);
  input.files = list.files; changedByScript(input);
}
function dropHeading(select, heading) {
  const options = [...select.options], option = options.find(o => o.value === heading) || options.find(o => o.text.trim() === heading);
  if (option) { option.selected = true; changedByScript(select); }
}
on('dragstart', event => {
  const chip = event.target.closest?.('form[data-mapping] li[data-heading]');
  if (!chip) return;
  if (chip.getAttribute('aria-disabled') === 'true') return event.preventDefault();
  dragged = chip;
  event.dataTransfer.effectAllowed = 'copy'; event.dataTransfer.setData('text/plain', chip.dataset.heading);
});
on('dragover', event => {
  const place = dropPlace(event);
  markOver(place);
  /* A file let go beside the zone would replace the page by the file. */
  if (!place && !(hasFiles(event) && document.querySelector('[data-dropzone]'))) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = place ? 'copy' : 'none';
});
on('drop', event => {
  const place = dropPlace(event), input = place?.querySelector(hasFiles(event) ? 'input[type=file]:enabled' : 'select:enabled');
  markOver(null);
  if (place) event.preventDefault();
  if (input) hasFiles(event) ? dropFiles(input, event.dataTransfer.files) : dropHeading(input, dragged.dataset.heading);
});
on('dragend', () => { dragged = null; markOver(null); });
on('dragleave', event => { if (!event.relatedTarget) markOver(null); });

/* ---------- small things ---------- */
const started = new WeakSet();
let lastRefresh = Date.now();
function poll(el, wait = Math.max(0.2, Number(el.dataset.every) || 1) * 1000) {
  setTimeout(async () => {
    if (!el.isConnected) return;
    if (document.hidden) return poll(el, wait); // nobody looks
    const answer = await ask(el.dataset.poll, 'poll').catch(() => null);
    if (!el.isConnected) return;
    if (answer?.moved) return location.reload(); // signed out, most likely: the page itself says so
    const fresh = answer?.good && answer.content.firstElementChild;
    if (fresh) swap(el, fresh); else poll(el, Math.min(wait * 2, 30000)); // in trouble: again, less often
  }, wait);
}
async function refresh(el) {
  const answer = await ask(el.dataset.refresh, 'refresh').catch(() => null), fresh = answer?.good && answer.content.firstElementChild;
  /* On failure the older figure stays; so does whatever somebody is just using. */
  if (fresh && el.isConnected && !editedIn(el).length && !el.querySelector('details.menu[open]')) swap(el, fresh);
}
addEventListener('focus', () => {
  if (Date.now() - lastRefresh < 30000) return;
  lastRefresh = Date.now(); all('[data-refresh]').forEach(refresh);
});
function fade(toast) {
  setTimeout(function look() { if (toast.matches(':hover, :focus-within')) setTimeout(look, 1000); else toast.remove(); }, 10000);
}
function closeMenu(menu) {
  if (menu.contains(document.activeElement)) menu.querySelector('summary')?.focus();
  menu.open = false;
  return true;
}
on('toggle', event => {
  const menu = event.target;
  if (menu.matches?.('details.menu[open]')) for (const other of all('details.menu[open]')) if (!other.contains(menu)) other.open = false;
}, true); // it doesn't bubble
async function copy(button) {
  /* Without https there is no clipboard object; the old way still works there. */
  const old = () => {
    const area = document.createElement('textarea');
    Object.assign(area, { value: button.dataset.copy, className: 'hidden' });
    button.after(area); area.select(); document.execCommand('copy'); area.remove(); button.focus();
  };
  if (navigator.clipboard) await navigator.clipboard.writeText(button.dataset.copy).catch(old); else old();
  if (!button.dataset.copied || started.has(button)) return;
  const nodes = [...button.childNodes];
  started.add(button); button.replaceChildren(button.dataset.copied);
  setTimeout(() => { button.replaceChildren(...nodes); started.delete(button); }, 2000);
}

/* A password that somebody wants to see while they type it; the button says what it does next. */
function reveal(button) {
  const field = byId(button.dataset.reveal), next = button.dataset.other, shown = field.type === 'text';
  button.dataset.other = button.textContent; button.textContent = next; button.setAttribute('aria-pressed', String(!shown));
  field.type = shown ? 'password' : 'text'; field.focus();
}
/* A browser would keep what it takes for plain text among what was typed before. */
on('submit', event => { for (const button of all('[data-reveal][aria-pressed=true]', event.target)) reveal(button); }, true);
/* Different signs and how many kinds of them there are, in steps of twenty bits over forty. A hint alone: the server decides. */
function strength(text) {
  const kinds = [[/[a-z]/, 26], [/[A-Z]/, 26], [/\d/, 10], [/[^a-zA-Z\d]/, 40]].reduce((sum, [kind, count]) => sum + (kind.test(text) ? count : 0), 1);
  const bits = Math.min(text.length, new Set(text).size * 1.5) * Math.log2(kinds);
  return text.length < 12 ? Math.min(1, Math.floor(bits / 20)) : Math.max(1, Math.min(4, Math.floor((bits - 20) / 20)));
}

/* ---------- listening ---------- */
on('click', event => {
  const target = event.target, row = target.closest('#main [data-row]'), link = target.closest('a[href]'), menu = link?.closest('details.menu');
  for (const other of all('details.menu[open]')) if (!other.contains(target)) other.open = false;
  if (event.defaultPrevented) return;
  if (splitOf(target)) fillRest(target, splitOf(target));
  if (row) markRow(row);
  if (target.matches('input[data-pick]')) {
    if (event.shiftKey && lastPick?.isConnected) pickTo(target, target.checked);
    lastPick = target;
  }
  const eye = target.closest('[data-reveal]');
  if (eye) return reveal(eye);
  const small = target.closest('[data-print], [data-copy]');
  if (small) { event.preventDefault(); return small.matches('[data-print]') ? print() : copy(small); }
  /* With a modifier the person wants the browser's own way: a new tab, a download. */
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (menu) closeMenu(menu);
  if (link.closest('#suggest')) closeSuggest();
  if (link.matches('[data-close]') && drawer()?.contains(link)) { event.preventDefault(); closeDrawer(); return; }
  if (!link.matches('[data-drawer], [data-main]') || link.origin !== location.origin || link.matches('[target="_blank"], [download]')) return;
  event.preventDefault();
  if (link.matches('[data-drawer]')) openDrawer(link); else load(link.href, { top: Boolean(link.closest('.pager')) });
});
/* Pressing the mouse on a suggestion must not take focus from the box, or the list is gone before the click. */
on('mousedown', event => { if (event.target.closest?.('#suggest')) event.preventDefault(); });
for (const type of ['input', 'compositionend']) on(type, event => {
  const meter = event.target.id && document.querySelector(`[data-strength="${CSS.escape(event.target.id)}"]`);
  if (meter) meter.value = strength(event.target.value);
  const el = event.target, split = splitOf(el);
  if (!el.form) return;
  touch(el);
  if (el.matches?.('[data-options]') && !event.isComposing) { clearTimeout(optionsTimer); optionsTimer = setTimeout(complete, 120, el); }
  if (el === findBox()) { if (!event.isComposing) suggestSoon(el); }
  else if (el.form.matches('[data-live]') && isText(el)) loadSoon(el.form, el, 250, event.isComposing);
  if (split) reckon(split, el);
});
on('change', event => {
  const el = event.target, form = el.form, split = splitOf(el);
  if (!form) return;
  touch(el);
  /* A date typed in pieces changes with every digit of the year: it waits for the last one. */
  if (form.matches('[data-live]') && !isText(el)) { if (typing(el) && el.localName === 'input') loadSoon(form, el, 600); else loadForm(form); }
  if (el.matches('[data-pick-all]')) for (const box of form.elements) if (box.matches('input[data-pick]:enabled')) box.checked = el.checked;
  if (el.matches('[data-pick], [data-pick-all]')) count(form);
  if (form.matches('[data-mapping]')) mapped(form, el);
  if (el.matches('input[type=file][data-submit]') && el.files.length) form.requestSubmit();
  /* A figure reads alike however it was typed. */
  const value = split && amount(el.value, exponentOf(split));
  if (value) el.value = money(value, exponentOf(split));
});
on('reset', event => setTimeout(() => { touched.delete(event.target); settle(); })); // the fields change after the event
on('focusin', event => {
  const el = event.target, row = el.closest('#main [data-row]');
  if (row) markRow(row);
});
on('focusout', event => { if (event.target === findBox() && !event.target.form.contains(event.relatedTarget)) closeSuggest(); });
/* What must be reckoned or started once. It is safe to repeat, so every replaced part just calls it. */
function settle() {
  const box = findBox(), roles = { role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'suggest', 'aria-autocomplete': 'list' };
  if (box && !box.hasAttribute('role')) for (const name in roles) box.setAttribute(name, roles[name]);
  /* Main was replaced under an open drawer: the same figure may be there again. */
  if (opener && !opener.isConnected) setOpener(all('#main a[data-drawer]').find(a => a.href === opener.href) || null);
  all('form[data-bulk]').forEach(form => count(form));
  all('form[data-split]').forEach(form => reckon(form));
  all('form[data-mapping]').forEach(form => mapped(form));
  /* What scrolls can be scrolled with the keys; what doesn't is no stop on the way. */
  for (const el of all('.scroll, .wide-text')) if (el.scrollWidth > el.clientWidth + 1 || el.scrollHeight > el.clientHeight + 1) el.tabIndex = 0; else el.removeAttribute('tabindex');
  const start = (selector, act) => all(selector).filter(el => !started.has(el)).forEach(el => { started.add(el); act(el); });
  start('[data-poll]', el => poll(el));
  start('.toast[data-fade]', fade);
}
let resizing = 0;
addEventListener('resize', () => { cancelAnimationFrame(resizing); resizing = requestAnimationFrame(settle); });
/* Coming back, the browser shows the page as it was left: a button still busy, boxes still ticked. */
addEventListener('pageshow', event => { if (event.persisted) releaseAll(); settle(); });
if (document.readyState === 'loading') on('DOMContentLoaded', settle); else settle();
})();
