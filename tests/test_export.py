"""Random edits go out to every format and come back: positions to the sample, whatever the rate, the depth, the channels and the name."""
import csv, dataclasses, math, warnings
from fractions import Fraction
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings, strategies as st

from editorbot.edl import EDL, Segment, Source, validate
from editorbot.interchange.export import SUPERCLOCK, WRITERS, clips, export
from editorbot.interchange.import_ import READERS, import_edl

RATES, DEPTHS = (44100, 48000, 88200, 96000, 176400, 192000), ('PCM_16', 'PCM_24', 'PCM_32', 'FLOAT')
HOURS = 3 * 3600            # positions of a long session; the files themselves stay tiny, no format reads their samples
QUIET = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@st.composite
def edits(draw, speed=True, frames=None):
    "A valid EDL over a source that has hours, with everything that an EDL can hold."
    rate = draw(st.sampled_from(RATES))
    frames = frames or rate * HOURS
    source = Source('raw.wav', '', rate, draw(st.sampled_from((1, 2, 6, 8))), frames, draw(st.sampled_from(DEPTHS)))
    segs, pos = [], 0
    for _ in range(draw(st.integers(1, 7))):
        if draw(st.integers(0, 6)) == 0:
            segs.append(Segment(None, None, pos, reason=draw(REASONS)))
            pos += draw(st.integers(1, rate))
            continue
        n = draw(st.integers(2, min(rate * 20, frames // 4)))
        a = draw(st.integers(n, frames - 2 * n))
        ratio = draw(st.sampled_from((1.0, 1.0, 1.0, 1.03, 0.97, 0.9612345))) if speed else 1.0
        pitch = draw(st.sampled_from((0.0, 12 * math.log2(ratio), 1.5))) if speed else 0.0
        length = round(n / ratio)
        before, room = (segs[-1], pos - segs[-1].edit_in) if segs else (None, 0)
        half = draw(st.integers(0, min(length, room) // 2 // 2)) if before is not None and before.has_source else 0
        fade_in = draw(st.integers(0, length // 3)) if not half else 0
        fade_out = draw(st.integers(0, length // 3)) if draw(st.booleans()) else 0
        segs.append(Segment(a, a + n, pos, rate=ratio, pitch=pitch, reverse=speed and draw(st.integers(0, 4)) == 0, gain_db=draw(GAINS),
                            fade_in=fade_in, fade_out=fade_out, crossfade=2 * half,
                            law=draw(st.sampled_from(('equal_power', 'linear'))) if half else 'equal_power',
                            confidence=draw(st.floats(0, 1)), reason=draw(REASONS)))
        pos += length
    if not any(s.has_source for s in segs): segs.append(Segment(10, 20, pos)); pos += 10
    return validate(EDL(source, segs, {} if segs[-1].has_source else {'edit_frames': pos}))


REASONS = st.sampled_from(('', 'cut: talk', 'Übergang „zwei“',
                           'a "quoted" word', "it's <b> & it's fine", '第二テイク', '|pipe', '> angle', '1 2 3', '`tick` \' "'))
GAINS = st.one_of(st.just(0.0), st.floats(-60, 12))


def with_file(edl, folder):
    "The same edit with a source that exists: a header of the right kind, hours of samples that nobody reads (a sparse file)."
    path = folder/f'Übung 1, {edl.source.sample_rate} Hz.wav'
    s = edl.source
    with sf.SoundFile(path, 'w', s.sample_rate, s.channels, s.subtype, format='RF64') as f: f.write(np.zeros((1, s.channels)))
    data = bytearray(path.read_bytes())
    size = s.frames * s.channels * {'PCM_16': 2, 'PCM_24': 3}.get(s.subtype, 4)
    data[data.find(b'ds64') + 16:data.find(b'ds64') + 32] = size.to_bytes(8, 'little') + s.frames.to_bytes(8, 'little')
    at = data.find(b'data') + 8
    path.write_bytes(bytes(data[:at]))
    with open(path, 'r+b') as f: f.truncate(at + size)
    return dataclasses.replace(edl, source=dataclasses.replace(s, path=str(path)))


def assert_same(a: EDL, b: EDL):
    assert len(a.segments) == len(b.segments) and a.edit_frames == b.edit_frames
    for x, y in zip(a.segments, b.segments, strict=True):
        for f in dataclasses.fields(Segment):
            u, v = getattr(x, f.name), getattr(y, f.name)
            assert v == pytest.approx(u, abs=1e-9) if f.name in ('gain_db', 'rate', 'pitch', 'confidence') else u == v, (f.name, x, y)


@pytest.mark.parametrize('suffix', READERS)
@given(edl=edits(frames=400_000))
@QUIET
def test_there_and_back(edl, suffix, tmp_path):
    "Every field of every segment survives; only the last digits of gains and pitches may differ."
    edl = with_file(edl, tmp_path)
    assert_same(edl, import_edl(export(edl, tmp_path/f'Ein Schnitt{suffix}', overwrite=True)))


@pytest.mark.parametrize('suffix', READERS)
@given(edl=edits())
@settings(QUIET, max_examples=5)
def test_hours_there_and_back(edl, suffix, tmp_path, monkeypatch):
    "Seconds as text are exact enough for a session of hours at 192 kHz."
    monkeypatch.setattr('editorbot.edl.sha256_file', lambda p: '')
    assert_same(edl, import_edl(export(with_file(edl, tmp_path), tmp_path/f'long{suffix}', overwrite=True)))


@given(edl=edits())
@settings(QUIET, max_examples=20)
def test_rpp_positions(edl, tmp_path):
    "Item starts, source offsets and lengths, read by the rpp library, are samples to 1e-6."
    import rpp
    edl = with_file(edl, tmp_path)
    project = rpp.loads(export(edl, tmp_path/'a.rpp', overwrite=True).read_text(encoding='utf-8'))
    sr = edl.source.sample_rate
    for c, item in zip(clips(edl), project.find('.//TRACK').findall('ITEM'), strict=True):
        line = {x[0]: x[1:] for x in item if isinstance(x, list)}
        s = c.segment
        assert abs(float(line['POSITION'][0]) * sr - c.start) < 1e-6
        if not s.has_source: continue
        start = edl.source.frames - s.source_out if s.reverse else s.source_in
        assert abs(float(line['SOFFS'][0]) * sr - (start - c.head * s.rate)) < 1e-6
        assert abs(float(line['LENGTH'][0]) * sr * s.rate - ((s.source_out - s.source_in) + (c.head + c.tail) * s.rate)) < 1e-5
        assert abs(float(line['FADEIN'][2]) * sr - 2 * c.head) < 1e-6 and abs(float(line['FADEOUT'][2]) * sr - 2 * c.tail) < 1e-6
        assert 20 * math.log10(float(line['VOLPAN'][0])) == pytest.approx(s.gain_db, abs=1e-9)


@given(edl=edits(speed=False))
@settings(QUIET, max_examples=12)
def test_aaf_positions(edl, tmp_path):
    "Read by pyaaf2: every track plays the samples that the EDL names, joined where it says."
    import aaf2
    edl = with_file(edl, tmp_path)
    with aaf2.open(str(export(edl, tmp_path/'a.aaf', overwrite=True)), 'r') as f:
        comp = next(f.content.compositionmobs())
        sounds = [s for s in comp.slots if s.media_kind == 'Sound']
        assert len(sounds) == edl.source.channels and all(s.edit_rate == edl.source.sample_rate for s in sounds)
        for ch, slot in enumerate(sounds, 1):
            pos, placed, fade = 0, [], None
            for part in slot.segment.components:
                if type(part).__name__ == 'Transition':
                    pos -= part.length
                    law = part['OperationGroup'].value.parameters.value[0].interpolationdef.name
                    fade = (part.length, part.cutpoint, {'Linear': 'linear', 'Power': 'equal_power'}[law])
                    continue
                gain, clip = 1.0, part
                if type(part).__name__ == 'OperationGroup': gain, clip = float(part.parameters.value[0].value), list(part.segments)[0]
                placed.append((pos, part.length, clip, gain, fade))
                fade = None
                pos += part.length
            assert pos == slot.segment.length == edl.edit_frames
            for c, (at, n, clip, gain, join) in zip(clips(edl), placed, strict=True):
                assert (at, n) == (c.start, c.stop - c.start)
                assert (join or (0, 0, c.segment.law)) == (2 * c.head, c.head, c.segment.law)
                if not c.segment.has_source: continue
                assert clip.start == c.segment.source_in - c.head and gain == pytest.approx(10 ** (c.segment.gain_db / 20), abs=1e-7)
                assert (clip.get('FadeInLength').value if 'FadeInLength' in clip else 0) == c.segment.fade_in
                file = clip.mob.slot_at(clip.slot_id).segment.mob
                assert clip.slot_id == ch and file.slot_at(ch)['PhysicalTrackNumber'].value == ch
                url = urlsplit(next(iter(file.descriptor['Locator'].value))['URLString'].value)
                assert unquote(url.path) == edl.source.path
        reasons = [(m['Position'].value, m['Comment'].value) for s in comp.slots if s.name == 'reasons' for m in s.segment.components]
        assert [p for p, _ in reasons] == [s.edit_in for s in edl.segments if s.reason]


def test_aaf_in_the_eyes_of_another_reader(tmp_path):
    "OpenTimelineIO's AAF adapter finds our segments, without handles, and our crossfades."
    otio = pytest.importorskip('opentimelineio')
    pytest.importorskip('otio_aaf_adapter')
    sf.write(tmp_path/'Übung 1.wav', np.zeros((480_000, 2)), 48000, subtype='PCM_24')
    segs = [Segment(1000, 49000, 0, fade_in=480), Segment(96000, 144000, 48000, crossfade=2400, law='linear', gain_db=-3.0, reason='Grund'),
            Segment(None, None, 96000), Segment(200000, 248000, 100800, fade_out=4800)]
    line = otio.adapters.read_from_file(str(export(EDL(Source.from_file(tmp_path/'Übung 1.wav'), segs), tmp_path/'a.aaf')))
    tracks = [t for t in line.tracks if t.kind == 'Audio']
    assert len(tracks) == 2
    for t in tracks:
        found = [(x.source_range.start_time.value, x.source_range.duration.value) for x in t if isinstance(x, otio.schema.Clip)]
        assert found == [(s.source_in, s.source_out - s.source_in) for s in segs if s.has_source]
        assert [(x.in_offset.value, x.out_offset.value) for x in t if isinstance(x, otio.schema.Transition)] == [(1200, 1200)]


@given(edl=edits(speed=False))
@settings(QUIET, max_examples=20)
def test_ardour_positions(edl, tmp_path):
    "Superclocks divide into the samples that the EDL names."
    edl = with_file(edl, tmp_path)
    root = ElementTree.parse(export(edl, tmp_path/'a.ardour', overwrite=True)).getroot()
    tick = Fraction(SUPERCLOCK, edl.source.sample_rate)
    samples = lambda text: Fraction(int(text.removeprefix('a'))) / tick
    placed = [c for c in clips(edl) if c.segment.has_source]
    for c, r in zip(placed, root.find('Playlists/Playlist').findall('Region'), strict=True):
        length, at = r.get('length').split('@')
        assert (samples(r.get('start')), samples(length), samples(at)) == (c.segment.source_in - c.head, c.stop - c.start, c.start)
        assert float(r.get('scale-amplitude')) == pytest.approx(10 ** (c.segment.gain_db / 20), abs=1e-12)
    assert {s.get('origin') for s in root.iter('Source')} == {edl.source.path}
    assert samples(root.find('Locations/Location').get('end')) == edl.edit_frames


@given(edl=edits())
@settings(QUIET, max_examples=20)
def test_tables(edl, tmp_path):
    "A table has every number; labels mark the recording."
    with open(export(edl, tmp_path/'a.csv', overwrite=True), newline='', encoding='utf-8') as f: rows = list(csv.DictReader(f))
    for s, r in zip(edl.segments, rows, strict=True):
        assert [r[k] for k in ('source_in', 'source_out', 'edit_in')] == ['' if x is None else str(x) for x in (s.source_in, s.source_out, s.edit_in)]
        assert (float(r['rate']), float(r['gain_db']), int(r['crossfade']), r['law'], r['reason']) == (s.rate, s.gain_db, s.crossfade, s.law, s.reason)
    sr, labels = edl.source.sample_rate, export(edl, tmp_path/'a.txt', overwrite=True).read_text(encoding='utf-8').splitlines()
    spans = [tuple(round(float(x) * sr) for x in line.split('\t')[:2]) for line in labels]
    assert spans == [(s.source_in, s.source_out) for s in edl.segments if s.has_source]


def test_project_travels_with_its_recording(tmp_path):
    "A folder with a project and its recording can be moved as a whole."
    here = tmp_path/'hier drüben'
    here.mkdir()
    sf.write(here/'raw 1.wav', np.zeros((4800, 2)), 48000)
    edl = EDL(Source.from_file(here/'raw 1.wav'), [Segment(0, 2400, 0), Segment(1000, 4000, 2400, crossfade=100)])
    for suffix in READERS: export(edl, here/f'edit{suffix}')
    there = here.rename(tmp_path/'dort')
    for suffix in READERS: assert import_edl(there/f'edit{suffix}').source.path == str(there/'raw 1.wav')


def test_what_a_format_cannot_hold_is_said(tmp_path, caplog):
    sf.write(tmp_path/'raw.wav', np.zeros((4800, 1)), 48000)
    edl = EDL(Source.from_file(tmp_path/'raw.wav'), [Segment(0, 2400, 0, fade_out=50), Segment(1000, 4000, 2400, crossfade=100)])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for name, w in WRITERS.items(): export(edl, tmp_path/f'a{w.suffix}', to=name)
    assert caplog.text.count('only the crossfade') == 1


REAPER = r"""<REAPER_PROJECT 0.1 "7.16/win64" 1717430000
  RIPPLE 0
  SAMPLERATE 48000 0 0
  <RENDER_CFG
    ZXZhdxgAAQ==
  >
  MARKER 1 2.5 "Refrain" 0 0 1 B {0FEC6B62-7E42-4D5F-9A9B-6E6E7B9A2E9B} 0
  <TRACK {2B2B1D52-2B1B-4C0E-9E8C-9A8A2A1C0B11}
    NAME Gitarre
    MUTESOLO 0 0 0
    NCHAN 2
    <ITEM
      POSITION 1
      SNAPOFFS 0
      LENGTH 3
      LOOP 1
      FADEIN 1 0.01 0 1 0 0 0
      FADEOUT 1 0.01 0.5 1 0 0 0
      MUTE 0 0
      SEL 1
      IGUID {8B0C2F0F-0B5E-4B0B-8B6B-1B0B0B0B0B0B}
      NAME "Probe 1.wav"
      VOLPAN 0.5 0 1 -1
      SOFFS 10
      PLAYRATE 1 1 0 -1 0 0.0025
      CHANMODE 0
      <SOURCE WAVE
        FILE "D:\Band\Audio\Probe 1.wav"
      >
    >
    <ITEM
      POSITION 3.5
      LENGTH 2.00000001
      LOOP 1
      FADEIN 0 0.01 0.5 0 0 0 0
      FADEOUT 1 0 0 1 0 0 0
      MUTE 0 0
      NAME old
      VOLPAN 1 0 1 -1
      SOFFS 0
      <SOURCE WAVE
        FILE "D:\Band\Audio\other.wav"
      >
      TAKE SEL
      NAME new
      TAKEVOLPAN 0 2 -1
      SOFFS 1.25
      PLAYRATE 1.5 0 0 -1 0 0.0025
      <SOURCE WAVE
        FILE "D:\Band\Audio\Probe 1.wav"
      >
    >
    <ITEM
      POSITION 8
      LENGTH 1
      MUTE 1 0
      SOFFS 3
      <SOURCE WAVE
        FILE "D:\Band\Audio\Probe 1.wav"
      >
    >
    <ITEM
      POSITION 6.5
      LENGTH 1
      MUTE 0 0
      SOFFS 0.25
      <SOURCE SECTION
        LENGTH 4
        MODE 2
        STARTPOS 5
        OVERLAP 0.01
        <SOURCE WAVE
          FILE "D:\Band\Audio\Probe 1.wav"
        >
      >
    >
    <ITEM
      POSITION 7.5
      LENGTH 1
      MUTE 0 0
      SOFFS 0
      <SOURCE MP3
        FILE "D:\Band\Audio\Applaus.mp3"
      >
    >
  >
  <TRACK {3B2B1D52-2B1B-4C0E-9E8C-9A8A2A1C0B11}
    NAME "Klick"
    MUTESOLO 1 0 0
    <ITEM
      POSITION 0
      LENGTH 20
      SOFFS 0
      <SOURCE WAVE
        FILE "D:\Band\Audio\Probe 1.wav"
      >
    >
  >
>
"""


def test_a_project_that_a_person_made(tmp_path, caplog):
    "What REAPER itself writes: paths of another machine, a chosen take, a muted item and track, a reversed section, another file, a crossfade by overlap."
    sf.write(tmp_path/'Probe 1.wav', np.zeros((48000 * 30, 2)), 48000)
    (tmp_path/'edit.rpp').write_text(REAPER.replace('\\\\', '\\'), encoding='utf-8')
    edl = import_edl(tmp_path/'edit.rpp')
    s = edl.segments
    sec = lambda *x: [None if v is None else round(v / 48000, 6) for v in x]
    assert [sec(x.source_in, x.source_out, x.edit_in) for x in s] == [
        [None, None, 0], [10, 12.75, 1], [1.625, 4.25, 3.75], [None, None, 5.5], [7.75, 8.75, 6.5], [None, None, 7.5]]
    assert (s[2].crossfade, s[2].law, s[2].rate, s[4].reverse) == (24000, 'linear', 1.5, True)
    assert (round(s[1].gain_db, 3), round(s[2].gain_db, 3), round(s[2].pitch, 4)) == (-6.021, 6.021, round(12 * math.log2(1.5), 4))
    assert s[1].fade_in == 480 and edl.edit_duration == 8.5
    assert 'Applaus.mp3' in caplog.text


def test_a_timeline_from_a_video_editor(tmp_path):
    "OTIO in frames of 25 a second, media that starts at a timecode, a transition off centre, a file URL."
    otio = pytest.importorskip('opentimelineio')
    sf.write(tmp_path/'Ton 1.wav', np.zeros((48000 * 30, 1)), 48000)
    t = lambda n: otio.opentime.RationalTime(n, 25)
    span = lambda a, n: otio.opentime.TimeRange(t(a), t(n))
    media = otio.schema.ExternalReference(target_url=(tmp_path/'Ton 1.wav').as_uri(), available_range=span(90000, 750))
    clip = lambda a, n: otio.schema.Clip(name='x', media_reference=media.clone(), source_range=span(90000 + a, n))
    line = otio.schema.Timeline('v')
    line.tracks.append(otio.schema.Track(name='V1', kind='Video'))
    line.tracks.append(otio.schema.Track(name='A1', kind='Audio'))
    fade, gap = otio.schema.Transition(in_offset=t(10), out_offset=t(0)), otio.schema.Gap(source_range=span(0, 25))
    line.tracks[1].extend([clip(50, 100), fade, clip(300, 50), gap, clip(0, 25)])
    otio.adapters.write_to_file(line, str(tmp_path/'v.otio'))
    f = 48000 // 25
    assert [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in import_edl(tmp_path/'v.otio').segments] == [
        (50 * f, 145 * f, 0, 0), (295 * f, 350 * f, 95 * f, 10 * f), (None, None, 150 * f, 0), (0, 25 * f, 175 * f, 0)]


def test_other_takes_lie_under_the_kept_one(tmp_path):
    "REAPER: takes of the item, the kept one active; any of them may be chosen and comes back. Ardour: playlists that the track does not play."
    x = np.random.default_rng(0).uniform(-.5, .5, (96_000, 2))
    raw = tmp_path/'jam.wav'
    sf.write(raw, x, 48_000, subtype='PCM_16')
    takes = [([10_000, 30_000], [(40_000, 60_000, 'take 1'), (70_000, 75_000, 'take "3"')])]
    edl = EDL(Source.from_file(raw), [Segment(0, 5_000, 0), Segment(10_000, 30_000, 5_000, crossfade=200)], {'takes': takes})
    text = export(edl, tmp_path/'a.rpp').read_text(encoding='utf-8')
    assert import_edl(tmp_path/'a.rpp').segments == edl.segments
    for k, name in enumerate(('take 1', 'take "3"')):
        lines = text.splitlines()
        at = [i for i, line in enumerate(lines) if line.strip() == 'TAKE'][k]
        lines[at] += ' SEL'
        (tmp_path/'b.rpp').write_text('\n'.join(lines), encoding='utf-8')
        got = [(s.source_in, s.source_out) for s in import_edl(tmp_path/'b.rpp').segments][1]
        start = takes[0][1][k][0]
        assert got == (start, start + 20_000), name
    session = ElementTree.parse(export(edl, tmp_path/'s/s.ardour')).getroot()
    track = next(r for r in session.iter('Route') if r.get('name') == 'edit')
    own = [p for p in session.iter('Playlist') if p.get('orig-track-id') == track.get('id')]
    assert [p.get('name') for p in own] == ['edit', 'edit.1', 'edit.2'] and track.get('audio-playlist') == own[0].get('id')
    tick = 282_240_000 // 48_000
    assert [(r.get('start'), r.get('length')) for r in own[2].iter('Region')] == [(f'a{70_000 * tick}', f'a{5_000 * tick}@a{5_000 * tick}')]
    assert [(s.source_in, s.source_out) for s in import_edl(tmp_path/'s/s.ardour').segments] == [(0, 5_000), (10_000, 30_000)]
