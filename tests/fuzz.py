"""Broken files by the hundred: `python tests/fuzz.py` (make fuzz). Whatever the bytes, a command ends with a result or with one line, in 20 s, in 1.5 GB, and
leaves no half-written file. Every case is a seed; `--seed 17` runs that one alone and shows its traceback."""
import argparse, faulthandler, json, os, random, resource, struct, subprocess, sys, tempfile, time, traceback
from collections import Counter
from pathlib import Path

KINDS = ('wav', 'bext.wav', 'rf64.wav', 'float.wav', 'adpcm.wav', 'flac', 'ogg', 'mp3', 'edl.json', 'rpp', 'otio', 'safetensors', 'json')
SECONDS, GIGABYTES = 20, 1.5


def specimens(folder: Path):
    "A sound file of every kind, made on the spot."
    import shutil

    import numpy as np
    import soundfile as sf

    from editorbot.edl import EDL, Segment, Source
    from editorbot.interchange.broadcast_wav import build_cues, insert_chunks
    from editorbot.interchange.export import export
    from editorbot.nn.checkpoints import shipped
    x = np.random.default_rng(0).uniform(-.5, .5, (30_000, 2))
    for name, options in (('wav', {}), ('bext.wav', dict(subtype='PCM_24')), ('rf64.wav', dict(format='RF64')), ('float.wav', dict(subtype='FLOAT')),
                          ('adpcm.wav', dict(subtype='IMA_ADPCM')), ('flac', {}), ('ogg', {}), ('mp3', {})): sf.write(folder/f'x.{name}', x, 44100, **options)
    ixml = b'<BWFXML><SPEED><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>5</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED></BWFXML>'
    insert_chunks(folder/'x.bext.wav', [(b'bext', bytes(602)), (b'iXML', ixml), *build_cues([(1, 900)], [(b'labl', 1, b'A\0')])])
    edl = EDL(Source.from_file(folder/'x.wav'), [Segment(0, 9000, 0), Segment(12_000, 20_000, 9000, crossfade=400, reason='again')])
    edl.save(folder/'x.edl.json'); export(edl, folder/'x.rpp'); export(edl, folder/'x.otio')
    for end in ('safetensors', 'json'): shutil.copyfile(shipped()/f'keep.{end}', folder/f'x.{end}')


def mutated(b: bytes, rng: random.Random) -> bytes:
    "A few of the things that happen to files: bits that flip, blocks that vanish, repeat, become zeros, sizes that lie, text that changes."
    b = bytearray(b)
    for _ in range(rng.choice((1, 1, 2, 4, 12))):
        if not b: break
        head = rng.random() < .6
        i, n = rng.randrange(min(len(b), 200) if head else len(b)), rng.choice((1, 2, 4, 8, 64, 1000))
        how = rng.randrange(8)
        if how == 0: b[i] ^= 1 << rng.randrange(8)
        elif how == 1: b[i:i+n] = rng.randbytes(len(b[i:i+n]))
        elif how == 2: del b[i:i+n]
        elif how == 3: b[i:i] = b[i:i+n]
        elif how == 4: b[i:i+n] = bytes(len(b[i:i+n]))
        elif how == 5: del b[rng.randrange(len(b)):]
        elif how == 6: b[i:i+4] = struct.pack('<I', rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(b), rng.getrandbits(32))))
        else: b[i:i+1] = rng.choice((b'-1', b'1e999', b'null', b'""', b'{', b'\n', b'99999999999999999999', b'NaN', b'\xff\xfe', b'\0'))
    return bytes(b)


