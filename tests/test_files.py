"""Recordings as they come: what recorders, phones, DAWs and converters are known to write is read right, or refused in one line."""
import os, shutil, struct, subprocess, sys, unicodedata, zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from editorbot.audio import (audio_info, mp3_frames, open_audio, output_format, read_audio, read_blocks, stream_mono, valid_bits,
                             wav_format, write_audio)
from editorbot.core import EditorbotError
from editorbot.data.pairs import check_pairs, find_pairs
from editorbot.edl import EDL, Segment, Source
from editorbot.editors.editor import propose
from editorbot.interchange.broadcast_wav import render_with_chunks, repair
from editorbot.interchange.export import export
from editorbot.interchange.import_ import import_edl
from editorbot.rendering import null_test, render
from editorbot.sound.beats import read_times

RATE, N = 44100, 264_600                                     # six seconds
FFMPEG = shutil.which('ffmpeg') and shutil.which('ffprobe')
needs_ffmpeg = pytest.mark.skipif(not FFMPEG, reason='ffmpeg is not installed')


@pytest.fixture(scope='module')
def music() -> np.ndarray:
    "Six seconds of two voices and a drum, int16 (N, 2): in every format the same, and nowhere periodic."
    rng, t = np.random.default_rng(0), np.arange(N) / RATE
    loud = .2 + .8 * (np.arange(N) % 22050 < 6000)
    x = np.stack([np.sin(2 * np.pi * 220 * t * (1 + t / 20)), np.sin(2 * np.pi * 330 * t * (1 + t / 30))], 1) * .3 + .1 * rng.standard_normal((N, 2))
    return np.round(np.clip(x * loud[:, None], -1, 1) * 30000).astype(np.int16)


def ffmpeg(*words): subprocess.run(['ffmpeg', '-v', 'error', '-y', *map(str, words)], check=True)
def wav(path, x, **kw): sf.write(path, x, RATE, **kw); return Path(path)


def riff(*chunks, form=b'WAVE', head=b'RIFF', size=None):
    "A RIFF file of (name, bytes) or (name, bytes, told size)."
    body = b''.join(struct.pack('<4sI', c[0], c[2] if len(c) > 2 else len(c[1])) + c[1] + b'\0' * (len(c[1]) % 2) for c in chunks)
    return struct.pack('<4sI4s', head, 4 + len(body) if size is None else size, form) + body


def fmt(tag=1, channels=2, rate=RATE, bits=16, extra=b''):
    align = channels * bits // 8
    return b'fmt ', struct.pack('<HHIIHH', tag, channels, rate, rate * align, align, bits) + extra


# ---- the table of issue "recordings as they come"

@pytest.mark.parametrize('encoder', ['libsndfile', pytest.param('libvorbis', marks=needs_ffmpeg)])
def test_ogg_vorbis_is_the_linear_decode(tmp_path, music, encoder):
    raw = tmp_path/'raw.ogg'
    if encoder == 'libsndfile': sf.write(raw, music, RATE, format='OGG', subtype='VORBIS')
    else: ffmpeg('-i', wav(tmp_path/'x.wav', music), '-c:a', 'libvorbis', raw)
    with sf.SoundFile(raw) as f: linear = f.read(dtype='float64', always_2d=True)
    rng = np.random.default_rng(1)
    regions = [(int(a), int(a) + 12_000) for a in rng.integers(0, N - 12_000, 15)]
    edl = EDL(Source.from_file(raw), [Segment(a, b, 12_000 * k) for k, (a, b) in enumerate(regions)])
    with open_audio(raw) as f:
        for a, b in regions: f.seek(a); assert np.array_equal(f.read(b - a), linear[a:b])
    out = render(edl, tmp_path/'edit.wav')
    assert np.array_equal(sf.read(out, dtype='float64', always_2d=True)[0], np.concatenate([linear[a:b] for a, b in regions]))
    assert null_test(edl, out) == (15 * 12_000 * 2, 0)                                                     # the null test reads linearly, too


@needs_ffmpeg
@pytest.mark.parametrize('words', [('-q:a', 2), ('-b:a', '128k', '-abr', 1), ('-b:a', '128k')])
def test_mp3_without_xing_header(tmp_path, music, words):
    ffmpeg('-i', wav(tmp_path/'x.wav', music), *words, '-write_xing', 0, tmp_path/'x.mp3')
    i, got = audio_info(tmp_path/'x.mp3'), read_audio(tmp_path/'x.mp3')
    assert len(got) == i.frames >= N and mp3_frames(tmp_path/'x.mp3').told is None
    raw = subprocess.run(['ffmpeg', '-v', 'error', '-i', tmp_path/'x.mp3', '-f', 'f32le', '-'], capture_output=True, check=True).stdout
    assert np.abs(np.frombuffer(raw, np.float32).reshape(-1, 2) - got).max() < 1e-4                       # another decoder, as many samples
    with open_audio(tmp_path/'x.mp3') as f: f.seek(200_000); assert np.array_equal(f.read(5000, 'float32'), got[200_000:205_000])


