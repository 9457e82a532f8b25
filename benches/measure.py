"""Runs commands in turns and compares them: wall, CPU and peak memory by the kernel's own account.
   measure.py ROUNDS LABEL=COMMAND…    the last one is compared with each of the others"""
import shlex
import statistics
import subprocess
import sys
import time


def once(command):
    began = time.perf_counter()
    # `time` stands between, so that this process's own memory is not inherited into the peak.
    out = subprocess.run(["/usr/bin/time", "-f", "%U %S %M", *shlex.split(command)], capture_output=True, text=True)
    wall = time.perf_counter() - began
    assert out.returncode == 0, out.stdout + out.stderr
    user, system, peak = map(float, out.stderr.split("\n")[-2].split())
    return wall * 1000, (user + system) * 1000, peak / 1024


rounds = int(sys.argv[1])
commands = dict(argument.split("=", 1) for argument in sys.argv[2:])
samples = {label: [] for label in commands}
for _ in range(rounds):
    for label, command in commands.items():
        samples[label].append(once(command))
medians = {label: [statistics.median(column) for column in zip(*rows)] for label, rows in samples.items()}
for label, (wall, cpu, peak) in medians.items():
    print(f"{wall:10.1f} ms wall {cpu:10.1f} ms CPU {peak:8.1f} MiB peak   {label}")
*others, (own, ours) = medians.items()
for label, theirs in others:
    # `time` counts CPU in hundredths of a second.
    ratios = [theirs[0] / ours[0], theirs[1] / max(ours[1], 10), theirs[2] / ours[2]]
    print("{:9.1f} × wall {:12.1f} × CPU {:9.1f} × memory  {} / {}".format(*ratios, label, own))
