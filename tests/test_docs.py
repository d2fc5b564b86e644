"""The documentation site: complete, whole, in need of no other host, and alive in a real browser."""
import functools, http.server, mimetypes, re, subprocess, sys, threading, time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import api, house, pages, pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group('docs')]     # one process builds the site and looks at it
ROOT = house.ROOT


@pytest.fixture(scope='session')
def site() -> Path:
    "The built site; built now unless it is newer than all that it is made from."
    run = subprocess.run([sys.executable, ROOT/'docs/build.py'], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    return ROOT/'_docs'


def contents(path: Path, tries: int = 5) -> bytes:
    "What is in a file that its folder lists. Under load a machine has been seen to deny, for a moment, that such a file is there."
    for left in reversed(range(tries)):
        try: return path.read_bytes()
        except FileNotFoundError:
            if not left: raise
            time.sleep(.2)


def test_pictures_are_described(site):
    "A picture of a notebook has the sentence before it as alternative text, not the name of its file."
    page = (site/'tutorials/03_what_the_machine_hears.html').read_text(encoding='utf-8')
    alts = re.findall(r'<img[^>]*alt="([^"]*)"', page)
    assert alts and all(a.startswith('Picture: ') for a in alts), alts


@pytest.fixture(scope='session')
def url(site):
    "The address of a server that shows the site to this machine alone; it has read all of it once and opens no file later."
    files = {'/' + p.relative_to(site).as_posix(): contents(p) for p in site.rglob('*') if p.is_file()}
    class Memory(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        def log_message(self, *args): pass
        def do_GET(self):
            name = unquote(urlsplit(self.path).path)
            found = files.get(name + 'index.html' if name.endswith('/') else name)
            if found is None: return self.send_error(404, f'{name} is not one of the {len(files)} files of the site')
            self.send_response(200)
            self.send_header('Content-Type', mimetypes.guess_type(name)[0] or 'text/html')
            self.send_header('Content-Length', str(len(found)))
            self.end_headers()
            self.wfile.write(found)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Memory)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()


# ---- files

class Links(HTMLParser):
    "The links, loaded things, ids and text of one page."
    def __init__(self, path: Path):
        super().__init__()
        self.links, self.loads, self.ids, self.text = [], [], set(), []
        self.feed(contents(path).decode())

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {v for k in ('id', 'name') if (v := a.get(k))}
        if tag == 'a' and a.get('href'): self.links.append(a['href'])
        if a.get('src'): self.loads.append(a['src'])
        if tag == 'link' and a.get('href') and a.get('rel') in ('stylesheet', 'icon', 'preload', 'search', 'index'): self.loads.append(a['href'])

    def handle_data(self, data): self.text.append(data)


def broken(folder: Path) -> list[str]:
    "What a page links to or loads and is not there; what it loads from elsewhere."
    read = functools.cache(Links)
    bad = []
    for page in sorted(folder.rglob('*.html')):
        if '_static' in page.relative_to(folder).parts: continue
        name = page.relative_to(folder).as_posix()
        for ref in read(page).links + read(page).loads:
            where, anchor = urldefrag(ref)
            if urlsplit(ref).scheme in ('http', 'https') or ref.startswith('//'):
                if ref in read(page).loads: bad.append(f'{name} loads {ref}')
                continue
            if urlsplit(ref).scheme: continue                            # data:, mailto:
            target = (page.parent/unquote(where.split('?')[0])).resolve() if where else page
            if target.is_dir(): target = target/'index.html'
            if not target.exists(): bad.append(f'{name} -> {ref}: no such file')
            elif anchor and target.suffix == '.html' and unquote(anchor) not in read(target).ids: bad.append(f'{name} -> {ref}: no such place')
    return bad


def test_nothing_is_broken(site): assert broken(site) == []


def test_broken_finds_what_is_broken(tmp_path):
    (tmp_path/'a.html').write_text('<a href="b.html#x">b</a> <a href="b.html#y">b</a> <img src="no.png"> <script src="https://example.org/x.js"></script>')
    (tmp_path/'b.html').write_text('<p id="x"> <a href="https://example.org">elsewhere</a>')
    found = broken(tmp_path)
    assert len(found) == 3 and all(any(s in f for f in found) for s in ('no such file', 'no such place', 'loads https://example.org'))


def test_every_notebook_has_its_page_in_the_navigation(site):
    index = Links(site/'index.html')
    for nb in house.notebooks(ROOT):
        page = nb.relative_to(ROOT/'nbs').with_suffix('.html').as_posix()
        assert (site/page).exists() and (page in index.links or page == 'index.html'), f'{page} is not in the navigation'
    assert 'CHANGELOG.html' in index.links


def test_every_exported_name_is_described_with_its_source(site):
    "Each public function, class and patched method of a numbered notebook: a signature to link to, and a link to its source that hits."
    missing = []
    for nb in house.notebooks(ROOT):
        module = house.default_exp(nb)
        if not module: continue
        page = Links(site/nb.relative_to(ROOT/'nbs').with_suffix('.html'))
        path = ROOT/'editorbot'/f'{module.replace(".", "/")}.py'
        symbols, exported = api.read_module(path, f'editorbot.{module}'), set(api.exported(path))
        for name, s in symbols.items():
            wanted = name in exported or ('.' in name and api._patched(s.node) and not name.split('.')[-1].startswith('_'))
            if wanted and s.full_name not in page.ids: missing.append(f'{s.full_name} is not described')
            if s.full_name in page.ids and not any(h.endswith(f'_modules/editorbot/{module.replace(".", "/")}.html#{name}') for h in page.links):
                missing.append(f'{s.full_name} has no source link')
    assert missing == []


# ---- the blocks, on a module made on the spot

MODULE = '''
from fastcore.basics import patch
from dataclasses import dataclass, field
__all__ = ['fade', 'Take', 'Base']

def fade(x: "np.ndarray", # (n,) samples
         dur: float = 1.0, # seconds
         *, law='linear') -> float: # the last gain
    "Fades `Take` in: $x_k k/n$."

@dataclass(frozen=True)
class Take(Base):
    "One take."
    name: str = '' # its name
    # two lines
    # above
    marks: list = field(default_factory=list)
    @property
    def long(self) -> bool:
        "Is it long?"
    def _private(self): "no"

# not about a parameter
def still(take): "Nothing."

@patch
def play(self: Take, times=1 # how often
        ):
    "Plays it."

@patch(as_prop=True)
def length(self: Take) -> int:
    "Samples."
'''


@pytest.fixture
def module(tmp_path):
    (tmp_path/'m.py').write_text(MODULE)
    return api.read_module(tmp_path/'m.py', 'lib.m')


def test_signatures_are_read_from_source(module):
    assert api.signature(module['fade']) == "fade(x, dur=1.0, *, law='linear') -> float"
    assert api.signature(module['Take']) == "Take(name='', marks=list())"
    assert api.signature(module['Take.play']) == 'Take.play(times=1)'
    assert (module['Take.play'].kind, module['Take.length'].kind, module['Take.long'].kind) == ('method', 'property', 'property')


def test_docments_become_a_table(module):
    assert [(p.name, p.type, p.default, p.comment) for p in api.params(module['fade'])] == [
        ('x', 'np.ndarray', '', '(n,) samples'), ('dur', 'float', '1.0', 'seconds'), ('law', '', "'linear'", '')]
    assert api.returns(module['fade']).comment == 'the last gain'
    assert [(p.name, p.default, p.comment) for p in api.params(module['Take'])] == [('name', "''", 'its name'), ('marks', 'list()', 'two lines above')]
    assert [p.comment for p in api.params(module['still'])] == ['']
    assert '| `dur` | `float` | `1.0` | seconds |' in api.table(module['fade'])


def test_blocks_nest_and_tags_cover_patched_methods(module):
    text = api.block(module['Take'], module)
    assert '{py:class} Take(' in text and '{py:property} Take.long' in text and '_private' not in text and 'play' not in text
    start, end = api.tags(module)['Take.play'][1:]
    assert MODULE.split('\n')[start-1] == '@patch' and '"Plays it."' in MODULE.split('\n')[end-1]


def test_names_in_prose_become_links(module):
    library = {'lib.m': module}
    assert pages.link_names('use `fade`, not `other`', library, 'lib.m') == 'use {py:obj}`fade <lib.m.fade>`, not `other`'
    assert pages.link_names('# `fade`\n```\n`fade`\n```', library, 'lib.m') == '# `fade`\n```\n`fade`\n```'


def small(root: Path, text: str) -> Path:
    "A checkout with an index that says `text`, and one module with a patched method, a widget and a progress bar."
    import nbformat
    v4, widget = nbformat.v4, {'application/vnd.jupyter.widget-view+json': {'model_id': 'x', 'version_major': 2, 'version_minor': 0}}
    shown = [v4.new_output('display_data', data=widget | {'text/plain': t}) for t in ('Tab(children=())', ' 50%|#####     | 1/2 [00:01<00:01]')]
    bar = v4.new_output('stream', name='stderr', text='100%|##########| 2/2')
    for folder in ('editorbot', 'nbs'): (root/folder).mkdir(parents=True)
    (root/'settings.ini').write_text((ROOT/'settings.ini').read_text())
    (root/'editorbot/m.py').write_text(MODULE)
    parts = MODULE.split('\n\n')
    cells = [v4.new_markdown_cell('# m\n\nSee `Take.play` and $x^2$.'), v4.new_code_cell('#| default_exp m'), v4.new_code_cell('#| hide\nsecret = 1')]
    cells += [v4.new_code_cell('#| export\n' + part) for part in parts] + [v4.new_code_cell('#| eval: false\nshown()', outputs=[*shown, bar])]
    nbformat.write(v4.new_notebook(cells=cells), root/'nbs/00_m.ipynb')
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell(f'# editorbot\n\n{text}')]), root/'nbs/index.ipynb')
    return root


