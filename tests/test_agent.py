"The agent: bugs that PPO is known for are planted, and each must be noticed; PPO learns as Stable-Baselines3 does; the shipped policy edits; its recipe trains one."
import copy, itertools, json, multiprocessing, random, signal, subprocess, sys, time
from pathlib import Path

import numpy as np, pytest, torch
from torch.utils._pytree import tree_flatten_with_path

from editorbot.agent import ppo
from editorbot.agent.actions import AMOUNTS
from editorbot.agent.environment import EditingCore, recordings_of
from editorbot.agent.policy import Policy, PolicyConfig
from editorbot.agent.rewards import distance

TINY = PolicyConfig('b', 4, width=16, layers=1, kernel=5, hidden=32, dropout=0.)


@pytest.fixture
def toys():
    kept, rng = np.repeat([0, 1, 0, 1], 8), np.random.default_rng(0)
    columns = [np.stack([np.ones(32), kept, kept + .3 * rng.standard_normal(32), rng.standard_normal(32)], 1) for _ in range(3)]
    return recordings_of([np.arange(33) * .5] * 3, columns, [kept] * 3)


@pytest.fixture
def acted(toys):
    "A policy, what it did, and how it sees."
    torch.manual_seed(0)
    policy = Policy(TINY).eval()
    core = EditingCore(toys, 6, ppo.Relative(distance, 3), compact=True); core.reset()
    see = ppo.Seeing(policy, toys)
    return policy, ppo.collect(policy, core, 12, see, torch.Generator().manual_seed(0)), see


def test_an_update_begins_at_ratio_one(acted): assert ppo.first_ratio(*acted) < 1e-4


def test_stale_log_probabilities_are_noticed(acted):
    policy, roll, see = acted
    torch.manual_seed(1)
    with torch.no_grad(): policy.actor[-1].weight.add_(.3 * torch.randn_like(policy.actor[-1].weight))    # as if learnt in between
    assert ppo.first_ratio(policy, roll, see) > .01


def test_a_mask_dropped_in_the_update_is_noticed(acted):
    policy, roll, see = acted
    assert ppo.first_ratio(lambda seen, mask: policy(seen, torch.ones_like(mask)), roll, see) > .01


def value_at_a_limit():
    "What PPO thinks the first state of probe 6 is worth; 4 is right."
    policy = ppo.solve_probe(ppo.Probe(lambda coin, action: np.ones(len(coin)), 4, how=2), 50, gamma=.75)
    with torch.no_grad(): return float(policy.critic(torch.tensor([[1., 0.]])))


def test_a_time_limit_is_no_end(): assert abs(value_at_a_limit() - 4) < .4


def test_a_wrong_bootstrap_is_noticed(monkeypatch):
    right = ppo.gae
    monkeypatch.setattr(ppo, 'gae', lambda paid, value, ended, *rest: right(paid, value, np.minimum(ended, 1), *rest))
    assert value_at_a_limit() < 3


def test_random_actions_of_a_policy_fit(acted):
    roll = acted[1]
    k, s, a = roll.action.reshape(-1, 3).T
    assert AMOUNTS[k, a].all() and roll.mask.reshape(-1, 20, 5)[np.arange(len(k)), k, s].all()


def test_frozen_statistics(acted):
    "An update must not change what the policy sees."
    policy, roll, see = acted
    before = policy.encoder.norm.mean.clone(), policy.encoder.into.weight.clone()
    ppo.update_policy(policy, ppo.optimiser_of(policy, ppo.PPOConfig()), roll, ppo.PPOConfig(), see, torch.Generator().manual_seed(0))
    assert torch.equal(before[0], policy.encoder.norm.mean) and torch.equal(before[1], policy.encoder.into.weight)


@pytest.mark.slow
def test_the_encoder_can_be_trained(toys):
    policy = Policy(TINY).eval()
    before = policy.encoder.into.weight.clone()
    better, _ = ppo.improve(policy, toys, distance, ppo.PPOConfig(iterations=3, episodes=4, steps=12, minibatch=24, warmup=1, encoder=True))
    assert not torch.equal(better.encoder.into.weight, before) and torch.equal(policy.encoder.into.weight, before)