def use(path: Path, out: Path, whole: Path):
    "What a person would do with the file."
    from editorbot.audio import audio_info, read_blocks, stream_mono
    from editorbot.core import EditorbotError
    from editorbot.edl import EDL, Segment, Source, load_edl
    from editorbot.interchange.broadcast_wav import render_with_chunks, repair
    from editorbot.interchange.import_ import import_edl
    if path.name.endswith('.edl.json'): return render_with_chunks(load_edl(path), out/'edit.wav', whole)
    if path.suffix in ('.rpp', '.otio'): return render_with_chunks(import_edl(path, whole), out/'edit.wav', whole)
    if path.suffix in ('.safetensors', '.json'):
        from editorbot.editors.keep_model import load_keep
        other = '.json' if path.suffix == '.safetensors' else '.safetensors'
        path.with_suffix(other).write_bytes((whole.parent/f'x{other}').read_bytes())
        return load_keep(path.with_suffix('.safetensors'))
    try: repair(path, out/'copy.wav')
    except EditorbotError: pass
    i = audio_info(path, allow_truncated=True)
    for _ in stream_mono(path): pass
    for _ in read_blocks(path): pass
    n = i.frames
    render_with_chunks(EDL(Source.from_file(path, allow_truncated=True), [Segment(n // 3, n, 0), Segment(0, n // 2 or 1, n - n // 3)]), out/'edit.wav')


def one(seed: int, folder: Path) -> dict:
    "Run a case; what was wrong is under 'fault'."
    import soundfile as sf
    from editorbot.core import EditorbotError
    rng, kind = random.Random(seed), KINDS[seed % len(KINDS)]
    with tempfile.TemporaryDirectory(dir=folder) as d:
        d, whole = Path(d), folder/'x.wav'
        out = d/'out'; out.mkdir()
        path = d/f'case.{kind}'
        path.write_bytes(mutated((folder/f'x.{kind}').read_bytes(), rng))
        start, fault, said = time.process_time(), '', 'read'
        try: use(path, out, whole)
        except EditorbotError as e:
            said = str(e)
            if len(said.splitlines()) != 1: fault = f'several lines: {said!r}'
        except Exception as e: fault = f'{type(e).__name__}: {e} at {traceback.extract_tb(e.__traceback__)[-1]}'; said = traceback.format_exc()
        left = [p.name for p in out.iterdir() if p.name.startswith('.')]
        if left: fault = fault or f'left behind: {left}'
        for p in out.glob('*.wav'):
            if p.name[0] != '.' and sf.info(str(p)).frames == 0: fault = fault or f'{p.name} is empty'
    gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if gb > GIGABYTES: fault = fault or f'{gb:.1f} GB'
    seconds = time.process_time() - start
    if seconds > SECONDS: fault = fault or f'{seconds:.0f} s'
    return dict(seed=seed, kind=kind, fault=fault, said=said, seconds=round(seconds, 2), gb=round(gb, 2))


def worker(folder: Path, seeds: range):
    "Cases in this process, a JSON line each; one that hangs ends it."
    with tempfile.TemporaryDirectory(dir=folder) as d: use(folder/'x.bext.wav', Path(d), folder/'x.wav')   # what is imported once is not counted
    for s in seeds:
        faulthandler.dump_traceback_later(5 * SECONDS, exit=True)             # seconds are counted in CPU time; this is for what waits
        print(json.dumps(one(s, folder)), flush=True)
        faulthandler.cancel_dump_traceback_later()


def fuzz(seeds: range, folder: Path) -> list[dict]:
    "All cases; a process that dies or hangs is the fault of its case, and the next process goes on behind it."
    specimens(folder)
    out, at = [], seeds.start
    while at < seeds.stop:
        p = subprocess.run([sys.executable, __file__, '--folder', folder, '--worker', str(at), str(seeds.stop)], capture_output=True, text=True,
                           env={**os.environ, 'OMP_NUM_THREADS': '1'})
        done = [json.loads(line) for line in p.stdout.splitlines() if line.startswith('{"seed"')]
        out += done; at += len(done)
        if at < seeds.stop:
            out.append(dict(seed=at, kind=KINDS[at % len(KINDS)], fault=f'the process ended with {p.returncode}', said=p.stderr[-1500:], seconds=SECONDS, gb=0.))
            at += 1
    return out


def table(rows: list[dict]) -> str:
    "Cases, results, refusals and faults of every kind."
    count = {k: Counter('fault' if r['fault'] else 'read' if r['said'] == 'read' else 'refused' for r in rows if r['kind'] == k) for k in KINDS}
    lines = [f'{"kind":<12} {"cases":>6} {"read":>6} {"refused":>8} {"faults":>7}'] + [f'{k:<12} {sum(c.values()):6} {c["read"]:6} {c["refused"]:8} {c["fault"]:7}' for k, c in count.items()]
    return '\n'.join([*lines, f'slowest {max(r["seconds"] for r in rows):.1f} s, most memory {max(r["gb"] for r in rows):.2f} GB'])


if __name__ == '__main__':
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('-n', type=int, default=500); a.add_argument('--seed', type=int); a.add_argument('-o', default='outputs/fuzz.json')
    a.add_argument('--folder', type=Path); a.add_argument('--worker', type=int, nargs=2)
    a = a.parse_args()
    if a.worker: worker(a.folder, range(*a.worker)); sys.exit()
    with tempfile.TemporaryDirectory() as d:
        rows = fuzz(range(a.n) if a.seed is None else range(a.seed, a.seed + 1), Path(d))
    if a.seed is not None: print(rows[0]['said'])
    else: Path(a.o).parent.mkdir(parents=True, exist_ok=True); Path(a.o).write_text(json.dumps(rows, indent=1))
    print(table(rows))
    for r in rows:
        if r['fault']: print(f'seed {r["seed"]} ({r["kind"]}): {r["fault"]}')
    sys.exit(any(r['fault'] for r in rows))