def test_joined_mp3s(tmp_path, music):
    sf.write(tmp_path/'a.mp3', music, RATE); one = (tmp_path/'a.mp3').read_bytes()
    (tmp_path/'ab.mp3').write_bytes(one + one)
    i = audio_info(tmp_path/'ab.mp3')
    assert i.frames >= 2 * N and len(read_audio(tmp_path/'ab.mp3')) == i.frames and 'shorter file' in i.notes[0]


def test_chained_ogg(tmp_path, music):
    parts = []
    for k, x in enumerate((music[:100_000], music[100_000:])): sf.write(tmp_path/f'{k}.ogg', x, RATE); parts.append(sf.read(tmp_path/f'{k}.ogg', dtype='float32')[0])
    (tmp_path/'chain.ogg').write_bytes((tmp_path/'0.ogg').read_bytes() + (tmp_path/'1.ogg').read_bytes())
    assert np.array_equal(read_audio(tmp_path/'chain.ogg'), np.concatenate(parts)) and '2 streams' in audio_info(tmp_path/'chain.ogg').notes[0]
    sf.write(tmp_path/'mono.ogg', music[:, 0], RATE)
    (tmp_path/'chain.ogg').write_bytes((tmp_path/'0.ogg').read_bytes() + (tmp_path/'mono.ogg').read_bytes())
    with pytest.raises(EditorbotError, match='streams of different kinds'): audio_info(tmp_path/'chain.ogg')


def unknown_length(flac: bytes) -> bytes: return flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]


def test_flac_of_unknown_length(tmp_path, music):
    wav(tmp_path/'x.flac', music)
    (tmp_path/'pipe.flac').write_bytes(unknown_length((tmp_path/'x.flac').read_bytes()))
    assert audio_info(tmp_path/'pipe.flac').frames == N and np.array_equal(read_audio(tmp_path/'pipe.flac', dtype='int16'), music)
    assert np.array_equal(read_audio(tmp_path/'pipe.flac', 5000, 6000, 'int16'), music[5000:6000])
    edl = EDL(Source.from_file(tmp_path/'pipe.flac'), [Segment(100_000, 200_000, 0), Segment(1000, 50_000, 100_000)])
    assert null_test(edl, render(edl, tmp_path/'edit.flac'))[1] == 0


def zeroed(b: bytes) -> bytes: at = b.index(b'data') + 4; return b[:4] + bytes(4) + b[8:at] + bytes(4) + b[at+4:]


def test_a_battery_that_died(tmp_path, music):
    for form in ('WAV', 'RF64'):
        b = (wav(tmp_path/'x.wav', music, format=form)).read_bytes()
        if form == 'WAV': b = zeroed(b)
        else: at = b.index(b'ds64') + 8; b = b[:at] + bytes(24) + b[at+24:]
        (tmp_path/'dead.wav').write_bytes(b)
        i = audio_info(tmp_path/'dead.wav')
        assert np.array_equal(read_audio(tmp_path/'dead.wav', dtype='int16'), music) and 'never finished' in i.notes[0]
        edl = EDL(Source.from_file(tmp_path/'dead.wav'), [Segment(1000, 9000, 0)])
        assert null_test(edl, render_with_chunks(edl, tmp_path/f'{form}_edit.wav')) == (16_000, 0)
        out, info, holes = repair(tmp_path/'dead.wav', overwrite=True)
        assert np.array_equal(sf.read(out, dtype='int16')[0], music) and info.notes == () and holes == [] and (tmp_path/'dead.wav').read_bytes() == b


def test_a_size_that_wrapped(tmp_path, music):
    b = wav(tmp_path/'x.wav', music).read_bytes()
    third = N // 3 * 4
    (tmp_path/'wrap.wav').write_bytes(b[:4] + struct.pack('<I', third + 36) + b[8:40] + struct.pack('<I', third) + b[44:])
    assert np.array_equal(read_audio(tmp_path/'wrap.wav', dtype='int16'), music) and 'they go on' in audio_info(tmp_path/'wrap.wav').notes[0]


