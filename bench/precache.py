#!/usr/bin/env python3
"""The cache table: seconds to fill it for a collection, with one and with two processes, cold and cached; and how long an entry takes to open.

    make bench-precache                                            40 sessions of 1 to 2 minutes, played by the library's own band
    make bench-precache ARGS='-n 8 --jobs 1 2 4'                   another number of sessions and of processes
    make bench-precache ARGS='--align --stems hpss --features full'   everything: the sessions' own EDLs are put aside, every pair is aligned, stems are separated
    make bench-precache ARGS='--data FOLDER'                       your own data folder; its cache is left alone, the runs use copies

Sessions are made once and kept in --out. Every row is a process of its own; its largest memory is that of its largest process (workers included). The last lines open entries of 5 to 160 minutes: their mel and beats
are made up, the code that opens them is the one that training uses.
"""
import argparse, json, os, resource, shutil, statistics, subprocess, sys, time
from pathlib import Path
import numpy as np


def make_data(folder: Path, n: int, minutes: tuple, jobs: int) -> Path:
    "A data folder with `n` sessions of the synthetic band."
    from editorbot.simulation.sessions import SessionConfig, make_sessions
    from editorbot.audio import write_audio
    from editorbot.simulation.band import synth_song
    music, data = folder/'music', folder/'data'
    for k in range(8):
        if not (music/'band'/f'song{k}.wav').exists(): write_audio(music/'band'/f'song{k}.wav', synth_song(k, 45, 44100), 44100)
    make_sessions(music, n, data, config=SessionConfig(minutes=minutes, song_seconds=(15, 45), voices='formant', synthetic=0.0), jobs=jobs, show=False)
    return data


