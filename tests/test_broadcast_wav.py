"""Chunks of a recording, read back by an independent library (wavinfo) from what we rendered."""
import struct

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings, strategies as st

from editorbot.interchange.broadcast_wav import build_cues, chunk_table, copy_chunks, insert_chunks, parse_cues, read_chunks, render_with_chunks
from editorbot.core import EditorbotError
from editorbot.edl import EDL, Segment, Source, edl_from_regions
from editorbot.rendering import null_test

wavinfo = pytest.importorskip('wavinfo')
RATE, MIDNIGHT = 48000, 48000 * 72900                     # recorded at 20:15:00
BEXT = struct.pack('<256s32s32s10s8sQH64s5h180s', b'Probe im Keller', b'Recorder', b'DE0001', b'2026-05-01', b'20:15:00',
                   MIDNIGHT, 1, b'U' * 64, 0, 0, 0, 0, 0, b'') + b'A=PCM,F=48000\r\n'
IXML = f'''<?xml version="1.0" encoding="UTF-8"?><BWFXML><IXML_VERSION>1.61</IXML_VERSION><PROJECT>Keller</PROJECT><SCENE>2</SCENE><TAKE>7</TAKE><TAPE>A</TAPE>
<SPEED><TIMESTAMP_SAMPLE_RATE>48000</TIMESTAMP_SAMPLE_RATE><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>0</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>
<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{MIDNIGHT}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED></BWFXML>'''.encode()
INFO = b'INFO' + struct.pack('<4sI', b'INAM', 6) + b'Probe\0'


def recording(path, frames=RATE * 10, form='WAV', after=False, subtype='PCM_24', marks=((1, 100_000, b'Refrain'), (2, 200_000, b'Gerede'))):
    "A recording with chunks before or after its audio."
    sf.write(path, np.random.default_rng(0).uniform(-.5, .5, (frames, 2)), RATE, subtype=subtype, format=form)
    chunks = [(b'bext', BEXT), (b'iXML', IXML), (b'LIST', INFO), *build_cues([m[:2] for m in marks], [(b'labl', i, text + b'\0') for i, _, text in marks])]
    if not after: return insert_chunks(path, chunks)
    with open(path, 'r+b') as f:
        f.seek(0, 2)
        for name, b in chunks: f.write(struct.pack('<4sI', name, len(b)) + b + b'\0' * (len(b) % 2))
        size = f.tell() - 8
        f.seek(4)
        f.write(struct.pack('<I', size))
    return path


@pytest.mark.parametrize('form, after', [('WAV', False), ('WAV', True), ('WAVEX', False), ('RF64', False)])
@pytest.mark.parametrize('suffix', ['.wav', '.rf64'])
def test_chunks_survive_a_render(tmp_path, form, after, suffix):
    raw = recording(tmp_path/'raw.wav', form=form, after=after)
    edl = edl_from_regions(Source.from_file(raw), [(90_000, 150_000), (300_000, 400_000), (95_000, 120_000)])
    out = render_with_chunks(edl, tmp_path/f'edit{suffix}')
    compared, differ = null_test(edl, out)
    assert compared > 300_000 and differ == 0
    w = wavinfo.WavInfoReader(str(out))
    assert (w.bext.time_reference, w.bext.description, w.bext.originator_date) == (MIDNIGHT + 90_000, 'Probe im Keller', '2026-05-01')
    assert w.bext.coding_history.startswith('A=PCM,F=48000\r\n') and 'T=editorbot' in w.bext.coding_history
    assert (w.ixml.project, w.ixml.scene, w.ixml.take, w.ixml.tape) == ('Keller', '2', '7', 'A')
    assert f'LO>{MIDNIGHT + 90_000}<'.encode() in dict(read_chunks(out))[b'iXML']
    assert w.info.title == 'Probe'
    assert [(c.position, c.sample_offset) for c in w.cues.cues] == [(10_000, 10_000), (165_000, 165_000)]
    assert [label.text for label in w.cues.labels] == ['Refrain', 'Refrain']
    assert w.data.frame_count == edl.edit_frames
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith('.')] == []