def test_a_link_to_nowhere_stops_the_build(tmp_path):
    import build
    with pytest.raises(SystemExit, match='Sphinx'): build.build(small(tmp_path, 'see [this](nowhere.ipynb)'), tmp_path/'_docs')
    assert not (tmp_path/'_docs').exists()


def test_a_small_site(tmp_path):
    "What is hidden stays hidden; a patched method has its signature and its source; widgets leave a note, progress bars nothing."
    import build
    build.build(small(tmp_path, 'all is well, see [m](00_m.ipynb) and [settings](../settings.ini)'), tmp_path/'_docs')
    page, source = Links(tmp_path/'_docs/00_m.html'), Links(tmp_path/'_docs/_modules/editorbot/m.html')
    text = ' '.join(page.text)
    assert {'editorbot.m.Take.play', 'editorbot.m.Take.length', 'editorbot.m.fade'} <= page.ids
    assert '_modules/editorbot/m.html#Take.play' in page.links and {'Take.play', 'Take.length', 'Take', 'fade'} <= source.ids
    assert '#editorbot.m.Take.play' in page.links and 'how often' in text
    assert text.count('Interactive: open this notebook') == 1 and not any(s in text for s in ('secret', '00:01', '2/2', '#|', 'show_doc'))
    index = Links(tmp_path/'_docs/index.html')
    assert '00_m.html' in index.links and any(h.endswith('/blob/main/settings.ini') for h in index.links)
    assert broken(tmp_path/'_docs') == []


