"""What an edit costs, stage by stage, and how that grows with the length of the recording.

    make bench-edit ARGS='--minutes 5 10 20 40 80 160'

Recordings are made on the spot (16-bit stereo, 44.1 kHz, the synthetic rehearsal again and again). Every length runs in a process of its own; CPU seconds count all threads, the peak is the
process's largest resident set. Peers in the same run: librosa's mel of the whole array beside ours (same input, decoding left out), and a plain copy of the file by soundfile beside the
renderer. `--render` measures the renderer alone on 50 minutes of 96 kHz, 24-bit stereo.
"""
import argparse, json, resource, subprocess, sys, tempfile
from pathlib import Path
import numpy as np, soundfile as sf


def cpu(): r = resource.getrusage(resource.RUSAGE_SELF); return r.ru_utime + r.ru_stime
def peak_mb():
    "The process's largest resident set. ru_maxrss would include what the parent was when it forked."
    return int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]) / 1024


def write_tiled(path, minutes, sr=44100, subtype='PCM_16'):
    "A rehearsal, again and again, each time at another level."
    from editorbot.simulation.sessions import demo_session
    x, left, k = demo_session(0, sr if sr < 50000 else sr // 2).raw, round(minutes * 60 * sr), 0
    if sr >= 50000: x = np.repeat(x, 2, axis=0)
    with sf.SoundFile(path, 'w', sr, 2, subtype, format='RF64' if left * 2 * 3 > 4e9 else None) as f:
        while left > 0:
            y = x[:left] * (0.5 + 0.5 * np.cos(k)**2); f.write(y); left -= len(y); k += 1


def stages(path, out):
    "CPU seconds of each stage of one edit, in this process."
    from editorbot.audio import stream_mono
    from editorbot.editors.editor import get_editor, propose
    from editorbot.edl import Source
    from editorbot.sound.mel import load_track
    from editorbot.rendering import render
    from editorbot.sound.mel import mel_filters
    mel_filters()                                              # librosa and numba are imported for it
    t, row = cpu(), {'imports': cpu()}
    def lap(name): nonlocal t; row[name] = cpu() - t; t = cpu()
    Source.from_file(path); lap('hash')
    for _ in stream_mono(path): pass
    lap('decode')
    track = load_track(path); lap('mel'); row['mel'] = max(0.0, row['mel'] - row['decode'] - row['hash'])
    editor = get_editor('keep'); lap('load')
    editor.scores(track); lap('model')
    editor.regions(track, None, 600.0); lap('segmentation')
    edl = propose(track, editor, target_ratio=.5, max_duration=None); lap('-')
    render(edl, out, overwrite=True, verify=False); lap('render')
    row['kept_s'], row['peak_mb'] = edl.edit_duration, peak_mb()
    return {n: round(v, 2) for n, v in row.items() if n != '-'}


def peers(path, out):
    "librosa's mel and a plain copy, in this process."
    import librosa
    from editorbot.audio import stream_mono
    from editorbot.sound.mel import mel_power, normalise_mel, stream_frames
    y = np.concatenate(list(stream_mono(path)))
    librosa.feature.melspectrogram(y=y[:22050], sr=22050)
    t = cpu(); np.clip((librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=22050, n_fft=2048, hop_length=512, n_mels=128), ref=np.max) + 80) / 80, 0, 1); theirs = cpu() - t
    t = cpu(); normalise_mel(np.concatenate([mel_power(f) for f in stream_frames([y])])); ours = cpu() - t
    i = sf.info(path)
    t = cpu(); sf.write(out, sf.read(path, dtype='int16')[0], i.samplerate, subtype=i.subtype); copy = cpu() - t
    return dict(mel_ours=round(ours, 2), mel_librosa=round(theirs, 2), ratio=round(ours / theirs, 2), copy_s=round(copy, 2))


def render_alone(path, out):
    from editorbot.edl import Source, edl_from_regions
    from editorbot.rendering import render
    s = Source.from_file(path); n = s.frames
    base, t = peak_mb(), cpu()
    render(edl_from_regions(s, [(n * i // 40, n * (i + 1) // 40 - n // 200) for i in range(0, 40, 2)]), out, overwrite=True, verify=False)
    return dict(minutes=round(n / s.sample_rate / 60), cpu_s=round(cpu() - t, 1), peak_mb=round(peak_mb()), of_which_imports_mb=round(base))


def child(what, *args):
    r = subprocess.run([sys.executable, __file__, '--child', what, *map(str, args)], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(r.stdout.splitlines()[-1])


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--minutes', type=float, nargs='*', default=[5, 10, 20])
    ap.add_argument('--render', action='store_true', help='also 50 minutes of 96 kHz, 24-bit stereo through the renderer')
    ap.add_argument('--child', nargs=3, help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.child:
        what, path, out = a.child
        print(json.dumps({'stages': stages, 'peers': peers, 'render': render_alone}[what](path, out))); sys.exit()
    with tempfile.TemporaryDirectory() as d:
        raw, out, rows = Path(d)/'raw.wav', Path(d)/'out.wav', []
        for m in a.minutes:
            write_tiled(raw, m)
            rows.append(dict(minutes=m, **child('stages', raw, out)))
            if m == min(a.minutes): peer = child('peers', raw, out)
        keys = list(rows[0])
        print('CPU seconds\n| ' + ' | '.join(keys) + ' |\n|' + '---:|' * len(keys))
        for r in rows: print('| ' + ' | '.join(f'{r[k]:g}' for k in keys) + ' |')
        if len(rows) > 1:
            total = [sum(r[k] for k in ('hash', 'decode', 'mel', 'model', 'segmentation', 'render')) for r in rows]
            print('total: ' + ', '.join(f'{m:g} min {t:.1f} s' for m, t in zip(a.minutes, total)) + f'; growth exponent {np.polyfit(np.log(a.minutes), np.log(total), 1)[0]:.2f}')
        print(f'mel of {min(a.minutes):g} min: {peer["mel_ours"]} s, librosa {peer["mel_librosa"]} s, ratio {peer["ratio"]}; plain copy of the file {peer["copy_s"]} s')
        if a.render:
            write_tiled(raw, 50, 96000, 'PCM_24')
            print('render 96 kHz/24 bit: ' + ', '.join(f'{k} {v}' for k, v in child('render', raw, out).items()))