SEGMENTS = st.lists(st.tuples(st.integers(0, 90_000), st.integers(10, 9_000), st.booleans()), min_size=1, max_size=6)


@given(parts=SEGMENTS, marks=st.lists(st.integers(0, 99_999), max_size=6, unique=True))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_marks_sit_on_their_sample(parts, marks, tmp_path):
    "Wherever a marked sample is heard there is a mark, and nowhere else: the samples are their own positions."
    ramp = np.arange(100_000, dtype=np.int32)
    sf.write(tmp_path/'ramp.wav', ramp << 8, RATE, subtype='PCM_24')
    insert_chunks(tmp_path/'ramp.wav', [(b'bext', BEXT), *build_cues([(i + 1, m) for i, m in enumerate(marks)], [])])
    segs, pos = [], 0
    for a, n, back in parts:
        segs.append(Segment(a, a + n, pos, reverse=back))
        pos += n
    out = render_with_chunks(EDL(Source.from_file(tmp_path/'ramp.wav'), segs), tmp_path/'out.wav', overwrite=True)
    heard = sf.read(out, dtype='int32')[0] >> 8
    assert sorted(parse_cues(read_chunks(out)).values()) == np.flatnonzero(np.isin(heard, marks)).tolist()


def test_a_source_of_5_gb(tmp_path):
    "Chunks behind the audio of a long RF64 are found without reading it."
    path, frames = tmp_path/'long.wav', 650_000_000
    sf.write(path, np.zeros((1, 2)), RATE, subtype='PCM_32', format='RF64')
    at = next(c for c in chunk_table(path) if c.name == b'data').start
    with open(path, 'r+b') as f:
        f.truncate(at + frames * 8)                       # a sparse file
        f.seek(0, 2)
        for name, b in ((b'bext', BEXT), *build_cues([(1, 600_000_000)], [])): f.write(struct.pack('<4sI', name, len(b)) + b + b'\0' * (len(b) % 2))
        end = f.tell()
        head = path.read_bytes()[:200] if end < 1 << 20 else open(path, 'rb').read(200)
        f.seek(head.find(b'ds64') + 8)
        f.write(struct.pack('<QQQ', end - 8, frames * 8, frames))
        f.seek(at - 4)
        f.write(struct.pack('<I', 0xFFFFFFFF))
    edl = EDL(Source(str(path), '', RATE, 2, frames, 'PCM_32'), [Segment(599_990_000, 600_010_000, 0)])
    out = render_with_chunks(edl, tmp_path/'edit.wav')
    assert wavinfo.WavInfoReader(str(out)).bext.time_reference == MIDNIGHT + 599_990_000
    assert parse_cues(read_chunks(out)) == {1: 10_000}


def test_an_interrupted_copy_leaves_nothing(tmp_path, monkeypatch):
    raw = recording(tmp_path/'raw.wav')
    edl = edl_from_regions(Source.from_file(raw), [(90_000, 150_000)])
    def full(*_): raise OSError(28, 'No space left on device')
    monkeypatch.setattr('editorbot.interchange.broadcast_wav.sample_count', full)
    monkeypatch.setattr('editorbot.interchange.broadcast_wav.edit_bext', full)
    with pytest.raises(EditorbotError, match='edit.wav: cannot be written'): render_with_chunks(edl, tmp_path/'edit.wav')
    assert [p.name for p in tmp_path.iterdir()] == ['raw.wav']


def test_damaged_chunks_do_no_harm(tmp_path):
    "Short or wrong chunks are passed on or dropped; the audio is edited all the same."
    raw = tmp_path/'raw.wav'
    sf.write(raw, np.zeros((48000, 1)), RATE, subtype='PCM_16')
    insert_chunks(raw, [(b'bext', b'short'), (b'iXML', b'<BWFXML><SYNC_POINT>\xff')])
    edl = edl_from_regions(Source.from_file(raw), [(100, 2000)])
    out = render_with_chunks(edl, tmp_path/'edit.wav')
    assert sf.info(out).frames == 1900
    assert [n for n, _ in read_chunks(out)] == [b'bext', b'iXML']
    assert copy_chunks(tmp_path/'edit.wav', raw, EDL(edl.source, [Segment(None, None, 0)], {'edit_frames': 5})) == []
