"""How well a person's mastering is learnt from 5 and 20 pairs: simulated engineers, held-out songs, and held-out kinds of engineers.

    make bench-mastering ARGS='--music DIR'

Excerpts of finished music are made into rehearsal sound (a room's and recorder's equaliser, noise, any level). Six kinds of engineers for whom the
chain was designed and six for whom it was not master them; each method learns from a person's pairs and masters songs that it has not seen. The
measure is the mean absolute difference of 64 band levels (to 20 kHz, absolute level) in windows where there is music; in brackets after the best
constant gain. Everything but the last two columns is measured on rendered audio, limiter included. `matchering` (GPL, measured only) is
used where `--matchering PYTHON` names an interpreter that has it; it gets the reference of the 20 whose spectrum is nearest.

    make bench-mastering ARGS='--stream 50'     memory and speed: 50 minutes of 96 kHz stereo; with --record also bench/results/mastering-streamed.json
"""
import argparse, json, resource, subprocess, tempfile, time
from pathlib import Path

import numpy as np, torch
import soundfile as sf
from joblib import Parallel, delayed

from editorbot.core import write_json
from editorbot.edl import EDL, Source
from editorbot.simulation.band import synth_song
from editorbot.simulation.distractors import recording_chain
from editorbot.simulation.engineers import engineer
from editorbot.simulation.sessions import find_songs, load_song
from editorbot.super_editor.levels import band_levels, dbtp, frame_loudness, loudness
from editorbot.super_editor.mastering import Chain, ChainConfig, master_array, render_mastered, shaped
from editorbot.super_editor.mastering_training import FPS, batch_of, cross_validate, fit_chain, pair_of
from editorbot.super_editor.mel_reconstruction import Gains, MelConfig, fit_mel

SR = 44100
DESIGNED = ('tone', 'matcher', 'glue', 'rider', 'multiband', 'loud')
UNSEEN = ('denoiser', 'tape', 'de_esser', 'saturation', 'gate', 'song_gain')


def rehearsal(x, i):
    "Finished music as a rehearsal recorder would have it."
    rng = np.random.default_rng([i, 91])
    return recording_chain(rng, x.copy(), SR).astype(np.float32)


def excerpts(music, n, seconds, seed):
    "Excerpts of different songs, all packages alike."
    if not music: return [rehearsal(synth_song(i, seconds, SR), i) for i in range(n)]
    songs = find_songs(music, seconds + 5)
    rng = np.random.default_rng([seed, 92])
    packages = sorted({s.package for s in songs})
    per = {p: [s for s in rng.permutation(np.array(songs, object)) if s.package == p] for p in packages}
    picks = [per[p][k] for k in range(max(map(len, per.values()))) for p in packages if k < len(per[p])][:n]
    out = []
    for i, s in enumerate(picks):
        x = load_song(s, SR, float(rng.uniform(0, s.duration - seconds)), seconds)
        if np.abs(x).max() > 1e-2: out.append(rehearsal(x, i))
    return out


def error(y, true, pair):
    "Mean absolute difference of levels, and after the best constant gain."
    a = band_levels([y], SR)[:len(pair.count)]
    d = (a - true[:len(a)])[pair.count[:len(a)]]
    return float(np.abs(d).mean()), float(np.abs(d - np.median(d)).mean())


def spectrum_error(y, true, pair):
    "Mean absolute difference of the mean spectra, loudness apart."
    a = band_levels([y], SR)[:len(pair.count)]
    m = pair.count[:len(a)].any(1)
    s = lambda z: 10 * np.log10((10**(z[:len(a)][m] / 10)).mean(0))
    d = (s(a) - s(true))[pair.count.any(0)]
    return float(np.abs(d - d.mean()).mean())


def flutter(levels):
    "How fast the gain between windows moves: mean absolute change, dB."
    return float(np.abs(np.diff(levels, axis=0)).mean())


def matchering(python, targets, references, folder):
    "What matchering makes of songs, each with the reference whose spectrum is nearest; one process for all."
    mean = lambda z: band_levels([z], SR).mean(0)
    shape = lambda z: mean(z) - mean(z).mean()
    known = [shape(r) for r in references]
    for k, x in enumerate(targets):
        own = shape(x)
        nearest = references[min(range(len(known)), key=lambda j, own=own: np.abs(known[j] - own).mean())]
        sf.write(Path(folder)/f'{k}.target.wav', x, SR, 'FLOAT'); sf.write(Path(folder)/f'{k}.reference.wav', nearest, SR, 'FLOAT')
    code = ('import matchering as mg, sys\nfor k in range(int(sys.argv[1])):\n    try: mg.process(target=f"{k}.target.wav", reference=f"{k}.reference.wav", '
            'results=[mg.Result(f"{k}.result.wav", subtype="FLOAT")])\n    except Exception as e: print(e)')
    subprocess.run([python, '-c', code, str(len(targets))], cwd=folder, capture_output=True, check=False)
    results = [Path(folder)/f'{k}.result.wav' for k in range(len(targets))]
    return [sf.read(p, dtype='float32', always_2d=True)[0][:len(x)] if p.exists() else None for p, x in zip(results, targets)]