def fill(data: Path, jobs: int, features: str, stems: str) -> dict:
    "Seconds, CPU seconds (workers included), peak memory and states of one run in a process of its own."
    cpu = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    before = cpu()
    code = ('import sys, json, time, resource; t = time.perf_counter()\nfrom editorbot.data.cache import precache\na = json.loads(sys.argv[1]); start = time.perf_counter() - t\n'
            'r = precache(a["data"], stems=a["stems"] or None, features=a["features"], jobs=a["jobs"], show=False); s = time.perf_counter() - t\n'
            'if a["jobs"] > 1: from joblib.externals.loky import get_reusable_executor as e; e().shutdown(wait=True)    # its processes count once they have ended\n'
            'mb = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024\n'
            'print(json.dumps(dict(s=s, start=start, mb=mb, made=sum(x.state == "made" for x in r), cached=sum(x.state == "cached" for x in r), failed=[x.error for x in r if x.error])))')
    out = subprocess.run([sys.executable, '-c', code, json.dumps(dict(data=str(data), jobs=jobs, features=features, stems=stems))], capture_output=True, text=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    if out.returncode: raise SystemExit(out.stderr[-2000:])
    return json.loads(out.stdout.splitlines()[-1]) | dict(cpu=cpu() - before)


def opening(folder: Path, minutes: float) -> tuple[float, float, float]:
    "Milliseconds to open a made-up entry, to read ten seconds in its middle, and its size in MB."
    import soundfile as sf
    from editorbot.data.cache import CacheConfig, _feature_settings, entry_header, load_features, stamp, write_npz
    from editorbot.core import SR, HOP
    raw, entry = folder/'open_raw.wav', folder/'open_raw.npz'
    frames = int(minutes * 60 * SR)
    with sf.SoundFile(str(raw), 'w', SR, 1, 'PCM_16') as f:
        for _ in range(0, frames, 1 << 20): f.write(np.zeros(1 << 20, np.int16))
    frames = sf.info(str(raw)).frames
    times = np.arange(0.25, frames / SR, 0.5)
    s = {**_feature_settings(CacheConfig(), raw), 'mode': 'enhanced'}
    track = dict(path=str(raw), sha256='0' * 64, sample_rate=SR, channels=1, frames=frames, subtype='PCM_16')
    write_npz(entry, entry_header('features', stamp(raw, '0' * 64), **s) | dict(track=track, top_db=0.0, beats=dict(duration=frames / SR, tracker='librosa', bars_from='counted', fallback='')),
              mel=np.zeros((1 + frames // HOP, 128), np.float32).T, beat_times=times, beat_position=(np.arange(len(times)) % 4 + 1).astype(np.int8), beat_found=np.ones(len(times), bool),
              features=np.zeros((len(times), 109), np.float32))
    ms = []
    for _ in range(20): t = time.perf_counter(); c = load_features(entry, raw); ms.append(1000 * (time.perf_counter() - t))
    mid = c.track.mel.shape[1] // 2
    t = time.perf_counter(); float(np.asarray(c.track.mel[:, mid:mid + 430]).sum()); read = 1000 * (time.perf_counter() - t)
    size = entry.stat().st_size / 1e6
    raw.unlink(); entry.unlink()
    return statistics.median(ms), read, size


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('-n', type=int, default=40, help='sessions')
    ap.add_argument('--minutes', type=float, nargs=2, default=(1.0, 2.0), help='shortest and longest session')
    ap.add_argument('--jobs', type=int, nargs='+', default=(1, 2), help='numbers of processes')
    ap.add_argument('--features', default='enhanced')
    ap.add_argument('--stems', default='', help="a separation model, such as hpss")
    ap.add_argument('--align', action='store_true', help="put the sessions' own EDLs aside and align every pair")
    ap.add_argument('--data', type=Path, help='a data folder of your own')
    ap.add_argument('--out', type=Path, default=Path('outputs/bench/precache'))
    ap.add_argument('--no-open', action='store_true', help='leave the opening times out')
    o = ap.parse_args()
    o.out.mkdir(parents=True, exist_ok=True)
    t = time.perf_counter()
    data = o.data or make_data(o.out, o.n, tuple(o.minutes), max(o.jobs))
    import soundfile as sf
    seconds = sum(sf.info(str(p)).duration for sub in ('input', 'desired_output') for p in (data/sub).glob('*.wav'))
    print(f'{len(list((data/"input").glob("*_raw.*")))} samples, {seconds / 60:.0f} minutes of raws and edits ({time.perf_counter() - t:.0f} s to make or find them); {os.cpu_count()} cores')
    print('| processes | cache | s | CPU s | samples/s | audio s per s | peak MB of a process | made | cached | failed |\n|---|---|---|---|---|---|---|---|---|---|')
    for jobs in o.jobs:
        run = o.out/'run'
        shutil.rmtree(run, ignore_errors=True); run.mkdir()
        for sub in ('input', 'desired_output'): (run/sub).symlink_to((data/sub).resolve())
        (run/'pointer_sequences').mkdir()
        if not o.align:
            for p in (data/'pointer_sequences').glob('*.edl.json'): shutil.copy(p, run/'pointer_sequences')
        for state in ('cold', 'cached'):
            r = fill(run, jobs, o.features, o.stems)
            n = r['made'] + r['cached'] + len(r['failed'])
            print(f"| {jobs} | {state} | {r['s']:.1f} (import {r['start']:.1f}) | {r['cpu']:.1f} | {n / r['s']:.2f} | {seconds / r['s']:.0f} | {r['mb']:.0f} | {r['made']} | {r['cached']} | {len(r['failed'])} |", flush=True)
            for e in r['failed'][:3]: print(f'  {e}')
        shutil.rmtree(run)
    if not o.no_open:
        print('\n| minutes | entry MB | ms to open | ms to read 10 s in its middle |\n|---|---|---|---|')
        for m in (5, 20, 60, 160):
            ms, read, size = opening(o.out, m)
            print(f'| {m} | {size:.0f} | {ms:.1f} | {read:.2f} |', flush=True)


if __name__ == '__main__': main()
