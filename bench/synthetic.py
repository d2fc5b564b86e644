"""Does the network learn what can be learnt? Sequences whose edit follows from what is in them, from 2048 frames to 49 152.

    make bench-synthetic                          trains for 15 CPU minutes, then prints the table
    make bench-synthetic ARGS='--steps 100 --test 8 --long 2'

A recording is noise with takes in it: chords with a beat, 3 to 12 s. A row of short high tones at the beginning of a take says how often it is heard (1, 2 or 3 times), a low drone in its first second that the take after it comes
first. Noise that swells, chords without a beat (they aren't kept) and clicks lie in between. Training sees 2048 to 16 384 frames, in stretches and whole; the test sets are recordings of 2048 and of 49 152 frames that it never saw.
The checkpoint is chosen by other recordings. Pointer accuracy counts frames of the edit within 2 frames of the truth, jump F1 both ends within 4 frames.
"""
import argparse, tempfile, time

import torch
from lightning_fabric import Fabric

from editorbot.metrics import mean_spread
from editorbot.data.examples import toy_example
from editorbot.pieces import edit_scores
from editorbot.pointer.pointer_network import PointerConfig, load_pointer
from editorbot.pointer.pointer_training import PointerRecipe, PointerTask, judge_pointer
from editorbot.nn.trainer import TrainerConfig, train

COLUMNS = dict(pointer_accuracy='pointer accuracy', count_f1='play-count F1', jump_f1_4='jump F1, 4 frames', keep_f1='keep F1', boundary_f1_05='boundary F1, 0.5 s')


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--steps', type=int, default=3000)
    ap.add_argument('--train', type=int, default=240, help='recordings to train on')
    ap.add_argument('--test', type=int, default=48, help='of 2048 frames')
    ap.add_argument('--long', type=int, default=6, help='of 49 152 frames')
    ap.add_argument('--seeds', type=int, nargs='*', default=[0])
    ap.add_argument('--threads', type=int)
    a = ap.parse_args()
    if a.threads: torch.set_num_threads(a.threads)
    lengths = [2048, 4096, 8192, 16384]
    fit, valid = [[toy_example(s, lengths[s % 4]) for s in range(lo, lo + n)] for lo, n in ((0, a.train), (10**6, 12))]
    tests = {'2048': [toy_example(s, 2048) for s in range(2 * 10**6, 2 * 10**6 + a.test)], '49 152': [toy_example(s, 49152) for s in range(3 * 10**6, 3 * 10**6 + a.long)]}
    print('| frames | editor | seed | n | ' + ' | '.join(COLUMNS.values()) + ' |\n|---:|---|---:|---:|' + '---:|' * len(COLUMNS))
    row = lambda frames, name, seed, rows: print(f'| {frames} | {name} | {seed} | {len(rows)} | ' + ' | '.join('{:.3f} ± {:.3f}'.format(*mean_spread(rows, k)) for k in COLUMNS) + ' |', flush=True)
    for frames, test in tests.items(): row(frames, 'keep_all', '', [edit_scores([(0, e.frames, 1)], e.pieces(), e.frames) for e in test])
    for seed in a.seeds:
        with tempfile.TemporaryDirectory() as d:
            began = time.process_time()
            train(PointerTask(fit, valid, PointerConfig(layers=4, before=2), PointerRecipe(crop=2048, longest=16384), seed), d,
                  TrainerConfig(steps=a.steps, warmup=40, lr=3e-3, validate_every=max(1, a.steps // 3), seed=seed), Fabric(accelerator='cpu', devices=1))
            net = load_pointer(d, 'cpu')[0]
            for frames, test in tests.items(): row(frames, f'pointer, {time.process_time() - began:.0f} CPU s', seed, judge_pointer(net, test))
