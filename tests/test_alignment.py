"""Pairs that bands really send: swapped channels, clipped masters, one channel, other people's songs, silence, loops, two seconds of edit."""
from pathlib import Path

import numpy as np, pytest, soundfile as sf

from editorbot.alignment.alignment import align
from editorbot.edl import EDL, Segment, Source
from editorbot.rendering import render, render_blocks
from editorbot.simulation.band import synth_song

SR = 44100


@pytest.fixture(scope='module')
def jam(tmp_path_factory) -> Path:
    "Forty seconds of the synthetic band in stereo, 24 bit."
    path = tmp_path_factory.mktemp('jam')/'jam.wav'
    sf.write(path, synth_song(31, 40, SR), SR, subtype='PCM_24')
    return path


def edit_of(jam: Path, *parts: tuple, **last) -> EDL:
    "An EDL of `(from s, to s, options)`."
    segs, pos = [], 0
    for i, (a, b, kw) in enumerate(parts):
        a, b = round(a * SR), round(b * SR)
        segs.append(Segment(a, b, pos, **kw, **(last if i == len(parts) - 1 else {})))
        pos += b - a
    return EDL(Source.from_file(jam), segs).validate()


CUTS = ((2.1, 9.3, {}), (20.2, 27.9, {}), (31.0, 38.4, {}))                                                     # T0
LOOPS = ((20.2, 27.9, {'fade_in': 22050}), (24.2, 27.9, {'crossfade': 1764}), (3.3, 9.9, {'crossfade': 882, 'law': 'linear', 'gain_db': -1.5}),
         (3.3, 9.9, {}), (30.1, 37.7, {'crossfade': 3528, 'gain_db': 1.}))                                     # T1


def offsets(edl: EDL) -> list: return [s.source_in - s.edit_in for s in edl.segments if s.has_source]


def pair(jam: Path, folder: Path, edit: np.ndarray, sr: int = SR) -> EDL:
    sf.write(folder/'edit.wav', edit, sr, subtype='PCM_16')
    return align(jam, folder/'edit.wav')


@pytest.mark.parametrize('parts', [CUTS, LOOPS], ids=['cuts', 'loops'])
def test_null(jam, tmp_path, parts):
    "The EDL that was found, rendered again, cancels the edit by 60 dB and more."
    true = edit_of(jam, *parts, fade_out=44100)
    render(true, tmp_path/'edit.wav')
    found = align(jam, tmp_path/'edit.wav')
    assert [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in found.segments] == [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in true.segments]
    x, y = sf.read(tmp_path/'edit.wav')[0], np.concatenate(list(render_blocks(found, dtype='float64')))
    assert 10 * np.log10(((x - y) ** 2).mean() / (x ** 2).mean()) < -60


def rough(how: str, x: np.ndarray) -> np.ndarray:
    "What becomes of an edit."
    if how == 'flipped': return x[:, ::-1]
    if how == 'left only': return x[:, :1]
    if how == 'upside down': return -x
    if how == 'clipped': return np.clip(12 * x, -.9, .9)
    if how == 'clipped by 30 dB': return np.clip(30 * x, -.9, .9)
    return x


@pytest.mark.parametrize('how', ['flipped', 'left only', 'upside down', 'clipped', 'clipped by 30 dB'])
def test_survives(jam, tmp_path, how):
    "Every segment to a sample, every join to 20 ms."
    true = edit_of(jam, *CUTS)
    x = np.concatenate(list(render_blocks(true, dtype='float64')))
    found = pair(jam, tmp_path, rough(how, x))
    assert len(found.segments) == 3
    assert np.abs(np.subtract(offsets(found), offsets(true))).max() <= 1
    assert max(abs(f.edit_in - t.edit_in) for f, t in zip(found.segments, true.segments)) < .02 * SR
    assert found.meta['chain']['polarity'] == (-1 if how == 'upside down' else 1)
    assert found.meta['warnings'] == []


def test_one_channel_upside_down(jam, tmp_path):
    "The mean of the channels cancels: their difference is compared instead, and the result says so."
    true = edit_of(jam, *CUTS)
    found = pair(jam, tmp_path, np.concatenate(list(render_blocks(true, dtype='float64'))) * (1, -1))
    assert offsets(found) == offsets(true) and [s.edit_in for s in found.segments] == [s.edit_in for s in true.segments]
    assert found.meta['mono'] == {'raw': 'mean', 'edit': 'difference'} and 'upside down' in found.meta['warnings'][0]


def test_nothing_in_common(jam, tmp_path):
    found = pair(jam, tmp_path, synth_song(77, 15, SR))
    assert [s.reason for s in found.segments] == ['no source'] and 'are these two files a pair' in found.meta['warnings'][0]


def test_silence(jam, tmp_path):
    found = pair(jam, tmp_path, np.zeros((5 * SR, 2)))
    assert [s.reason for s in found.segments] == ['silence'] and 'the edit is silent' in found.meta['warnings'][0]
    sf.write(tmp_path/'quiet.wav', np.zeros((9 * SR, 2)), SR)
    found = pair(tmp_path/'quiet.wav', tmp_path, synth_song(77, 5, SR))
    assert [s.reason for s in found.segments] == ['no source']


def test_identical(jam):
    found = align(jam, jam)
    assert [(s.source_in, s.source_out, s.edit_in) for s in found.segments] == [(0, 40 * SR, 0)] and found.meta['warnings'] == []


def test_longer_than_its_raw(jam, tmp_path):
    true = edit_of(jam, (0, 40, {}), (5, 20, {}))
    found = pair(jam, tmp_path, np.concatenate(list(render_blocks(true, dtype='float64'))))
    assert offsets(found) == offsets(true) and 'is longer than the raw' in found.meta['warnings'][0]


@pytest.mark.parametrize('start', [3.7, 17.1, 33.3])
def test_two_seconds(jam, tmp_path, start):
    true = edit_of(jam, (start, start + 2, {}))
    found = pair(jam, tmp_path, np.concatenate(list(render_blocks(true, dtype='float64'))))
    assert [(s.source_in, s.source_out) for s in found.segments] == [(true.segments[0].source_in, true.segments[0].source_out)]


def test_one_repeated_bar(jam, tmp_path):
    "Which of the bars it was can't be known: the audio is right, and the confidence says so."
    bar = sf.read(jam, start=5 * SR, stop=7 * SR)[0]
    sf.write(tmp_path/'loop.wav', np.tile(bar, (20, 1)), SR, subtype='PCM_24')
    found = pair(tmp_path/'loop.wav', tmp_path, np.tile(bar, (6, 1))[SR // 3:])
    assert {o % (2 * SR) for o in offsets(found)} == {SR // 3} and all(s.has_source for s in found.segments)
    assert min(s.confidence for s in found.segments) < .5 and any('repeats' in w for w in found.meta['warnings'])