def without_curve(c):
    "A chain without its level curves."
    for p in (c.up, c.down): p.data.zero_()
    return c


def one_person(kind, seed, songs, before, train, steps, python, tests, mel, chains=True):
    "All methods for one person and one draw of songs; without `chains` only the others."
    who, rng = engineer(kind, seed), np.random.default_rng([seed, 93])
    order = rng.permutation(len(songs))
    test, pool = order[:tests], order[tests:]
    y = {int(i): who.master(songs[i], SR, int(i)) for i in np.concatenate([test, pool[:max(train)]])}
    after = {i: band_levels([v], SR) for i, v in y.items()}
    pairs = {i: pair_of(before[i], after[i], f'song {i}') for i in y}
    rows = []

    def judge(method, n, make, fit_s=0.0):
        for i in map(int, test):
            t0 = time.process_time()
            z = make(i)
            if z is None: continue
            used, (e, free) = time.process_time() - t0, error(z, after[i], pairs[i])
            rows.append(dict(kind=kind, seed=seed, method=method, pairs=n, song=i, error=e, free=free, spectrum=spectrum_error(z, after[i], pairs[i]),
                             loudness=abs(loudness(z, SR) - loudness(y[i], SR)), dbtp=dbtp(z) if method != 'nothing' else None, render_s=used * 60 * SR / len(z), fit_s=fit_s,
                             flutter=flutter(band_levels([z], SR)[:len(before[i])] - before[i]) / max(1e-6, flutter(after[i] - before[i]))))

    if chains:
        judge('nothing', 0, lambda i: songs[i])
        judge('the same person again', 0, lambda i: who.master(songs[i], SR, i + 1000))
    for n in train if chains else ():
        mine, learnt = [pairs[int(i)] for i in pool[:n]], {}
        b = batch_of(mine)
        for method, kind_, s in (('mean EQ', 'eq', 0), ('EQ + loudness + level curve', 'eq_loudness', 0), ('chain, closed form', 'chain', 0), ('chain, tuned', 'chain', steps),
                                 ('chain that reads', 'reading', steps)):
            if kind_ == 'reading' and n < 10: continue
            t0 = time.process_time()
            c = fit_chain(b, kind_, s, seed)
            learnt[kind_] = method, time.process_time() - t0           # the tuned chain after its closed form
            judge(method, n, lambda i, c=c: master_array(songs[i], SR, c), learnt[kind_][1])
        c = without_curve(fit_chain(b, 'eq_loudness', 0, seed))
        judge('mean EQ + loudness', n, lambda i, c=c: master_array(songs[i], SR, c))
        t0 = time.process_time()
        choice, chosen = cross_validate(mine, steps=max(20, steps // 3), seed=seed), 'chosen by cross-validation'   # as `learn_mastering` does
        if choice.kind in learnt:                                      # the same pairs, steps and seed: it would learn the same chain again
            same, fit_s = learnt[choice.kind]
            fit_s += time.process_time() - t0
            rows += [r | dict(method=chosen, fit_s=fit_s) for r in rows if r['method'] == same and r['pairs'] == n]
        else: judge(chosen, n, lambda i: songs[i], time.process_time() - t0)   # nothing
        rows[-1]['choice'] = choice.kind
        print(f'{kind:11} seed {seed}, {n:2} pairs: ' + ', '.join(f'{m} {np.mean([r["error"] for r in rows if r["method"] == m and r["pairs"] == n]):.2f}' for m in dict.fromkeys(r['method'] for r in rows if r['pairs'] == n))
              + f'; chose {choice.kind}', flush=True)
    if mel:
        t0 = time.process_time()
        net = fit_mel([pairs[int(i)] for i in pool[:max(train)]], MelConfig(window=64), mel, seed=seed)
        drawn = lambda i: np.concatenate(list(shaped(lambda: [songs[i]], SR, len(songs[i]), Gains(net(before[i]) - before[i]))))
        judge('mel reconstruction', max(train), drawn, time.process_time() - t0)
        print(f'{kind:11} seed {seed}, {max(train):2} pairs: mel reconstruction {np.mean([r["error"] for r in rows if r["method"] == "mel reconstruction"]):.2f}', flush=True)
    if python:
        with tempfile.TemporaryDirectory() as d:
            refs = [y[int(i)] for i in pool[:max(train)]]
            made = dict(zip(map(int, test), matchering(python, [songs[int(i)] for i in test], refs, d)))
            judge('matchering, nearest reference', max(train), made.get)
    return rows


def interval(x):
    "Mean and 95 % interval of people and draws."
    x = np.array(x)
    return f'{x.mean():.2f}' + (f' ± {1.96 * x.std(ddof=1) / np.sqrt(len(x)):.2f}' if len(x) > 1 else '')


def table(rows, kinds, train):
    "Markdown: methods against numbers of pairs; means over people (songs averaged first), 95 % interval over people and seeds."
    lines = ['| method | ' + ' | '.join(f'{n} pairs' for n in train) + ' | spectrum | loudness | flutter | fit s | render s/min |', '|---|' + '---|' * (len(train) + 5)]
    for m in dict.fromkeys(r['method'] for r in rows):
        mine = [r for r in rows if r['kind'] in kinds and r['method'] == m]
        def people(key, n, mine=mine):
            here = [r for r in mine if r['pairs'] == n]
            return [np.mean([r[key] for r in here if (r['kind'], r['seed']) == who]) for who in dict.fromkeys((r['kind'], r['seed']) for r in here)]
        cell = []
        for n in train:
            at = n if people('error', n) else 0
            cell.append(f"{interval(people('error', at))} ({np.mean(people('free', at)):.2f})" if people('error', at) else '')
        last = max((r['pairs'] for r in mine), default=0)
        if not people('error', last): continue
        lines.append(f'| {m} | ' + ' | '.join(cell) + f" | {np.mean(people('spectrum', last)):.2f} | {np.mean(people('loudness', last)):.2f} | {np.median(people('flutter', last)):.2f} | "
                     f"{np.mean(people('fit_s', last)):.1f} | {np.mean(people('render_s', last)):.2f} |")
    return '\n'.join(lines)


def people(rows, method, pairs, kinds, key):
    "Means over a person's songs: (kind, seed) -> value."
    here = [r for r in rows if r['method'] == method and r['pairs'] == pairs and r['kind'] in kinds]
    return {w: float(np.mean([r[key] for r in here if (r['kind'], r['seed']) == w])) for w in dict.fromkeys((r['kind'], r['seed']) for r in here)}


def claims(rows):
    "What bench/results/mastering.json says: the chosen chain beside its rivals, with 95 % intervals over people."
    mean = lambda x: round(float(np.mean(list(x.values()))), 2)
    def spread(x):
        v = np.array(list(x.values()))
        return [round(float(v.mean() + k * 1.96 * v.std(ddof=1) / np.sqrt(len(v))), 2) for k in (-1, 1)]
    chosen, out = 'chosen by cross-validation', []
    for name, kinds, aims in (('designed for', DESIGNED, {5: .85, 20: .65}), ('not designed for', UNSEEN, {5: 1.3, 20: 1.3})):
        for n in (20, 5, 1):
            e = people(rows, chosen, n, kinds, 'error')
            if not e: continue
            others = {'tuned chain': ('chain, tuned', n), 'network of mel_reconstruction': ('mel reconstruction', n), 'EQ + loudness + curve': ('EQ + loudness + level curve', n), 'matchering': ('matchering, nearest reference', 20),
                      'the same person again': ('the same person again', 0)}
            few = lambda x, all_=e: f' ({len(x)} people)' if len(x) < len(all_) else ''
            beside = ', '.join(f'{k} {mean(x)}{few(x)}' for k, (m, pairs) in others.items() if (x := people(rows, m, pairs, kinds, 'error')))
            out.append(dict(claim=f'error on held-out songs, dB: kinds {name}, {n} pair{"s" * (n > 1)}, {len(e)} people', value=mean(e), interval=spread(e), beside=beside) | ({'aim': f'{aims[n]}'} if n in aims else {}))
    both = (*DESIGNED, *UNSEEN)
    for key, name, aim in (('loudness', 'loudness off, LU, 20 pairs, all kinds', '.3'), ('spectrum', 'spectrum off, dB, 20 pairs, all kinds', '.5')):
        if x := people(rows, chosen, 20, both, key): out.append(dict(claim=name, value=mean(x), interval=spread(x), aim=aim))
    mine = [r for r in rows if r['method'] == chosen and r['kind'] in both]
    if x := people(rows, chosen, 20, both, 'flutter'): out.append(dict(claim="flutter of the gain, times the person's own (median)", value=round(float(np.median(list(x.values()))), 2), aim='1.2'))
    for other, said in (('mean EQ + loudness', 'mean EQ + loudness'), ('EQ + loudness + level curve', 'EQ + loudness + curve'), ('matchering, nearest reference', 'matchering (with 20 references)')):
        for n in sorted({r['pairs'] for r in mine}):
            for name, kinds in (('designed for', DESIGNED), ('not designed for', UNSEEN)):
                a, b = people(rows, chosen, n, kinds, 'error'), people(rows, other, 20 if 'matchering' in other else n, kinds, 'error')
                d = {w: a[w] - b[w] for w in a if w in b}
                if d: out.append(dict(claim=f'the choice less {said}, dB: kinds {name}, {n} pair{"s" * (n > 1)}', value=mean(d), interval=spread(d), aim='< 0', beside=f'better for {sum(x < -.005 for x in d.values())}, worse for {sum(x > .005 for x in d.values())} of {len(d)} people'))
    nothing = [r['choice'] for r in rows if r['kind'] == 'nothing' and r.get('choice')]
    if nothing: out.append(dict(claim='somebody who changes nothing: `nothing` chosen', value=f"{nothing.count('nothing')} of {len(nothing)}", aim='all'))
    untouched = {(r['kind'], r['seed'], r['pairs']) for r in rows if r.get('choice') == 'nothing'}
    out.append(dict(claim='highest true peak where anything was changed, dBTP', value=round(max(r['dbtp'] for r in mine if (r['kind'], r['seed'], r['pairs']) not in untouched), 2), aim='-1'))
    out.append(dict(claim='CPU s a stereo minute to render', value=round(float(np.mean([r['render_s'] for r in mine])), 2), aim='.4'))
    return out


def long_file(path, minutes, sr):
    "Stereo music of the synthetic band, again and again, at other levels."
    x = synth_song(0, 20., sr)
    with sf.SoundFile(path, 'w', sr, 2, 'PCM_24') as f:
        for i in range(round(3 * minutes)): f.write(x * (.4 + .6 * (i % 5) / 4))
    return path


def demanding_chain():
    "A chain with every stage at work."
    c = Chain(ChainConfig(kind='chain'))
    for name, v in dict(follow=.3, ride=.5, threshold=-3., squash=0.).items(): getattr(c, name).data.fill_(v)
    c.eq.data.copy_(3 * torch.cos(.5 * torch.arange(24.)))
    for p in (c.up, c.down): p.data.fill_(.1)
    return c


def streamed(minutes):
    "Memory of a long recording at 96 kHz, time of a short one at 44.1 kHz, and what streaming changes."
    c, peak = demanding_chain(), lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    resident = lambda: int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize() / 2**20
    x = np.tile(synth_song(1, 20., SR), (3, 1)).astype(np.float32)
    with tempfile.TemporaryDirectory() as d:
        raw = long_file(Path(d)/'raw.wav', minutes, 96000)
        edl = EDL.from_regions(Source.from_file(raw), [(0, sf.info(raw).frames)], 0)
        before, t0, w0 = resident(), time.process_time(), time.time()
        made = render_mastered(edl, Path(d)/'out.wav', raw, c, verify=False, show=False)
        out = dict(minutes=minutes, before_mb=before, grown_mb=peak() - before, cpu_s=(time.process_time() - t0) / minutes, real_time=60 * minutes / (time.time() - w0), passes=made.passes, lufs=made.lufs, wanted=made.wanted)
    t0 = time.process_time()
    y = master_array(x, SR, c)
    out['cpu_s_44100'] = (time.process_time() - t0) / (len(x) / SR / 60)
    out['null_db'] = float(20 * np.log10(np.abs(y - master_array(x, SR, c, len(x))).max() + 1e-12))
    return out | dict(dbtp=dbtp(y))


def say_streamed(a):
    "What bench/results/mastering-streamed.json says."
    from results import record
    m = streamed(a.stream)
    print({k: round(v, 3) for k, v in m.items()}, flush=True)
    if not a.record: return
    claims = [dict(claim=f'{a.stream:.0f} minutes of 96 kHz stereo, mastered to a file: how much the process grows, MB', value=round(m['grown_mb']), aim='<= 300', beside=f"{m['before_mb']:.0f} MB before"),
              dict(claim='the same: CPU s a minute', value=round(m['cpu_s'], 2), beside=f"{m['passes']} pass{'es' * (m['passes'] > 1)}, {m['real_time']:.0f} times as fast as it plays, on a busy machine"),
              dict(claim='44.1 kHz stereo: CPU s a minute', value=round(m['cpu_s_44100'], 2), aim='<= .4'),
              dict(claim='streamed against whole: largest difference, dBFS', value=round(m['null_db']), aim='< -120'),
              dict(claim='loudness off the one wanted, LU', value=round(abs(m['lufs'] - m['wanted']), 2), aim='<= .3')]
    print(record('mastering-streamed', 'super_editor', 'Mastering long recordings', a.record, claims, 'A chain with every stage at work: equaliser that follows the recording, rides, compressor, level curves, limiter.'))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--music', help='folder with finished music; default: the synthetic band')
    a.add_argument('--songs', type=int, default=48)
    a.add_argument('--seconds', type=float, default=20.0)
    a.add_argument('--tests', type=int, default=8)
    a.add_argument('--train', type=int, nargs='+', default=[5, 20])
    a.add_argument('--steps', type=int, default=250)
    a.add_argument('--seeds', type=int, default=1, help='people of each kind')
    a.add_argument('--first', type=int, default=0, help='seed of the first of them')
    a.add_argument('--mel', type=int, default=0, help='steps of training of mel_reconstruction, for people that matchering is measured on; 0: leave it out')
    a.add_argument('--only-mel', action='store_true', help='mel_reconstruction alone, for all people')
    a.add_argument('--kinds', nargs='+', default=[*DESIGNED, *UNSEEN, 'nothing'])
    a.add_argument('--matchering', help='a Python that has matchering')
    a.add_argument('--matchering-seeds', type=int, default=1, help='people of each kind that matchering is measured on, too')
    a.add_argument('--jobs', type=int, default=1)
    a.add_argument('--json', nargs='+', default=['outputs/bench/mastering.json'], help='several: rows of several runs, with --record')
    a.add_argument('--name', default='mastering', help='of the file in bench/results')
    a.add_argument('--title', default='Mastering learnt from pairs')
    a.add_argument('--record', metavar='COMMAND', help='write bench/results/mastering.json from the rows of --json; COMMAND is what made them')
    a.add_argument('--stream', type=float, metavar='MINUTES', help='instead: memory and speed, with a recording of this length')
    a = a.parse_args()
    if a.stream: return say_streamed(a)
    if a.record:
        from results import record
        rows = [r for f in a.json for r in json.loads(Path(f).read_text(encoding='utf-8'))]
        who = {(r['kind'], r['seed']) for r in rows}
        note = (f"{len({k for k, _ in who})} kinds of simulated engineers, {len(who)} people (seeds {', '.join(map(str, sorted({s for _, s in who})))}), {len({r['song'] for r in rows if r['kind'] == rows[0]['kind'] and r['seed'] == rows[0]['seed']})} held-out "
                "songs each; short excerpts of music of five packages as rehearsal sound. The interval goes over people.")
        print(record(a.name, 'super_editor', a.title, a.record, claims(rows), note))
        return
    songs = excerpts(a.music, a.songs, a.seconds, 0)
    before = [band_levels([x], SR) for x in songs]
    keep = [i for i, x in enumerate(before) if np.isfinite(frame_loudness(x, FPS)[0])]
    songs, before = [songs[i] for i in keep], [before[i] for i in keep]
    print(f'{len(songs)} songs of {a.seconds:.0f} s, {np.min([loudness(x, SR) for x in songs]):.0f} to {np.max([loudness(x, SR) for x in songs]):.0f} LUFS', flush=True)
    few = lambda s: s < a.first + a.matchering_seeds
    work = (delayed(one_person)(k, s, songs, before, a.train, a.steps, a.matchering if few(s) and not a.only_mel else None, a.tests, a.mel if few(s) or a.only_mel else 0, not a.only_mel)
            for s in range(a.first, a.first + a.seeds) for k in a.kinds)
    rows, target = [], Path(a.json[0])
    for part in Parallel(n_jobs=a.jobs, return_as='generator')(work):
        rows += part
        write_json(target, rows)
    for name, kinds in (('people for whom the chain was designed', DESIGNED), ('kinds of people that it was not designed for', UNSEEN), ('somebody who changes nothing', ('nothing',))):
        here = [r for r in rows if r['kind'] in kinds]
        if here: print(f'\n{name}\n\n{table(here, kinds, a.train)}')
    if a.only_mel: return print('written:', target)
    print('\nhighest true peak of anything mastered here:', round(max(r['dbtp'] for r in rows if r['dbtp'] is not None and 'chain' in r['method'] or 'chosen' in r['method'] and r['kind'] != 'nothing'), 2), 'dBTP')
    print('written:', target)


if __name__ == '__main__': main()