@pytest.mark.slow
def test_the_recipe_trains_an_agent_that_edits(tmp_path):
    from click.testing import CliRunner
    from editorbot.app.cli import main
    given = dict(output=tmp_path/'agent', sessions=2, steps=10, iterations=2, seeds='0 1')
    said = CliRunner().invoke(main, ['train', 'agent', '--workers', '2', '-o', str(tmp_path/'run.ipynb'), *[x for k, v in given.items() for x in ('-p', k, str(v))]])
    assert said.exit_code == 0, said.output
    assert 'keep F1 ' in said.output and 'keep_all 0.' in said.output and '--editor agent --checkpoint' in said.output
    about = json.loads((tmp_path/'agent/best.json').read_text(encoding='utf-8'))
    assert about['model'] == 'agent' and set(about['info']['scores']) == {'keep_all'} | {f'{k}, distance, seed {s}' for k in ('cloned', 'PPO') for s in (0, 1)} and 'cost' in about['decoder']


def test_the_shipped_agent_edits(tmp_path):
    from editorbot.editors.editor import get_editor, propose
    from editorbot.nn.checkpoints import shipped
    from editorbot.simulation.sessions import demo_session
    import soundfile as sf
    assert Path(shipped()/'agent.safetensors').stat().st_size < 800_000
    session = demo_session(0)
    sf.write(tmp_path/'raw.wav', session.raw, session.sr)
    edl = propose(tmp_path/'raw.wav', get_editor('agent'))
    assert 0 < edl.edit_frames < edl.source.frames and edl.meta['stages'][1]['name'] == 'act'
    held = propose(tmp_path/'raw.wav', get_editor('agent'), keep=[(3., 6.)], cut=[(20., 24.)])
    spans = [(s.source_in / s0, s.source_out / s0) for s in held.segments for s0 in [session.sr]]
    assert any(a <= 3.05 and b >= 5.95 for a, b in spans) and not any(a < 23.9 and b > 20.1 for a, b in spans)


# ---- beside Stable-Baselines3, on CartPole with two actions: KEEP and CUT of one beat

@pytest.fixture(scope='module')
def peer():
    "Stable-Baselines3's PPO in float64, after one rollout with ends and time limits, and the same rollout in our words."
    sb3 = pytest.importorskip('stable_baselines3', reason='stable-baselines3 is not installed (extra bench)')
    import gymnasium as gym
    from gymnasium.wrappers import TimeLimit
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.torch_layers import FlattenExtractor

    class Doubles(FlattenExtractor):
        def forward(self, x): return super().forward(x).double()

    torch.manual_seed(0)
    worlds = make_vec_env(lambda: TimeLimit(gym.make('CartPole-v1').unwrapped, 25), 4, seed=0)
    ppo_settings = dict(n_steps=64, batch_size=64, n_epochs=10, gamma=.99, gae_lambda=.95, ent_coef=.01, vf_coef=.5, max_grad_norm=.5, learning_rate=3e-4, seed=0)
    peer = sb3.PPO('MlpPolicy', worlds, device='cpu', policy_kwargs=dict(features_extractor_class=Doubles), **ppo_settings)
    peer.policy.double()
    limits, ends = [], []
    class Watch(sb3.common.callbacks.BaseCallback):
        def _on_step(self):
            values = [float(peer.policy.predict_values(torch.as_tensor(i['terminal_observation'])[None]).detach()) if i.get('TimeLimit.truncated') else 0. for i in self.locals['infos']]
            limits.append(values); ends.append(self.locals['dones'].copy())
            return True
    _, callback = peer._setup_learn(256, Watch())
    peer.collect_rollouts(peer.env, callback, peer.rollout_buffer, 64)
    b = peer.rollout_buffer
    mask = np.zeros((64, 4, 20, 5), bool); mask[:, :, :2, 0] = True
    action = np.stack([b.actions[..., 0], 0 * b.actions[..., 0], 2 + 0 * b.actions[..., 0]], -1).astype(int)
    final, ended = np.array(limits), np.array(ends).astype(int)
    ended[final != 0] = 2
    last = peer.policy.predict_values(peer.policy.obs_to_tensor(peer._last_obs)[0]).detach().numpy()[:, 0]
    paid = b.rewards - .99 * final                                      # they add the value at a limit to the reward
    return peer, ppo.Rollout(b.observations.astype(float), mask, action, b.log_probs.astype(float), b.values.astype(float), paid, ended, last, final)