@pytest.mark.parametrize('form', ['flac', 'mp3'])
def test_cut_short_is_refused_or_read_as_far_as_it_goes(tmp_path, music, form):
    sf.write(tmp_path/f'x.{form}', music, RATE)
    whole, b = read_audio(tmp_path/f'x.{form}'), (tmp_path/f'x.{form}').read_bytes()
    cut = tmp_path/f'cut.{form}'
    cut.write_bytes(b[:len(b) // 2])
    with pytest.raises(EditorbotError, match='cut short'): audio_info(cut)
    i, got = audio_info(cut, allow_truncated=True), read_audio(cut)
    assert N * .3 < len(got) == i.frames < N * .7 and np.array_equal(got[:-2000], whole[:len(got)][:-2000]) and 'cut short' in i.notes[0]
    edl = EDL(Source.from_file(cut, allow_truncated=True), [Segment(0, i.frames, 0)])
    assert sf.info(render(edl, tmp_path/'edit.wav')).frames == i.frames


def test_extensible_keeps_valid_bits_and_loudspeakers(tmp_path, music):
    x = music.astype(np.int32) << 16
    p = wav(tmp_path/'x.wav', x, subtype='PCM_32', format='WAVEX')
    with open(p, 'r+b') as f: f.seek(38); f.write(struct.pack('<HI', 24, 0x600))
    assert valid_bits(p) == 24
    edl = EDL(Source.from_file(p), [Segment(0, 50_000, 0), Segment(100_000, 150_000, 50_000, crossfade=2000)])
    out = render_with_chunks(edl, tmp_path/'edit.wav')
    assert struct.unpack_from('<HI', wav_format(out), 18) == (24, 0x600) and not (sf.read(out, dtype='int32')[0] & 255).any() and null_test(edl, out)[1] == 0


@pytest.mark.parametrize('suffix, subtype', [('.flac', 'PCM_24'), ('.wav', 'PCM_16')])
def test_floats_beyond_full_scale_are_counted(tmp_path, caplog, suffix, subtype):
    x = np.random.default_rng(0).uniform(-2.5, 2.5, (20_000, 2)).astype(np.float32)
    raw = wav(tmp_path/'x.wav', x, subtype='FLOAT')
    write_audio(tmp_path/f'out{suffix}', read_blocks(raw, dtype='float64'), RATE, 2, subtype)
    assert f'{(np.abs(x) > 1).sum()} of 40000 samples' in caplog.text and 'float' in caplog.text
    caplog.clear()
    edl = EDL(Source.from_file(raw), [Segment(0, 20_000, 0)])
    assert np.array_equal(sf.read(render(edl, tmp_path/'edit.wav'), dtype='float32')[0], x) and not caplog.text


@needs_ffmpeg
@pytest.mark.parametrize('name, words', [('x.m4a', ('-c:a', 'aac')), ('alac.m4a', ('-c:a', 'alac')), ('x.wma', ('-c:a', 'wmav2')), ('x.mkv', ('-c:a', 'aac')), ('x.mov', ('-c:a', 'alac')),
                                         ('x.3gp', ('-c:a', 'aac')), ('x.aac', ('-c:a', 'aac')), ('x.ac3', ('-c:a', 'ac3')), ('x.wv', ('-c:a', 'wavpack')), ('x.oga', ('-c:a', 'flac'))])
def test_ffmpeg_reads_the_rest(tmp_path, music, name, words):
    video = ('-f', 'lavfi', '-i', 'color=size=32x32:duration=6', '-c:v', 'mpeg4') if name.endswith(('mkv', 'mov')) else ()
    ffmpeg('-i', wav(tmp_path/'x.wav', music), *video, *words, tmp_path/name)
    i, got = audio_info(tmp_path/name), read_audio(tmp_path/name, dtype='int32')
    again = subprocess.run([sys.executable, '-c', f'import zlib; from editorbot.audio import read_audio; print(zlib.crc32(read_audio({str(tmp_path/name)!r}, dtype="int32").tobytes()))'],
                           capture_output=True, text=True, check=True)
    assert len(got) == i.frames >= N - 600 and 'decoded by ffmpeg' in i.notes[0] and int(again.stdout) == zlib.crc32(got.tobytes())      # the same bits in another process
    if words[-1] in ('alac', 'wavpack', 'flac'): assert i.subtype == 'PCM_16' and np.array_equal(got[:N] >> 16, music)
    else: assert output_format('x.wav', i, 9)[1] == 'FLOAT'


def test_without_ffmpeg_it_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path/'x.m4a').write_bytes(struct.pack('>I4s4s', 20, b'ftyp', b'M4A ') + bytes(200))
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(EditorbotError, match='an MPEG-4 file .* needs the program ffmpeg; install ffmpeg'): audio_info(tmp_path/'x.m4a')


def test_a_channel_upside_down(tmp_path, music, caplog):
    x = np.stack([music[:, 0], np.clip(-music[:, 0].astype(int), -32768, 32767)], 1).astype(np.int16)
    x[:100_000, 1] = x[:100_000, 0]                                                                       # only from here on
    got = np.concatenate(list(stream_mono(wav(tmp_path/'x.wav', x), sr=RATE)))
    want = music[:, 0] / 32768
    assert np.abs(got[:98_000] - want[:98_000]).max() < 1e-4 and np.abs(got[115_000:] - want[115_000:]).max() < 1e-4 and 'cancel' in caplog.text
    plain = np.concatenate(list(stream_mono(wav(tmp_path/'y.wav', music), sr=RATE)))
    assert np.array_equal(plain, np.concatenate(list(stream_mono(tmp_path/'y.wav', sr=RATE, rescue=False))))       # ordinary stereo: nothing changes
    assert np.array_equal(got, np.concatenate(list(stream_mono(tmp_path/'x.wav', sr=RATE, block=50_000))))


def test_names_that_nearly_match(tmp_path, music, caplog):
    for folder in ('input', 'desired_output'): (tmp_path/folder).mkdir()
    name = 'B\u00fchne'
    wav(tmp_path/'input'/f'{unicodedata.normalize("NFD", name)}_raw.wav', music[:50_000]); wav(tmp_path/'desired_output'/f'{name}_edit.wav', music[:20_000])
    wav(tmp_path/'input'/'X_RAW.wav', music[:40_000]); wav(tmp_path/'desired_output'/'X_edit.wav', music[:30_000])
    wav(tmp_path/'input'/'E_raw (1).wav', music[:45_000]); wav(tmp_path/'desired_output'/'E_edit.wav', music[:10_000])
    wav(tmp_path/'input'/'H raw.wav', music[:45_000]); (tmp_path/'input'/'notes.txt').write_text('loud')
    assert [p.name for p in find_pairs(tmp_path)] == [name, 'X'] and 'is it E_raw (1).wav?' in caplog.text
    checks = {c.name: c for c in check_pairs(tmp_path)}
    assert checks[name].ok and checks['X'].ok and 'is it E_raw (1).wav?' in checks['E'].faults[0]
    assert checks['H raw.wav'].faults == ('expected a name such as NAME_raw.wav',) and 'H raw.wav is left out' in caplog.text and len(checks) == 4


def test_names_in_a_reaper_project(tmp_path, music):
    raw = wav(tmp_path/'#3jam.wav', music)
    edl = EDL(Source.from_file(raw), [Segment(1000, 50_000, 0, reason='#1; the first'), Segment(60_000, 90_000, 49_000)])
    p = export(edl, tmp_path/'#3jam.rpp')
    assert 'FILE "#3jam.wav"' in p.read_text()
    assert [(s.source_in, s.source_out) for s in import_edl(p).segments] == [(1000, 50_000), (60_000, 90_000)]
    bad = wav(tmp_path/'two\nlines.wav', music[:9000])
    with pytest.raises(EditorbotError, match='line break'): export(EDL(Source.from_file(bad), [Segment(0, 900, 0)]), tmp_path/'bad.rpp')
    assert not (tmp_path/'bad.rpp').exists()


def test_decimal_commas(tmp_path):
    p = tmp_path/'beats.csv'
    for text, want in (('0,5\n1,0\n1,5\n', [.5, 1, 1.5]), ('0,5;1\n1,25;2\n', [.5, 1.25]), ('0,512\t1\n1,024\t2\n', [.512, 1.024]), ('0.5,1\n1.0,2\n', [.5, 1])):
        p.write_text(text)
        assert np.allclose(read_times(p)[:, 0], want), text
    for text in ('1,1\n2,2\n', '0,5, 1,0\n'):
        p.write_text(text)
        with pytest.raises(EditorbotError, match='one number or two'): read_times(p)


@pytest.mark.parametrize('editor', ['keep_all', 'loudness'])
def test_a_click_in_silence_is_not_worth_keeping(tmp_path, editor):
    x = np.zeros((20 * RATE, 2), np.float32); x[9 * RATE] = .9
    with pytest.raises(EditorbotError, match='nothing here is worth keeping'): propose(wav(tmp_path/'x.wav', x), editor)


# ---- right before, and to stay so

def test_chunk_padding_and_tags(tmp_path, music):
    data, odd = music.tobytes(), (b'LIST', b'INFOISFT\5\0\0\0abcd\0')
    mono = (music[:, :1] >> 8).astype(np.int8).astype(np.int16)
    u8 = (mono[:99_999] + 128).astype(np.uint8).tobytes()
    for b, want in ((riff(odd, fmt(), (b'data', data)), music), (riff(fmt(), (b'data', data), odd), music),
                    (b'ID3\4\0\0\0\0\0\x0a' + bytes(10) + riff(fmt(), (b'data', data)), music), (riff(fmt(), (b'data', data)) + b'ID3\4\0\0\0\0\0\x0a' + bytes(10), music),
                    (riff(fmt(), (b'data', data, 0xFFFFFFFF), size=0xFFFFFFFF), music),
                    (riff(fmt(channels=1, bits=8), (b'data', u8), (b'LIST', b'INFO')), mono[:99_999] << 8),
                    (riff(fmt(channels=1, bits=8), (b'data', u8)).removesuffix(b'\0') + riff((b'LIST', b'INFO'))[12:], mono[:99_999] << 8)):
        (tmp_path/'x.wav').write_bytes(b)
        assert np.array_equal(read_audio(tmp_path/'x.wav', dtype='int16'), want) and audio_info(tmp_path/'x.wav').notes == ()


def test_quiet_drums(tmp_path):
    rng, x = np.random.default_rng(0), np.zeros((30 * RATE, 1))
    for k in range(60): x[k * RATE // 2:k * RATE // 2 + 4000, 0] = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 800) * 10**(-70 / 20)
    assert propose(wav(tmp_path/'x.wav', x, subtype='PCM_24'), 'keep_all').edit_duration > 29


# ---- fifty more, from recorders, phones, DAWs and converters: each as it is known to come

def pcm(x): return x.tobytes()
def tag(n): return b'ID3\4\0\0' + bytes([n >> 21 & 127, n >> 14 & 127, n >> 7 & 127, n & 127]) + bytes(n)
def extensible(bits, mask, sub=1): return struct.pack('<HHIH', 22, bits, mask, sub) + bytes.fromhex('000000001000800000aa00389b71')
def flac_bytes(p, x, **kw): return wav(p/'t.flac', x, **kw).read_bytes()
def mp3_bytes(p, x):
    "As floats: libsndfile 1.2 spoils 16-bit integers on their way into an MP3."
    sf.write(p/'t.mp3', x / 32768, RATE)
    return (p/'t.mp3').read_bytes()
def w(x, **kw): return lambda p, m: wav(p, m[:x] if isinstance(x, int) else x(m), **kw)


EXACT, CLOSE = 'exact', 'close'                              # the int16 samples; about as many, and alike
INPUTS = {
    'BWF with bext before fmt': ('.wav', lambda d, m: riff((b'bext', bytes(602)), fmt(), (b'data', pcm(m))), EXACT),
    'bext of odd length': ('.wav', lambda d, m: riff((b'bext', bytes(603)), fmt(), (b'data', pcm(m))), EXACT),
    'Zoom: bext, iXML, data': ('.WAV', lambda d, m: riff((b'bext', bytes(858)), fmt(), (b'iXML', b'<BWFXML/>' + bytes(5001)), (b'data', pcm(m))), EXACT),
    'Pro Tools: minf, elm1, regn, umid': ('.wav', lambda d, m: riff((b'JUNK', bytes(92)), (b'minf', bytes(16)), (b'elm1', bytes(214)), fmt(), (b'data', pcm(m)), (b'regn', bytes(92)), (b'umid', bytes(24))), EXACT),
    'Logic: FLLR up to 4096': ('.wav', lambda d, m: riff(fmt(), (b'FLLR', bytes(4044)), (b'data', pcm(m))), EXACT),
    'JUNK for a later ds64': ('.wav', lambda d, m: riff((b'JUNK', bytes(28)), fmt(), (b'data', pcm(m))), EXACT),
    'LIST in front of fmt': ('.wav', lambda d, m: riff((b'LIST', b'INFOINAM\4\0\0\0jam\0'), fmt(), (b'data', pcm(m))), EXACT),
    'cue, smpl and acid behind': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m)), (b'cue ', bytes(28)), (b'smpl', bytes(60)), (b'acid', bytes(24))), EXACT),
    'fmt of 18 bytes with a fact': ('.wav', lambda d, m: riff(fmt(extra=b'\0\0'), (b'fact', struct.pack('<I', N)), (b'data', pcm(m))), EXACT),
    'chunk with a name of spaces': ('.wav', lambda d, m: riff(fmt(), (b'    ', bytes(10)), (b'data', pcm(m))), EXACT),
    'two data chunks: the first': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m)), (b'data', pcm(m[:100]))), EXACT),
    'RIFF size 0, data size right': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m)), size=0), EXACT),
    'RIFF size too large': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m)), size=0xFFFFFFF0), EXACT),
    'a few bytes of rubbish behind': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m))) + b'\r\n\x1a', EXACT),
    'zeros behind, to a full cluster': ('.wav', lambda d, m: (b := riff(fmt(), (b'data', pcm(m)))) + bytes(-len(b) % 32768), EXACT),
    'ID3v1 behind': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m))) + b'TAG' + bytes(125), EXACT),
    'WAV with an id3 chunk': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m)), (b'id3 ', tag(200))), EXACT),
    'BW64': ('.wav', lambda d, m: riff((b'ds64', struct.pack('<QQQI', 0, m.nbytes, N, 0)), fmt(), (b'data', pcm(m), 0xFFFFFFFF), head=b'BW64', size=0xFFFFFFFF), EXACT),
    'RF64': ('.wav', w(N, format='RF64'), EXACT),
    'W64': ('.w64', w(N, format='W64'), EXACT),
    'AIFF': ('.aif', w(N, format='AIFF'), EXACT),
    'AIFF-C, little-endian (sowt)': ('.aifc', w(N, format='AIFF', endian='LITTLE'), EXACT),
    'CAF': ('.caf', w(N, format='CAF'), EXACT),
    'CAF with ALAC': ('.caf', w(N, format='CAF', subtype='ALAC_16'), EXACT),
    'AU': ('.au', w(N, format='AU'), EXACT),
    'NIST Sphere': ('.sph', w(N, format='NIST'), EXACT),
    'WAV in 24 bits': ('.wav', w(N, subtype='PCM_24'), EXACT),
    'WAV in float': ('.wav', w(N, subtype='FLOAT'), EXACT),
    'WAV in float64': ('.wav', w(N, subtype='DOUBLE'), EXACT),
    'extensible float': ('.wav', lambda d, m: riff(fmt(0xFFFE, bits=32, extra=extensible(32, 3, 3)), (b'data', (m / np.float32(32768)).astype('<f4').tobytes())), EXACT),
    'WAV in 8 bits': ('.wav', w(N, subtype='PCM_U8'), CLOSE),
    'WAV in mu-law': ('.wav', w(N, subtype='ULAW'), CLOSE),
    'WAV in A-law': ('.wav', w(N, subtype='ALAW'), CLOSE),
    'WAV in IMA ADPCM': ('.wav', w(N, subtype='IMA_ADPCM'), CLOSE),
    'WAV in MS ADPCM': ('.wav', w(N, subtype='MS_ADPCM'), CLOSE),
    'IMA ADPCM whose header was never finished': ('.wav', lambda d, m: zeroed(wav(d/'t.wav', m, subtype='IMA_ADPCM').read_bytes()), CLOSE),
    'FLAC in 24 bits': ('.flac', w(N, subtype='PCM_24'), EXACT),
    'FLAC with a wrong MD5': ('.flac', lambda d, m: (b := flac_bytes(d, m))[:26] + bytes(range(16)) + b[42:], EXACT),
    'FLAC behind an ID3v2 tag': ('.flac', lambda d, m: tag(1000) + flac_bytes(d, m), EXACT),
    'FLAC with an ID3v1 tag behind': ('.flac', lambda d, m: flac_bytes(d, m) + b'TAG' + bytes(125), EXACT),
    'Ogg Vorbis named .oga': ('.oga', w(N, format='OGG', subtype='VORBIS'), CLOSE),
    'Opus at 48 kHz, with its pre-skip': ('.opus', lambda d, m: (sf.write(d/'t.opus', m, 48000, format='OGG', subtype='OPUS'), (d/'t.opus').read_bytes())[1], CLOSE),
    'MP3 with Xing and LAME tags: gapless': ('.mp3', lambda d, m: mp3_bytes(d, m), CLOSE),
    'MP3 behind a picture in ID3v2': ('.mp3', lambda d, m: tag(200_000) + mp3_bytes(d, m), CLOSE),
    'MP3 with APE and ID3v1 tags': ('.mp3', lambda d, m: mp3_bytes(d, m) + b'APETAGEX' + struct.pack('<IIII', 2000, 32, 0, 0) + bytes(8) + b'TAG' + bytes(125), CLOSE),
    'MP3 with rubbish in front': ('.mp3', lambda d, m: bytes(777) + mp3_bytes(d, m), CLOSE),
    'an MP3 named .wav': ('.wav', lambda d, m: mp3_bytes(d, m), CLOSE),
    'a WAV named .mp3': ('.mp3', lambda d, m: riff(fmt(), (b'data', pcm(m))), EXACT),
    'a WAV named .raw': ('.raw', lambda d, m: riff(fmt(), (b'data', pcm(m))), EXACT),
    'a WAV without a suffix': ('', lambda d, m: riff(fmt(), (b'data', pcm(m))), EXACT),
    'one sample': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m[:1]))), 1),
    'eight channels': ('.wav', lambda d, m: riff(fmt(channels=8), (b'data', pcm(m))), N // 4),
    '64 channels': ('.wav', lambda d, m: riff(fmt(channels=64), (b'data', pcm(m[:64_000]))), 2000),
    '11 025 Hz': ('.wav', lambda d, m: riff(fmt(rate=11_025), (b'data', pcm(m))), EXACT),
    '192 kHz': ('.wav', lambda d, m: riff(fmt(rate=192_000), (b'data', pcm(m))), EXACT),
    'the first 30 bytes of a WAV': ('.wav', lambda d, m: wav(d/'t.wav', m).read_bytes()[:30], 'a WAV of 30 bytes with no samples'),
    'data of no length': ('.wav', lambda d, m: riff(fmt(), (b'data', b'')), 'no samples at all'),
    'data of no length and a LIST': ('.wav', lambda d, m: riff(fmt(), (b'data', b''), (b'LIST', b'INFO')), 'no samples at all'),
    'fmt without data': ('.wav', lambda d, m: riff(fmt()), 'expected'),
    'data without fmt': ('.wav', lambda d, m: riff((b'data', pcm(m))), 'expected'),
    'a rate of zero': ('.wav', lambda d, m: riff(fmt(rate=0), (b'data', pcm(m))), 'expected'),
    'no channels': ('.wav', lambda d, m: riff((b'fmt ', struct.pack('<HHIIHH', 1, 0, RATE, 0, 0, 16)), (b'data', pcm(m))), 'expected'),
    'half a download': ('.wav', lambda d, m: riff(fmt(), (b'data', pcm(m)))[:500_000], 'cut short'),
    'an HTML page': ('.mp3', lambda d, m: b'<!DOCTYPE html><html><body>404</body></html>' * 20, 'expected'),
    'a JPEG': ('.wav', lambda d, m: b'\xff\xd8\xff\xe0\0\x10JFIF' + m.tobytes()[:9000], 'expected'),
    'a ZIP': ('.wav', lambda d, m: b'PK\3\4' + m.tobytes()[:9000], 'expected'),
    'zeros': ('.wav', lambda d, m: bytes(100_000), 'expected'),
    'a MIDI file': ('.mid', lambda d, m: b'MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0', 'expected'),
    'a play list': ('.m3u8', lambda d, m: b'#EXTM3U\n#EXTINF:10,\nx.wav\n', 'expected'),
    'four bytes': ('.wav', lambda d, m: b'RIFF', 'expected'),
    'an MPEG-4 file that was never finished': ('.m4a', lambda d, m: struct.pack('>I4s4s', 20, b'ftyp', b'M4A ') + bytes(8) + struct.pack('>I4s', 0, b'mdat') + m.tobytes()[:9000], 'expected'),
}


