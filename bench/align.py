#!/usr/bin/env python3
"""The alignment table: editorbot beside librosa's DTW and the Sync Toolbox, from one run.

    make bench-align                                   small pairs played by the library's own band
    make bench-align ARGS='--music FOLDER'             small pairs cut from a folder of music
    make bench-align ARGS='--cases "SUITE/dev_S*"'     folders with raw.wav, edit.wav and truth.npz
    make bench-align ARGS='--cases "SUITE/dev_S*" --methods editorbot'   and bench/results/alignment.json with --record

Every method runs in a process of its own; its CPU seconds (all threads) and its largest memory are the process's. For every case the segments that went wrong are listed in OUT/worst.md,
each with its picture and close-ups of its worst joins. The peers come with `pip install 'editorbot[bench]'`; one that is not installed is skipped with a message.

A truth.npz holds: ptr int64 (raw frame of each edit frame, -1 none; frame k is centred at 512 k / 22050 s), ptr2 (the other source inside a crossfade, -1), ptr_time (s), op (6: foreign),
segments (edit_in, edit_out, raw_in, raw_out, rate, xf_in, fade_in, fade_out, gain_db, kind 0 copy 1 foreign 2 silence, block, slack_lo, slack_hi; s), meta (JSON).
"""
import argparse, glob, importlib.metadata, importlib.util, json, os, resource, subprocess, sys, tempfile, threading
from pathlib import Path
import numpy as np

SR, HOP = 22050, 512
SEGMENT = [(n, 'f8') for n in ('edit_in', 'edit_out', 'raw_in', 'raw_out', 'rate', 'xf_in', 'fade_in', 'fade_out', 'gain_db')] + [('kind', 'i4'), ('block', 'i4'), ('slack_lo', 'f8'), ('slack_hi', 'f8')]


# ------------------------------------------------------------------ pairs of our own
def song(seed: int, dur: float, music: list, sr: int = 44100) -> np.ndarray:
    """Two channels of music: from a folder if there is one, else from the library's band."""
    if music:
        import soundfile as sf, soxr
        x, r = sf.read(music[seed % len(music)], dtype='float32', always_2d=True)
        x = soxr.resample(x[:int(dur * r)], r, sr)
        return np.repeat(x, 2, 1)[:, :2] if x.shape[1] == 1 else x[:, :2]
    from editorbot.simulation.band import synth_song
    return synth_song(seed, dur, sr)


