"""The real program opens an exported session, headless, and its export is our render: every sample outside joins, fades and gains."""
import os, shutil, subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile as sf

from editorbot.edl import EDL, Segment, Source
from editorbot.interchange.export import export
from editorbot.rendering import render

EXPORT, LUA = shutil.which('ardour7-export'), shutil.which('ardour7-lua')
if not EXPORT and os.environ.get('CI', '').lower() in ('1', 'true') and not os.environ.get('EDITORBOT_NO_ARDOUR'):
    raise FileNotFoundError('no ardour7-export on PATH: apt install ardour')
pytestmark = [pytest.mark.skipif(not EXPORT, reason='Ardour is not installed (Debian: apt install ardour)'), pytest.mark.slow]


def ardour(*command, home, makes=None, attempts=4):
    """Run an Ardour tool with settings of its own. Ardour 7.3's tools sometimes crash or hang while they close, after their work is done
    (with sessions that Ardour itself saved, too), so what counts is the file that they should make; without it they get another try."""
    env = {**os.environ, 'HOME': str(home), 'XDG_CONFIG_HOME': str(home/'.config')}
    for _ in range(attempts):
        if makes: makes.unlink(missing_ok=True)
        try: said = subprocess.run(command, capture_output=True, text=True, timeout=90, env=env)
        except subprocess.TimeoutExpired as e: said, whole = e, False
        else: whole = makes.exists() and makes.stat().st_size > 0
        if whole: return f'{said.stdout}{said.stderr}'
    raise AssertionError(f'{command}: {said}')


def play(session, out, home):
    "What Ardour plays."
    ardour(EXPORT, '-b', 'float', '-o', str(out), str(session.parent), session.stem, home=home, makes=out)
    return sf.read(out, always_2d=True)