@pytest.mark.parametrize('what', INPUTS)
def test_inputs(tmp_path, music, what):
    suffix, make, want = INPUTS[what]
    p = tmp_path/f'take{suffix}'
    made = make(p, music) if make.__name__ == '<lambda>' and make.__code__.co_freevars else make(tmp_path, music)
    if isinstance(made, bytes): p.write_bytes(made)
    before = p.read_bytes()
    if isinstance(want, str) and want not in (EXACT, CLOSE):
        with pytest.raises(EditorbotError, match=want) as e: audio_info(p)
        assert len(str(e.value).splitlines()) == 1 and str(p) in str(e.value)
        return
    i, got = audio_info(p), read_audio(p, dtype='int16')
    if what == 'extensible float': got = np.rint(read_audio(p) * 32768).astype(np.int16)                   # libsndfile doesn't scale floats to int16
    assert len(got) == i.frames and p.read_bytes() == before
    if isinstance(want, int): assert i.frames == want
    elif want == EXACT: assert np.array_equal(got, music)
    else:
        rate = i.sample_rate / RATE if 'Opus' not in what else 1
        assert abs(i.frames / rate - N) < 3000
        low = lambda x: np.convolve(x[:200_000, 0].astype(float), np.ones(40), 'valid')                    # without the noise, which no codec keeps
        assert np.corrcoef(low(got), low(music))[0, 1] > .9
    if want == EXACT or want == CLOSE:                       # from the middle as from the beginning, and rendered
        assert np.array_equal(read_audio(p, 100_001, 101_001), read_audio(p)[100_001:101_001])
        edl = EDL(Source.from_file(p), [Segment(150_000, 160_000, 0), Segment(20_000, 25_000, 10_000)])
        out = render_with_chunks(edl, tmp_path/'edit.wav')
        assert null_test(edl, out) == (15_000 * i.channels, 0)


