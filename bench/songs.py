"""How well takes are found, grouped into songs, and known again, in rehearsals of which everything is known.

    make bench-songs ARGS='--music DIR'          makes what is missing, prints both tables
    python bench/songs.py --music DIR --only NAME one package, or 'band'
    python bench/songs.py --music DIR --splits choice fresh   rehearsals of five packages, heard by networks that were trained without the package (bench/networks), and of the band
    python bench/songs.py --music DIR --splits last fresh tune report --names --series 2 --record   names carried over series of three rehearsals, of each package and the band
    python bench/songs.py --sessions DATA        rehearsals that `editorbot sessions MUSIC -o DATA --minutes 30 40` made: longer, and with shorter pauses

DIR holds a folder for each package (an album, an artist). Rehearsals are drawn from real music, whose takes differ by time-stretching (+-6 %), drift, level, microphones and spoilers, and from the synthetic band, whose takes
are played anew from the score: other timing, other levels, wrong and missing notes. In half of them each: a song that is abandoned, a medley, a riff of one song in another, a song in two keys, two songs without a pause.
Thresholds were chosen on TUNE and CHOICE; REPORT and FRESH are other seeds; FRESH was made last (its first figures are in log/2026-12-01-songs-keys.md). The shipped pointer network, which hears what is played, was trained on sessions of packages of this kind; the grouping learnt from none.
Results go to outputs/bench/songs/.
"""
import argparse, dataclasses, functools, json, time
from pathlib import Path

import numpy as np, torch
from scipy.stats import binomtest
from python_stretch import Signalsmith

from pointer import network_of

from editorbot.app.song_library import CONFIDENT, recognise
from editorbot.app.songs import STEP, Hearing, choose_takes, find_songs_in, listen
from editorbot.core import FRAME_RATE, write_json
from editorbot.pointer.pointer_network import load_pointer, score_recording
from editorbot.simulation.band import drum_kit, play, random_instrument, random_score, song_notes
from editorbot.simulation.distractors import SPOIL, Cast, break_down, level, random_speaker, recording_chain, warp
from editorbot.simulation.sessions import Canvas, SessionConfig, audible, excerpt, fill_gap, find_songs, load_song, perform, random_stage
from editorbot.sound.mel import mel_power, normalise_mel, stream_frames

SR = 22050
TUNE = {'band': range(3), 'ufoai-music': range(3), 'warzone2100-music': range(3)}
REPORT = {k: (*range(100, 103), *range(110, 113)) for k in ('band', 'singularity-music', 'drascula-music', 'fretsonfire-songs-sectoid')}   # the first three of each were looked at on 2026-11-30
PACKAGES = ('ufoai-music', 'warzone2100-music', 'drascula-music', 'singularity-music', 'fretsonfire-songs-sectoid')
CHOICE, FRESH = ({k: seeds for k in ('band', *PACKAGES)} for seeds in ((*range(200, 204), 600, 601), (602, 603)))   # the five by networks that were trained without the package
SPLITS = dict(tune=TUNE, report=REPORT, choice=CHOICE, fresh=FRESH)
SERIES = {'tune': {'band': (300,), 'ufoai-music': (300,)}, 'report': {'band': (400,), 'singularity-music': (400,)},
          'choice': {k: range(500, 600) for k in ('band', *PACKAGES)}, 'fresh': {k: range(700, 800) for k in ('band', *PACKAGES)}, 'last': {k: range(800, 900) for k in ('band', *PACKAGES)}}   # three rehearsals of one band each, for names; of each the first --series
PROGRAMME = ((0, 1, 2, 3), (0, 1, 4), (2, 4, 0, 5))   # songs of the three
JUNK = dict(chat=5., noodling=4., quiet=2.5, tuning=2., passage=.7, drumming=1.5, laughter=.8, count_in=.8, thump=.8, clapping=.6)


@dataclasses.dataclass(frozen=True)
class Take:
    "What was played in truth, in samples."
    song: str; kind: str; start: int; end: int; tempo: float = 1.0; key: int = 0; note: str = ''