def make_case(folder: Path, tier: int, seed: int, minutes: float, music: list):
    """T0 cuts; T1 + repeats, crossfades, gains, a fade; T2 + filter, clipping, gain curve, 48 kHz; T3 + noise and foreign clips; T4 + varispeed."""
    import soundfile as sf, soxr
    from scipy.signal import lfilter
    sr, rng = 44100, np.random.default_rng([seed, tier])
    raw = song(seed, minutes * 60, music)
    raw = np.round(np.clip(raw * .8 + 1e-4 * rng.standard_normal(raw.shape).astype(np.float32), -1, 1) * 32767) / np.float32(32767)
    other = song(seed + 101, 30, music)
    plan, t = [], rng.uniform(.5, 3)
    while t < minutes * 60 - 12:
        n = float(np.clip(6 * np.exp(rng.normal(0, .6)), 1.2, 10))
        plan.append([0, t, n])
        if tier and rng.random() < .2 and n > 3: plan.append([0, t + n - 1.5, 1.5])
        t += n + float(np.clip(5 * np.exp(rng.normal(0, .8)), .2, 20))
    if tier >= 3:
        for i in range(len(plan) - 1, 0, -2): plan.insert(i, [1, float(rng.uniform(1, 20)), float(rng.uniform(2, 5))])
    pos, rows, parts = 0, [], np.zeros((sum(round(p[2] * sr) for p in plan) + sr, 2), np.float32)
    gains = [1. if not tier else float(10 ** (rng.normal(0, 1.2) / 20)) for _ in plan]
    half = [0 if not tier or not i or rng.random() < .4 else int(rng.uniform(.004, .05) * sr) for i in range(len(plan))]
    for i, (kind, a, n) in enumerate(plan):
        a, n, src = round(a * sr), round(n * sr), (raw, other)[kind]
        hi, ho = half[i], half[i+1] if i + 1 < len(plan) else 0
        g = np.full(n + hi + ho, gains[i], np.float32)
        r = lambda h: (np.arange(2*h) + .5) / (2*h)
        if hi: g[:2*hi] *= np.sin(r(hi) * np.pi / 2)
        if ho: g[-2*ho:] *= np.cos(r(ho) * np.pi / 2)
        if tier and i == len(plan) - 1: g[-sr:] *= np.linspace(1, 0, sr)
        parts[pos-hi:pos+n+ho] += src[a-hi:a+n+ho] * g[:, None]
        rows.append((pos / sr, (pos + n) / sr, a / sr if kind == 0 else np.nan, (a + n) / sr if kind == 0 else np.nan, 1., 2*hi / sr, 0., float(tier and i == len(plan) - 1), 20*np.log10(gains[i]), kind, 0, 0., 0.))
        pos += n
    y, rate, out_sr = parts[:pos], 1., sr
    if tier >= 2:
        y = lfilter([1, -.35], [1, -.6], y, axis=0).astype(np.float32)
        y = np.tanh(3 * y * np.interp(np.arange(len(y)), np.linspace(0, len(y), 9), rng.uniform(.7, 1.4, 9))[:, None].astype(np.float32)) * np.float32(.8)
    if tier >= 3: y = y + rng.standard_normal(y.shape).astype(np.float32) * np.float32(np.sqrt((y ** 2).mean()) * 10 ** (-25 / 20))
    if tier >= 4:
        rate = float(1 + rng.choice([-1, 1]) * rng.uniform(.003, .03))
        y = soxr.resample(y, rate, 1.0)
    if tier >= 2: y, out_sr = soxr.resample(y, sr, 48000), 48000
    S = np.array(rows, SEGMENT)
    for k in ('edit_in', 'edit_out', 'xf_in', 'fade_in', 'fade_out'): S[k] /= rate
    S['rate'] = rate
    t = np.arange(1 + int(len(y) / out_sr * SR) // HOP) * HOP / SR
    k = np.clip(np.searchsorted(S['edit_in'], t, side='right') - 1, 0, len(S) - 1)
    time = S['raw_in'][k] + (t - S['edit_in'][k]) * rate
    frame = lambda v: np.where(np.isnan(v), -1, np.round(np.nan_to_num(v) * SR / HOP)).astype(np.int64)
    two = np.full(len(t), np.nan)
    for i in range(1, len(S)):
        for f in np.flatnonzero(np.abs(t - S['edit_in'][i]) < S['xf_in'][i] / 2):
            o = S[i] if k[f] == i - 1 else S[i-1]
            two[f] = o['raw_in'] + (t[f] - o['edit_in']) * rate
    folder.mkdir(parents=True, exist_ok=True)
    sf.write(folder/'raw.wav', raw, sr, subtype='PCM_16'); sf.write(folder/'edit.wav', np.clip(y, -1, 1), out_sr, subtype='PCM_16')
    np.savez_compressed(folder/'truth.npz', ptr=frame(time), ptr2=frame(two), ptr_time=time, op=np.where(S['kind'][k] == 1, 6, 0).astype(np.int8), segments=S,
                        meta=json.dumps(dict(tier=f'T{tier}', seed=seed, minutes=minutes, raw_sr=sr, edit_sr=out_sr)))


# ------------------------------------------------------------------ the peers
def chroma(path):
    """Chroma at about 10 Hz and its rate."""
    import librosa
    x, _ = librosa.load(path, sr=SR, mono=True)
    return librosa.feature.chroma_stft(y=x, sr=SR, hop_length=2048), SR / 2048, len(x) / SR


def from_path(path: np.ndarray, rate: float, dur: float) -> dict:
    """Pointers of every edit frame from a warping path (2, n): edit index, raw index."""
    t = np.arange(1 + int(dur * SR) // HOP) * HOP / SR
    e, first = np.unique(path[0], return_index=True)
    at = np.interp(t, e / rate, path[1][first] / rate)
    return dict(ptr=np.round(at * SR / HOP).astype(np.int64), ptr_time=at)


def run_librosa(raw, edit):
    """DTW of log-mel with librosa: one monotonic path."""
    import librosa
    def mel(p):
        x, _ = librosa.load(p, sr=SR, mono=True)
        m = librosa.feature.melspectrogram(y=x, sr=SR, hop_length=2048, n_mels=48)
        return librosa.power_to_db(m, ref=np.max) + 80.01, len(x) / SR  # never all zeros: silence has an angle too
    (a, dur), (b, _) = mel(edit), mel(raw)
    if a.shape[1] * b.shape[1] > 4e8: raise SystemExit('needs more than 8 GB here: quadratic memory')
    _, path = librosa.sequence.dtw(X=a, Y=b, metric='cosine', step_sizes_sigma=np.array([[1, 1], [0, 1], [1, 0]]))
    return from_path(path[::-1].T, SR / 2048, dur)


def run_synctoolbox(raw, edit):
    """Multi-scale DTW with bounded memory on chroma (Sync Toolbox)."""
    from synctoolbox.dtw.mrmsdtw import sync_via_mrmsdtw
    (a, rate, dur), (b, _, _) = chroma(edit), chroma(raw)
    path = sync_via_mrmsdtw(f_chroma1=a, f_chroma2=b, input_feature_rate=rate, win_len_smooth=np.array([21, 5, 1]), downsamp_smooth=np.array([10, 5, 1]), verbose=False)
    return from_path(path, rate, dur)


def run_editorbot(raw, edit):
    """The library; the EDL is kept beside the prediction for the picture."""
    from editorbot.alignment.alignment import align
    return align(raw, edit)


METHODS = {'editorbot': (run_editorbot, 'editorbot'), 'librosa': (run_librosa, 'librosa'), 'synctoolbox': (run_synctoolbox, 'synctoolbox')}


def worker(name, raw, edit, out):
    """One method on one pair, in a process of its own."""
    result = METHODS[name][0](raw, edit)
    if name == 'editorbot':
        from editorbot.alignment.alignment import alignment_npz
        alignment_npz(result, out); result.save(out + '.edl.json')
    else: np.savez(out, **result)
    Path(out + '.mb').write_text(str(peak_mb()))


def peak_mb() -> float:
    """Largest memory of this process, MB. Linux's ru_maxrss would also count what the parent held before exec."""
    status = Path('/proc/self/status')
    if status.exists(): return int(next(row for row in status.read_text().splitlines() if row.startswith('VmHWM')).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == 'darwin' else 1024)


def measured(name, case, out):
    """CPU seconds, peak memory in MB and the error text of one run."""
    p = subprocess.Popen([sys.executable, __file__, '--worker', name, f'{case}/raw.wav', f'{case}/edit.wav', out], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    text = []
    reader = threading.Thread(target=lambda: text.append(p.stderr.read().decode())); reader.start()
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status); reader.join()
    mb = Path(out + '.mb')
    return used.ru_utime + used.ru_stime, float(mb.read_text()) if mb.exists() else np.nan, text[0].strip().splitlines()[-1:] if p.returncode else None


# ------------------------------------------------------------------ scores
class RawAudio:
    """Stretches of a raw recording and its log-mel, to ask whether two places sound the same."""
    def __init__(self, path):
        import soundfile as sf
        self.f, self.path, self.mel = sf.SoundFile(path), path, None

    def at(self, t, n):
        start = int(np.clip(round(t * self.f.samplerate) - n // 2, 0, max(0, self.f.frames - n)))
        self.f.seek(start)
        return self.f.read(n, dtype='float64', always_2d=True).mean(1)

    def same_wave(self, a, b, reach, n=8192):
        """Is the wave at b s the wave at a s, to -20 dB, at the best lag within `reach` samples?"""
        x, z = self.at(a, n), self.at(b, n + 2 * reach)
        if len(z) < n + 2 * reach: return False
        if (x ** 2).mean() < 1e-7: return (z ** 2).mean() < 1e-6
        m = 1 << (len(z) + n).bit_length()
        c = np.fft.irfft(np.fft.rfft(z, m) * np.fft.rfft(x, m).conj(), m)[:2 * reach + 1]
        e = np.convolve(z ** 2, np.ones(n), 'valid')
        return bool((1 - c ** 2 / (e * (x @ x) + 1e-12)).min() < .01)

    def same_mel(self, a, b):
        """For frames a and b: log-mel alike to 1 dB over five frames, at a lag of up to one frame?"""
        if self.mel is None:
            import soundfile as sf, soxr, librosa
            parts, rs = [], soxr.ResampleStream(self.f.samplerate, SR, 1, dtype='float32')
            for block in sf.blocks(self.path, 1 << 20, dtype='float32', always_2d=True): parts.append(rs.resample_chunk(block.mean(1)))
            x = np.concatenate(parts + [rs.resample_chunk(np.zeros(0, np.float32), last=True)])
            m = [librosa.feature.melspectrogram(y=x[max(0, i - 4096):i + HOP * 4096 + 4096], sr=SR, hop_length=HOP, n_mels=40)[:, min(i, 4096) // HOP:][:, :4096] for i in range(0, len(x), HOP * 4096)]
            db = 10 * np.log10(np.concatenate(m, 1)[:, :1 + len(x) // HOP] + 1e-10)
            self.mel = np.maximum(db, db.max() - 70)
        last = self.mel.shape[1] - 1
        near = lambda k: self.mel[:, np.clip(k, 0, last)]
        return np.min([np.mean([np.abs(near(a + k) - near(b + k + lag)).mean(0) for k in range(-2, 3)], 0) for lag in (-1, 0, 1)], 0) <= 1


def cut_times(pred):
    """Predicted joins, s: from segments if there are any, else from jumps of the pointers."""
    if 'segments' in pred:
        s, out = pred['segments'][np.argsort(pred['segments'][:, 0])], []
        for p, q in zip(s, s[1:]):
            a, b = not np.isnan(p[2]), not np.isnan(q[2])
            goes_on = a and b and abs(p[2] + (q[0] - p[0]) * p[3] - q[2]) < .003 and abs(q[0] - p[1]) < .05
            if (a or b) and not goes_on: out.append(q[0])
        return np.array(out)
    p = pred['ptr']
    has = p >= 0
    return (np.flatnonzero((has[1:] != has[:-1]) | (has[1:] & has[:-1] & (np.abs(np.diff(p) - 1) > 1))) + .5) * HOP / SR


def cut_f1(S, cuts, tol):
    """F1 of joins; a true one may lie anywhere in its slack, those beside silence don't count."""
    true, ignore = [], []
    for p, q in zip(S, S[1:]):
        w = max(p['fade_out'], q['fade_in']) + .2
        if 2 in (p['kind'], q['kind']): ignore.append((q['edit_in'] - w, q['edit_in'] + w))
        else: true.append((q['edit_in'] + q['slack_lo'], q['edit_in'] + q['slack_hi']))
    cuts = [c for c in np.sort(cuts) if not any(a < c < b for a, b in ignore)]
    free, hit = dict.fromkeys(range(len(cuts))), 0
    for a, b in true:
        near = [i for i in free if a - tol <= cuts[i] <= b + tol]
        if near: hit += 1; free.pop(min(near, key=lambda i: abs(cuts[i] - (a + b) / 2)))
    if not true: return np.nan
    precision, recall = hit / max(1, len(cuts)), hit / len(true)
    return 2 * precision * recall / max(1e-9, precision + recall)


def segment_errors(S, pred, audio):
    """Error of the raw position in the middle of each copied segment of 0.5 s or more, s (inf: none, 0: the same wave elsewhere)."""
    rows, out = pred.get('segments'), []
    for q in S:
        if q['kind'] or q['edit_out'] - q['edit_in'] < .5: continue
        t = (q['edit_in'] + q['edit_out']) / 2
        true = q['raw_in'] + (t - q['edit_in']) * q['rate']
        if rows is None: k = min(round(t * SR / HOP), len(pred['ptr']) - 1); got = pred['ptr_time'][k]
        else:
            m = rows[(rows[:, 0] <= t) & (rows[:, 1] > t) & ~np.isnan(rows[:, 2])]
            got = m[0, 2] + (t - m[0, 0]) * m[0, 3] if len(m) else np.nan
        e = abs(got - true)
        if np.isnan(e): e = np.inf
        elif e > .02 and audio.same_wave(true, got, 2): e = 0.
        out.append((e, q))
    return out


def score(case, pred) -> tuple[dict, list]:
    """The figures of the table, and the segments that went wrong."""
    T = dict(np.load(f'{case}/truth.npz'))
    meta, S, true, n = json.loads(str(T['meta'])), T['segments'], T['ptr'], len(T['ptr'])
    ptr = np.full(n, -1, np.int64); m = min(n, len(pred['ptr'])); ptr[:m] = pred['ptr'][:m]
    src, two, audio = true >= 0, T['ptr2'] >= 0, RawAudio(f'{case}/raw.wav')
    err = np.where(ptr < 0, 10**9, np.abs(ptr - true))
    err = np.where(two & (ptr >= 0), np.minimum(err, np.abs(ptr - T['ptr2'])), err)
    bad, same = np.flatnonzero(src & (err > 1) & (ptr >= 0)), np.zeros(n, bool)
    if len(bad):
        same[bad] = audio.same_mel(true[bad], ptr[bad])
        gap = np.flatnonzero((np.diff(bad) > 1) | (np.abs(np.diff((ptr - true)[bad])) > 1)) + 1
        for run in np.split(bad, gap):
            for part in np.array_split(run, max(1, len(run) // 86)):
                k = part[len(part) // 2]
                if audio.same_wave(true[k] * HOP / SR, ptr[k] * HOP / SR, 1100): same[part] = True
    errors, foreign = segment_errors(S, pred, audio), (T['op'] == 6) & ~two
    e, sr = np.array([x for x, _ in errors]), meta['raw_sr']
    share = lambda x: float(x.mean()) if len(x) else np.nan
    cuts = cut_times(pred)
    R = dict(eq1=share(((err <= 1) | same)[src]), f50=cut_f1(S, cuts, .05), f10=cut_f1(S, cuts, .01), seg1=share(e * sr <= 1.), seg1ms=share(e <= .001),
             miss=share((ptr < 0)[src]), false=share((ptr >= 0)[foreign]))
    wrong = []
    ignore = [(q['edit_in'] - w, q['edit_in'] + w) for p, q in zip(S, S[1:]) if 2 in (p['kind'], q['kind']) for w in [max(p['fade_out'], q['fade_in']) + .2]]
    distance = lambda c, q: abs(c - np.clip(c, q['edit_in'] + q['slack_lo'], q['edit_in'] + q['slack_hi']))
    for c in cuts:                                                      # joins that nobody made
        if min((distance(c, q) for q in S[1:]), default=np.inf) > .2 and not any(a < c < b for a, b in ignore):
            wrong.append(dict(i=max(0, int(np.searchsorted(S['edit_in'], c)) - 1), start=float(c), end=float(c), kind=3, lost=0., join_ms=0., offset_ms=0., found=float(c)))
    for i, q in enumerate(S):
        f = src & (np.arange(n) * HOP / SR >= q['edit_in']) & (np.arange(n) * HOP / SR < q['edit_out'])
        lost = float((~((err <= 1) | same))[f].mean()) if f.any() else 0.
        off = min((distance(c, q) for c in cuts), default=np.inf) if i and 2 not in (q['kind'], S[i-1]['kind']) else 0.
        seg = next((x for x, o in errors if o['edit_in'] == q['edit_in']), 0.)
        if lost > .02 or off > .01 or seg > .001: wrong.append(dict(i=i, start=float(q['edit_in']), end=float(q['edit_out']), kind=int(q['kind']), lost=lost, join_ms=1000 * float(min(off, 9.99)), offset_ms=1000 * float(min(seg, 9.99e3)),
                                                                          found=float(min(cuts, key=lambda c, t=q['edit_in']: abs(c - t), default=np.nan))))
    return R, wrong


# ------------------------------------------------------------------ pictures and the table
def picture(case, edl_path, wrong, path):
    """The whole alignment with the truth drawn over it in black and the wrong segments marked."""
    from editorbot.edl import EDL
    from editorbot.alignment.alignment import plot_alignment
    edl = EDL.load(edl_path)
    fig, S = plot_alignment(edl, title=Path(case).name), np.load(f'{case}/truth.npz')['segments']
    unit = 60 if max(edl.edit_frames, edl.source.frames) / edl.source.sample_rate > 240 else 1
    for q in S: fig.axes[0].plot([q['edit_in'] / unit, q['edit_out'] / unit], [q['raw_in'] / unit, q['raw_out'] / unit], color='k', lw=.8, zorder=5)
    for w in wrong: fig.axes[0].axvspan(w['start'] / unit, w['end'] / unit, color='tab:red', alpha=.2, zorder=0)
    fig.savefig(path, dpi=90)


def closeups(case, wrong, path, most=8, half=.5):
    """Spectrograms of the edit and of both sources around the worst joins; white: the true join and its crossfade, dashed: the one that was found."""
    import soundfile as sf
    from matplotlib.figure import Figure
    S = np.load(f'{case}/truth.npz')['segments']
    def spectrum(f, t, length):
        fs, x = f.samplerate, np.zeros(round(length * f.samplerate))
        a = round(t * fs); lo, hi = max(0, a), min(f.frames, a + len(x))
        if hi > lo: f.seek(lo); x[lo-a:hi-a] = f.read(hi - lo, always_2d=True).mean(1)
        n = round(.02 * fs)
        X = np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(np.pad(x, n // 2), n)[::n//8] * np.hanning(n)))[:, :round(6000 * n / fs)]
        return 20 * np.log10(X.T + 1e-3)
    shown = sorted((w for w in wrong if w['join_ms'] > 10 or w['kind'] == 3), key=lambda w: -1e9 if w['kind'] == 3 else -w['join_ms'])[:most]
    if not shown: return False
    fig = Figure(figsize=(3.4 * len(shown), 6.6), layout='constrained')
    with sf.SoundFile(f'{case}/edit.wav') as edit, sf.SoundFile(f'{case}/raw.wav') as raw:
        for col, w in zip(fig.subplots(3, len(shown), squeeze=False).T, shown):
            q, t, false = S[w['i']], w['start'], w['kind'] == 3
            p = q if false else S[w['i']-1]
            for ax, f, g, name in zip(col, (edit, raw, raw), (None, p, q), (f'{t:.2f} s, ' + ('nobody joined here' if false else f"{1000 * (w['found'] - t):+.0f} ms"), 'raw before', 'raw after')):
                ax.set(title=name, xlim=(-half, half), ylim=(0, 6))
                if g is not None and g['kind']: ax.text(0, 3, ('', 'foreign', 'silence')[g['kind']], ha='center'); continue
                d = spectrum(f, t - half, 2 * half) if g is None else spectrum(f, g['raw_in'] + (t - half - g['edit_in']) * g['rate'], 2 * half * g['rate'])
                ax.imshow(d, origin='lower', aspect='auto', extent=(-half, half, 0, 6), vmin=d.max() - 70, vmax=d.max(), cmap='magma')
                if not false: ax.axvline(0, color='w', lw=1); ax.axvspan(-q['xf_in'] / 2, q['xf_in'] / 2, color='w', alpha=.2)
                ax.axvline(w['found'] - t, color='cyan', lw=1.2, ls='--')
            col[2].set_xlabel('s from the join')
            for ax in col: ax.set_ylabel('kHz')
    fig.savefig(path, dpi=70)
    return True


def record_rows(rows: list[dict], suite: bool) -> Path:
    """The means of every kind of pair, with intervals over cases (bootstrap) where there are three or more."""
    from results import record
    names = dict(eq1='right frames', f50='F1 of joins within 50 ms', f10='F1 of joins within 10 ms', seg1='segments right to the sample', seg1ms='segments right to 1 ms', false='foreign frames given a source')
    aims, rng, claims = dict(eq1=.998, f10=.9), np.random.default_rng(0), []
    for group in sorted({r['group'] for r in rows}, key=lambda g: (float(g.split()[0]), g)):
        for k, name in names.items():
            x = np.array([r[k] for r in rows if r['group'] == group and not np.isnan(r[k])])
            if not len(x): continue
            means = x[rng.integers(len(x), size=(2000, len(x)))].mean(1) if len(x) > 2 else None
            claims.append(dict(claim=f'{group}: {name} (n = {len(x)})', value=round(float(x.mean()), 4), interval=None if means is None else np.round(np.percentile(means, [2.5, 97.5]), 4).tolist(), aim=aims.get(k)))
    music = '--cases "SUITE/*"' if suite else '--music DIR'
    return record('alignment', 'alignment', f'Alignment on {len(rows)} pairs of the open benchmark' if suite else 'Alignment of small pairs', f"make bench-align ARGS='{music} --methods editorbot --record'", claims,
                  'T0: cuts; T1: repeats, crossfades, gains; T2: mastering, MP3; T3: noise at 25 dB, foreign clips; T4: varispeed or stretch. The music is that on which alignment was developed.')


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--cases', help='glob of case folders; quote it')
    a.add_argument('--music', help='folder of music to make small pairs from (without --cases)')
    a.add_argument('--methods', default=','.join(METHODS))
    a.add_argument('--minutes', type=float, default=1.5, help='length of the small pairs')
    a.add_argument('--seeds', type=int, default=2, help='small pairs a tier')
    a.add_argument('--out', default='outputs/bench_align')
    a.add_argument('--record', action='store_true', help='write bench/results/alignment.json from the rows of editorbot')
    a.add_argument('--worker', nargs=4, help=argparse.SUPPRESS)
    o = a.parse_args()
    if o.worker: return worker(*o.worker)
    out = Path(o.out); out.mkdir(parents=True, exist_ok=True)
    names = []
    for name in o.methods.split(','):
        if name not in METHODS: raise SystemExit(f'{name}: expected one of {", ".join(METHODS)}')
        if importlib.util.find_spec(METHODS[name][1]) is None: print(f"{name}: not installed, skipped (pip install 'editorbot[bench]')")
        else: names.append(name)
    if any(d.metadata['Name'] == 'PySoundFile' for d in importlib.metadata.distributions()):
        raise SystemExit('PySoundFile overwrites the soundfile package: pip uninstall -y PySoundFile && pip install --force-reinstall soundfile')
    if o.cases:
        cases = sorted(glob.glob(o.cases))
        if not cases: raise SystemExit(f'{o.cases}: no folder matches')
    else:
        music = sorted(str(p) for p in Path(o.music).rglob('*') if p.suffix.lower() in ('.wav', '.flac', '.ogg', '.opus', '.mp3')) if o.music else []
        if o.music and not music: raise SystemExit(f'{o.music}: no WAV, FLAC, Ogg, Opus or MP3 in it')
        cases = []
        for seed in range(o.seeds):
            for tier in range(5):
                cases.append(str(out/'cases'/f'small{seed}_T{tier}'))
                if not Path(cases[-1], 'truth.npz').exists(): make_case(Path(cases[-1]), tier, seed, o.minutes, music)
    rows, lines = [], ['# Segments that went wrong (editorbot)', '', 'lost: share of its frames with a wrong pointer; join: distance of the nearest predicted join; offset: error in mid-segment.', '']
    for case in cases:
        for name in names:
            with tempfile.TemporaryDirectory() as d:
                cpu, mb, error = measured(name, case, f'{d}/p.npz')
                if error is not None: print(f'{Path(case).name} {name}: failed: {" ".join(error)}'); continue
                pred = dict(np.load(f'{d}/p.npz'))
                R, wrong = score(case, pred)
                tier = json.loads(str(np.load(f'{case}/truth.npz')['meta']))
                rows.append(dict(method=name, case=Path(case).name, group=f"{tier['minutes']:g} min {tier['tier']}", cpu=cpu, mb=mb, **R))
                print(f"{Path(case).name:14} {name:12} " + ' '.join(f'{k} {v:.4f}' for k, v in R.items()) + f' cpu {cpu:.1f} s, {mb:.0f} MB', flush=True)
                if name == 'editorbot' and wrong:
                    png = out/f'{Path(case).name}.png'
                    picture(case, f'{d}/p.npz.edl.json', wrong, png)
                    near = png.with_name(png.stem + '_joins.png')
                    lines += [f'## {Path(case).name}', '', f'![{Path(case).name}]({png.name})', '', *([f'![its worst joins]({near.name})', ''] if closeups(case, wrong, near) else []), '| segment | from s | to s | kind | lost | join ms | offset ms |', '|---|---|---|---|---|---|---|']
                    lines += [f"| {w['i']} | {w['start']:.2f} | {w['end']:.2f} | {('copy', 'foreign', 'silence', 'false join')[w['kind']]} | {w['lost']:.3f} | {w['join_ms']:.1f} | {w['offset_ms']:.2f} |" for w in sorted(wrong, key=lambda w: -w['lost'] - w['join_ms'] / 1e3)] + ['']
    (out/'worst.md').write_text('\n'.join(lines) + '\n'); (out/'results.json').write_text(json.dumps(rows, indent=1))
    keys = ('eq1', 'f50', 'f10', 'seg1', 'seg1ms', 'miss', 'false', 'cpu', 'mb')
    table = ['| pairs | method | n | ' + ' | '.join(keys) + ' |', '|---' * (3 + len(keys)) + '|']
    for group in sorted({r['group'] for r in rows}, key=lambda g: (float(g.split()[0]), g)):
        for name in names:
            R = [r for r in rows if r['group'] == group and r['method'] == name]
            mean = lambda k, R=R: np.mean([r[k] for r in R if not np.isnan(r[k])]) if any(not np.isnan(r[k]) for r in R) else np.nan
            if R: table.append(f'| {group} | {name} | {len(R)} | ' + ' | '.join('' if np.isnan(mean(k)) else f'{mean(k):.4f}' if k not in ('cpu', 'mb') else f'{mean(k):.1f}' for k in keys) + ' |')
    print('\n'.join(table)); (out/'table.md').write_text('\n'.join(table) + '\n')
    print(f'wrote {out}/table.md, {out}/worst.md (with pictures), {out}/results.json')
    if o.record: print('wrote', record_rows([r for r in rows if r['method'] == 'editorbot'], bool(o.cases)))


if __name__ == '__main__': main()