# ---- in the browser

@pytest.fixture
def watched(page, url):
    "A page that remembers what went wrong: requests to other hosts, answers above 399, errors on the console."
    page.wrong = []
    page.on('request', lambda r: page.wrong.append(f'asks {r.url}') if not r.url.startswith((url, 'data:', 'blob:')) else None)
    page.on('response', lambda r: page.wrong.append(f'{r.status} {r.status_text} {r.url}') if r.status >= 400 else None)
    page.on('console', lambda m: page.wrong.append(f'console: {m.text}') if m.type in ('error', 'warning') else None)
    page.on('pageerror', lambda e: page.wrong.append(f'error: {e}'))
    return page


def sheet(site: Path) -> list[str]:
    return [p.relative_to(site).as_posix() for p in sorted(site.rglob('*.html')) if p.relative_to(site).parts[0] not in ('_static', '_modules')]


MATHS = """async () => {
    if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
    const all = s => [...document.querySelectorAll(s)];
    return {all: all('.math').length, done: all('.math').filter(e => e.querySelector('mjx-container svg')).length,
            wrong: all('[data-mml-node="merror"]').map(e => e.textContent)} }"""


def test_every_page_in_the_browser(watched, site, url):
    "No page asks another host or complains; every formula is set; every picture is seen."
    def complaints(name):
        watched.wrong.clear()
        watched.goto(url + name, wait_until='load')
        maths = watched.evaluate(MATHS)
        pictures = watched.evaluate('[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src.slice(0, 80))')
        return [f'formulas {maths}'] * (maths['wrong'] != [] or maths['done'] < maths['all']) + [f'pictures {pictures}'] * bool(pictures) + watched.wrong
    bad = {name: found for name in sheet(site) if (found := complaints(name))}
    assert bad == {}


