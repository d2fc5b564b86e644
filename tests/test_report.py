"""The page of an edit in a real browser, from a file, without a network: see, play, stop at the end, joins, cuts, keyboard, a telephone."""
import os, re
from pathlib import Path

import numpy as np, pytest, soundfile as sf
from editorbot.app.report import pieces_of, report
from editorbot.edl import Source, edl_from_regions

pytestmark = [pytest.mark.xdist_group('tutorial'), pytest.mark.timeout(300)]
SR = 22050


@pytest.fixture(scope='module')
def made(tmp_path_factory) -> Path:
    folder, rng = tmp_path_factory.mktemp('report'), np.random.default_rng(0)
    n = int(20 * SR)
    sf.write(folder/'jam.wav', .3 * np.sin(2 * np.pi * 220 * np.arange(n) / SR) * rng.uniform(.5, 1, n), SR)
    edl = edl_from_regions(Source.from_file(folder/'jam.wav'), [(2 * SR, 5 * SR), (9 * SR, 17 * SR)], confidence=[.95, .4],
                           reasons=['from the beginning', 'after talk'], meta={'cuts': [[0, 2, 'tuning'], [5, 9, 'talk <b> & tea'], [17, 20, 'room']]})
    return report(edl, folder/'jam.html', show=False)


@pytest.fixture
def opened(page, made):
    "The page; whatever it asks for beyond its own file is an error."
    page.wrong = []
    page.on('pageerror', lambda e: page.wrong.append(str(e)))
    page.on('request', lambda r: page.wrong.append(r.url) if not r.url.startswith(('file://', 'blob:', 'data:')) else None)
    page.set_viewport_size({'width': 1280, 'height': 900})
    page.goto(made.as_uri())
    yield page
    assert page.wrong == []


def said(page) -> str: return page.locator('#said').inner_text()


def head(page, strip: str) -> float: return float(re.search(r'[\d.]+', page.locator(f'#{strip} .head').evaluate('e => e.style.left || "-1"'))[0])


def shot(page, name: str):
    if where := os.environ.get('SCREENSHOTS'): page.screenshot(path=Path(where)/f'{name}.png', full_page=True)


def test_a_take_plays_to_its_end_and_stops(opened):
    opened.get_by_role('button', name='Play take 1', exact=True).click()
    opened.wait_for_function("() => document.querySelector('#said').textContent.startsWith('take 1') && document.querySelector('#raw .head').style.display == 'block'")
    opened.wait_for_function("() => parseFloat(document.querySelector('#raw .head').style.left) > 12")      # 2.4 s of 20 s: it moves
    assert 10 <= head(opened, 'raw') <= 25.5 and 0 < head(opened, 'edit') <= 27.5
    shot(opened, 'report-playing')
    opened.wait_for_function("() => document.querySelector('#said').textContent == 'Played to its end.'", timeout=20_000)
    assert opened.locator('#raw .head').evaluate("e => e.style.display") == 'none'


def test_what_was_cut_and_joins_can_be_heard(opened):
    opened.get_by_role('button', name='Play talk <b> & tea', exact=True).click()
    opened.wait_for_function("() => parseFloat(document.querySelector('#raw .head').style.left) > 25.2")
    assert opened.locator('#edit .head').evaluate("e => e.style.display") == 'none'                         # it isn't in the edit
    opened.get_by_role('button', name='Play the join before take 2').click()
    opened.wait_for_function("() => document.querySelector('#said').textContent == 'the join before take 2'")
    opened.wait_for_function("() => parseFloat(document.querySelector('#edit .head').style.left) > 2")
    opened.locator('#stop').click()
    assert said(opened) == 'Nothing plays.'


def test_a_click_on_a_strip_plays_from_there(opened):
    box = opened.locator('#raw').bounding_box()
    opened.mouse.click(box['x'] + box['width'] * .7, box['y'] + box['height'] / 2)                          # 14 s: inside take 2
    opened.wait_for_function("() => document.querySelector('#said').textContent.startsWith('take 2') && parseFloat(document.querySelector('#raw .head').style.left) > 69.5")
    assert head(opened, 'raw') < 80


