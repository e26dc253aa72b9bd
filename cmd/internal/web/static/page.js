'use strict';
// The page asks /v1/ as names ctl does, every two seconds, and draws what it gets.
const every = 2000, kept = 150; // 5 minutes
const $ = id => document.getElementById(id);
const colours = ['#2a6f97', '#c77d0a', '#2e7d32', '#8e44ad', '#b3261e', '#607d8b', '#00897b', '#6d4c41'];
const history = [];
let before = null, timer = null;

class Refused extends Error {}

async function ask(path, args = [], method = 'GET', body) {
	const query = args.map(a => 'arg=' + encodeURIComponent(a)).join('&');
	const response = await fetch(path + (query ? '?' + query : ''), { method, headers: { 'X-Names': 'page' }, body });
	const reply = await response.json();
	if (response.status === 401) throw new Refused(reply.error);
	if (!response.ok) throw new Error(reply.error);
	return reply;
}

function element(name, text, kind) {
	const e = document.createElement(name);
	if (text !== undefined) e.textContent = text;
	if (kind) e.className = kind;
	return e;
}

function fill(table, columns, rows) {
	const head = element('tr'), all = [head];
	columns.forEach(c => head.append(element('th', c.title)));
	for (const row of rows) {
		const tr = element('tr', undefined, row.bad ? 'bad' : '');
		columns.forEach(c => tr.append(element('td', c.of(row), c.number ? 'number' : '')));
		all.push(tr);
	}
	if (rows.length === 0) {
		const td = element('td', 'None.');
		td.colSpan = columns.length;
		all.push(element('tr'));
		all[1].append(td);
	}
	table.replaceChildren(...all);
}

// chart draws lines: series is {name: [number or null, ...]}, the last one of now.
const charts = {};
function chart(where, series) {
	const names = Object.keys(series), padding = n => Array(kept - n.length).fill(null).concat(n);
	const data = [seconds, ...names.map(name => padding(series[name]))];
	let drawn = charts[where.id];
	if (!drawn || drawn.names !== names.join()) {
		drawn?.plot.destroy();
		drawn = charts[where.id] = { names: names.join(), plot: newPlot(where, names, data) };
	} else {
		drawn.plot.setData(data);
	}
	if (drawn.plot.cursor.idx == null) drawn.plot.setLegend({ idx: kept - 1 });
	where.setAttribute('aria-label', 'Now: ' + names.map(name => `${name} ${shortly(series[name].at(-1))}`).join(', '));
}

const seconds = Array.from({ length: kept }, (_, i) => (i - kept + 1) * every / 1000);
const shortly = n => n === null || n === undefined ? '-' : String(+n.toPrecision(3));

function newPlot(where, names, data) {
	const style = getComputedStyle(document.documentElement), soft = style.getPropertyValue('--soft'), line = style.getPropertyValue('--line');
	const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '11px system-ui, sans-serif' };
	const plot = new uPlot({
		width: where.clientWidth || 320, height: 180,
		scales: { x: { time: false, range: [seconds[0], 0] }, y: { range: (_, least, most) => [0, most > 0 ? most * 1.05 : 1] } },
		axes: [{ ...axis, size: 26, values: (_, ticks) => ticks.map(t => t === 0 ? 'now' : t + ' s') }, { ...axis, size: 50, values: (_, ticks) => ticks.map(shortly) }],
		series: [{ label: 'Seconds', value: (_, v) => v === null ? '-' : v || 'now' },
			...names.map((label, i) => ({ label, stroke: colours[i % colours.length], width: 2, points: { show: false }, value: (_, v) => shortly(v) }))],
		cursor: { drag: { setScale: false, x: false } },
		hooks: { setCursor: [u => { if (u.cursor.idx == null) u.setLegend({ idx: kept - 1 }); }] },
	}, data, where);
	for (const name of plot.root.querySelectorAll('.u-legend .u-series th')) { // shows and hides the line
		name.tabIndex = 0;
		name.addEventListener('keydown', e => {
			if (e.key !== 'Enter' && e.key !== ' ') return;
			e.preventDefault();
			name.click();
		});
	}
	return plot;
}

