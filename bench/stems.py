"""How well stems are separated where the true parts are known: correlation of energies over time.

    make bench-stems ARGS='--songs DIR'                              the fallback, hpss
    make bench-stems ARGS='--songs DIR --model htdemucs --repo WEIGHTS'   Demucs too

DIR holds folders with guitar.ogg and song.ogg (the guitar and everything else), as the songs of Frets on Fire have them. Each song is mixed again from both files and separated; for windows of 0.1 s the level in dB of every
stem is correlated with that of each true part. No stem is called guitar: it should be found in other or vocals (where the mix puts it), and not in drums or bass. `share`: correlation of the stem's share of the power with the
guitar's share, which the loudness of the song as a whole can't raise.
"""
import argparse, os, sys, tempfile, time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np, soundfile as sf
from editorbot.audio import read_audio
from editorbot.sound.stems import STEMS, separate


def levels(x, rate, seconds=.1):
    "Power of windows of a recording."
    n = round(seconds * rate)
    x = x.mean(1)
    return (x[:len(x) // n * n].reshape(-1, n)**2).mean(1) + 1e-9


def one(folder, model, repo, tmp):
    guitar, rest = (sf.read(folder/f, always_2d=True) for f in ('guitar.ogg', 'song.ogg'))
    rate = guitar[1]
    if rest[1] != rate: raise SystemExit(f'{folder}: guitar.ogg and song.ogg have different sample rates')
    n = min(len(guitar[0]), len(rest[0]))
    parts = [guitar[0][:n], rest[0][:n]]
    mix = parts[0] + parts[1]
    gain = 0.9 / max(np.abs(mix).max(), 1e-6)
    sf.write(tmp/'mix.wav', mix * gain, rate, subtype='PCM_24')
    c = time.process_time()
    s = separate(tmp/'mix.wav', model, folder=tmp, repo=repo)
    c = time.process_time() - c
    est = [levels(read_audio(f), sf.info(f).samplerate) for f in s.files]
    true = [levels(p * gain, rate) for p in parts]
    m = min(map(len, est + true))
    heard = (true[0] + true[1])[:m] > 1e-6
    db = lambda v: 10 * np.log10(v[:m][heard])
    corr = np.array([[np.corrcoef(db(e), db(t))[0, 1] for t in true] for e in est])
    share = lambda v, all_: (v[:m] / sum(a[:m] for a in all_))[heard]
    pair = np.array([np.corrcoef(share(e, est), share(true[0], true))[0, 1] for e in est])
    return corr, pair, c / (n / rate / 60), s.method


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--songs', help='folder of folders with guitar.ogg and song.ogg')
    ap.add_argument('--model', nargs='*', default=['hpss'])
    ap.add_argument('--repo', help="folder of Demucs' weights")
    a = ap.parse_args()
    if not a.songs: sys.exit(print("nothing to do: name a folder of songs with guitar.ogg and song.ogg (make bench-stems ARGS='--songs DIR')"))
    songs = sorted(p.parent for p in Path(a.songs).rglob('guitar.ogg') if (p.parent/'song.ogg').exists())
    if not songs: raise SystemExit(f'{a.songs}: no folder with guitar.ogg and song.ogg in it')
    for model in dict.fromkeys(['hpss', *a.model]):
        C, S, cpu = [], [], []
        for folder in songs:
            with tempfile.TemporaryDirectory() as d: corr, share, c, method = one(folder, model, a.repo, Path(d))
            C.append(corr); S.append(share); cpu.append(c)
        C, S = np.mean(C, 0), np.mean(S, 0)
        print(f'\n{method}, mean of {len(songs)} songs, {np.mean(cpu):.2f} CPU s a minute\n| stem | with the guitar | with the rest | share with the guitar\'s share |\n|---|---:|---:|---:|')
        for i, name in enumerate(STEMS): print(f'| {name} | {C[i, 0]:.2f} | {C[i, 1]:.2f} | {S[i]:.2f} |')
