"""How quick the agent's environment and PPO are, and how well PPO learns, beside Stable-Baselines3 in the same run.

    make bench-agent_speed                            everything, and bench/results/agent_*.json with --record
    python bench/agent_speed.py --only speed cost     some parts: speed (of the environment), masks, cost (of PPO), learning

Times are CPU seconds of this process on one thread, so they don't depend on what else the machine does, but for its caches. Each is the best of several tries. `learning` trains on CartPole-v1 and
Acrobot-v1, with settings that are usual for Stable-Baselines3; both libraries get the same ones. Each policy is then judged without chance on 100 episodes whose seeds it has not seen.
"""
import argparse, time
from functools import partial

import gymnasium as gym, numpy as np, stable_baselines3 as sb3, torch
from gymnasium.vector import AutoresetMode
from results import record
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from editorbot.agent.actions import AMOUNTS
from editorbot.agent.environment import EditingCore, EditingEnv, Finished, random_actions, recordings_of
from editorbot.agent.policy import Policy, PolicyConfig
from editorbot.agent.ppo import FlatPolicy, PPOConfig, Relative, Seeing, collect, optimiser_of, update_policy
from editorbot.agent.rewards import distance

BATCHES = (1, 16, 64, 256)
SAME_STEP = dict(autoreset_mode=AutoresetMode.SAME_STEP)
TASKS = {'CartPole-v1': dict(episodes=8, steps=32, minibatch=256, epochs=10, lr=1e-3, gamma=.98, lam=.95, total=60_000, aim=475),
         'Acrobot-v1': dict(episodes=16, steps=256, minibatch=256, epochs=8, lr=1e-3, gamma=.99, lam=.95, total=100_000, aim=-90)}


