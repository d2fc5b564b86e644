"""editorbot songs as a musician runs it: names, library, formats, takes; what is there already stays; a refusal is one line and writes nothing."""
import json, sqlite3, struct

import numpy as np, pytest, soundfile as sf
from click.testing import CliRunner
from editorbot.app.cli import main
from editorbot.app.song_files import measure_loudness
from editorbot.audio import read_audio, write_audio
from editorbot.edl import load_edl
from editorbot.interchange.export import export
from editorbot.interchange.import_ import import_edl
from editorbot.simulation.band import synth_song, synth_speech

SR = 22050


def run(*words):
    r = CliRunner().invoke(main, ['songs', *map(str, words)])
    assert r.exit_code == 0, (r.output, r.exception)
    return r.output


def refused(*words, has):
    r = CliRunner().invoke(main, ['songs', *map(str, words)])
    lines = [x for x in r.output.splitlines() if x.strip()]
    assert r.exit_code == 2 and len(lines) == 1 and has in lines[0], (r.exit_code, r.output)


def rehearsal(seed=0):
    "Talk, a song begun and broken off, the song, talk, another song."
    rng = np.random.default_rng(seed)
    quiet = lambda s: rng.normal(0, 1e-4, (int(s * SR), 2))
    say = lambda s: synth_speech(seed + int(s * 10), s, SR)[:int(s * SR), None] * .1 * np.ones(2)
    a, b = synth_song(3, 40, SR), synth_song(7, 35, SR)
    return np.concatenate([quiet(1), say(4), a[:12 * SR], quiet(1), say(5), quiet(1), a * .7, quiet(1), say(6), quiet(1), b, quiet(1), say(3)])


@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tmp_path_factory.mktemp('songs')


@pytest.fixture(scope='module')
def jam(folder):
    write_audio(folder/'jam.wav', rehearsal(), SR, subtype='PCM_24')
    return folder/'jam.wav'


@pytest.fixture(scope='module')
def out(folder, jam):
    "The first run, which listens; the others in this folder take what was heard from the cache."
    (folder/'set.txt').write_text('Alpha\nBeta\nGamma\n')
    text = run(jam, '-o', folder/'out', '--names', folder/'set.txt', '--library', folder/'lib.sqlite', '--takes')
    assert '1  Alpha' in text and 'take 2' in text and 'false start' in text and '1 name of the set list left over: Gamma' in text, text
    return folder/'out'


def test_songs_are_the_recordings_own_samples(jam, out):
    assert sorted(p.name for p in out.glob('*.wav')) == ['01 Alpha.wav', '02 Beta.wav']
    assert sorted(p.name for p in (out/'takes').glob('*.wav')) == ['01 Alpha, take 1.wav', '01 Alpha, take 2.wav', '02 Beta, take 1.wav']
    told = json.loads((out/'songs.json').read_text())
    for song in told['songs']:
        for t in song['takes']:
            raw = read_audio(jam, t['source_in'], t['source_out'], 'int32')
            assert (read_audio(out/t['file'], dtype='int32') == raw).all()
            if t['kept']: assert (read_audio(out/song['file'], dtype='int32') == raw).all()
    assert [s['kept'] for s in told['songs']] == [2, 1]
    i = sf.info(out/'01 Alpha.wav')
    assert (i.samplerate, i.channels, i.subtype) == (SR, 2, 'PCM_24')
    first = told['songs'][0]['takes'][1]
    assert abs(first['start'] - 24) < 1 and abs(first['end'] - 64) < 1


def test_a_split_recording_and_its_tracks(folder, jam, out):
    "Two files and a track beside them: the same songs, cut alike at the track's own rate; the CUE sheet names both files."
    x = read_audio(jam, dtype='int32')
    sf.write(folder/'Z1.wav', x[:50 * SR], SR, subtype='PCM_24'); sf.write(folder/'Z2.wav', x[50 * SR:], SR, subtype='PCM_24')
    drums = np.repeat(np.arange(len(x)) % 30_000, 2).astype(np.int16)                          # each sample says where it is
    sf.write(folder/'drums.wav', drums, 2 * SR)
    run(folder/'Z1.wav', folder/'Z2.wav', '-o', folder/'both', '--with', folder/'drums.wav', '--names', folder/'set.txt', '--no-report')
    assert sorted(p.name for p in (folder/'both').glob('*.wav')) == ['01 Alpha.wav', '01 Alpha_drums.wav', '02 Beta.wav', '02 Beta_drums.wav']
    for t in (s['takes'][s['kept'] - 1] for s in json.loads((folder/'both'/'songs.json').read_text())['songs']):
        a, b = t['source_in'], t['source_out']
        name = t['file'] or next(s['file'] for s in json.loads((folder/'both'/'songs.json').read_text())['songs'] if s['takes'][s['kept'] - 1] == t)
        assert (read_audio(folder/'both'/name, dtype='int32') == x[a:b]).all()
        assert (read_audio(folder/'both'/name.replace('.wav', '_drums.wav'), dtype='int16')[:, 0] == drums[2 * a:2 * b]).all()
    assert [line for line in (folder/'both'/'songs.cue').read_text().splitlines() if line.startswith('FILE')] == [f'FILE "{folder/n}" WAVE' for n in ('Z1.wav', 'Z2.wav')]
    assert [t.name for t in load_edl(folder/'both'/'songs.edl.json').tracks] == ['drums']
    refused(folder/'Z1.wav', '-o', folder/'none', '--with', folder/'drums.wav', has='drums.wav: expected the length of Z1.wav')