@pytest.mark.slow
def test_advantages_are_those_of_stable_baselines(peer):
    sb3, roll = peer
    assert {0, 1, 2} == set(roll.ended.ravel())
    b = copy.deepcopy(sb3.rollout_buffer)
    for name in ('rewards', 'values', 'advantages', 'episode_starts'): setattr(b, name, getattr(b, name).astype(float))      # they keep float32
    b.compute_returns_and_advantage(torch.from_numpy(roll.last), sb3._last_episode_starts)
    ours = ppo.gae(roll.paid, roll.value, roll.ended, roll.last, roll.final, .99, .95)
    assert np.abs(ours).max() > 1 and np.abs(ours - b.advantages).max() < 1e-6


@pytest.mark.slow
def test_an_update_is_that_of_stable_baselines(peer, monkeypatch):
    "Ten epochs with their minibatches: the same weights to 1e-6."
    sb3, roll = peer
    policy, p = ppo.FlatPolicy(4).double(), sb3.policy
    pairs = [(policy.actor[0], p.mlp_extractor.policy_net[0]), (policy.actor[2], p.mlp_extractor.policy_net[2]), (policy.actor[4], p.action_net),
             (policy.critic[0], p.mlp_extractor.value_net[0]), (policy.critic[2], p.mlp_extractor.value_net[2]), (policy.critic[4], p.value_net)]
    with torch.no_grad():
        for a, b in pairs: a.weight[:len(b.weight)], a.bias[:len(b.bias)] = b.weight, b.bias
    before, parts, shuffled = copy.deepcopy(policy), [], np.random.permutation
    monkeypatch.setattr(np.random, 'permutation', lambda n: parts.append(shuffled(n)) or parts[-1])
    sb3.train()
    order = [torch.from_numpy(i % 64 * 4 + i // 64) for epoch in parts for i in np.split(epoch, 4)]      # they number episode by episode
    left = iter(order)
    monkeypatch.setattr(ppo, 'minibatches', lambda n, size, rng: itertools.islice(left, 4))
    c = ppo.PPOConfig(epochs=10, minibatch=64, lr=3e-4, gamma=.99, lam=.95, value=1., entropy=.01, target_kl=9.)
    ppo.update_policy(policy, ppo.optimiser_of(policy, c), roll, c, lambda obs: obs, torch.Generator())
    moved = max(float((a.weight - b.weight).abs().max().detach()) for a, b in zip(before.actor[::2], policy.actor[::2]))
    apart = max(float((x[:len(y)] - y).abs().max().detach()) for a, b in pairs for x, y in zip(a.parameters(), b.parameters()))
    assert moved > 1e-3 and apart < 1e-6


# ---- several processes

TWO = '''
import copy, sys
import numpy as np, torch
from lightning_fabric import Fabric
from editorbot.agent import ppo

if __name__ == '__main__':
    fabric = Fabric(accelerator='cpu', devices=2, strategy='ddp')
    fabric.launch()
    rng, T, B = np.random.default_rng(0), 6, 4
    floats = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    mask = np.zeros((T, B, 20, 5), bool); mask[:, :, :2, :2] = True
    action = np.stack([rng.integers(0, 2, (T, B)), rng.integers(0, 2, (T, B)), np.full((T, B), 2)], -1)
    roll = ppo.Rollout(floats(T, B, 5), mask, action, np.full((T, B), -1.4, np.float32), floats(T, B), floats(T, B), np.zeros((T, B), int), floats(B), floats(T, B))
    k = slice(2 * fabric.global_rank, 2 * fabric.global_rank + 2)
    part = ppo.Rollout(*(x[k] if name == 'last' else x[:, k] for name, x in roll._asdict().items()))
    c = ppo.PPOConfig(minibatch=9999, lr=1e-2, epochs=4, target_kl=9., accumulate=2)
    torch.manual_seed(0)
    start, ends = ppo.FlatPolicy(5, 16), []
    for steps, f in ((roll, ppo.alone()), (part, fabric)):
        policy = copy.deepcopy(start)
        said = ppo.update_policy(policy, ppo.optimiser_of(policy, c), steps, c, lambda obs: obs, torch.Generator().manual_seed(0), fabric=f)
        ends.append((torch.cat([p.detach().flatten() for p in policy.parameters()]), said))
    (one, a), (two, b) = ends
    assert (one - torch.cat([p.detach().flatten() for p in start.parameters()])).abs().max() > 1e-3
    assert torch.allclose(one, two, atol=1e-5) and all(abs(a[k] - b[k]) < 1e-4 for k in a), (a, b)
    assert ppo.everyones(fabric.global_rank, fabric) == [0, 1]
'''


@pytest.mark.slow
def test_two_processes_take_the_step_of_one(tmp_path):
    "Each has half of the episodes; advantages are normalised over all of them, gradients and losses are the mean."
    (tmp_path/'two.py').write_text(TWO)
    subprocess.run([sys.executable, tmp_path/'two.py'], check=True, timeout=500)


# ---- killed and continued

def run_to_its_end(folder, wait=0.):
    "A run of PPO with all that a state has: encoder and auxiliary heads are trained, recordings choose the best."
    torch.set_num_threads(1); torch.manual_seed(0)
    kept, rng = np.repeat([0, 1, 0, 1], 8), np.random.default_rng(0)
    r = recordings_of([np.arange(33) * .5] * 3, [np.stack([kept + .3 * rng.standard_normal(32) for _ in range(109)], 1) for _ in range(3)], [kept] * 3)
    policy = Policy(PolicyConfig('b', width=16, layers=1, kernel=5, hidden=32)).eval()
    policy.encoder.norm.update(torch.from_numpy(r.features.reshape(-1, 109)))
    c = ppo.PPOConfig(iterations=30, episodes=4, steps=12, minibatch=24, warmup=1, lr=2e-3, encoder=True, auxiliary=.05)
    ppo.improve(policy, r, distance, c, valid=r, folder=folder, watch=lambda i, now: time.sleep(wait))


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path):
    "SIGKILL at random moments, also while the next state is written: what is left continues, and the last state is the same to the bit."
    for name in ('whole', 'killed'): (tmp_path/name).mkdir()
    run_to_its_end(tmp_path/'whole')
    state, seen, chance = tmp_path/'killed/state.pt', [], random.Random(0)
    saved = lambda: state.stat().st_mtime_ns if state.exists() else 0
    for _ in range(3):
        was, process = saved(), multiprocessing.get_context('fork').Process(target=run_to_its_end, args=(tmp_path/'killed', .05))
        process.start()
        while process.is_alive() and saved() == was: time.sleep(.01)
        time.sleep(chance.uniform(0, .3))
        process.kill(); process.join()
        assert process.exitcode == -signal.SIGKILL
        seen.append(torch.load(state, weights_only=True)['iteration'])
    assert 0 < seen[0] < seen[-1] < 30
    run_to_its_end(tmp_path/'killed')
    one, two = ([(str(k), v) for k, v in tree_flatten_with_path(torch.load(tmp_path/f/'state.pt', weights_only=True))[0]] for f in ('whole', 'killed'))
    assert [k for k, _ in one] == [k for k, _ in two] and {'policy', 'best', 'opt', 'aux', 'own'} <= {k.split("'")[1] for k, _ in one}
    apart = [k for (k, x), (_, y) in zip(one, two) if not (torch.equal(x, y) if torch.is_tensor(x) else x == y)]
    assert not apart, apart


def test_parts_and_half_precision(toys):
    "An update in three parts is one in a whole; in bf16 it is another, and sound."
    torch.manual_seed(0)
    policy, ends = Policy(TINY).eval(), []
    weights = lambda p: torch.cat([x.detach().flatten() for x in p.parameters()])
    for options in ({}, dict(accumulate=3), dict(precision='bf16-mixed')):
        c = ppo.PPOConfig(iterations=2, episodes=6, steps=12, minibatch=36, warmup=0, target_kl=9., **options)
        ends.append(weights(ppo.improve(policy, toys, distance, c)[0]) - weights(policy))
    whole, parts, half = ends
    assert whole.norm() > .01 and (parts - whole).norm() < .01 * whole.norm()
    assert not torch.equal(half, whole) and half.isfinite().all() and .2 < half.norm() / whole.norm() < 5