@pytest.mark.parametrize('name', ['Probe Ü 3 – Keller.wav', '🎸 jam.wav', "it's \"loud\".wav", 'a' * 240 + '.wav', '-o.wav', ' leading.wav', '100%.wav', 'a;b&c$(d).wav', 'tab\t.wav', 'http:x.wav', '日本語.wav', 'x.wav.wav', '~.wav'])
def test_names(tmp_path, music, name):
    p = wav(tmp_path/name, music)
    edl = EDL(Source.from_file(p), [Segment(1000, 9000, 0)])
    saved = edl.save(tmp_path/'x.edl.json')
    assert null_test(EDL.load(saved), render_with_chunks(EDL.load(saved), tmp_path/'edit.wav')) == (16_000, 0)
    assert [(s.source_in, s.source_out) for s in import_edl(export(edl, tmp_path/'x.rpp')).segments] == [(1000, 9000)]


def test_what_is_no_file(tmp_path, music):
    p = wav(tmp_path/'x.wav', music)
    (tmp_path/'link.wav').symlink_to(p); (tmp_path/'broken.wav').symlink_to(tmp_path/'gone.wav'); (tmp_path/'loop.wav').symlink_to(tmp_path/'loop.wav')
    (tmp_path/'folder.wav').mkdir(); os.mkfifo(tmp_path/'pipe.wav'); (tmp_path/'empty.wav').touch()
    assert audio_info(tmp_path/'link.wav').frames == N
    for name, why in (('broken.wav', 'no such file'), ('loop.wav', 'found'), ('folder.wav', 'a folder'), ('pipe.wav', 'a device or pipe'), ('empty.wav', 'an empty file'),
                      ('x.wav/y.wav', 'no such file'), ('b' * 300, 'found'), ('nul\0.wav', 'found')):
        with pytest.raises(EditorbotError, match=why): audio_info(tmp_path/name)
    with pytest.raises(EditorbotError, match='a device or pipe'): audio_info('/dev/zero')
    if os.getuid():
        p.chmod(0)
        with pytest.raises(EditorbotError, match='no permission'): audio_info(p)