def edit(folder, rate, channels, subtype, name='Übung 1, zweiter Take.wav'):
    "A recording of 12 s of noise and an edit of it with everything that Ardour can hold."
    raw, n = folder/name, rate * 12
    sf.write(raw, np.random.default_rng(rate + channels).uniform(-.7, .7, (n, channels)), rate, subtype=subtype)
    s = rate // 10
    return EDL(Source.from_file(raw), [
        Segment(7 * s + 3, 27 * s + 3, 0, fade_in=s, reason='Anfang'), Segment(60 * s + 1, 75 * s, 20 * s, crossfade=s // 2, reason='cut: <talk> & tuning'),
        Segment(10 * s, 25 * s + 7, 35 * s - 1, crossfade=s // 3 * 2, law='linear'), Segment(None, None, 50 * s + 6), Segment(30 * s, 40 * s, 55 * s),
        Segment(80 * s, 90 * s, 65 * s, gain_db=-4.5, crossfade=400, fade_in=s, reason='softer'), Segment(100 * s, 118 * s, 75 * s, fade_out=2 * s)]).validate()


def quiet(edl):
    "True where the edit only copies: no join, no fade, no gain."
    ok, ends = np.ones(edl.edit_frames, bool), edl.segment_lengths()
    for s, n in zip(edl.segments, ends, strict=True):
        a, b = s.edit_in, s.edit_in + int(n)
        if s.gain_db: ok[a:b] = False
        for lo, hi in ((a - s.crossfade // 2, a + s.crossfade // 2), (a, a + s.fade_in), (b - s.fade_out, b)): ok[max(0, lo):hi] = False
    return ok


def differences(edl, session, ours, home, attempts=12):
    """What Ardour plays less what we render, absolute, (frames,): of its first run that is exact where the edit only copies, or of the last one.
    With 8 channels 12 of 25 runs of Ardour 7.3 held stray values (up to 1e35, others each time, most of them in the first sample of each block of 2048 of
    one channel), with 2 channels none of 12, but one of a saved session did not play what it had played before; an error in the session would be there in every run."""
    for _ in range(attempts):
        theirs, rate = play(session, home/'ardour.wav', home)
        assert (theirs.shape, rate) == (ours.shape, edl.source.sample_rate)
        differ = np.abs(theirs - ours).max(1)
        if differ[quiet(edl)].max() == 0: break
    return differ


KINDS = [(44100, 1, 'PCM_16'), (48000, 2, 'PCM_24'), (96000, 2, 'FLOAT'), (192000, 2, 'PCM_24'), (48000, 8, 'PCM_24')]

@pytest.mark.parametrize('rate, channels, subtype', KINDS)
def test_ardour_plays_what_we_render(tmp_path, rate, channels, subtype):
    edl = edit(tmp_path, rate, channels, subtype)
    session = export(edl, tmp_path/'my session'/'Mix ü.ardour')
    ours, _ = sf.read(render(edl, tmp_path/'ours.wav'), always_2d=True)
    differ, copies = differences(edl, session, ours, tmp_path), quiet(edl)
    assert copies.mean() > .5
    assert differ[copies].max() == 0, np.flatnonzero(copies & (differ > 0))[:5]
    assert differ.max() < 5e-3, int(differ.argmax())   # joins, fades, gains: Ardour stretches its curves by up to a sample a block


def saved_again(session: Path, tmp_path: Path) -> Path:
    "The session after Ardour has opened it and saved it under another name."
    again = session.with_name('again.ardour')
    script = tmp_path/'save.lua'
    script.write_text(f"""AudioEngine:set_backend("None (Dummy)", "", "")
        s = load_session("{session.parent}", "s")
        assert(s)
        s:save_state("again", false, false, false, false, false)""")
    said = ardour(LUA, str(script), home=tmp_path, makes=again)
    assert '[ERROR]' not in said, said
    return again


@pytest.mark.skipif(not LUA, reason='no ardour7-lua')
def test_ardour_saves_it_again(tmp_path):
    "Opened and saved by Ardour, the session still finds the recording, and plays the same."
    edl = edit(tmp_path, 48000, 2, 'PCM_24')
    session = export(edl, tmp_path/'s'/'s.ardour')
    again = saved_again(session, tmp_path)
    saved = again.read_text(encoding='utf-8')
    assert str(edl.source.path) in saved and 'cut: &lt;talk&gt; &amp; tuning' in saved
    ours, _ = sf.read(render(edl, tmp_path/'ours.wav'), always_2d=True)
    differ = differences(edl, again, ours, tmp_path)
    assert differ[quiet(edl)].max() == 0 and differ.max() < 5e-3


@pytest.mark.skipif(not LUA, reason='no ardour7-lua')
def test_ardour_keeps_the_other_takes(tmp_path):
    "Opened and saved by Ardour, the other takes are still playlists of the track, at the same samples; it plays the kept ones."
    raw = tmp_path/'jam.wav'
    sf.write(raw, np.random.default_rng(0).uniform(-.5, .5, (96_000, 2)), 48_000, subtype='PCM_16')
    takes = [([10_000, 30_000], [(40_000, 60_000, 'take 1'), (70_000, 75_000, 'take 3')])]
    edl = EDL(Source.from_file(raw), [Segment(0, 5_000, 0), Segment(10_000, 30_000, 5_000)], {'takes': takes})
    session = export(edl, tmp_path/'s'/'s.ardour')
    again = saved_again(session, tmp_path)
    root, tick = ElementTree.parse(again).getroot(), 282_240_000 // 48_000
    track = next(r for r in root.iter('Route') if r.get('name') == 'edit')
    own = [p for p in root.iter('Playlist') if p.get('orig-track-id') == track.get('id')]
    assert track.get('audio-playlist') == own[0].get('id') and [p.get('name') for p in own] == ['edit', 'edit.1', 'edit.2']
    starts = [[int(r.get('start')[1:]) // tick for r in p.iter('Region')] for p in own]
    assert starts == [[0, 10_000], [40_000], [70_000]]
