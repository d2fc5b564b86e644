"""The tutorial as people use it: in JupyterLab and as a Voila app, in a real browser, with the mouse."""
import os, re, shutil, signal, socket, subprocess, sys, time, urllib.error, urllib.request
from contextlib import contextmanager
from pathlib import Path

import house, pytest

TUTORIAL = house.ROOT/'nbs/tutorials/01_edit_your_first_recording.ipynb'
JOINS = house.ROOT/'nbs/tutorials/02_from_two_files_to_an_edl.ipynb'
VIEW = house.ROOT/'nbs/tutorials/06_the_rehearsal_view.ipynb'
HEARS = house.ROOT/'nbs/tutorials/03_what_the_machine_hears.ipynb'
pytestmark = [pytest.mark.xdist_group('tutorial'), pytest.mark.timeout(600)]     # one server at a time
KEPT = re.compile(r'kept (\d+):(\d+\.\d) of')


@pytest.fixture(scope='session')
def recording(tmp_path_factory) -> Path:
    "Another rehearsal than the tutorial's own, as a band would record it: stereo, 24 bit."
    import soundfile as sf
    from editorbot.simulation.sessions import demo_session
    s, path = demo_session(1, 22050), tmp_path_factory.mktemp('recording')/'monday.wav'
    sf.write(path, s.raw, s.sr, subtype='PCM_24')
    return path


@pytest.fixture
def folder(tmp_path, recording) -> Path:
    "A folder outside the checkout with a copy of the notebook and one recording."
    (tmp_path/'data/input').mkdir(parents=True)
    shutil.copy(recording, tmp_path/'data/input')
    shutil.copy(TUTORIAL, tmp_path/'tutorial.ipynb')
    return tmp_path


def settings(home: Path) -> dict:
    "An environment in which Jupyter keeps everything in `home`, asks nobody for news, and starts without a former session."
    news = home/'settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings'
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}')
    places = {'JUPYTER_CONFIG_DIR': 'config', 'JUPYTER_DATA_DIR': 'data', 'JUPYTER_RUNTIME_DIR': 'runtime', 'IPYTHONDIR': 'ipython',
              'JUPYTERLAB_SETTINGS_DIR': 'settings', 'JUPYTERLAB_WORKSPACES_DIR': 'workspaces'}
    return {k: v for k, v in os.environ.items() if not k.startswith('JUPYTER')} | {k: str(home/v) for k, v in places.items()} | {'OMP_NUM_THREADS': '1'}


@contextmanager
def served(folder: Path, home: Path, *command: str, ready: str):
    "The address of a server that runs `command` in `folder`, once it answers."
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    log = home/'server.log'
    with log.open('w') as out:
        server = subprocess.Popen([sys.executable, '-m', *command, f'--port={port}'], cwd=folder, env=settings(home), stdout=out, stderr=out, start_new_session=True)
    url = f'http://127.0.0.1:{port}/'
    try:
        for _ in range(240):
            assert server.poll() is None, f'the server ended:\n{log.read_text()[-3000:]}'
            try: urllib.request.urlopen(url + ready, timeout=5).close(); break
            except (OSError, urllib.error.URLError): time.sleep(.25)
        else: raise AssertionError(f'the server does not answer:\n{log.read_text()[-3000:]}')
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)             # its own group: the server and its kernels
        try: server.wait(10)
        except subprocess.TimeoutExpired: os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture
def screen(page):
    "A laptop's screen; what the page complains about is remembered."
    page.set_viewport_size({'width': 1280, 'height': 800})
    page.wrong = []
    page.on('pageerror', lambda e: page.wrong.append(str(e)))
    return page


def shot(page, name: str):
    "A picture of the page for a person to look at, if SCREENSHOTS names a folder."
    if where := os.environ.get('SCREENSHOTS'): page.screenshot(path=Path(where)/f'{name}.png')


def kept(panel) -> float:
    "Seconds that the status says are kept."
    found = KEPT.search(panel.locator('.widget-html-content').first.inner_text())
    return 60 * int(found[1]) + float(found[2]) if found else -1.0


def hear_joins(page, panel):
    "Choosing a join plays it; an edit in one piece says so."
    joins, join = panel.locator('select').nth(1), panel.locator('audio').nth(2).element_handle()
    n = joins.locator('option').count()
    if n == 0:
        assert panel.get_by_text('No joins: the edit is one piece').is_visible() and not join.is_visible()
        return
    if n > 1: joins.select_option(index=0 if joins.evaluate('e => e.selectedIndex') == n - 1 else n - 1)   # one that isn't chosen already
    else: page.evaluate('p => p.play()', join)
    page.wait_for_function('p => p.duration > 1 && p.currentTime > .2', arg=join, timeout=60_000)


