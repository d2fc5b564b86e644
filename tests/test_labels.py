"""Labels on random edits: what holds for one EDL made by hand must hold for every EDL."""
import dataclasses

import numpy as np
from hypothesis import given, settings, strategies as st

from editorbot.edl import EDL, Segment, Source, validate
from editorbot.data.labels import (Action, Label, analyse_labels, beat_actions, beat_edges, beat_plays, edit_labels, edl_from_labels, edl_from_plays, frame_edges,
                              run_sizes, snap)

RATE = 1000
fast = settings(max_examples=150, deadline=None)


@st.composite
def beats_of(draw):
    "A recording of 5 to 40 s with irregular beats of 0.25 to 1.2 s."
    steps = draw(st.lists(st.integers(250, 1200), min_size=8, max_size=40))
    at = np.cumsum([draw(st.integers(0, 900)), *steps])
    source = Source('x.wav', '0' * 64, RATE, 1, int(at[-1]), 'PCM_16')
    return source, beat_edges(at[:-1] / RATE, source.frames / RATE)


@st.composite
def edits(draw, plain=False):
    "A random valid EDL of it: any order, repeats, silences, speeds, effects, fades, crossfades."
    source, edges = draw(beats_of())
    segs, pos = [], 0
    for _ in range(draw(st.integers(1, 8))):
        if not plain and draw(st.integers(0, 9)) == 0 and segs:
            segs.append(Segment(None, None, pos)); pos += draw(st.integers(100, 3000)); continue
        a = draw(st.integers(0, source.frames - 300))
        b = draw(st.integers(a + 250, source.frames))
        how = {} if plain else dict(rate=draw(st.sampled_from([1.0, 1.0, 1.1, 0.8])), pitch=draw(st.sampled_from([0.0, 0.0, 2.0])), reverse=draw(st.integers(0, 5)) == 0,
                                    gain_db=draw(st.sampled_from([0.0, 0.0, -6.0, 3.0])), confidence=draw(st.sampled_from([1.0, 0.5])),
                                    effects=draw(st.sampled_from([(), (), ('eq_low:-3', 'reverb')])))
        s = Segment(a, b, pos, **how)
        n = s.length()
        fade = draw(st.integers(0, n // 2))
        half = min(draw(st.sampled_from([0, 25, 300])), n // 2, segs[-1].length() // 2) if segs and segs[-1].has_source else 0
        segs.append(dataclasses.replace(s, fade_in=fade if draw(st.booleans()) else 0, fade_out=fade if draw(st.booleans()) else 0, crossfade=2 * half))
        pos += n
    return validate(EDL(source, segs, {} if segs[-1].has_source else {'edit_frames': pos})), edges


@given(edits())
@fast
def test_edl_to_plays_and_back_is_equal_to_a_beat(made):
    edl, edges = made
    again = validate(edl_from_plays(beat_plays(edl, edges), edges, edl.source))
    longest = np.diff(edges).max() * RATE
    left = [s for s in edl.segments if not s.has_source or snap(s.source_in / RATE, s.source_out / RATE, edges)[0] < snap(s.source_in / RATE, s.source_out / RATE, edges)[1]]
    assert all(s.source_out - s.source_in < 0.75 * longest for s in edl.segments if s not in left)           # only what is shorter than a beat is lost
    assert len(again.segments) == len(left)
    for s, t in zip(left, again.segments):
        if not s.has_source: assert not t.has_source; continue
        assert abs(s.source_in - t.source_in) <= longest and abs(s.source_out - t.source_out) <= longest
        assert (s.rate, s.pitch, s.reverse, s.gain_db, s.law, s.effects) == (t.rate, t.pitch, t.reverse, t.gain_db, t.law, t.effects)
        assert abs(s.fade_in - t.fade_in) <= longest / s.rate + 1 and abs(s.fade_out - t.fade_out) <= longest / s.rate + 1


@given(edits())
@fast
def test_an_edit_on_the_beats_stays_where_it_is(made):
    edl, edges = made
    on = edl_from_plays(beat_plays(edl, edges), edges, edl.source)
    plays = beat_plays(on, edges)
    again = edl_from_plays(plays, edges, edl.source)
    keep = lambda e: [(s.source_in, s.source_out, s.edit_in, s.rate, s.pitch, s.reverse, s.gain_db, s.crossfade) for s in e.segments]
    assert keep(on) == keep(again)
    assert np.array_equal(plays, beat_plays(again, edges))


@given(edits(plain=True))
@fast
def test_labels_alone_keep_what_is_heard(made):
    edl, edges = made
    labels = edit_labels(edl, edges)
    again = edit_labels(edl_from_labels(labels, edges, edl.source), edges)
    assert np.array_equal(labels == Label.CUT, again == Label.CUT)
    assert np.array_equal(labels == Label.LOOP, again == Label.LOOP)


@given(beats_of(), st.data())
@fast
def test_labels_to_edl_and_back(made, data):
    source, edges = made
    n = len(edges) - 1
    labels = np.array(data.draw(st.lists(st.sampled_from([0, 0, 1, 1, 1, 2, 3, 4, 5]), min_size=n, max_size=n)), np.int8)
    edl = edl_from_labels(labels, edges, source)
    assert np.array_equal(edit_labels(edl, edges), labels)
    assert np.array_equal(edit_labels(edl_from_plays(beat_plays(edl, edges), edges, source), edges), labels)


@given(edits())
@fast
def test_labels_plays_and_counts_agree(made):
    edl, edges = made
    on = edl_from_plays(beat_plays(edl, edges), edges, edl.source)
    labels, plays = edit_labels(on, edges), beat_plays(on, edges)
    heard = np.bincount(plays['beat'][plays['beat'] >= 0], minlength=len(labels))
    assert np.array_equal(heard == 0, labels == Label.CUT) and np.array_equal(heard > 1, labels == Label.LOOP)
    frames = edit_labels(edl, frame_edges(edl.source))
    assert np.array_equal(edl.play_counts()[1:-1] > 1, frames[1:-1] == Label.LOOP) or abs((edl.play_counts()[1:-1] > 1).sum() - (frames[1:-1] == Label.LOOP).sum()) <= 2 * len(edl.segments)


@given(edits())
@fast
def test_every_beat_has_one_action_that_is_implied(made):
    edl, edges = made
    a, labels = beat_actions(edl, edges), edit_labels(edl, edges)
    n = len(labels)
    assert a.action.shape == (n, 3) and a.action.min() >= 0 and (a.action < [20, 5, 5]).all()
    assert a.implied[np.arange(n), a.action[:, 0]].all()
    assert np.array_equal(a.implied[:, Action.CUT], labels == Label.CUT) and np.array_equal(a.implied[:, Action.KEEP], labels != Label.CUT)
    assert ((a.confidence >= 0) & (a.confidence <= 1)).all() and np.isfinite(a.confidence).all()
    assert len(analyse_labels(edl, edges)) == n


@given(st.lists(st.integers(0, 2), min_size=1, max_size=80))
@fast
def test_sizes_never_leave_their_run(key):
    key = np.array(key)
    sizes, i = np.array([1, 4, 8, 16, 32])[run_sizes(key)], 0
    while i < len(key):
        assert (key[i:i + sizes[i]] == key[i]).all() and i + sizes[i] <= len(key)
        i += sizes[i]