def test_a_phone_needs_no_sideways_scrolling(watched, site, url):
    watched.set_viewport_size({'width': 390, 'height': 844})
    wide = {}
    for name in sheet(site):
        watched.goto(url + name, wait_until='load')
        over = watched.evaluate('document.documentElement.scrollWidth - window.innerWidth')
        if over > 0: wide[name] = over
    assert wide == {}


def test_some_page_has_formulas(watched, url):
    watched.goto(url + '02_edl.html', wait_until='load')
    maths = watched.evaluate(MATHS)
    assert maths['done'] >= 1 and maths['done'] == maths['all']


def test_search_finds_a_function(watched, url):
    watched.goto(url + 'search.html?q=crossfade')
    watched.wait_for_selector('#search-results ul.search li a')
    found = watched.eval_on_selector_all('#search-results ul.search li a', 'all => all.map(a => a.getAttribute("href"))')
    assert any('render' in f or 'edl' in f for f in found)
    assert watched.wrong == []


def test_dark_and_light_have_contrast(watched, url):
    "Text and ground differ enough (WCAG: 4.5) in both schemes, in prose and in code."
    ratio = """(sel) => {
        const part = v => (v /= 255) <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4;
        const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(part); return .2126*r + .7152*g + .0722*b };
        const el = document.querySelector(sel); let up = el;
        while (up && /rgba\\(0, 0, 0, 0\\)|transparent/.test(getComputedStyle(up).backgroundColor)) up = up.parentElement;
        const a = lum(getComputedStyle(el).color), b = lum(getComputedStyle(up || document.body).backgroundColor);
        return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) }"""
    for scheme in ('light', 'dark'):
        watched.emulate_media(color_scheme=scheme)
        watched.goto(url + '02_edl.html', wait_until='load')
        for where in ('article p', 'article a.reference', 'div.cell_input pre', 'dl.py dt', '.sidebar-tree a'):
            assert watched.evaluate(ratio, where) >= 4.5, f'{scheme}: {where}'


def test_without_a_change_nothing_is_built_again(site):
    before = (site/'index.html').stat().st_mtime_ns
    run = subprocess.run([sys.executable, ROOT/'docs/build.py'], capture_output=True, text=True, check=True)
    assert 'up to date' in run.stdout and (site/'index.html').stat().st_mtime_ns == before