def use(page, folder: Path, name: str):
    "What the tutorial asks for: look, listen, drag, pick a recording, save."
    from editorbot.audio import audio_info
    from editorbot.edl import load_edl
    from editorbot.rendering import null_test
    from playwright.sync_api import expect
    panel = page.locator('.editorbot').first
    says = lambda text, last=False: expect(panel.locator('.widget-html-content').nth(-1 if last else 0)).to_contain_text(text, timeout=240_000)
    button = lambda text: panel.get_by_role('button', name=text, exact=True)
    src = lambda: panel.locator('img').first.get_attribute('src')

    says('rehearsal.wav: kept')                                    # the notebook itself pressed Analyse
    assert panel.locator('input[type=checkbox]').first.is_checked(), "the length is the editor's own choice until somebody moves the slider"
    panel.scroll_into_view_if_needed()
    shot(page, f'{name}-1-rehearsal')
    assert page.evaluate('e => e.scrollWidth <= e.clientWidth + 1', panel.element_handle()), 'the panel is wider than its place'

    hear_joins(page, panel)
    panel.locator('select').first.select_option('monday.wav')
    button('Analyse').click()
    says('monday.wav: kept')
    total, picture = audio_info(folder/'data/input/monday.wav').duration, src()

    handle = panel.locator('.noUi-handle').first                   # drag the target ratio, and look while the button is still down
    handle.scroll_into_view_if_needed()
    box, bar = handle.bounding_box(), panel.locator('.noUi-base').first.bounding_box()
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    page.mouse.down()
    page.mouse.move(bar['x'] + bar['width'] * (75 - 5) / 95, box['y'] + box['height'] / 2, steps=4)
    page.wait_for_function('([e, old]) => e.src != old', arg=[panel.locator('img').first.element_handle(), picture], timeout=60_000)
    page.mouse.up()
    for _ in range(120):                                           # a busy machine answers the last move late
        if abs(kept(panel) / total - .75) < .05: break
        page.wait_for_timeout(500)
    else: raise AssertionError(f'{kept(panel)} s of {total} s are kept')
    assert not panel.locator('input[type=checkbox]').first.is_checked()
    shot(page, f'{name}-2-dragged')

    hear_joins(page, panel)
    for i in range(2):                                             # before and after have something to play, and play it
        player = panel.locator('audio').nth(i).element_handle()
        page.wait_for_function('p => p.duration > 1', arg=player, timeout=60_000)
        page.evaluate('p => p.play()', player)
        page.wait_for_function('p => p.currentTime > .2', arg=player, timeout=60_000)
        page.evaluate('p => p.pause()', player)

    panel.get_by_role('textbox').last.fill('kept/monday.wav')
    panel.get_by_role('textbox').last.press('Tab')
    button('Save').click()
    says('Saved', last=True)
    edl = load_edl(folder/'kept/monday.edl.json')
    assert null_test(edl, folder/'kept/monday.wav', folder/'data/input/monday.wav')[1] == 0 and (folder/'kept/monday.png').exists()
    assert abs(edl.edit_duration / total - .75) < .05
    button('Save').click()
    says('exists already', last=True)
    shot(page, f'{name}-3-refused')

    assert page.wrong == []


LAB = ['--no-browser', '--allow-root', '--IdentityProvider.token=', '--LabApp.expose_app_in_browser=True', '--ServerApp.root_dir=.', '--ServerApp.port_retries=0']


def run_all(page, url: str):
    "Open the notebook in JupyterLab and run every cell."
    page.goto(url + 'lab/tree/tutorial.ipynb', timeout=120_000)
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status == 'idle'", timeout=90_000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")


def test_in_jupyterlab(screen, folder, tmp_path_factory):
    home = tmp_path_factory.mktemp('jupyter')
    with served(folder, home, 'jupyterlab', *LAB, ready='api/status') as url:
        run_all(screen, url)
        use(screen, folder, 'lab')


CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(c => c.toJSON()).filter(c => c.cell_type == 'code')"