def recordings(R=8, beats=200, width=121):
    "Recordings of noise; the second feature says what is kept, with some doubt."
    rng = np.random.default_rng(0)
    kept = [np.repeat(rng.integers(0, 2, beats // 8 + 1), 8)[:beats] for _ in range(R)]
    columns = [rng.standard_normal((beats, width)) for _ in range(R)]
    for x, k in zip(columns, kept): x[:, 1] = 2 * k - 1 + .3 * x[:, 1]
    return recordings_of([np.arange(beats + 1) * .5] * R, columns, kept)


# ---- the environment

def seconds_of(step, choose, steps):
    "CPU seconds of `step` alone."
    total = 0.
    for i in range(steps):
        a = choose(i)
        began = time.process_time()
        step(a)
        total += time.process_time() - began
    return total


def ours(r, batch, compact, steps):
    core = EditingCore(r, batch, compact=compact)
    core.reset()
    return batch * steps / seconds_of(core.step, lambda i: random_actions(core.mask, AMOUNTS, i), steps)


def theirs(r, batch, steps):
    "The same environment, one episode each, below Stable-Baselines3's DummyVecEnv."
    many = DummyVecEnv([partial(EditingEnv, r, seed=b) for b in range(batch)])
    many.reset()
    masks = lambda: np.concatenate([e.core.mask for e in many.envs])
    return batch * steps / seconds_of(many.step, lambda i: random_actions(masks(), AMOUNTS, i), steps)


def speed(a):
    r, out = recordings(), []
    best = lambda f, *x: max(f(*x) for _ in range(a.tries))
    for batch in BATCHES:
        steps = max(100, 20_000 // batch)
        full, compact, peer = best(ours, r, batch, False, steps), best(ours, r, batch, True, steps), best(theirs, r, batch, max(20, 4000 // batch))
        print(f'{batch:4} at once: {full:9.0f} steps/s, compact {compact:9.0f}, DummyVecEnv {peer:7.0f}: {full / peer:.1f} and {compact / peer:.1f} times', flush=True)
        aim = dict(aim='>= 300 000, >= 25 times') if batch == 256 else {}
        out.append(dict(claim=f'environment steps/s, batch {batch}: 861 numbers each, compact view', value=f'{full:.3g}, {compact:.3g} ({full / peer:.0f} and {compact / peer:.0f} times)',
                        beside=f'DummyVecEnv {peer:.3g}') | aim)
    return out


def masks(a):
    "Random actions that the masks allow, until the time is over; how many did not fit."
    core, n, began = EditingCore(recordings(), 1024, compact=True), 0, time.process_time()
    core.reset()
    while n < 1e8 and time.process_time() - began < 60 * a.minutes:
        core.step(random_actions(core.mask, AMOUNTS, n))
        n += core.batch
    print(f'{n:.3g} random steps, {core.invalid} invalid')
    return [dict(claim='random masked steps that did not fit', value=f'{core.invalid} of {n:.3g}', aim='0 of 1e8')]


# ---- PPO on edits

def our_ppo(policy, core, see, c, iterations):
    "CPU seconds a step, and the mean reward of the last fifth of the episodes."
    rng, opt, log = torch.Generator().manual_seed(0), optimiser_of(policy, c), core.reward.log
    core.reset()
    began = time.process_time()
    for _ in range(iterations): update_policy(policy, opt, collect(policy.eval(), core, c.steps, see, rng), c, see, rng)
    return (time.process_time() - began) / (iterations * c.steps * core.batch), float(np.mean(log[-len(log) // 5:]))


def their_ppo(r, c, iterations):
    pay = Relative(distance, len(r))
    many = DummyVecEnv([partial(EditingEnv, r, pay, seed=b) for b in range(c.episodes)])
    model = sb3.PPO('MlpPolicy', many, n_steps=c.steps, batch_size=c.minibatch, n_epochs=c.epochs, learning_rate=c.lr, gamma=c.gamma, gae_lambda=c.lam, ent_coef=c.entropy, seed=0, device='cpu')
    began = time.process_time()
    model.learn(iterations * c.steps * c.episodes)
    return (time.process_time() - began) / (iterations * c.steps * c.episodes), float(np.mean(pay.log[-len(pay.log) // 5:]))


class Costs(BaseCallback):
    "CPU seconds of this process after each rollout, and how many episodes were over."
    def __init__(self, log): super().__init__(); self.rewards, self.seen = log, []
    def _on_step(self): return True
    def _on_rollout_end(self): self.seen.append((time.process_time(), len(self.rewards)))


def until(seen, began, log, aim, over=100):
    "CPU seconds until the mean reward of so many episodes one after another has reached `aim`; None if it never does."
    return next((t - began for t, n in seen if n >= over and np.mean(log[n - over:n]) >= aim), None)


def out_of_the_box(r, steps):
    "Both as a person finds them: ours with the settings of `PPOConfig`, Stable-Baselines3 with its own and one environment; us a step, rewards, rollouts."
    c = PPOConfig()
    torch.manual_seed(0)
    core, policy, rng = EditingCore(r, c.episodes, Relative(distance, len(r))), FlatPolicy(861), torch.Generator().manual_seed(0)
    opt, see, seen, log = optimiser_of(policy, c), lambda obs: obs, [], core.reward.log
    core.reset()
    began = time.process_time()
    for _ in range(n := -(-steps // (c.steps * c.episodes))):
        rollout = collect(policy.eval(), core, c.steps, see, rng)
        seen.append((time.process_time(), len(log)))
        update_policy(policy, opt, rollout, c, see, rng)
    ours = 1e6 * (time.process_time() - began) / (n * c.steps * c.episodes), log, seen, began
    pay = Relative(distance, len(r))
    model = sb3.PPO('MlpPolicy', DummyVecEnv([partial(EditingEnv, r, pay, seed=0)]), seed=0, device='cpu')
    watch, began = Costs(pay.log), time.process_time()
    model.learn(steps, callback=watch)
    return ours, (1e6 * (time.process_time() - began) / model.num_timesteps, pay.log, watch.seen, began)


def own_settings(a):
    "One row: both with their own settings, as long as `cost` trains. Rewards are means of the last 100 episodes."
    found = out_of_the_box(recordings(), a.iterations * 7680)
    last = [float(np.mean(log[:seen[-1][1]][-100:])) for _, log, seen, _ in found]
    return [settings_row(a.iterations * 7680, [x[0] for x in found], last, [until(seen, began, log, min(last) - .01) for _, log, seen, began in found], min(last) - .01)]


def settings_row(steps, us, last, after, aim):
    words = lambda x: 'never' if x is None else f'{x:.0f} s'
    both = [f'{u:.0f}; {r:.2f}; {words(t)}' for u, r, t in zip(us, last, after)]
    print('own settings:', both)
    return dict(claim=f'PPO, CPU us a step, the MLP, each library with its own settings (theirs: 1 environment, 2048 steps, 10 epochs, minibatches of 64); reward after {steps} steps; CPU until {aim:.2f}',
                value=f'{both[0]} ({us[1] / us[0]:.0f} times fewer a step)', beside=f'SB3 {both[1]}', aim='>= 4 times fewer')


class EveryStep(Seeing):
    "Encodes the recordings anew whenever something is looked at."
    def __call__(self, obs, learn=False):
        with torch.no_grad(): return super().__call__(obs, True)


def cost(a):
    r, c = recordings(), PPOConfig(target_kl=9.)
    core = lambda compact: EditingCore(r, c.episodes, Relative(distance, len(r)), compact=compact)
    short = c.replace(steps=40, epochs=1)                     # compiles what numba has to
    for compact, policy in ((False, FlatPolicy(861)), (True, Policy(PolicyConfig('b', 121)))): our_ppo(policy, core(compact), Seeing(policy, r) if compact else lambda obs: obs, short, 1)
    torch.manual_seed(0)
    flat, peer = our_ppo(FlatPolicy(861), core(False), lambda obs: obs, c, a.iterations), their_ppo(r, c, a.iterations)
    torch.manual_seed(0)
    policy = Policy(PolicyConfig('b', 121))
    state = {k: v.clone() for k, v in policy.state_dict().items()}
    once = our_ppo(policy, core(True), Seeing(policy, r), c, 2)
    policy.load_state_dict(state)
    every = our_ppo(policy, core(True), EveryStep(policy, r, False), c, 2)
    for name, x, y in (('MLP', flat, peer), ('encoder', once, every)): print(f'{name}: {1e6 * x[0]:.0f} us a step, reward {x[1]:.3f}; beside it {1e6 * y[0]:.0f} us, {y[1]:.3f}: {y[0] / x[0]:.1f} times')
    n = a.iterations * c.steps * c.episodes
    return [dict(claim=f'PPO, CPU us a step, MLP on 861 numbers, the same settings for both; reward after {n} steps', value=f'{1e6 * flat[0]:.0f}; {flat[1]:.2f} ({peer[0] / flat[0]:.1f} times fewer)', beside=f'SB3 {1e6 * peer[0]:.0f}; {peer[1]:.2f}', aim='>= 4 times fewer'),
            *own_settings(a),
            dict(claim='PPO, CPU us a step, recordings encoded once; reward', value=f'{1e6 * once[0]:.0f}; {once[1]:.2f} ({every[0] / once[0]:.0f} times fewer)', beside=f'encoded at every step {1e6 * every[0]:.0f}; {every[1]:.2f}', aim='>= 10 times fewer')]


# ---- PPO on worlds that everybody knows

class World:
    "Gymnasium's environments, stepped as `EditingCore` is; actions are types without a size or amount to choose."
    KINDS = np.array([0, 1, 5])                    # KEEP, CUT, SKIP

    def __init__(self, name, batch, seed):
        self.envs, self.batch = gym.make_vec(name, batch, vectorization_mode='sync', vector_kwargs=SAME_STEP), batch
        self.obs = self.envs.reset(seed=seed)[0]
        self.mask = np.zeros((batch, 20, 5), bool)
        self.mask[:, self.KINDS[:self.envs.single_action_space.n], 0] = True

    def step(self, actions):
        self.obs, paid, over, cut, info = self.envs.step(np.searchsorted(self.KINDS, actions[:, 0]))
        place, done = np.flatnonzero(over | cut), None
        if len(place): done = Finished(place, place, None, None, (cut & ~over)[place], np.stack(info['final_obs'][place]).astype(np.float32))
        return self.obs, paid, np.where(over, 1, 2 * cut), done


def play(name, act, n=100, seed=10_000):
    "Mean return of n episodes."
    envs = gym.make_vec(name, n, vectorization_mode='sync', vector_kwargs=SAME_STEP)
    obs, total, alive = envs.reset(seed=seed)[0], np.zeros(n), np.ones(n, bool)
    while alive.any():
        obs, paid, over, cut, _ = envs.step(act(obs))
        total += paid * alive
        alive &= ~(over | cut)
    return float(total.mean())


def learn_ours(name, t, seed):
    torch.manual_seed(seed)
    world, c = World(name, t['episodes'], 1000 * seed), PPOConfig(**{k: t[k] for k in ('episodes', 'steps', 'minibatch', 'epochs', 'lr', 'gamma', 'lam')}, value=1., entropy=0., target_kl=9.)
    policy, rng = FlatPolicy(world.obs.shape[1]), torch.Generator().manual_seed(seed)
    opt, n = optimiser_of(policy, c), t['total'] // (c.steps * c.episodes)
    for i in range(n):
        for g in opt.param_groups: g['lr'] = c.lr * (1 - i / n)
        update_policy(policy, opt, collect(policy, world, c.steps, lambda obs: obs, rng), c, lambda obs: obs, rng)
    mask = torch.from_numpy(world.mask[:1])
    def act(obs):
        with torch.no_grad(): return np.searchsorted(World.KINDS, policy(torch.from_numpy(obs), mask.expand(len(obs), 20, 5))[0].sample()[:, 0])
    return play(name, act)


def learn_theirs(name, t, seed):
    model = sb3.PPO('MlpPolicy', make_vec_env(name, t['episodes'], 1000 * seed), n_steps=t['steps'], batch_size=t['minibatch'], n_epochs=t['epochs'], learning_rate=lambda left: t['lr'] * left,
                    gamma=t['gamma'], gae_lambda=t['lam'], ent_coef=0., seed=seed, device='cpu')
    model.learn(t['total'] // (t['steps'] * t['episodes']) * t['steps'] * t['episodes'])
    return play(name, lambda obs: model.predict(obs, deterministic=True)[0])


def learning(a):
    out = []
    for name, t in TASKS.items():
        got, times = [], [0., 0.]
        for seed in range(a.seeds):
            row = []
            for i, f in enumerate((learn_ours, learn_theirs)):
                began = time.process_time()
                row.append(f(name, t, seed))
                times[i] += time.process_time() - began
            got.append(row)
            print(f'{name}, seed {seed}: {row[0]:.1f}, Stable-Baselines3 {row[1]:.1f}', flush=True)
        us, peer = (sorted(x) for x in zip(*got))
        words = lambda x: ', '.join(f'{v:.0f}' for v in x)
        out.append(dict(claim=f"{name}, {t['total']} steps, {a.seeds} seeds: mean return of each", value=f'{words(us)} ({times[0] / a.seeds:.0f} CPU s a seed)', aim=f">= {t['aim']}", beside=f'SB3 {words(peer)} ({times[1] / a.seeds:.0f} CPU s)'))
    return out


PARTS = dict(speed=speed, masks=masks, cost=cost, learning=learning)

TABLES = dict(speed=("The agent's environment", 'CPU seconds of one thread, without choosing actions.'), masks=('Masks', ''),
              cost=('What PPO costs', f'CPU seconds of one thread, acting and learning. Stable-Baselines3 {sb3.__version__} has no masks: an action that does not fit becomes KEEP of one beat.'),
              learning=('PPO beside Stable-Baselines3', f'Version {sb3.__version__}. Both have the same settings, chosen beforehand. Each number is the mean of 100 episodes without chance.'))

if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--only', nargs='+', choices=PARTS, default=list(PARTS))
    ap.add_argument('--tries', type=int, default=3)
    ap.add_argument('--minutes', type=float, default=10, help='CPU minutes of random steps at most')
    ap.add_argument('--iterations', type=int, default=12, help='of PPO on edits, 7680 steps each')
    ap.add_argument('--seeds', type=int, default=5)
    ap.add_argument('--record', action='store_true')
    a = ap.parse_args()
    torch.set_num_threads(1)
    for part in a.only:
        title, note = TABLES[part]
        claims = PARTS[part](a)
        if a.record: record(f'agent_{part}', 'agent', title, f"make bench-agent_speed ARGS='--only {part}'", claims, note)
