"""What the pointer network costs, and how that grows with the length of a recording, beside the same network with full attention.

    make bench-scale                                   4k to 400k frames (3 minutes to 2.6 hours), writes outputs/bench/scale.png
    make bench-scale ARGS='--frames 4000 16000 --threads 1'
    make bench-scale ARGS='--precision --frames 16000 50000 --repeat 2'    bfloat16 and recomputation against float32

Every number comes from a process of its own (with --fork, the copy of one that has imported everything; with --within, for CUDA, all from one process, what is measured has run once before at its length). Seconds are CPU seconds of all threads (on CUDA: wall clock), memory is the largest resident set less what the process had after the network and its input were made and a short
recording had warmed it up (on CUDA: memory allocated). The network has the size of the shipped one and new weights. Recordings are noise, so that nothing is easy; play counts of the training step change every 2000 frames. `similarity` is the table of matches that the network reads
beside the mel. `full attention` has scaled_dot_product_attention of torch in the place of the linear attention: same width, heads, layers and everything else, without blocks. It sees one token for 8 frames, as the linear one
does. Above --longest frames it isn't run: 'too long'.

With --precision the recording is one of the synthetic band (rehearsals with riffs and patches, one after another), so that what the network says means something. Steps are taken with and without bfloat16 (`bf16-mixed` of Fabric) and
recomputation, beginning with the shipped weights and with new ones; differences of loss and gradient are taken without dropout. `encode` is inference in blocks, under autocast for bfloat16.
"""
import argparse, ctypes, gc, json, os, subprocess, sys, tempfile, time, traceback
from pathlib import Path

WHAT = ('encode', 'encode, not in blocks', 'encode, full attention', 'training step', 'training step, recompute', 'training step, bf16', 'training step, full attention', 'similarity', 'decode', 'decode, wanted length')


def peak_mb():
    "The process's largest resident set. ru_maxrss would include what the parent was when it forked."
    return int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]) / 1024


def forget_peak():
    "What was freed goes back to the system, and from here on the largest resident set is counted anew (Linux)."
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open('/proc/self/clear_refs', 'w') as f: f.write('5')


def full_attention(net):
    "The network with attention of all pairs in the place of the linear one."
    import torch.nn.functional as F
    def forward(self, x, mask=None):
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, D))      # nothing is padded here: no mask, the fastest way
    for block in net.blocks: block.attend.forward = forward.__get__(block.attend)
    return net