def test_joins_in_jupyterlab(screen, tmp_path, tmp_path_factory):
    "From two files to an EDL: every cell runs, a join is moved with the mouse, taken back, saved, and not saved twice."
    from editorbot.edl import load_edl
    from playwright.sync_api import expect
    shutil.copy(JOINS, tmp_path/'tutorial.ipynb')
    with served(tmp_path, tmp_path_factory.mktemp('jupyter'), 'jupyterlab', *LAB, ready='api/status') as url:
        run_all(screen, url)
        panel = screen.locator('.editorbot-joins').first
        says = lambda text: expect(panel.locator('.widget-html-content').last).to_contain_text(text, timeout=240_000)
        button = lambda text: panel.get_by_role('button', name=text, exact=True)
        screen.wait_for_function(f"() => ({CELLS})().every(c => c.execution_count || !c.source.trim())", timeout=240_000)
        wrong = [o for c in screen.evaluate(CELLS) for o in c['outputs'] if o['output_type'] == 'error']
        assert wrong == []
        panel.scroll_into_view_if_needed()
        says('0 changes')
        shot(screen, 'joins-1')
        assert screen.evaluate('e => e.scrollWidth <= e.clientWidth + 1', panel.element_handle()), 'the panel is wider than its place'
        source = panel.locator('img').nth(1).get_attribute('src')
        button('+10').click()
        says('1 change')
        screen.wait_for_function('([e, old]) => e.src != old', arg=[panel.locator('img').nth(1).element_handle(), source], timeout=60_000)
        panel.locator('select').first.select_option(index=2)
        says('Join 3 at')
        player = panel.locator('audio').first.element_handle()
        screen.wait_for_function('p => p.duration > 1', arg=player, timeout=60_000)
        screen.evaluate('p => p.play()', player)
        screen.wait_for_function('p => p.currentTime > .2', arg=player, timeout=60_000)
        panel.get_by_role('textbox').last.fill('corrected.edl.json')
        panel.get_by_role('textbox').last.press('Tab')
        button('Save').click()
        says('Saved')
        assert sum(bool((j or {}).get('by_hand')) for j in load_edl(tmp_path/'corrected.edl.json').meta['joins']) == 1
        button('Save').click()
        says('exists already')
        button('Undo').click()
        says('0 changes')
        shot(screen, 'joins-2')
        assert screen.wrong == []


def test_what_the_machine_hears_in_jupyterlab(screen, tmp_path, tmp_path_factory):
    "Every cell runs; a slider that is dragged and a stem and a feature that are chosen change the picture and what is played."
    shutil.copy(HEARS, tmp_path/'tutorial.ipynb')
    with served(tmp_path, tmp_path_factory.mktemp('jupyter'), 'jupyterlab', *LAB, ready='api/status') as url:
        run_all(screen, url)
        screen.wait_for_function(f"() => ({CELLS})().every(c => c.execution_count || !c.source.trim())", timeout=400_000)
        assert [o for c in screen.evaluate(CELLS) for o in c['outputs'] if o['output_type'] == 'error'] == []
        panel = screen.locator('.jp-OutputArea-output:has(select)').last
        panel.scroll_into_view_if_needed()
        player, picture = panel.locator('audio').element_handle(), panel.locator('img')
        def changes(act):
            "Do something; are sound and picture others then?"
            old = screen.evaluate('([p, e]) => [p.src, e.src]', [player, picture.last.element_handle()])
            act()
            for _ in range(480):
                new = [screen.evaluate('p => p.src', player), picture.last.get_attribute('src')]
                if new[1] != old[1]: break
                screen.wait_for_timeout(250)
            return [a != b for a, b in zip(old, new)]
        def drag(i, share):
            handle, bar = panel.locator('.noUi-handle').nth(i), panel.locator('.noUi-base').nth(i).bounding_box()
            box = handle.bounding_box()
            screen.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
            screen.mouse.down()
            screen.mouse.move(bar['x'] + bar['width'] * share, box['y'] + box['height'] / 2, steps=4)
            screen.mouse.up()
        shot(screen, 'hears-1')
        assert changes(lambda: drag(0, .4)) == [True, True]
        assert changes(lambda: drag(1, .1)) == [True, True]
        assert changes(lambda: panel.locator('select').last.select_option('centroid'))[1]
        screen.evaluate('p => p.play()', player)
        screen.wait_for_function('p => p.currentTime > .2', arg=player, timeout=60_000)
        shot(screen, 'hears-2')
        assert screen.wrong == []


