"""Several files are one recording, several tracks are cut alike, and what a person corrects comes back: outside joins every sample is the source's own."""
import dataclasses, json, struct

import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings, strategies as st

from editorbot.app.cli import main
from editorbot.audio import join_paths, parts_of, read_audio
from editorbot.core import EditorbotError
from editorbot.edl import (EDL, Segment, Source, edl_from_regions, edl_json, joined_source, load_edl, rescale, save_edl, time_text, track_edl, validate,
                           SyncTrack)
from editorbot.interchange.broadcast_wav import insert_chunks
from editorbot.interchange.export import export
from editorbot.interchange.import_ import import_edl, import_pair
from editorbot.interchange.tracks import find_tracks, render_together
from editorbot.rendering import copied, null_test, render

QUIET = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def call(*words, code=0, has=''):
    r = CliRunner().invoke(main, [str(w) for w in words])
    assert r.exit_code == code and has in r.output, (r.output, r.exception)
    return r.output


def music(seconds, rate=22050, seed=0):
    "Loud, quiet and loud noise with a pulse: something for the editor `loudness` to decide on."
    rng, n = np.random.default_rng(seed), round(seconds * rate)
    level = np.where((np.arange(n) // (9 * rate)) % 2 == 0, .4, .003)
    return rng.uniform(-1, 1, n) * level * (.6 + .4 * np.sin(np.arange(n) / rate * 9))


def write(path, x, rate, subtype='PCM_16', *chunks):
    sf.write(path, x, rate, subtype=subtype)
    if chunks: insert_chunks(path, list(chunks))
    return path


@pytest.fixture
def split(tmp_path):
    "A recording of 40 s in one file and in three."
    x = np.stack([music(40), music(40, seed=1)], 1)
    write(tmp_path/'whole.wav', x, 22050, 'PCM_24')
    x, cuts = read_audio(tmp_path/'whole.wav', dtype='int32'), [0, 300_001, 300_500, len(x)]
    parts = [write(tmp_path/f'ZOOM000{k + 1}.WAV', x[a:b], 22050, 'PCM_24') for k, (a, b) in enumerate(zip(cuts, cuts[1:]))]
    return tmp_path, parts


@given(cuts=st.lists(st.integers(1, 8999), min_size=1, max_size=4, unique=True), seed=st.integers(0, 99))
@QUIET
def test_wherever_a_recorder_splits(tmp_path, cuts, seed):
    "Any edit of any split is the edit of the whole, bit for bit."
    rng = np.random.default_rng(seed)
    x = rng.integers(-2**15, 2**15, (9000, 2)).astype(np.int16)
    whole, ends = write(tmp_path/'w.wav', x, 8000), [0, *sorted(cuts), 9000]
    parts = [write(tmp_path/f'p{k}.wav', x[a:b], 8000) for k, (a, b) in enumerate(zip(ends, ends[1:]))]
    regions = [sorted(rng.choice(9001, 2, replace=False).tolist()) for _ in range(4)]
    one, many = (edl_from_regions(Source.from_file(p), regions) for p in (whole, parts))
    render(one, tmp_path/'1.wav', overwrite=True); render(many, tmp_path/'2.wav', overwrite=True)
    assert np.array_equal(read_audio(tmp_path/'1.wav', dtype='int16'), read_audio(tmp_path/'2.wav', dtype='int16'))
    n, differ = null_test(many, tmp_path/'2.wav')
    assert differ == 0 and n == 2 * sum(k for *_, k in copied(many))


@pytest.mark.parametrize('suffix', ('.rpp', '.otio', '.ardour'))
def test_sessions_of_a_split_recording(split, suffix):
    "Out to a DAW and back: the same segments, on the same files."
    folder, parts = split
    edl = edl_from_regions(Source.from_file(parts), [(250_000, 420_000), (100, 90_000), (290_000, 310_000), (500_000, 700_000)], reasons=['a', 'b', 'c', 'd'])
    back = import_edl(export(edl, folder/f'x{suffix}'))
    assert [p.sha256 for p in back.source.parts] == [p.sha256 for p in edl.source.parts]
    key = lambda s: (s.source_in, s.source_out, s.edit_in, s.crossfade, s.fade_in, s.fade_out, s.reason)
    assert [key(s) for s in back.segments] == [key(s) for s in edl.segments]


def test_commands_take_several_files(split):
    "edit, render and align of three files are those of one; a missing file is named."
    folder, parts = split
    call('edit', *parts, '-o', folder/'a.wav', '--editor', 'loudness', '--no-plot', has='EDL')
    call('edit', folder/'whole.wav', '-o', folder/'b.wav', '--editor', 'loudness', '--no-plot', has='EDL')
    assert np.array_equal(read_audio(folder/'a.wav', dtype='int32'), read_audio(folder/'b.wav', dtype='int32'))
    edl = load_edl(folder/'a.edl.json')
    assert null_test(edl, folder/'a.wav')[1] == 0 and json.loads((folder/'a.edl.json').read_text())['editorbot_edl'] == 2
    assert json.loads((folder/'b.edl.json').read_text())['editorbot_edl'] == 1
    call('render', *parts, folder/'a.edl.json', '-o', folder/'c.wav', has='kept')
    assert (folder/'c.wav').read_bytes() == (folder/'a.wav').read_bytes()
    call('edit', parts[0], parts[2], '-o', folder/'d.wav', code=2, has='ZOOM0002.WAV missing between ZOOM0001.WAV and ZOOM0003.WAV')
    call('edit', parts[1], parts[0], parts[2], '-o', folder/'d.wav', code=2, has='out of order')
    call('render', parts[0], folder/'a.edl.json', '-o', folder/'d.wav', code=2, has='3 files')
    call('align', *parts, folder/'a.wav', '-o', folder/'al', '--no-plot', has='kept')
    found = load_edl(folder/'al'/'ZOOM0001.edl.json')
    assert found.source == edl.source and abs(found.segments[0].source_in - edl.segments[0].source_in) < 200
    assert not (folder/'d.wav').exists()


@pytest.fixture
def band(tmp_path):
    "A mix and three tracks: another depth, another rate and one channel, a later start."
    x = music(30)
    mix = write(tmp_path/'mix.wav', np.stack([x, x[::-1]], 1), 22050, 'PCM_24')
    drums = write(tmp_path/'drums.wav', x, 22050, 'PCM_16')
    bass = write(tmp_path/'bass.flac', music(30, 44100, 2), 44100, 'PCM_24')
    vox = write(tmp_path/'vox.wav', music(25, 48000, 3), 48000, 'FLOAT')
    return mix, drums, bass, vox


def test_edit_with_tracks(band, tmp_path):
    mix, drums, bass, vox = band
    words = ['edit', mix, '-o', tmp_path/'e.wav', '--editor', 'loudness', '--no-plot', '--with', drums, bass, vox]
    call(*words, code=2, has='vox.wav: expected the length of mix.wav')
    assert not (tmp_path/'e.wav').exists()
    call(*words, '--offset', 'vox=2.5 s', has='e_drums.wav, e_bass.wav, e_vox.wav')
    edl = load_edl(tmp_path/'e.edl.json')
    assert [(t.name, t.offset) for t in edl.tracks] == [('drums', 0), ('bass', 0), ('vox', 120_000)]
    assert null_test(edl, tmp_path/'e.wav')[1] == 0
    for t in edl.tracks:
        out, info = tmp_path/f'e_{t.name}.wav', sf.info(tmp_path/f'e_{t.name}.wav')
        own = track_edl(edl, t)
        n, differ = null_test(own, out)
        assert differ == 0 and n > 100_000 and (info.samplerate, info.channels, info.subtype) == (t.source.sample_rate, t.source.channels, t.source.subtype)
        assert info.frames == rescale(edl.edit_frames, 22050, t.source.sample_rate)
    joins = lambda e: [(s.edit_in, s.crossfade, s.law) for s in e.segments]
    assert joins(track_edl(edl, edl.tracks[0])) == joins(edl)                      # one law at one place
    call('render', mix, tmp_path/'e.edl.json', '-o', tmp_path/'again.wav', has='again_vox.wav')
    assert np.array_equal(*(read_audio(tmp_path/f'{n}_vox.wav', dtype='float64') for n in ('again', 'e')))
    call('edit', mix, '-o', tmp_path/'s.wav', '--editor', 'loudness', '--no-plot', '--with', drums, bass, '--decide-on', 'sum', has='s_bass.wav')
    call('edit', mix, '-o', tmp_path/'t.wav', '--editor', 'loudness', '--no-plot', '--with', drums, '--decide-on', 'guitar', code=2, has="'guitar'")


def test_bext_time_places_a_track(tmp_path):
    "TimeReference says when a track begins; without an overlap it is refused."
    bext = lambda n: (b'bext', bytes(338) + struct.pack('<Q', n) + bytes(256))
    mix = Source.from_file(write(tmp_path/'mix.wav', music(20), 22050, 'PCM_16', bext(22050 * 3600)))
    t, = find_tracks(mix, [write(tmp_path/'a.wav', music(12, 44100), 44100, 'PCM_16', bext(44100 * 3605 + 7))])
    assert t.offset == 5 * 44100 + 7
    with pytest.raises(EditorbotError, match='runs while mix.wav does'): find_tracks(mix, [write(tmp_path/'b.wav', music(20), 22050, 'PCM_16', bext(22050 * 7200))])


@given(rates=st.tuples(*[st.sampled_from((44100, 48000, 88200, 96000, 192000))] * 2), starts=st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
@QUIET
def test_no_error_adds_up(rates, starts):
    "Every boundary of a track lies within half a sample of the exact place, however many came before."
    a, b = rates
    src = Source('m.wav', '', a, 1, 2 * 10**9, 'PCM_24')
    segs, at = [], 0
    for s in starts: segs.append(Segment(s, s + 4001 + s % 997, at)); at += segs[-1].length()
    own = track_edl(EDL(src, segs), SyncTrack('t', Source('t.wav', '', b, 1, rescale(2 * 10**9, a, b), 'PCM_24')))
    validate(own)
    for s, o in zip(segs, own.segments, strict=True):
        assert abs(o.edit_in * a - s.edit_in * b) * 2 <= a and abs(o.source_in * a - s.source_in * b) * 2 <= a


@pytest.mark.parametrize('suffix', ('.rpp', '.otio'))
def test_sessions_carry_all_tracks(band, tmp_path, suffix):
    mix, drums, bass, vox = band
    source = Source.from_file(mix)
    edl = dataclasses.replace(edl_from_regions(source, [(50_000, 120_000), (300_000, 400_000)], meta={'cuts': [[0, 2.2, 'talk']]}),
                              tracks=find_tracks(source, [drums, bass, vox], ['vox=2.5 s']))
    back = import_edl(export(edl, tmp_path/f'all{suffix}'))
    assert [(t.name, t.offset, t.source.sha256) for t in back.tracks] == [(t.name, t.offset, t.source.sha256) for t in edl.tracks]
    assert [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in back.segments] == [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in edl.segments]


def test_what_was_cut_lies_muted(band, tmp_path):
    import rpp
    source = Source.from_file(band[0])
    edl = edl_from_regions(source, [(50_000, 120_000), (300_000, 400_000)], meta={'cuts': [[0, 50_000 / 22050, 'talk'], [120_000 / 22050, 300_000 / 22050, 'tuning']]})
    tracks = rpp.loads(export(edl, tmp_path/'c.rpp').read_text()).findall('TRACK')
    line = lambda x, key: next(v[1:] for v in x if isinstance(v, list) and v[0] == key)
    assert [line(t, 'NAME')[0] for t in tracks] == ['c', 'cut'] and line(tracks[1], 'MUTESOLO')[0] == '1'
    items = [i for i in tracks[1].findall('ITEM') if any(isinstance(v, list) and v[0] == 'NAME' for v in i)]
    assert [' '.join(line(i, 'NAME')).split(' ', 1)[1] for i in items] == ['cut: talk', 'cut: tuning', 'cut']
    assert sum(round(float(line(i, 'LENGTH')[0]) * 22050) for i in items) == source.frames - 170_000


PROJECT = """<REAPER_PROJECT 0.1 "7.16" 1
  <TRACK
    NAME Mix
    {items}
  >
  {tracks}
>
"""
ITEM = """<ITEM
      POSITION {at}
      LENGTH {n}
      LOOP {loop}
      NAME "{name}"
      SOFFS {offset}
      PLAYRATE {rate} 1 0 -1 0 0.0025
      {source}
    >"""
def item(at, n, offset, loop=0, name='x', rate=1, source=None, file='raw 1.wav'):
    return ITEM.format(at=at, n=n, loop=loop, name=name, offset=offset, rate=rate, source=source or f'<SOURCE WAVE\n        FILE "{file}"\n      >')


def project(folder, *items, tracks=''):
    p = folder/'p.rpp'
    text = PROJECT.format(items='\n    '.join(items), tracks=tracks)
    p.write_text('\n'.join(line for line in text.splitlines() if line.strip()) + '\n', encoding='utf-8')
    return p


def test_what_people_leave_in_a_project(tmp_path, caplog):
    "Loops, offsets before the beginning, reversed sections, other speeds, a second track, moved and percent-encoded media."
    sr = 8000
    write(tmp_path/'raw 1.wav', music(10, sr), sr)
    seen = lambda e: [(s.source_in, s.source_out, s.edit_in, s.reverse) for s in e.segments]
    assert seen(import_edl(project(tmp_path, item(0, 25, 4, loop=1)))) == [(4 * sr, 10 * sr, 0, False), (0, 10 * sr, 6 * sr, False), (0, 9 * sr, 16 * sr, False)]
    assert seen(import_edl(project(tmp_path, item(0, 9, 4)))) == [(4 * sr, 10 * sr, 0, False)]                         # silence after its end
    assert seen(import_edl(project(tmp_path, item(1, 5, -2)))) == [(None, None, 0, False), (0, 3 * sr, 3 * sr, False)]
    assert seen(import_edl(project(tmp_path, item(0, 4, -2, loop=1)))) == [(8 * sr, 10 * sr, 0, False), (0, 2 * sr, 2 * sr, False)]
    back = '<SOURCE SECTION\n LENGTH 3\n MODE 2\n STARTPOS 5\n <SOURCE WAVE\n FILE "raw 1.wav"\n >\n >'
    assert seen(import_edl(project(tmp_path, item(0, 5, 1, loop=1, source=back)))) == [(5 * sr, 7 * sr, 0, True), (5 * sr, 8 * sr, 2 * sr, True)]
    second = '<TRACK\n NAME B\n ' + item(3, 4, 6) + '\n >'
    assert seen(import_edl(project(tmp_path, item(0, 3, 1), tracks=second))) == [(sr, 4 * sr, 0, False), (6 * sr, 10 * sr, 3 * sr, False)]
    for bad, what in ((item(0, 3, 1, rate=20, name='fast one'), 'fast one'), (item(0, 3, 1) + '\n' + item(1, 1, 5, name='inside'), 'inside'),
                      (item(0, 1e6, 0, loop=1, name='endless'), 'endless')):
        with pytest.raises(EditorbotError, match=what): import_edl(project(tmp_path, bad))
    with pytest.raises(EditorbotError, match='together with'): import_edl(project(tmp_path, item(0, 6, 1), tracks='<TRACK\n NAME B\n ' + item(3, 4, 6, name='over') + '\n >'))
    (tmp_path/'media').mkdir()
    (tmp_path/'raw 1.wav').rename(tmp_path/'media'/'raw 1.wav')
    for file in ('raw%201.wav', r'D:\Band\raw 1.wav', '/Volumes/Band/raw%201.wav'):
        e = import_edl(project(tmp_path, item(0, 3, 1, file=file)))
        assert e.source.path == str(tmp_path/'media'/'raw 1.wav') and seen(e) == [(sr, 4 * sr, 0, False)]


def test_a_reversed_clip_that_was_trimmed_in_otio(band, tmp_path):
    "The clip's own range counts, not the note that the export left in it."
    otio = pytest.importorskip('opentimelineio')
    edl = EDL(Source.from_file(band[0]), [Segment(100_000, 200_000, 0, reverse=True), Segment(300_000, 420_000, 100_000, rate=1.2)])
    line = otio.adapters.read_from_file(str(export(edl, tmp_path/'r.otio')))
    for c in line.audio_tracks()[0]:
        r = c.source_range
        c.source_range = otio.opentime.TimeRange(r.start_time, r.duration - otio.opentime.RationalTime(30_000, r.duration.rate))
    otio.adapters.write_to_file(line, str(tmp_path/'s.otio'))
    assert [(s.source_in, s.source_out, s.edit_in) for s in import_edl(tmp_path/'s.otio').segments] == [(100_000, 170_000, 0), (300_000, 384_000, 70_000)]


@pytest.mark.parametrize('suffix', ('.rpp', '.otio', '.ardour'))
def test_a_corrected_session_is_a_pair(band, tmp_path, suffix):
    "One command; the pair's EDL is exact, and precache believes it without aligning."
    from editorbot.data.cache import CachePaths, alignment_fault
    from editorbot.data.pairs import find_pairs
    edl = edl_from_regions(Source.from_file(band[0]), [(50_000, 120_000), (300_000, 400_000)])
    session = export(edl, tmp_path/f's{suffix}')
    call('import', session, '--pair', 'jam', '--data', tmp_path/'data', has='jam.edl.json')
    pair, = find_pairs(tmp_path/'data')
    assert alignment_fault(pair, CachePaths(tmp_path/'data')) == ''
    got = load_edl(tmp_path/'data'/'pointer_sequences'/'jam.edl.json')
    assert null_test(got, pair.edit)[1] == 0
    assert [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in got.segments] == [(s.source_in, s.source_out, s.edit_in, s.crossfade) for s in edl.segments]
    call('import', session, '--pair', 'jam', '--data', tmp_path/'data', code=2, has='exists already')


def test_a_split_pair(split):
    "A corrected session of three files: `NAME_raw_1` to `_3`, believed by the cache."
    from editorbot.data.cache import CachePaths, alignment_fault, is_stamped, stamp
    from editorbot.data.pairs import check_pairs, find_pairs
    folder, parts = split
    edl = edl_from_regions(Source.from_file(parts), [(250_000, 420_000), (100, 90_000)])
    import_pair(export(edl, folder/'s.rpp'), 'jam', folder/'data')
    pair, = find_pairs(folder/'data')
    assert [p.name for p in parts_of(pair.raw)] == ['jam_raw_1.wav', 'jam_raw_2.wav', 'jam_raw_3.wav']
    assert alignment_fault(pair, CachePaths(folder/'data')) == '' and all(c.ok for c in check_pairs(folder/'data'))
    was = stamp(pair.raw)
    assert was['sha256'] == edl.source.sha256 and is_stamped(pair.raw, was, all_bytes=True)
    with open(parts_of(pair.raw)[1], 'r+b') as f: f.seek(200); f.write(b'\1\2\3')
    assert not is_stamped(pair.raw, was, all_bytes=True)
    (folder/'data'/'input'/'jam_raw_2.wav').unlink()
    assert any('missing' in fault for c in check_pairs(folder/'data') for fault in c.faults)


def test_an_edl_by_hand(band, tmp_path):
    "Times, no edit_in, another order, a deleted line: rendered as meant; text and JSON are one."
    edl = edl_from_regions(Source.from_file(band[0]), [(50_000, 120_000), (200_000, 210_000), (300_000, 400_000)])
    d = json.loads(edl_json(edl))
    del d['segments'][1]
    d['segments'][0]['source_in'] = '0:03'
    for s in d['segments']: s.pop('edit_in')
    d['segments'].reverse()
    (tmp_path/'h.edl.json').write_text(json.dumps(d, indent=2))
    got = load_edl(tmp_path/'h.edl.json')
    assert [(s.source_in, s.source_out, s.edit_in) for s in got.segments] == [(300_000, 400_000, 0), (66_150, 120_000, 100_000)]
    call('render', band[0], tmp_path/'h.edl.json', '-o', tmp_path/'h.wav', has='kept')
    assert null_test(got, tmp_path/'h.wav')[1] == 0
    call('export', tmp_path/'h.edl.json', '--to', 'txt', '-o', tmp_path/'h.txt', has='h.txt')
    assert load_edl(tmp_path/'h.txt') == got
    call('render', band[0], tmp_path/'h.txt', '-o', tmp_path/'h2.wav', has='kept')
    assert (tmp_path/'h2.wav').read_bytes() == (tmp_path/'h.wav').read_bytes()
    (tmp_path/'h.txt').write_text((tmp_path/'h.txt').read_text().replace(time_text(66_150, 22050), '0:09'))
    call('render', band[0], tmp_path/'h.txt', '-o', tmp_path/'h3.wav', code=2, has='segment 2 (line')


@given(segs=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6), st.booleans(), st.sampled_from((1.0, .97)), st.floats(-60, 12), st.text(max_size=9)),
                     min_size=1, max_size=6), rate=st.sampled_from((8000, 44100, 48000, 96000, 192000)), split=st.booleans())