def test_doubtful_edges_come_first(opened):
    first = opened.locator('.first')
    assert first.bounding_box()['y'] < opened.get_by_role('heading', name='Kept').bounding_box()['y']
    assert first.get_by_role('button').count() == 2 and 'take 2: its beginning (40% sure)' in first.inner_text()
    first.get_by_role('button').first.click()
    opened.wait_for_function("() => document.querySelector('#said').textContent.startsWith('talk')")        # first what was cut ...
    opened.wait_for_function("() => document.querySelector('#said').textContent.startsWith('take 2')", timeout=20_000)


def test_a_take_can_be_saved(opened, tmp_path):
    with opened.expect_download() as download: opened.get_by_role('button', name='Download take 1 as MP3').click()
    assert download.value.suggested_filename == 'take 1.mp3'
    download.value.save_as(tmp_path/'take.mp3')
    assert abs(sf.info(tmp_path/'take.mp3').duration - 3) < .1


def test_keyboard_alone(opened):
    opened.locator('#raw .span').nth(1).focus()
    opened.keyboard.press('ArrowRight')
    opened.keyboard.press('ArrowRight')
    opened.keyboard.press('Enter')
    opened.wait_for_function("() => document.querySelector('#said').textContent.startsWith('take 2')")
    opened.keyboard.press('Escape')
    assert said(opened) == 'Nothing plays.'
    unnamed = opened.evaluate("() => [...document.querySelectorAll('button, a')].filter(b => !(b.getAttribute('aria-label') || b.textContent.trim())).length")
    assert unnamed == 0


def test_a_second_choice_before_the_first_sounds(opened):
    "Neither a stop nor another take may be answered by the promise of the one before."
    slow = "() => {const raw = HTMLMediaElement.prototype.play; HTMLMediaElement.prototype.play = function() " \
           "{const p = raw.call(this); if (window.early) window.early(); return p}}"
    opened.evaluate(slow)                                                                                   # something happens between play() and its promise
    take = lambda i: f"document.querySelectorAll('#raw .span')[{i}]"
    opened.evaluate(f"() => {{window.early = () => {{window.early = null; document.querySelector('#stop').click()}}; {take(3)}.click()}}")
    opened.wait_for_function("() => window.early === null")
    opened.wait_for_timeout(300)
    assert said(opened) == 'Nothing plays.'
    opened.evaluate(f"() => {{window.early = () => {{window.early = null; {take(3)}.click()}}; {take(1)}.click()}}")
    opened.wait_for_function("() => window.early === null")
    opened.wait_for_function("() => document.querySelector('#said').textContent.startsWith('take 2')")
    opened.wait_for_timeout(300)
    assert said(opened).startswith('take 2')
    opened.evaluate(f"() => {{{take(1)}.click(); document.querySelector('#stop').click()}}")                # stopped before the sound is known
    opened.wait_for_timeout(300)
    assert said(opened) == 'Nothing plays.'


@pytest.mark.parametrize('width', [400, 1280])
def test_it_fits(opened, width):
    opened.set_viewport_size({'width': width, 'height': 800})
    assert opened.evaluate('() => document.documentElement.scrollWidth') <= width
    numbers = lambda strip: opened.locator(f'#{strip} .span b').all_inner_texts()
    assert numbers('raw') == numbers('edit') == ['1', '2']
    smallest = opened.evaluate("() => Math.min(...[...document.querySelectorAll('main *')].filter(e => e.children.length == 0 && e.textContent.trim()).map(e => parseFloat(getComputedStyle(e).fontSize)))")
    assert smallest >= 12                                                                                   # 9 pt
    shot(opened, f'report-{width}')


def test_songs_have_groups_names_and_files(page, made, tmp_path):
    import dataclasses
    from editorbot.edl import edl_from_regions
    edl = edl_from_regions(Source.from_file(made.parent/'jam.wav'), [(2 * SR, 5 * SR), (9 * SR, 17 * SR)])
    pieces = [dataclasses.replace(p, group=f'Song {p.number}' if p.number else '', name=f'Song {p.number}' if p.number else p.name, file=f'0{p.number} Song.wav' if p.number else '') for p in pieces_of(edl)]
    page.goto(report(edl, tmp_path/'songs.html', pieces=pieces, show=False).as_uri())
    assert page.locator('h3').all_inner_texts()[-2:] == ['Song 1', 'Song 2']
    assert page.get_by_role('link', name='Download Song 1 in full quality').get_attribute('href') == '01%20Song.wav'
