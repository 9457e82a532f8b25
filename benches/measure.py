"""Runs two commands in turns and compares them: wall, CPU and peak memory by the kernel's own account."""
import os
import shlex
import statistics
import subprocess
import sys
import time


def once(command):
    began = time.perf_counter()
    # The shell stands between, so that this process's own memory is not inherited into the peak.
    out = subprocess.run(["/usr/bin/time", "-f", "%U %S %M", *shlex.split(command)], capture_output=True, text=True)
    wall = time.perf_counter() - began
    assert out.returncode == 0, out.stdout + out.stderr
    user, system, peak = map(float, out.stderr.split("\n")[-2].split())
    return wall * 1000, (user + system) * 1000, peak / 1024


rounds, commands = int(sys.argv[1]), sys.argv[2:]
samples = {command: [] for command in commands}
for _ in range(rounds):
    for command in commands:
        samples[command].append(once(command))
medians = {command: [statistics.median(column) for column in zip(*rows)] for command, rows in samples.items()}
for command, (wall, cpu, peak) in medians.items():
    print(f"{wall:8.1f} ms wall  {cpu:8.1f} ms CPU  {peak:6.1f} MiB peak  {command}")
theirs, ours = (medians[command] for command in commands)
print(f"{theirs[0] / ours[0]:8.1f} × wall  {theirs[1] / max(ours[1], 10):7.1f} × CPU  {theirs[2] / ours[2]:7.1f} × memory")
