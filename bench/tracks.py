#!/usr/bin/env python3
"""Many synchronous tracks, rendered by blocks: memory, time, and the null test of every track.

    python bench/tracks.py                     16 tracks of an hour, 96 kHz, 24 bit (sparse files of silence: 16.6 GB by their headers, no space on disk)
    python bench/tracks.py --minutes 3         a shorter stand-in

Each track is a sparse RF64 with a burst of noise every minute, so that the null test has something to compare. The edit keeps `--keep` of every minute.
"""
import argparse, dataclasses, json, resource, shutil, struct, subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np
import soundfile as sf

from editorbot.core import write_json
from editorbot.edl import Source, SyncTrack, edl_from_regions, track_edl
from editorbot.interchange.tracks import render_together
from editorbot.rendering import null_test


def sparse(path: Path, rate: int, seconds: int, seed: int) -> Path:
    "A 24-bit mono RF64 that is as long as it should be and takes little room."
    n, rng = rate * seconds, np.random.default_rng(seed)
    with sf.SoundFile(path, 'w', rate, 1, 'PCM_24', format='RF64') as f: f.write(np.zeros((1, 1)))
    data = bytearray(path.read_bytes())
    data[data.find(b'ds64') + 16:data.find(b'ds64') + 32] = struct.pack('<QQ', 3 * n, n)
    at = data.find(b'data') + 8
    path.write_bytes(bytes(data[:at]))
    with open(path, 'r+b') as f:
        f.truncate(at + 3 * n)
        for minute in range(0, seconds, 60):
            f.seek(at + 3 * rate * minute)
            f.write(rng.integers(0, 256, 3 * min(rate, n - rate * minute), dtype=np.uint8).tobytes())
    return path


def one_run(folder: Path, tracks: int, minutes: float, rate: int, keep: float) -> dict:
    "Render and check in this process; its peak memory is the answer."
    seconds = round(minutes * 60)
    files = [folder/f'track{k:02}.wav' for k in range(tracks)]
    sources = [Source('', '', rate, 1, rate * seconds, 'PCM_24') for _ in files]
    sources = [dataclasses.replace(s, path=str(p)) for s, p in zip(sources, files, strict=True)]
    regions = [(rate * a, rate * a + round(min(60, seconds - a) * rate * keep)) for a in range(0, seconds, 60)]
    edl = dataclasses.replace(edl_from_regions(sources[0], regions), tracks=[SyncTrack(Path(s.path).stem, s) for s in sources[1:]])
    before, t0 = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.process_time()
    made = render_together(edl, folder/'out'/'mix.wav', verify=False)
    cpu, peak = time.process_time() - t0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    nulls = [null_test(e, p) for e, p in zip([edl, *(track_edl(edl, t) for t in edl.tracks)], made, strict=True)]
    return dict(tracks=tracks, minutes=minutes, rate=rate, edit_minutes=edl.edit_duration / 60, peak_mb=peak, imports_mb=before, cpu_s=cpu,
                compared=sum(n for n, _ in nulls), differ=sum(d for _, d in nulls))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--tracks', type=int, default=16)
    p.add_argument('--minutes', type=float, default=60)
    p.add_argument('--rate', type=int, default=96000)
    p.add_argument('--keep', type=float, default=.4, help='share of every minute that the edit keeps')
    p.add_argument('-o', '--output', type=Path, default=Path('outputs/bench/tracks.json'))
    p.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.folder: return print(json.dumps(one_run(a.folder, a.tracks, a.minutes, a.rate, a.keep)))
    folder = Path(tempfile.mkdtemp(prefix='tracks-'))
    try:
        for k in range(a.tracks): sparse(folder/f'track{k:02}.wav', a.rate, round(a.minutes * 60), k)
        run = subprocess.run([sys.executable, __file__, '--folder', str(folder), *sum([[f'--{k}', str(getattr(a, k))] for k in ('tracks', 'minutes', 'rate', 'keep')], [])],
                             capture_output=True, text=True)
        if run.returncode: sys.exit(run.stderr)
        got = json.loads(run.stdout)
    finally: shutil.rmtree(folder)
    print('| tracks | minutes | Hz | edit, min | peak MB | of it imports | CPU s | samples compared | differ |\n|---|---|---|---|---|---|---|---|---|')
    print(f'| {got["tracks"]} | {got["minutes"]:g} | {got["rate"]} | {got["edit_minutes"]:.1f} | {got["peak_mb"]:.0f} | {got["imports_mb"]:.0f} | {got["cpu_s"]:.1f} '
          f'| {got["compared"]} | {got["differ"]} |')
    write_json(a.output, got)
    return int(got['peak_mb'] > 300 or got['differ'] > 0)


if __name__ == '__main__': sys.exit(main())