def test_repair_keeps_the_time_behind_damage(tmp_path, music):
    b = bytearray(wav(tmp_path/'x.flac', music).read_bytes())
    b[len(b) // 2:len(b) // 2 + 300] = bytes(300)
    (tmp_path/'bad.flac').write_bytes(b)
    with pytest.raises(EditorbotError, match='damage after .* `editorbot repair`'): read_audio(tmp_path/'bad.flac')
    out, info, holes = repair(tmp_path/'bad.flac')
    got = sf.read(out, dtype='int16')[0]
    assert info.frames == N and holes and sum(b - a for a, b in holes) < 1
    lost = [slice(int(a * RATE), round(b * RATE)) for a, b in holes]
    same = np.ones(N, bool)
    for s in lost: same[max(0, s.start - 4096):s.stop + 4096] = False
    assert np.array_equal(got[same], music[same]) and same.mean() > .7


# ---- faults

@pytest.mark.slow
def test_fuzz(tmp_path):
    "A few of the five hundred of `make fuzz`."
    import fuzz
    rows = fuzz.fuzz(range(39), tmp_path)
    assert len(rows) == 39 and not [(r['seed'], r['fault']) for r in rows if r['fault']], fuzz.table(rows)


def in_a_process(code, **env): return subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **env})


def test_a_disk_that_fills_while_samples_are_kept(tmp_path, music):
    "What is decoded linearly is kept in a temporary file; without room for it every sample still comes out right."
    sf.write(tmp_path/'x.ogg', music, RATE)
    whole = read_audio(tmp_path/'x.ogg')
    p = in_a_process(f"""
import resource, signal, zlib
from editorbot.audio import read_audio
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
p = {str(tmp_path/'x.ogg')!r}
print(*[zlib.crc32(read_audio(p, a, a + 5000).tobytes()) for a in (200_000, 5000, 100_000, 99_000)])""")
    said = p.communicate(timeout=300)[0]
    assert [int(w) for w in said.split()] == [zlib.crc32(whole[a:a + 5000].tobytes()) for a in (200_000, 5000, 100_000, 99_000)], said


def test_a_disk_that_fills_while_a_copy_is_written(tmp_path, music):
    wav(tmp_path/'x.wav', music)
    p = in_a_process(f"""
import resource, signal
from editorbot.app.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
main(['repair', {str(tmp_path/'x.wav')!r}])""")
    said = p.communicate(timeout=300)[0]
    assert p.returncode == 2 and len(said.strip().splitlines()) == 1 and 'x_repaired.wav' in said, said
    assert [f.name for f in tmp_path.iterdir()] == ['x.wav']


def test_repair_from_the_command_line(tmp_path, music):
    from click.testing import CliRunner

    from editorbot.app.cli import main
    (tmp_path/'dead.wav').write_bytes(zeroed(wav(tmp_path/'x.wav', music).read_bytes()))
    done = CliRunner().invoke(main, ['repair', str(tmp_path/'dead.wav')])
    assert done.exit_code == 0 and '0:06' in done.output and np.array_equal(sf.read(tmp_path/'dead_repaired.wav', dtype='int16')[0], music)
    assert CliRunner().invoke(main, ['repair', str(tmp_path/'dead.wav')]).exit_code == 2                  # it is there already
    assert CliRunner().invoke(main, ['repair', str(tmp_path/'none.wav')]).exit_code == 2