def test_a_page_to_hear_every_take(jam, out):
    "Numbers by song, the files in full quality, nothing from elsewhere; what lies between takes can be heard."
    page = (out/'songs.html').read_text()
    for sign in ('>1.1<', '>1.2<', '>2<'): assert sign in page
    assert 'href="01%20Alpha.wav"' in page and 'href="takes/01%20Alpha%2C%20take%201.wav"' in page
    assert page.index('<h3>1  Alpha</h3>') < page.index('Alpha, take 2 (kept)</strong>') < page.index('<h3>2  Beta</h3>') and 'Between the takes' in page
    assert not [u for u in ('http://', 'https://', 'src="') if u in page]


def test_sheets_refer_to_the_recording(jam, out):
    cue, labels, rpp = ((out/f'songs.{s}').read_text() for s in ('cue', 'txt', 'rpp'))
    assert cue.count('TRACK') == 3 and 'jam.wav' in cue and 'TITLE "Alpha, take 2 (kept)"' in cue
    assert len(labels.splitlines()) == 3 and abs(float(labels.splitlines()[1].split()[0]) - 23.5) < 1
    assert rpp.count('MARKER') == 6 and 'jam.wav' in rpp


def test_a_session_carries_the_other_takes(jam, out, folder):
    "In the DAW the false start lies under the kept take, note on note, and comes back when it is chosen there."
    text = export(load_edl(out/'songs.edl.json'), folder/'session.rpp').read_text()
    kept = import_edl(folder/'session.rpp').segments
    takes = json.loads((out/'songs.json').read_text())['songs'][0]['takes']
    assert (kept[0].source_in, kept[0].source_out) == (takes[1]['source_in'], takes[1]['source_out'])
    assert text.count('Alpha, take 1 (false start)') == 3 and 'cut: Alpha, take 1 (false start)' in text     # a take; on the track of what was cut, with its notes
    lines = text.splitlines()
    at = [i for i, line in enumerate(lines) if line.strip() == 'TAKE']
    lines[at[0]] += ' SEL'
    (folder/'chosen.rpp').write_text('\n'.join(lines))
    chosen = import_edl(folder/'chosen.rpp').segments[0]
    assert len(at) == 1 and abs(chosen.source_in - takes[0]['source_in']) < .25 * SR
    assert abs((kept[0].source_in - chosen.source_in) / SR - 19) < .1              # that is how much later the band plays it again


def test_an_edit_carries_the_other_takes_too(jam, folder):
    "What `edit` leaves out of a song is a take of REAPER's item, note on note, and stays one when the edge is moved by hand."
    r = CliRunner().invoke(main, ['edit', str(jam), '-o', str(folder/'best.wav'), '--no-plot'])
    assert r.exit_code == 0, r.output
    edl = load_edl(folder/'best.edl.json')
    (kept, ((a, b, name),)), = edl.meta['takes']
    assert kept in [[s.source_in, s.source_out] for s in edl.segments] and abs(kept[0] / SR - 24) < 1
    assert name.startswith('take at 0:0') and name.endswith('false start') and abs((kept[0] - a) / SR - 19) < .1 and 10 < (b - a) / SR < 13
    assert export(edl, folder/'best.rpp').read_text().count(name) == 1
    told = json.loads((folder/'best.edl.json').read_text())
    first = next(s for s in told['segments'] if s['source_in'] == kept[0])
    first['source_in'] -= SR // 2
    (folder/'moved.edl.json').write_text(json.dumps(told))
    assert name in export(load_edl(folder/'moved.edl.json'), folder/'moved.rpp').read_text()


def test_a_library_knows_the_songs_next_time(jam, out, folder):
    x = rehearsal(5)[5 * SR:]                                            # the same songs, another day: softer, brighter, faster
    import soxr
    x = np.diff(soxr.resample(x * .4, 1020, 1000, 'MQ'), axis=0, prepend=0) + .3 * soxr.resample(x * .4, 1020, 1000, 'MQ')
    write_audio(folder/'next.wav', x, SR)
    text = run(folder/'next.wav', '-o', folder/'next', '--library', folder/'lib.sqlite')
    assert 'Alpha  (known from the library' in text and 'Beta  (known from the library' in text, text
    db = sqlite3.connect(folder/'lib.sqlite')
    assert {n for n, in db.execute('SELECT name FROM songs')} == {'Alpha', 'Beta'}


