"""Feedback as people give it: in a terminal, in a browser, from the command line to a person's checkpoint."""
import json, shutil
from pathlib import Path

import house, numpy as np, pytest
from click.testing import CliRunner
from test_tutorial import screen, served, shot  # noqa: F401

TUTORIAL = house.ROOT/'nbs/tutorials/08_say_what_you_like.ipynb'
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope='module')
def place(tmp_path_factory) -> Path:
    "A folder with a recording of tones and near silence, and a small network that knows nothing."
    import torch
    from editorbot.audio import write_audio
    from editorbot.pointer.pointer_network import PointerConfig, PointerNet, save_pointer
    folder, rng, sr = tmp_path_factory.mktemp('feedback'), np.random.default_rng(0), 22050
    tone = lambda s, a, f: a * np.sin(2 * np.pi * f * np.arange(int(s * sr)) / sr) * rng.uniform(.5, 1, int(s * sr))
    sound = np.concatenate([x for i in range(4) for x in (tone(5, .003, 100), tone(9, .3, 220 + 40 * i))])
    write_audio(folder/'jam.wav', sound[:, None].astype(np.float32), sr)
    torch.manual_seed(0)
    save_pointer(PointerNet(PointerConfig(width=32, layers=2, before=1, cost=1.)), folder/'net/best.safetensors')
    return folder


def call(*args, code=0) -> str:
    "What a command says; its exit status must be `code`."
    from editorbot.app.cli import main
    r = CliRunner().invoke(main, [str(a) for a in args])
    assert r.exit_code == code, r.output
    return r.output


def test_rate_then_train_then_edit(place, monkeypatch):
    "A terminal sitting is interrupted, goes on, moves to another file, and becomes a checkpoint that `edit` takes."
    monkeypatch.chdir(place)
    (place/'first.txt').write_text('a\nb\nu\nt\nq\n'); (place/'second.txt').write_text('\n'.join('abababatcb') + '\n')
    assert 'answers      2' in call('rate', 'jam.wav', '--checkpoint', 'net', '--answers', 'first.txt')
    assert 'answers      10' in call('rate', 'jam.wav', '--checkpoint', 'net', '--answers', 'second.txt', '--export', 'said.jsonl')
    assert 'expected a, b, t, c, u or q' in call('rate', 'jam.wav', '--checkpoint', 'net', '--answers', 'jam.wav.txt' if (place/'jam.wav.txt').write_text('louder\n') else '', code=2)
    assert 'exists already' in call('rate', '--export', 'said.jsonl', code=2)
    assert 'exported' in call('rate', '--data', 'other', '--import', 'said.jsonl', '--export', 'again.jsonl')
    assert (place/'again.jsonl').read_text() == (place/'said.jsonl').read_text()
    said = call('train', 'preference', '--data', 'data', '-p', 'checkpoint', 'net', '-p', 'rounds', 0, '-p', 'output', 'ann')
    assert 'editorbot edit RAW --checkpoint ann' in said
    assert json.loads((place/'ann/person.json').read_text())['info']['preference']['answers'] > 5
    assert 'EDL' in call('edit', 'jam.wav', '--checkpoint', 'ann', '--no-plot', '-o', 'mine.wav')


def test_train_preference_says_what_is_missing(place, monkeypatch, tmp_path):
    "Without answers there is one line that says what to do."
    monkeypatch.chdir(tmp_path)
    assert 'rate some edits first: editorbot rate RAW' in call('train', 'preference', '-p', 'checkpoint', place/'net', code=2)


def test_a_rate_never_replaces_somebody_elses_file(place, monkeypatch, tmp_path):
    "A.wav of the user's own stays."
    monkeypatch.chdir(tmp_path)
    (tmp_path/'outputs/rate').mkdir(parents=True)
    (tmp_path/'outputs/rate/A.wav').write_bytes(b'mine')
    assert 'is not what rate wrote' in call('rate', place/'jam.wav', '--checkpoint', place/'net', code=2)
    assert (tmp_path/'outputs/rate/A.wav').read_bytes() == b'mine'


@pytest.mark.slow
def test_a_whole_session_in_a_browser(tmp_path, screen, monkeypatch):  # noqa: F811
    "Voila: listen, answer by mouse and by key, undo, rate; the answers are in the file when the browser is gone."
    from editorbot.feedback.listening import FeedbackStore
    from playwright.sync_api import expect
    shutil.copy(TUTORIAL, tmp_path/'rate.ipynb')
    home = tmp_path/'home'; home.mkdir()
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    with served(tmp_path, home, 'voila', 'rate.ipynb', '--no-browser', ready='voila/static/voila.js') as url:
        screen.goto(url, timeout=240_000)
        panel = screen.locator('.editorbot-rating').first
        says = lambda text: expect(panel.locator('.widget-html-content').first).to_contain_text(text, timeout=240_000)
        button = lambda text: panel.get_by_role('button', name=text, exact=True)
        says('0 answers')
        for i, name in enumerate(('A is better', 'B is better', 'A tie')):
            player = panel.locator('audio').nth(i % 2).element_handle()
            screen.wait_for_function('p => p.duration > 1', arg=player, timeout=60_000)
            button(name).click()
            says(f'{i + 1} answers')
        panel.get_by_role('textbox').last.press_sequentially('c'); says('4 answers')
        button('Undo').click(); says('3 answers')
        button('Rate A').click(); expect(panel.locator('.widget-html-content').last).to_contain_text('of 10')
        shot(screen, 'rating')
        for i in range(27):
            button('A is better' if i % 2 else 'B is better').click()
            says(f'{i + 4} answers')
    assert not screen.wrong
    store = FeedbackStore(next(tmp_path.rglob('feedback.sqlite')))
    assert (len(store.answers()), len(store.answers(kind='rating'))) == (30, 1)
