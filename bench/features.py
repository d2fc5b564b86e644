"""What the analysis of a recording costs: beats, features and stems beside librosa, and how the cost grows with length.

    make bench-features                                  the ratios, and 5 and 20 minutes
    make bench-features ARGS='--minutes 5 20 60 160'     two and a half hours too (writes 1.7 GB to a temporary folder)
    make bench-features ARGS='--minutes --ratio-minutes 2'   only the ratios

Ratios: the 52 columns that librosa has, for the same beats of the same music at 22 050 Hz, one thread: librosa beat by beat, librosa's frame features under `librosa.util.sync` (each from the waveform, as its documentation
shows, and all from one shared spectrogram), and editorbot (decoding, hashing and the mel included). CPU seconds; the best of three runs, but for the beat-by-beat loop, which runs once.
Growth: 16-bit stereo at 44.1 kHz, made of a synthetic song again and again; each stage in a process of its own; CPU seconds count all threads, the peak is the process's largest resident set.
"""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np, soundfile as sf


def cpu(): r = resource.getrusage(resource.RUSAGE_SELF); return r.ru_utime + r.ru_stime
def peak_mb(): return int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]) / 1024


def write_tiled(path, minutes, sr=44100):
    "Four minutes of songs, again and again, each time at another level."
    from editorbot.simulation.band import synth_song
    x, left, k = np.concatenate([synth_song(s, 60., sr) for s in range(4)]), round(minutes * 60 * sr), 0
    with sf.SoundFile(path, 'w', sr, 2, 'PCM_16') as f:
        while left > 0:
            y = x[:left] * (0.5 + 0.5 * np.cos(k)**2); f.write(y); left -= len(y); k += 1


# ---- the ratios

def librosa_frames(y, S=None):
    "librosa's own frame features, (52, T); from the waveform, or from a magnitude spectrogram."
    import librosa
    kw = dict(y=y, sr=22050) if S is None else dict(S=S, sr=22050)
    mel = None if S is None else librosa.feature.melspectrogram(S=S**2, sr=22050)
    mfcc = librosa.feature.mfcc(y=y, sr=22050, n_mfcc=13) if S is None else librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=13)
    onset = librosa.onset.onset_strength(y=y, sr=22050) if S is None else librosa.onset.onset_strength(S=librosa.power_to_db(mel), sr=22050)
    chroma = librosa.feature.chroma_stft(y=y, sr=22050, tuning=0.0) if S is None else librosa.feature.chroma_stft(S=S**2, sr=22050, tuning=0.0)
    flat = librosa.feature.spectral_flatness(y=y) if S is None else librosa.feature.spectral_flatness(S=S)
    delta = librosa.feature.delta(mfcc) if mfcc.shape[1] >= 9 else np.zeros_like(mfcc)
    return np.concatenate([onset[None], librosa.feature.rms(y=y), librosa.feature.spectral_centroid(**kw), librosa.feature.zero_crossing_rate(y), librosa.feature.spectral_rolloff(**kw),
                           librosa.feature.spectral_bandwidth(**kw), flat, librosa.feature.spectral_contrast(**kw), mfcc, delta, chroma])


def ratios(minutes):
    import librosa
    from editorbot.sound.beats import analyse_beats
    from editorbot.sound.beat_features import analyse_frames, beat_features, beat_starts
    with tempfile.TemporaryDirectory() as d:
        path = Path(d)/'mono.wav'
        from editorbot.simulation.band import synth_song
        y = np.concatenate([synth_song(s, 60., 22050).mean(1) for s in range(int(np.ceil(minutes)))])[:round(minutes * 60 * 22050)].astype(np.float32)
        sf.write(path, y, 22050, subtype='FLOAT')
        track, table = analyse_frames(path)
        beats = analyse_beats(track)
        start, _ = beat_starts(beats, len(table.data))
        def best(f, n=3):
            f() if n > 1 else None                                                # numba and filters are made once
            out = []
            for _ in range(n): t = cpu(); r = f(); out.append(cpu() - t)
            return min(out), r
        def ours():
            t, tab = analyse_frames(path)
            return beat_features(t, beats, 'enhanced', table=tab)[:, :52]
        def synced(S=None): return librosa.util.sync(librosa_frames(y, S), list(start[1:]), aggregate=np.mean).T
        def each():
            e = np.round(beats.edges * 22050).astype(int)
            return np.stack([librosa_frames(y[a:b]).mean(1) for a, b in zip(e, e[1:])])
        librosa_frames(y[:22050])
        t_ours, x = best(ours)
        t_frames, z = best(synced)
        t_shared, _ = best(lambda: synced(np.abs(librosa.stft(y))))
        t_each, _ = best(each, 1)
        worst = (np.abs(x - z).max(0) / np.maximum(z.std(0), 1e-9))
        print(f'\n{minutes:g} minutes, {len(beats)} beats, 52 columns, CPU seconds\n| | s | times ours |\n|---|---:|---:|')
        for name, t in (('librosa, beat by beat', t_each), ('librosa, frames and util.sync', t_frames), ('librosa, one shared spectrogram and util.sync', t_shared), ('editorbot (with decoding, hash and mel)', t_ours)):
            print(f'| {name} | {t:.2f} | {t / t_ours:.1f} |')
        cols = [i for i in range(52) if i not in (1, 3)]                          # RMS and ZCR: other padding at the ends of the file
        print(f'largest difference to librosa of any of {len(cols)} columns: {worst[cols].max():.1e} standard deviations of the column')
        return t_each / t_ours, t_frames / t_ours, t_shared / t_ours