def band_performance(seed, seconds, tempo, key, take, most):
    "The band plays a song once more: other tempo and key, timing of its own, wrong and missing notes."
    rng, own = np.random.default_rng([seed, 20]), np.random.default_rng([seed, take, 26])
    score = random_score(rng, seconds)
    mix = {'bass': rng.uniform(0.35, 0.7), 'chords': rng.uniform(0.3, 0.7), 'lead': rng.uniform(0.25, 0.6)}
    players = {r: random_instrument(rng, r) for r in ('bass', 'chords', 'lead')}
    kit = drum_kit(rng, SR)
    at = np.arange(0, seconds / tempo + 8, 4.0)
    drift, out = np.cumsum(own.normal(0, .03, len(at))), []                               # s
    for t, who, midi, length, loud in song_notes(dataclasses.replace(score, bpm=score.bpm * tempo, key=score.key + key)):
        if own.random() < .03: continue
        wrong = int(own.choice([-2, -1, 1, 2])) if midi and own.random() < .03 else 0
        out.append((max(0., t + np.interp(t, at, drift) + own.normal(0, .008)), who, midi + wrong if midi else 0, length, loud * mix.get(who, .8) * own.uniform(.75, 1.1)))
    return play(out, players, kit, {'chords': .3, 'lead': .7}, int((seconds / tempo + 3) * SR), SR)[:int((most or 999) * SR)]


def real_performance(x, seed, tempo, key, take, most):
    "A piece of music at another tempo and key, with a drift."
    x, rng = x[:int((most or 999) * SR)], np.random.default_rng([seed, take])
    if tempo != 1 or key:
        s = Signalsmith.Stretch(); s.preset(x.shape[1], SR); s.setTimeFactor(tempo); s.setTransposeSemitones(float(key))
        x = s.process(np.ascontiguousarray(x.T, np.float32)).T[:round(len(x) / tempo)]
    knots = np.arange(0, len(x) + 4 * SR, 4 * SR)
    speed = 1 + rng.normal(0, .006, len(knots))
    return np.ascontiguousarray(warp(x, np.cumsum(np.interp(np.arange(len(x)), knots, speed))[:len(x) - 1].clip(0, len(x) - 2)), np.float32)


def repertoire(kind, seed, n, music):
    "Name -> performance(tempo, key, take, most seconds)."
    r, out = np.random.default_rng([seed, 28 if kind == 'band' else 29]), {}
    if kind == 'band':
        for _ in range(n):
            s, d = int(r.integers(1 << 30)), float(r.uniform(30, 75))
            out[f'band {s}'] = functools.partial(band_performance, s, d)
        return out
    songs = [s for s in find_songs(music) if s.package == kind and s.duration > 35]
    for i in r.permutation(len(songs))[:n]:
        s = songs[i]
        d = float(min(s.duration, r.uniform(30, 75)))
        x = load_song(s, SR, 0. if r.random() < .6 else float(r.uniform(0, s.duration - d)), d)
        if np.abs(x).max() >= 1e-3: out[s.name] = functools.partial(real_performance, x, seed)
    return out


def plan_takes(rng, names, on):
    "(song, kind, tempo, key) in the order in which they are played."
    tempo = lambda: float(np.clip(np.exp(rng.normal(0, .025)), .945, 1.058))
    plan = []
    for i, name in enumerate(names):
        n = 1 + min(3, int(rng.poisson(1.3)))
        kinds = [str(rng.choice(['false_start', 'breaks_off', 'spoilt', 'repeat'], p=[.4, .25, .2, .15])) for _ in range(n - 1)] + ['take']
        if on['abandoned'] and i == len(names) - 1: kinds = ['false_start', 'breaks_off'][:max(1, n - 1)]
        plan.append([(name, k, tempo(), 0) for k in kinds])
    if on['keys']:
        j = int(rng.integers(len(plan)))
        plan[j].append((plan[j][0][0], 'take', tempo(), int(rng.choice([-4, -3, -2, -1, 1, 2, 3, 4]))))
    order = [t for p in plan for t in p]
    for t in [t for p in plan[:-1] if len(p) > 1 and rng.random() < .3 for t in p[-1:]]: order.remove(t); order.append(t)
    return order + [('medley', 'take', 1.0, 0)] * on['medley']