@QUIET
def test_text_and_json_round_trip(tmp_path, segs, rate, split):
    parts = [Source(f'{k}.wav', str(k) * 64, rate, 2, 1_500_000, 'PCM_24') for k in range(2)]
    source, out, at = joined_source(parts) if split else dataclasses.replace(parts[0], frames=3_000_000), [], 0
    for a, n, silent, speed, gain, why in segs:
        out.append(Segment(None, None, at, reason=why) if silent else Segment(a, a + n, at, rate=speed, gain_db=gain, reason=why))
        at += n if silent else out[-1].length()
    edl = validate(EDL(source, out, {} if out[-1].has_source else {'edit_frames': at}, [SyncTrack('ü', parts[0], -7)]))
    for name in ('a.edl.json', 'a.txt'): assert load_edl(save_edl(edl, tmp_path/name)) == edl


def test_render_together_leaves_nothing_half(band, tmp_path):
    "A track that fails takes the others with it."
    mix, drums, *_ = band
    edl = dataclasses.replace(edl_from_regions(Source.from_file(mix), [(50_000, 120_000)]), tracks=find_tracks(Source.from_file(mix), [drums]))
    drums.write_bytes(drums.read_bytes()[:-100] + bytes(100))
    with pytest.raises(EditorbotError, match='drums.wav'): render_together(edl, tmp_path/'o.wav')
    assert not (tmp_path/'o.wav').exists() and join_paths([mix]) == str(mix)


def test_what_is_odd_about_a_file_is_said_by_whoever_reads_it(tmp_path, caplog):
    "The recorder's battery died, so the header has no sizes: rendering and analysing (align, songs, precache) read on, and say so."
    from editorbot.audio import audio_info, stream_mono
    p = tmp_path/'ZOOM0001.WAV'
    sf.write(p, np.random.default_rng(0).uniform(-.5, .5, (8000, 1)), 8000, subtype='PCM_16')
    whole = p.read_bytes()
    for name, read in (('a', lambda q: render_together(edl_from_regions(Source.from_file(q), [(100, 900)]), tmp_path/'edit.wav')),
                       ('b', lambda q: list(stream_mono(q)))):
        q = tmp_path/f'{name}.wav'
        q.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:])
        note, = audio_info(q).notes
        caplog.clear()
        read(q)
        assert [r.getMessage() for r in caplog.records] == [f'{q}: {note}']