def made(frames, seed=0):
    "Mel, matches and pieces of a recording."
    import numpy as np
    from editorbot.sound.self_similarity import MATCHES, STEP
    rng, T = np.random.default_rng(seed), frames // STEP * STEP
    m = rng.uniform(-1, 1, (T // STEP, MATCHES, 3)).astype(np.float32); m[..., 2] = rng.integers(-600, 600, m.shape[:2])
    return rng.random((128, T), np.float32), m, np.array([(a + 500, a + 1500, 1 + (a % 3 == 0)) for a in range(0, T - 2000, 2000)]).reshape(-1, 3)


def task(what, frames, device):
    "What is measured, as a function without arguments."
    import numpy as np, torch
    from editorbot.pointer import pointer_network
    from editorbot.nn.lattice import best_runs, runs_of_length
    from editorbot.pointer.pointer_network import PointerNet, lattice_of, load_pointer, score_recording
    from editorbot.sound.self_similarity import self_similarity
    torch.manual_seed(0)
    if 'recompute' not in what: pointer_network.LONG = 1 << 60                              # which it is for long recordings otherwise
    config = load_pointer(None, 'cpu')[0].config.replace(recompute='recompute' in what)   # as large as the shipped one
    mel, matches, pieces = made(frames)
    if what == 'similarity': return lambda: self_similarity(mel)
    if what.startswith('decode'):
        rng, T = np.random.default_rng(0), mel.shape[1]
        truth = np.zeros(T, int)
        for a, b, k in pieces: truth[a:b] = k
        plays = rng.normal(0, 2, (5, T)) + np.repeat(rng.normal(0, 1.5, (5, T // 100 + 1)), 100, 1)[:, :T]; plays[truth, np.arange(T)] += 2
        scores = lattice_of(plays, rng.normal(-3, 1, T), rng.normal(-3, 1, T), config)
        return (lambda: best_runs(scores)) if what == 'decode' else lambda: runs_of_length(scores, .4 * T)
    net = PointerNet(config).to(device)
    if 'full' in what: full_attention(net)
    if what == 'encode': return lambda: score_recording(net, mel, matches)
    x = dict(mel=torch.from_numpy(mel)[None].to(device), matches=torch.from_numpy(matches)[None].to(device), mask=torch.ones(1, mel.shape[1], dtype=torch.bool, device=device))
    if what.startswith('encode'):
        def plain():
            with torch.no_grad(): return net.eval()(**x)
        return plain
    return training_step(net, x, pieces, 'bf16-mixed' if 'bf16' in what else '32-true')


def training_step(net, x, pieces, precision, y=None):
    "A step as the trainer takes it, on one whole recording."
    import torch
    from lightning_fabric import Fabric
    from editorbot.pointer.pointer_training import PointerRecipe, play_counts, pointer_loss
    from editorbot.nn.trainer import TrainerConfig, optimisers
    T, dev = x['mask'].shape[1], x['mask'].device
    c, r = TrainerConfig(precision=precision), PointerRecipe()
    fabric = Fabric(accelerator=dev.type, devices=1, precision=precision)
    wrapped, *opts = fabric.setup(net.train(), *optimisers(net, c))
    edge = torch.zeros(2, 1, T, device=dev)
    for a, b, _ in pieces: edge[0, 0, a] = edge[1, 0, b] = 1
    y = y or dict(counts=torch.from_numpy(play_counts(pieces, T))[None].to(dev), onset=edge[0], offset=edge[1], kind=torch.zeros(1, T // 8, dtype=torch.long, device=dev))
    def step():
        for o in opts: o.zero_grad()
        loss = pointer_loss(wrapped, x | dict(y=y, pieces=[pieces]), r)['loss']
        assert torch.isfinite(loss), loss
        fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.)
        for o in opts: o.step()
    return step


def measure(what, frames, threads, folder=None, warm=False):
    "One number for time, one for memory; runs in a process of its own. With a folder, as `precision` does."
    import torch
    torch.set_num_threads(threads)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if folder: return precise(what, frames, Path(folder), device)
    return cost(lambda frames: task(what, frames, device), frames, device, warm)


def cost(make, frames, device, warm=False):
    "Seconds and extra memory of what `make` makes for a length, on CUDA after it has run once if `warm`."
    import torch
    make(4096)()
    f = make(frames)
    if warm: f()
    cuda = device.type == 'cuda'
    if cuda: torch.cuda.synchronize(); torch.cuda.reset_peak_memory_stats(); before = torch.cuda.memory_allocated() / 2**20
    else: forget_peak(); before = peak_mb()
    clock = time.perf_counter if cuda else time.process_time
    wall, start = time.perf_counter(), clock()
    f()
    if cuda: torch.cuda.synchronize()
    used = clock() - start
    return dict(seconds=used, wall=time.perf_counter() - wall, mb=(torch.cuda.max_memory_allocated() / 2**20 if cuda else peak_mb()) - before, device=device.type)


PRECISE = {'fp32': (), 'fp32, recompute': ('recompute',), 'bf16': ('bf16',), 'bf16, recompute': ('bf16', 'recompute')}


def band(frames, folder):
    "Rehearsals of the synthetic band, one after another, as one example of at least so many frames."
    import dataclasses, numpy as np
    from editorbot.data.examples import save_example, session_example
    from editorbot.sound.self_similarity import STEP, self_similarity
    from editorbot.simulation.sessions import DEMO, make_session
    from editorbot.simulation.band import synth_song
    parts, T, seed = [], 0, 200
    while T < frames:
        e = session_example(make_session([synth_song(10 * seed + i, 44, 22050) for i in range(2)], seed, DEMO.replace(patches=1., riffs=1.), 22050))
        n = min(e.frames, frames - T) // STEP * STEP
        r = e.regions[e.regions[:, 1] <= n] + T
        parts.append((e.mel[:, :n], r, e.kind[:n // 8])); T, seed = T + n, seed + 1
        if n < STEP: break
    mel, regions, kind = (np.concatenate(x, a) for x, a in zip(zip(*parts), (1, 0, 0)))
    e = dataclasses.replace(e, mel=mel, regions=regions, kind=kind, repeats=self_similarity(mel.astype(np.float32) / 255).astype(np.float16))
    save_example(e, folder/f'{frames}.npz')


def precise(what, frames, folder, device):
    "Cost of a step or of encoding, as in `measure`; what it says is left in the folder for comparison."
    import numpy as np, torch
    from contextlib import nullcontext
    from lightning_fabric import Fabric
    from editorbot.data.examples import load_example
    from editorbot.pointer.pointer_network import PointerNet, PointerScores, decode_edit, load_pointer, score_recording
    from editorbot.data.examples import example_batch
    from editorbot.pieces import play_counts
    from editorbot.pointer.pointer_training import PointerRecipe, pointer_loss
    e, mode = load_example(folder/f'{frames}.npz'), PRECISE[what.removeprefix('encode ')]
    short = load_example(folder/'4096.npz')
    shipped, _ = load_pointer(None, str(device))
    if what.startswith('encode'):
        said = {}
        def make(n):
            x = short if n == 4096 else e
            mel = x.mel.astype(np.float32) / 255
            def encode():
                with torch.autocast(device.type, torch.bfloat16) if 'bf16' in mode else nullcontext(): said['s'] = score_recording(shipped, mel, x.repeats)
            return encode
        out = cost(make, frames, device)
        s = PointerScores(shipped, {k: v.float() if v.is_floating_point() else v for k, v in said['s'].outputs.items()}, e.frames)
        np.savez(folder/f'{frames} {what}.npz', kept=s.p_kept, counts=play_counts([(p.start, p.end, p.times) for p in decode_edit(s)[0]], e.frames))
        return out
    def network(start):
        torch.manual_seed(0)
        new = PointerNet(shipped.config.replace(recompute='recompute' in mode)).to(device)
        if start == 'shipped': new.load_state_dict(shipped.state_dict())
        return new
    precision = 'bf16-mixed' if 'bf16' in mode else '32-true'
    recipe = PointerRecipe(longest=-(-frames // 32) * 32)
    batch = lambda x: example_batch([x], 1, 0, 1, 0, recipe, device)
    def make(n):
        x = batch(short if n == 4096 else e)
        return training_step(network('shipped'), x, x['pieces'][0], precision, x['y'])
    out = cost(make, frames, device)
    for start in ('shipped', 'new'):
        fabric = Fabric(accelerator=device.type, devices=1, precision=precision)
        net = network(start).train()
        for m in net.modules():
            if isinstance(m, torch.nn.Dropout): m.p = 0.
        loss = pointer_loss(fabric.setup(net), batch(e), recipe)['loss']
        fabric.backward(loss)
        np.savez(folder/f'{frames} {what} {start}.npz', loss=loss.item(), gradient=torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]).cpu().numpy())
    return out


def precision(lengths, repeat, one):
    "The tables of --precision."
    import numpy as np
    norm = lambda x: float(np.linalg.norm(x.astype(np.float64)))
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d)
        for f in (4096, *lengths): band(f, folder)
        text = lambda runs: ' / '.join(f'{r["seconds"]:.3g}' if r else 'failed' for r in runs) + ' | ' + ' / '.join(f'{r["mb"]:.0f}' if r else 'failed' for r in runs)
        print('| training step | frames | CPU s | extra MB | loss, shipped weights | loss: difference | gradient: difference | new weights: loss | difference | gradient: difference |\n|---|' + '---:|' * 9, flush=True)
        for f in lengths:
            first = {}
            for what in PRECISE:
                runs, cells = [one(what, f, d) for _ in range(repeat)], []
                for start in ('shipped', 'new'):
                    if not runs[0]: break
                    with np.load(folder/f'{f} {what} {start}.npz') as z: loss, g = float(z['loss']), z['gradient']
                    was, g0 = first.setdefault(start, (loss, g))
                    cells += [f'{loss:.5f}', f'{abs(loss - was) / was:.1e}', f'{norm(g - g0) / norm(g0):.1e}']
                print(f'| {what} | {f} | {text(runs)} | ' + ' | '.join(cells) + ' |', flush=True)
        print('\n| encode | frames | CPU s | extra MB | P(kept): largest difference | mean | frames with another play count |\n|---|' + '---:|' * 6, flush=True)
        for f in lengths:
            was = None
            for what in ('encode fp32', 'encode bf16'):
                runs = [one(what, f, d) for _ in range(repeat)]
                with np.load(folder/f'{f} {what}.npz') as z: p, c = z['kept'], z['counts']
                p0, c0 = was = was or (p, c)
                print(f'| {what.removeprefix("encode ")} | {f} | {text(runs)} | {np.abs(p - p0).max():.3f} | {np.abs(p - p0).mean():.5f} | {(c != c0).mean():.2%} |', flush=True)


def forked(what, frames, threads, folder=None):
    "`measure` in a copy of this process: nothing is imported or compiled again, which takes longer than most measurements. Not for CUDA."
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        try: os.write(w, json.dumps(measure(what, frames, threads, folder)).encode())
        except Exception: traceback.print_exc()
        finally: os._exit(0)
    os.close(w)
    with os.fdopen(r) as f: text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else None


def within(what, frames, threads):
    "`measure` in this process."
    import torch
    try: return measure(what, frames, threads, warm=True)
    except torch.cuda.OutOfMemoryError as e: print(f'{what}, {frames} frames: {e}', file=sys.stderr)
    finally: gc.collect(); torch.cuda.is_available() and torch.cuda.empty_cache()


def exponent(frames, values, least=16000):
    "Slope of the logarithms, from `least` frames on: below that, overheads count."
    import numpy as np
    x = [(f, v) for f, v in zip(frames, values) if v and f >= least]
    return float(np.polyfit(*np.log(np.array(x)).T, 1)[0]) if len(x) > 1 else float('nan')


def draw(rows, frames, path, device):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    fig, ax = plt.subplots(1, 2, figsize=(11, 4.6), layout='constrained')
    for a, key, label in ((ax[0], 'seconds', 'CPU seconds' if device == 'cpu' else 'seconds'), (ax[1], 'mb', 'extra memory (MB)')):
        for w, r in rows.items():
            xy = [(f, x[key]) for f, x in zip(frames, r) if x and x[key] > 0]
            if xy: a.loglog(*zip(*xy), 'o--' if 'full' in w else 'o-', ms=3, lw=1, label=w)
        a.set(xlabel='frames', ylabel=label, title=f'{label[0].upper() + label[1:]} by length')
    fig.legend(*ax[0].get_legend_handles_labels(), fontsize=8, ncol=5, loc='outside lower center')
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--frames', type=int, nargs='+', default=[4000, 16000, 50000, 130000, 400000])
    ap.add_argument('--what', nargs='+', default=WHAT, choices=WHAT)
    ap.add_argument('--threads', type=int, default=min(2, os.cpu_count()))
    ap.add_argument('--longest', type=int, default=130000, help='frames: full attention runs up to here')
    ap.add_argument('--repeat', type=int, default=1, help='processes for each number; the fastest counts')
    ap.add_argument('--plot', type=Path, default=Path('outputs/bench/scale.png'))
    ap.add_argument('--fork', action='store_true', help='processes are copies of one that has imported everything: quicker, CPU only')
    ap.add_argument('--within', action='store_true', help='everything in this process, for CUDA, whose memory is counted in any case: quicker, and what is compiled on the way is not measured')
    ap.add_argument('--precision', action='store_true', help='bfloat16 and recomputation instead, on music of the synthetic band')
    ap.add_argument('--one', nargs='+', help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.one: print(json.dumps(measure(a.one[0], int(a.one[1]), a.threads, *a.one[2:]))); sys.exit()
    env, rows, device = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OMP_WAIT_POLICY='PASSIVE'), {}, 'cpu'
    if a.fork:
        import torch
        torch.set_num_threads(1)
        for what in ('encode', 'decode', 'decode, wanted length', 'similarity'): task(what, 4096, 'cpu')()
        import editorbot.pointer.pointer_training, lightning_fabric  # noqa: F401
    def once(what, frames, *folder):
        if a.fork: return forked(what, frames, a.threads, *folder)
        if a.within: return within(what, frames, a.threads)
        r = subprocess.run([sys.executable, __file__, '--threads', str(a.threads), '--one', what, str(frames), *folder], env=env, capture_output=True, text=True)
        if r.returncode: print(f'{what}, {frames} frames: ended with {r.returncode}: {(r.stderr.splitlines() or ["killed"])[-1]}', file=sys.stderr); return None
        return json.loads(r.stdout.splitlines()[-1])
    def one(what, frames): return min(filter(None, [once(what, frames) for _ in range(a.repeat)]), key=lambda x: x['seconds'], default=None)
    if a.precision: print(f'{a.threads} threads\n'); precision(a.frames, a.repeat, once); sys.exit()
    head = [f'{f // 1000}k' for f in a.frames]
    print(f'{a.threads} threads; seconds / extra MB\n\n| | ' + ' | '.join(head) + ' | exponent of time | of memory |\n|---|' + '---:|' * (len(head) + 2), flush=True)
    for what in a.what:
        rows[what] = r = [one(what, f) if 'full' not in what or f <= a.longest else None for f in a.frames]
        device = next((x['device'] for x in r if x), device)
        cells = ['too long' if 'full' in what and f > a.longest else 'failed' if x is None else f'{x["seconds"]:.3g} / {x["mb"]:.0f}' for f, x in zip(a.frames, r)]
        e = [exponent(a.frames, [x and x[k] for x in r]) for k in ('seconds', 'mb')]
        print(f'| {what} | ' + ' | '.join(cells) + f' | {e[0]:.2f} | {e[1]:.2f} |', flush=True)
    print('\nRatios, full attention to ours (time / memory):')
    for peer, ours in (('encode, full attention', 'encode'), ('training step, full attention', 'training step')):
        if peer in rows and ours in rows: print(f'- {ours}: ' + ', '.join(f'{h} {p["seconds"] / o["seconds"]:.2f} / {p["mb"] / max(o["mb"], 1):.2f}' for h, p, o in zip(head, rows[peer], rows[ours]) if p and o))
    draw(rows, a.frames, a.plot, device)
    print(f'\n{a.plot}')