def test_lossy_files_are_tagged_and_loud_enough(jam, out, folder):
    run(jam, '-o', out, '--format', 'mp3', '--loudness', -20, '--library', folder/'lib.sqlite')
    p = out/'02 Beta.mp3'
    with sf.SoundFile(p) as f: assert (f.title, f.tracknumber) == ('Beta', '2/2')
    lufs, peak = measure_loudness(p, 0, sf.info(p).frames)
    assert abs(lufs + 20) < .7 and peak < 0
    run(jam, '-o', out, '--format', 'flac', '--names', folder/'set.txt')
    with sf.SoundFile(out/'01 Alpha.flac') as f: assert (f.title, f.subtype) == ('Alpha', 'PCM_24')


def test_trim_only_takes_the_ends_away(jam, out, folder):
    run(jam, '-o', folder/'trim', '--trim', '--pad', 0, '--no-report')
    assert not (folder/'trim'/'songs.html').exists()
    assert [p.name for p in (folder/'trim').glob('*.wav')] == ['jam trimmed.wav']
    told = json.loads((folder/'trim'/'songs.json').read_text())
    takes = [t for s in told['songs'] for t in s['takes']]
    a, b = min(t['source_in'] for t in takes), max(t['source_out'] for t in takes)
    assert (read_audio(folder/'trim'/'jam trimmed.wav', dtype='int32') == read_audio(jam, a, b, 'int32')).all() and b - a > 90 * SR


def test_files_of_others_stay(jam, out, folder):
    mine = folder/'mine'
    mine.mkdir()
    (mine/'02 Song 2.wav').write_bytes(b'mine')
    (mine/'.songs.npz').write_bytes((out/'.songs.npz').read_bytes())
    refused(jam, '-o', mine, has='02 Song 2.wav: exists already')
    assert (mine/'02 Song 2.wav').read_bytes() == b'mine' and not (mine/'01 Song 1.wav').exists()
    run(jam, '-o', mine, '--overwrite')
    assert sf.info(mine/'02 Song 2.wav').frames > SR
    run(jam, '-o', mine)                                                 # its own files may be replaced
    (mine/'songs.cue').write_text('edited by hand')
    refused(jam, '-o', mine, has='songs.cue: exists already')
    assert (mine/'songs.cue').read_text() == 'edited by hand'


def test_few_names_and_a_name_for_every_song(jam, out, folder):
    (folder/'one.txt').write_text('Only\n')
    text = run(jam, '-o', folder/'few', '--names', folder/'one.txt')
    assert 'no name for Song 2' in text and (folder/'few'/'01 Only.wav').exists() and (folder/'few'/'02 Song 2.wav').exists()
    (folder/'two.txt').write_text('A: new / name\nBeta\n')
    text = run(jam, '-o', folder/'few', '--names', folder/'two.txt', '--library', folder/'lib.sqlite')
    assert (folder/'few'/'01 A- new - name.wav').exists() and 'from an earlier run, no longer needed: 01 Only.wav, 02 Song 2.wav' in text


def test_refusals_are_one_line(jam, folder):
    o = ['-o', folder/'none']
    refused(folder/'no.wav', *o, has='no such file')
    refused(jam, *o, '--names', folder/'no.txt', has='no.txt')
    refused(jam, *o, '--format', 'aac', has='one of wav, flac, mp3, ogg')
    refused(jam, *o, '--loudness', 3, has='--loudness')
    refused(jam, *o, '--pad', -1, has='--pad')
    refused(jam, '-o', jam, has='expected a folder')
    (folder/'text.sqlite').write_text('no database ' * 200)
    refused(jam, *o, '--library', folder/'text.sqlite', has='a song library')
    write_audio(folder/'silence.wav', np.zeros((5 * SR, 1)), SR)
    refused(folder/'silence.wav', *o, has='only silence')
    write_audio(folder/'talk.wav', synth_speech(3, 20., SR)[:, None] * .2, SR)
    refused(folder/'talk.wav', *o, has='no take of a song')
    assert not list((folder/'none').glob('*.wav')) if (folder/'none').exists() else True


def test_broadcast_wav_metadata_goes_along(folder):
    from editorbot.interchange.broadcast_wav import insert_chunks, read_chunks
    p = folder/'field.wav'
    write_audio(p, rehearsal(), SR)
    bext = bytearray(602); bext[320:330] = b'2026-11-29'; struct.pack_into('<QH', bext, 338, 1000, 0)
    insert_chunks(p, [(b'bext', bytes(bext))])
    run(p, '-o', folder/'field')
    chunks = dict(read_chunks(folder/'field'/'02 Song 2.wav'))
    told = json.loads((folder/'field'/'songs.json').read_text())['songs'][1]['takes'][0]
    assert struct.unpack_from('<Q', chunks[b'bext'], 338)[0] == 1000 + told['source_in']
    with sf.SoundFile(folder/'field'/'02 Song 2.wav') as f: assert (f.title, f.date) == ('Song 2', '2026-11-29')