def test_as_a_voila_app(screen, folder, tmp_path_factory):
    home = tmp_path_factory.mktemp('voila')
    with served(folder, home, 'voila', 'tutorial.ipynb', '--no-browser', '--VoilaConfiguration.extension_config={}', ready='voila/static/voila.js') as url:
        screen.goto(url, wait_until='commit', timeout=120_000)
        use(screen, folder, 'voila')


def correct(page, folder: Path, name: str):
    "What the rehearsal view is for: switch, move, listen, rename, take back, save; and a wrong name leaves nothing of the old edit."
    from playwright.sync_api import expect
    panel = page.locator('.editorbot-rehearsal').first
    says = lambda text: expect(panel).to_contain_text(text, timeout=240_000)
    button = lambda text: panel.get_by_role('button', name=text, exact=True)
    says('monday.wav is open')
    says('0 changes')
    panel.scroll_into_view_if_needed()
    shot(page, f'view-{name}-1')
    assert page.evaluate('e => e.scrollWidth <= e.clientWidth + 1', panel.element_handle()), 'the panel is wider than its place'
    picture, parts = panel.locator('img').first, panel.locator('select').nth(1)
    old = picture.get_attribute('src')
    parts.select_option(index=next(i for i, text in enumerate(parts.locator('option').all_inner_texts()) if '(cut)' not in text))
    page.wait_for_function("([e, word]) => e.value.startsWith(word)", arg=[panel.get_by_label('Name', exact=True).element_handle(), 'take'], timeout=60_000)
    button('+1').first.click()                                     # the beginning of the first take
    says('1 change')
    page.wait_for_function('([e, old]) => e.src != old', arg=[picture.element_handle(), old], timeout=60_000)
    cut = next(i for i, text in enumerate(parts.locator('option').all_inner_texts()) if '(cut)' in text)
    parts.select_option(index=cut)
    expect(button('cut')).to_have_class(re.compile('mod-active'), timeout=60_000)      # a click before the part is shown is a click on the one before
    button('in the edit').click()
    says('2 changes')
    player = panel.locator('audio').first.element_handle()
    page.wait_for_function('p => p.duration > 1', arg=player, timeout=60_000)
    page.evaluate('p => p.play()', player)
    page.wait_for_function('p => p.currentTime > .2', arg=player, timeout=60_000)
    button('Undo').click()
    says('1 change')
    panel.get_by_label('Name', exact=True).fill('Blue Monday')
    panel.get_by_label('Name', exact=True).press('Tab')
    says('2 changes')
    shot(page, f'view-{name}-2')
    panel.get_by_label('as', exact=True).fill(str(folder/'songs'))
    panel.get_by_label('as', exact=True).press('Tab')
    button('Save').click()
    says('Saved')
    assert list((folder/'songs').glob('01 *.wav'))
    panel.get_by_label('File', exact=True).fill(str(folder/'none.wav'))
    panel.get_by_label('File', exact=True).press('Tab')
    button('Open').click()
    says('no such file')
    assert not picture.is_visible() and not button('Save').is_visible()
    assert page.wrong == []


def test_the_rehearsal_view_in_jupyterlab(screen, tmp_path, tmp_path_factory):
    shutil.copy(VIEW, tmp_path/'tutorial.ipynb')
    with served(tmp_path, tmp_path_factory.mktemp('jupyter'), 'jupyterlab', *LAB, ready='api/status') as url:
        run_all(screen, url)
        correct(screen, tmp_path, 'lab')


def test_the_rehearsal_view_as_a_voila_app_without_a_network(screen, tmp_path, tmp_path_factory):
    "All outside requests are refused, none is made, and everything works: the template of `editorbot view` needs no sheet of icons."
    from editorbot.app.view import write_template
    shutil.copy(VIEW, tmp_path/'tutorial.ipynb')
    outside = lambda url: url.startswith('http') and '//127.0.0.1' not in url
    screen.on('request', lambda r: screen.wrong.append(r.url) if outside(r.url) else None)
    screen.route(outside, lambda route: route.abort())
    home = tmp_path_factory.mktemp('voila')
    write_template(home/'data')
    with served(tmp_path, home, 'voila', 'tutorial.ipynb', '--template=editorbot', '--no-browser', '--VoilaConfiguration.extension_config={}', ready='voila/static/voila.js') as url:
        screen.goto(url, wait_until='commit', timeout=120_000)
        correct(screen, tmp_path, 'voila')