// The arrow keys move through the time of a chart, as the pointer does.
for (const where of document.querySelectorAll('.chart')) {
	where.addEventListener('keydown', e => {
		const plot = charts[where.id]?.plot, step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
		if (!plot || !step || e.target !== where) return;
		e.preventDefault();
		const to = Math.min(kept - 1, Math.max(0, (plot.cursor.idx ?? kept - 1) + step));
		plot.setCursor({ left: plot.valToPos(seconds[to], 'x'), top: 0 });
	});
	where.addEventListener('blur', () => charts[where.id]?.plot.setCursor({ left: -10, top: -10 }));
}

function drawAnew() {
	for (const id in charts) {
		charts[id].plot.destroy();
		delete charts[id];
	}
	drawCharts();
}
addEventListener('resize', () => { for (const id in charts) charts[id].plot.setSize({ width: $(id).clientWidth, height: 180 }); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAnew);

function drawCharts() {
	for (const [id, part, none] of [['chart-rcodes', 'rcodes', 0], ['chart-latency', 'latency', null]]) {
		const series = {};
		for (const p of history) for (const name in p[part]) series[name] = [];
		for (const p of history) for (const name in series) series[name].push(name in p[part] ? p[part][name] : none);
		chart($(id), series);
	}
}

// percentile is the length of time that part of the replies took at most, in ms.
function percentile(bounds, counts, part) {
	const total = counts.reduce((a, b) => a + b, 0);
	if (total === 0) return null;
	let below = 0;
	for (let i = 0; i < counts.length; i++) {
		if (below + counts[i] >= part * total) {
			const from = i ? bounds[i - 1] : 0, to = i < bounds.length ? bounds[i] : bounds.at(-1);
			return 1000 * (from + (to - from) * (part * total - below) / counts[i]);
		}
		below += counts[i];
	}
	return null;
}

const sum = o => Object.values(o || {}).reduce((a, b) => a + b, 0);
const bytes = n => n < 1 << 20 ? (n / 1024).toFixed(0) + ' KiB' : (n / (1 << 20)).toFixed(1) + ' MiB';

function draw(stats) {
	const now = performance.now(), replies = stats.queries;
	$('queries').textContent = sum(replies.clients).toLocaleString('en');
	$('zones-loaded').textContent = `${stats.zones.loaded} of ${stats.zones.zones}`;
	const c = stats.cache;
	if (c) {
		const hits = c.hits + c.stale_hits + c.failure_hits;
		$('hit-ratio').textContent = hits + c.misses ? (100 * hits / (hits + c.misses)).toFixed(0) + ' %' : '-';
		$('cache-used').textContent = `${bytes(c.used)} of ${bytes(c.size)}`;
	}
	if (before) {
		const seconds = (now - before.at) / 1000, point = { rcodes: {}, latency: {} };
		for (const r in replies.rcodes) point.rcodes[r] = Math.max(0, replies.rcodes[r] - (before.rcodes[r] || 0)) / seconds;
		const silent = stats.listener.silent - before.silent;
		if (silent > 0) point.rcodes['no reply'] = silent / seconds;
		for (const source in replies.latency) {
			const counts = replies.latency[source].map((n, i) => n - ((before.latency[source] || [])[i] || 0));
			if (sum(replies.latency[source]) === 0) continue;
			point.latency[source + ', half'] = percentile(replies.bounds, counts, 0.5);
			point.latency[source + ', 99 %'] = percentile(replies.bounds, counts, 0.99);
		}
		history.push(point);
		if (history.length > kept) history.shift();
		$('rate').textContent = sum(point.rcodes).toFixed(1);
		drawCharts();
	}
	before = { at: now, rcodes: replies.rcodes, latency: replies.latency, silent: stats.listener.silent };
}

const count = [{ title: 'Queries', of: r => r.queries, number: true }];

async function refresh() {
	try {
		const [stats, status, top, log] = await Promise.all([ask('/v1/stats'), ask('/v1/status'), ask('/v1/top'), ask('/v1/log/tail')]);
		show(true);
		draw(stats);
		$('about').textContent = `${status.version}, up ${status.uptime}, ${status.listening.join(', ')}`;
		fill($('top-names'), [{ title: 'Name and type', of: r => r.key }, ...count], top.names);
		fill($('top-clients'), [{ title: 'Client', of: r => r.key }, ...count], top.clients);
		fill($('top-failing'), [{ title: 'Below', of: r => r.key }, ...count], top.failing);
		if (zonesAsked + 5 * every < performance.now()) await findZones();
		const pane = $('log'), atEnd = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 4;
		pane.textContent = log.join('\n');
		if (atEnd) pane.scrollTop = pane.scrollHeight;
		const servers = stats.resolver ? await ask('/v1/servers') : [];
		servers.sort((a, b) => b.waiting - a.waiting || a.rtt_ms - b.rtt_ms);
		fill($('servers'), [{ title: 'Server', of: r => r.address }, { title: 'State', of: r => r.state }, { title: 'RTT ms', of: r => r.rtt_ms, number: true }, { title: 'Waiting', of: r => r.waiting, number: true }],
			servers.slice(0, 30).map(s => ({ ...s, bad: s.state !== 'good' })));
	} catch (e) {
		if (e instanceof Refused) { show(false); return; }
		$('about').textContent = 'The server does not answer: ' + e.message;
	}
	timer = setTimeout(refresh, every);
}

// There may be a million zones: the server finds those that are shown.
let zonesAsked = -Infinity;
async function findZones() {
	zonesAsked = performance.now();
	const zones = await ask('/v1/zones/find', [$('filter').value.trim()]);
	fill($('zones'), [{ title: 'Zone', of: r => r.name }, { title: 'State', of: r => r.state }, { title: 'Serial', of: r => r.serial, number: true },
		{ title: 'Records', of: r => r.records, number: true }, { title: 'Changed', of: r => r.changed || '-' }],
	zones.map(z => ({ ...z, bad: z.state !== 'loaded' })));
}

let typing = null;
$('filter').addEventListener('input', () => {
	clearTimeout(typing);
	typing = setTimeout(() => findZones().catch(e => { $('about').textContent = e.message; }), 300);
});

function show(isIn) {
	$('page').hidden = !isIn;
	$('logout').hidden = !isIn;
	$('login').hidden = isIn;
	if (!isIn) { $('about').textContent = ''; $('password').focus(); }
}

$('login').addEventListener('submit', async e => {
	e.preventDefault();
	try {
		await ask('/login', [], 'POST', JSON.stringify({ password: $('password').value }));
		$('password').value = $('login-error').textContent = '';
		refresh();
	} catch (error) {
		$('login-error').textContent = error.message;
	}
});

$('logout').addEventListener('click', async () => {
	clearTimeout(timer);
	await ask('/logout', [], 'POST');
	location.reload();
});

// The way of a name: a tree of steps, by how many questions wait for each.
$('trace').addEventListener('submit', async e => {
	e.preventDefault();
	$('outcome').textContent = 'Resolving...';
	$('outcome').className = '';
	$('way').replaceChildren();
	$('answer').textContent = '';
	try {
		const t = await ask('/v1/trace', [$('trace-name').value.trim(), $('trace-type').value.trim().toUpperCase(), 'messages']);
		$('outcome').textContent = `${t.question}: ${t.outcome} (${t.took_ms.toFixed(1)} ms)`;
		$('outcome').className = t.rcode === 'NOERROR' || t.rcode === 'NXDOMAIN' ? 'good' : 'bad';
		$('answer').textContent = (t.answer || []).join('\n');
		const lists = [$('way')];
		for (const step of t.steps) {
			while (lists.length > step.depth + 1) lists.pop();
			while (lists.length < step.depth + 1) {
				const inner = element('ol');
				(lists.at(-1).lastElementChild || lists.at(-1)).append(inner);
				lists.push(inner);
			}
			const li = element('li', undefined, step.kind.replace(' ', '-'));
			li.append(element('span', step.at_ms.toFixed(1) + ' ms', 'at'), step.what);
			if (step.rtt_ms) li.append(element('span', step.rtt_ms.toFixed(1) + ' ms there and back', 'rtt'));
			if (step.message) {
				const details = element('details');
				details.append(element('summary', 'the reply'), element('pre', step.message));
				li.append(details);
			}
			lists.at(-1).append(li);
		}
	} catch (error) {
		if (error instanceof Refused) { show(false); return; }
		$('outcome').textContent = error.message;
		$('outcome').className = 'bad';
	}
});

document.addEventListener('keydown', e => {
	if (e.key === '/' && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) {
		e.preventDefault();
		$('trace-name').focus();
	}
});

$('theme').addEventListener('click', () => {
	const root = document.documentElement;
	const isDark = root.classList.contains('dark') || !root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches;
	root.classList.toggle('dark', !isDark);
	root.classList.toggle('light', isDark);
	drawAnew();
});

refresh();