# ---- growth

def stage(name, path, folder):
    "CPU and wall seconds of one stage in this process, and its peak memory."
    import librosa.beat  # noqa: F401  numba compiles while it is imported; that is not what is measured
    from editorbot.sound.beats import Beats, analyse_beats
    from editorbot.edl import Source
    from editorbot.sound.beat_features import analyse_frames, beat_features
    from editorbot.sound.mel import Track, load_track, mel_filters
    from editorbot.sound.stems import separate
    mel_filters()
    folder, base = Path(folder), peak_mb()
    def cached(): m = json.loads((folder/'meta.json').read_text()); return Track(Source(**m['source']), np.load(folder/'mel.npy', mmap_mode='r'), m['top'])
    if name != 'mel': track = cached()
    c, w = cpu(), time.perf_counter()
    if name == 'mel':
        track = load_track(path)
    elif name == 'beats': beats = analyse_beats(track)
    elif name == 'features':
        t, table = analyse_frames(path, folder=folder)               # as the cache does: mel and table lie in files
        x = beat_features(t, Beats.from_dict(json.loads((folder/'beats.json').read_text())), table=table)
        assert np.isfinite(x).all()
    elif name == 'stems': separate(track, folder=folder)
    row = dict(cpu=cpu() - c, wall=time.perf_counter() - w, peak=peak_mb(), base=base)
    if name == 'mel': np.save(folder/'mel.npy', track.mel); (folder/'meta.json').write_text(json.dumps(dict(source=vars(track.source), top=track.top_db)))
    if name == 'beats': beats.save(folder/'beats.json')
    return row


STAGES = ('mel', 'beats', 'features', 'stems')

if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--minutes', type=float, nargs='*', default=[5, 20])
    ap.add_argument('--ratio-minutes', type=float, default=3)
    ap.add_argument('--stages', nargs='*', default=STAGES, choices=STAGES)
    ap.add_argument('--child', nargs=3, help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.child: print(json.dumps(stage(*a.child))); sys.exit()
    if a.ratio_minutes: ratios(a.ratio_minutes)
    rows = []
    for m in a.minutes:
        with tempfile.TemporaryDirectory() as d:
            write_tiled(Path(d)/'raw.wav', m)
            for s in a.stages:
                r = subprocess.run([sys.executable, __file__, '--child', s, f'{d}/raw.wav', d], stdout=subprocess.PIPE, check=True, text=True)
                rows.append((m, s, json.loads(r.stdout.splitlines()[-1])))
                print(f'{s}, {m:g} minutes: {rows[-1][2]["cpu"]:.1f} CPU s, {rows[-1][2]["peak"]:.0f} MB', file=sys.stderr, flush=True)
    if rows:
        print('\n| stage | minutes | CPU s | CPU s a minute | wall s | peak MB | of which before |\n|---|---:|---:|---:|---:|---:|---:|')
        for s in a.stages:
            for m, name, r in rows:
                if name == s: print(f'| {s} | {m:g} | {r["cpu"]:.1f} | {r["cpu"] / m:.3f} | {r["wall"]:.1f} | {r["peak"]:.0f} | {r["base"]:.0f} |')
        print('(features: one pass that makes the mel too. beats: from a mel that is memory-mapped.)')
        for s in a.stages:
            t = [(m, r['cpu']) for m, name, r in rows if name == s]
            if len(t) > 1: print(f'{s}: growth exponent {np.polyfit(*np.log(np.array(t)).T, 1)[0]:.2f}')