def rehearse(songs, seed, special=.5, gaps=(4, 14)):
    "A rehearsal, its takes, and what is special in it."
    sr, rng = SR, np.random.default_rng([seed, 27])
    names = [str(s) for s in rng.permutation(list(songs))]
    on = {k: bool(rng.random() < special) for k in ('abandoned', 'medley', 'riff', 'keys', 'back_to_back')}
    stage = random_stage(rng, sr, SessionConfig(voices='formant'))
    order = plan_takes(rng, names, on)
    follows = [k for k in range(1, len(order)) if order[k][1] == order[k - 1][1] == 'take' and order[k][0] != order[k - 1][0]]
    joined = int(rng.choice(follows)) if on['back_to_back'] and follows else -1
    on['back_to_back'] = joined > 0
    def heard(x): a, b = audible(x, sr); return x[a:b]
    def sound(name, tempo, key, k, most=None):
        x = heard(songs[name](tempo, key, k, most))
        if not on['riff'] or name != names[1]: return x
        y = heard(songs[names[0]](tempo, key, k + 100, 30.))
        r, x = excerpt(rng, level(y, -20), len(y) // 5, len(y) // 5 + int(8 * sr / tempo), sr), level(x, -20)
        return np.concatenate([x[:len(x) // 4], r, x[len(x) // 4:len(x) * 3 // 4], r, x[len(x) * 3 // 4:]])
    weights = {k: w * float(rng.gamma(.7)) for k, w in JUNK.items()}
    cast = Cast([random_speaker(rng, 'formant') for _ in range(3)], [sound(n, 1., 0, 99, 30.)[:30 * sr] for n in names[:2]], .5)
    parts, takes, n, music = [], [], int(rng.uniform(1, 6) * sr), -22 + float(rng.normal(0, 2))
    for k, (name, kind, tempo, key) in enumerate(order):
        note = ''
        if name == 'medley':
            pieces = [sound(m, tempo, 0, 50 + i, 45.) for i, m in enumerate(names[:3])]
            x = np.concatenate([excerpt(rng, level(p, -20), len(p) // 6, min(len(p), len(p) // 6 + int(rng.uniform(15, 25) * sr)), sr) for p in pieces])
        else: x = sound(name, tempo, key, k, 34. if kind == 'false_start' else None)
        if kind == 'false_start': x = break_down(rng, x[:int(min(np.exp(rng.uniform(np.log(4), np.log(20))) * sr, len(x) * .6))], sr)
        if kind == 'breaks_off': x = break_down(rng, x[:int(rng.uniform(.35, .7) * len(x))], sr)
        if kind == 'spoilt': note = str(rng.choice(list(SPOIL))); x = SPOIL[note](rng, x, sr)
        y = perform(rng, x, sr, stage, music + float(rng.normal(0, 2.5)))
        y = y[:audible(y, sr, 45)[1] + sr // 50]
        if k == joined: gap = int(rng.uniform(.05, .4) * sr)
        else:
            gap = int(rng.uniform(*gaps) * sr)
            canvas = Canvas(gap, sr, stage)
            fill_gap(rng, canvas, gap - sr, gap - sr // 2, cast, weights, [])
            parts.append((n, canvas.sound()))
        n += gap
        u, v = audible(y, sr)
        takes.append(Take(name, kind, n + u, n + v, tempo, key, note)); parts.append((n, y)); n += len(y)
    raw = np.zeros((n + 2 * sr, 2), np.float32)
    for at, y in parts: y = y[:len(raw) - at]; raw[at:at + len(y)] += y
    return recording_chain(rng, raw, sr), takes, [k for k, v in on.items() if v]


def heard_in(folder, name, make, net):
    "Hearing and truth of a rehearsal, made once."
    path = Path(folder)/f'{name}.npz'
    if not path.exists():
        raw, takes, special = make()
        blocks = (raw.mean(1)[a:a + (1 << 18)].astype(np.float32) for a in range(0, len(raw), 1 << 18))
        mel = np.ascontiguousarray(normalise_mel(np.concatenate([mel_power(f) for f in stream_frames(blocks)]))[0])
        save(path, listen(mel, score_recording(net(), mel)), takes, special)
    d = np.load(path)
    truth = json.loads(str(d['truth']))
    return Hearing(**{f.name: d[f.name].astype(np.float32) for f in dataclasses.fields(Hearing)}), [Take(**t) for t in truth['takes']], truth['special']


def save(path, h, takes, special):
    "One file a rehearsal."
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, truth=json.dumps(dict(takes=[dataclasses.asdict(t) for t in takes], special=special)), **{f.name: getattr(h, f.name).astype(np.float16) for f in dataclasses.fields(Hearing)})


def of_session(path, net):
    "Hearing and truth of a rehearsal of `editorbot sessions`; `path` is its *_info.json."
    import editorbot
    info, kinds = json.loads(path.read_text(encoding='utf-8')), {'take': 'take', 'spoilt_take': 'spoilt', 'false_start': 'false_start', 'repeat': 'repeat'}
    t = editorbot.load_track(path.parents[1]/'input'/path.name.replace('_info.json', '_raw.wav'))
    at = lambda n: round(n / info['sample_rate'] * SR)
    return listen(t.mel, score_recording(net, t.mel)), [Take(e['note'].split(':')[0], kinds[e['kind']], at(e['start']), at(e['end'])) for e in info['events'] if e['kind'] in kinds]


def assigned(spans, truth):
    "For each true take the found one that covers most of it, if that is more than half; -1 otherwise."
    out = []
    for t in truth:
        a, b = t.start / SR * FRAME_RATE, t.end / SR * FRAME_RATE
        o = [max(0, min(b, v) - max(a, u)) for u, v in spans]
        out.append(int(np.argmax(o)) if o and max(o) > .5 * (b - a) else -1)
    return out


def counts(h, truth):
    "Pairs of takes right, wrong and missed; songs found exactly; takes found; kept takes that are complete."
    start = time.process_time()
    spans, labels, matches = find_songs_in(h)
    cpu, at = time.process_time() - start, assigned(spans, truth)
    label = [labels[i] if i >= 0 else -1 - k for k, i in enumerate(at)]
    pairs = [(truth[i].song == truth[j].song, label[i] == label[j]) for i in range(len(truth)) for j in range(i)]
    exact, songs = 0, dict.fromkeys(t.song for t in truth)
    for s in songs:
        mine = [i for i, t in zip(at, truth) if t.song == s]
        exact += -1 not in mine and len(set(mine)) == len(mine) and set(mine) == set(np.flatnonzero(labels == labels[mine[0]]).tolist())
    kept = [t for t in choose_takes(h, spans, labels, matches) if t.kept]
    whole = lambda k: any(t.kind in ('take', 'repeat') and min(t.end / SR * FRAME_RATE, k.end) - max(t.start / SR * FRAME_RATE, k.start) > .8 * (k.end - k.start) for t in truth)
    could = {t.song for t in truth if t.kind in ('take', 'repeat')}
    right = lambda f: int(sum(f(s, p) for s, p in pairs))
    return dict(tp=right(lambda s, p: s and p), fp=right(lambda s, p: p and not s), fn=right(lambda s, p: s and not p), exact=int(exact), songs=len(songs), found=sum(i >= 0 for i in at), true=len(truth),
                takes=len(spans), kept_whole=sum(map(whole, kept)), kept=len(kept), could=len(could), cpu=cpu)


def summary(rows):
    "Scores of several rehearsals."
    s = {k: sum(r[k] for r in rows) for k in rows[0]}
    return dict(f1=2 * s['tp'] / max(1, 2 * s['tp'] + s['fp'] + s['fn']), exact=s['exact'] / s['songs'], recall=s['found'] / s['true'], precision=s['found'] / max(1, s['takes']), kept=min(1., s['kept_whole'] / max(1, s['could'])))


def with_intervals(rows, n=2000):
    "(value, low, high): 95 % bootstrap over rehearsals."
    rng, value = np.random.default_rng(0), summary(rows)
    draws = [summary([rows[i] for i in rng.integers(0, len(rows), len(rows))]) for _ in range(n)]
    return {k: (v, *np.percentile([d[k] for d in draws], [2.5, 97.5]).tolist()) for k, v in value.items()}


def lines_of(h, group):
    "Pitch lines of takes, the kept one first, then by length."
    return [h.lines[t.start // STEP:max(t.start // STEP + 1, t.end // STEP)] for t in sorted(group, key=lambda t: (not t.kept, -t.seconds))]


def played(t, truth):
    "Song -> seconds of it in a take."
    out = {}
    for u in truth:
        x = min(t.end / FRAME_RATE, u.end / SR) - max(t.start / FRAME_RATE, u.start / SR)
        if x > 0: out[u.song] = out.get(u.song, 0) + x
    return out


def true_song(group, truth):
    "What fills more than half of a group of takes, and the most seconds of it in one take; None where nothing does."
    parts = [played(t, truth) for t in group]
    total = {s: sum(p.get(s, 0) for p in parts) for p in parts for s in p}
    best = max(total, key=total.get, default=None)
    if best is None or total[best] <= sum(t.seconds for t in group) / 2: return None, 0.
    return best, max(p.get(best, 0) for p in parts)


def names_known(series):
    """Three rehearsals: every song is named right after each. Songs known from before (20 s of it in one take), and those that get their name; names that are given, and wrong; questions, and right ones.
    `without`: the same names if every song of which the library is confident got its name, more than a passage of it found again or not."""
    known, c = {}, dict.fromkeys(('could', 'right', 'given', 'false', 'asked', 'asked_right', 'without_right', 'without_given', 'without_false'), 0)
    for h, truth in series:
        spans, labels, matches = find_songs_in(h)
        takes = choose_takes(h, spans, labels, matches)
        groups = [[t for t in takes if t.song == k] for k in range(int(labels.max()) + 1)]
        true = [true_song(g, truth) for g in groups]
        for (name, seconds), answer in zip(true, recognise([lines_of(h, g) for g in groups], known)):
            could, fits = name in known and seconds >= 20, answer is not None and answer.name == name
            c['could'] += could
            if answer is None: continue
            for key, says in (('', answer.sure), ('without_', answer.confidence >= CONFIDENT)):
                c[f'{key}given'] += says; c[f'{key}right'] += says and could and fits; c[f'{key}false'] += says and not fits
            c['asked'] += not answer.sure; c['asked_right'] += fits and not answer.sure
        for g, (name, _) in zip(groups, true):
            if name and name != 'medley': known[name] = (known.get(name, []) + lines_of(h, [t for t in g if t.seconds >= 10])[:3])[-3:]
        known = {k: v for k, v in known.items() if v}
    return c


def names_summary(rows, n=4000):
    "Sums over series; for the share of names that are right a 95 % bootstrap over series, for that of false names the exact binomial one."
    rng, total = np.random.default_rng(0), {k: int(sum(r[k] for r in rows)) for k in rows[0]}
    draws = [[rows[i] for i in rng.integers(0, len(rows), len(rows))] for _ in range(n)]
    share = [sum(r['right'] for r in d) / max(1, sum(r['could'] for r in d)) for d in draws]
    return total | dict(series=len(rows), right_interval=np.percentile(share, [2.5, 97.5]).round(3).tolist(),
                        false_interval=np.round(binomtest(total['false'], max(1, total['given'])).proportion_ci(), 3).tolist())


def record_names(names):
    "Put the rows on names into bench/results/songs.json; the others stay."
    from results import FOLDER, record
    was, rows = json.loads((FOLDER/'songs.json').read_text(encoding='utf-8')), []
    what = dict(tune='two series that were looked at', report='two more that were looked at', choice='the series that the rules were chosen on', fresh='judged once with .08 for a second take, then chosen on', last='judged once')
    for split, c in names.items():
        said = f'{c["series"]} series of three rehearsals, {what[split]}'
        rows += [dict(claim=f'names carried over, right ({said})', value=f'{c["right"]} of {c["could"]}', interval=c['right_interval'], aim=.95, beside=f'{c["without_right"]} of {c["could"]} without the rules on passages'),
                 dict(claim=f'false names above the confidence threshold ({said})', value=f'{c["false"]} of {c["given"]}', interval=c['false_interval'], aim=0, beside=f'{c["without_false"]} of {c["without_given"]} without them'),
                 dict(claim=f'questions that name the right song ({said})', value=f'{c["asked_right"]} of {c["asked"]}')]
    old = [r for r in was['claims'] if not r['claim'].startswith(('names carried', 'false names', 'questions that'))]
    return record('songs', was['part'], was['title'], was['command'], old + rows, was['note'])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', default='data/music', help='a folder for each package')
    ap.add_argument('--out', default='outputs/bench/songs')
    ap.add_argument('--only', help="one package, or 'band'")
    ap.add_argument('--made', action='store_true', help='only the rehearsals that are made already')
    ap.add_argument('--splits', nargs='+', default=['tune', 'report'], choices=SERIES, help='last has series for names only')
    ap.add_argument('--series', type=int, default=2, metavar='N', help='series of three rehearsals for names, of each package and split (tune and report have one of two each)')
    ap.add_argument('--names', action='store_true', help='only names, no grouping')
    ap.add_argument('--record', action='store_true', help='put the rows on names into bench/results/songs.json')
    ap.add_argument('--sessions', type=Path, help='a data folder that `editorbot sessions` filled')
    a = ap.parse_args()
    torch.set_num_threads(1)
    net = functools.lru_cache(lambda: load_pointer()[0])
    if a.sessions:
        rows = [counts(*of_session(p, net())) for p in sorted(a.sessions.glob('pointer_sequences/*_info.json'))]
        if not rows: ap.error(f'{a.sessions}: no sessions; make some with `editorbot sessions MUSIC -o {a.sessions}`')
        return print(f'{len(rows)} rehearsals: ' + ', '.join(f'{k} {v:.3f} ({lo:.3f} to {hi:.3f})' for k, (v, lo, hi) in with_intervals(rows).items()) + f'; {sum(r["cpu"] for r in rows):.1f} CPU s')
    def net_for(split, kind): return net if kind == 'band' or split in ('tune', 'report') else functools.partial(network_of, Path(__file__).with_name('networks'), kind, 0)
    salt, results = lambda kind: sum(map(ord, kind)), {}
    def first(kind, seed):
        n = int(np.random.default_rng([seed, salt(kind)]).integers(3, 7))
        return rehearse(repertoire(kind, seed, n, a.music), seed * 1000 + salt(kind))
    def later(kind, seed, k, which):
        songs = repertoire(kind, seed, 6, a.music)
        return rehearse({n: songs[n] for i in which for n in list(songs)[i:i + 1]}, seed * 1000 + salt(kind) + 77 * (k + 1), .25)
    there = lambda name: not a.made or (Path(a.out)/f'{name}.npz').exists()
    def series_of(split):
        for kind, seeds in SERIES[split].items():
            for seed in seeds[:a.series] if a.only in (None, kind) else ():
                parts = [(f'series-{kind}-{seed}-{k}', functools.partial(later, kind, seed, k, w)) for k, w in enumerate(PROGRAMME)]
                yield kind, seed, [heard_in(a.out, name, make, net_for(split, kind))[:2] for name, make in parts if there(name)]
    names = {}
    for split in a.splits:
        known = [names_known(x) for _, _, x in series_of(split) if len(x) > 1]
        if known: names[split] = names_summary(known)
    for split, kinds in ((k, SPLITS[k]) for k in a.splits if k in SPLITS and not a.names):
        rows = [(kind, counts(*heard_in(a.out, f'{kind}-{seed}', functools.partial(first, kind, seed), net_for(split, kind))[:2])) for kind, seeds in kinds.items() if a.only in (None, kind) for seed in seeds if there(f'{kind}-{seed}')]
        if not rows: continue
        results[split] = dict(rehearsals=len(rows), all=with_intervals([r for _, r in rows]), packages={k: summary([r for q, r in rows if q == k]) for k in dict.fromkeys(k for k, _ in rows)},
                              pairs={k: sum(r[k] for _, r in rows) for k in ('tp', 'fp', 'fn', 'exact', 'songs', 'found', 'true', 'takes')}, cpu_s=round(sum(r['cpu'] for _, r in rows), 1))
    columns = {} if a.names else dict(f1='F1 of pairs', exact='songs exact', recall='takes found', precision='of those found, true', kept='kept take complete')
    if columns: print('| | rehearsals | ' + ' | '.join(columns.values()) + ' |\n|---|---:|' + '---:|' * len(columns))
    for split, r in results.items():
        print(f'| {split} | {r["rehearsals"]} | ' + ' | '.join('{:.3f} ({:.3f} to {:.3f})'.format(*r['all'][k]) for k in columns) + ' |')
        for p, v in r['packages'].items(): print(f'| {split}: {p} | | ' + ' | '.join(f'{v[k]:.3f}' for k in columns) + ' |')
    for split, c in names.items():
        print('\n{}, {series} series: {right} of {could} songs of earlier rehearsals got their name {right_interval}; {false} of {given} names were false {false_interval}; {asked_right} of {asked} questions were right'.format(split, **c))
        print('without the rules on passages {without_right} of {could}; {without_false} of {without_given}'.format(**c))
    if a.record: print('\nwritten:', record_names(names))
    print('\nwritten:', write_json(Path(a.out)/'result.json', results | dict(names=names)))


if __name__ == '__main__': main()
