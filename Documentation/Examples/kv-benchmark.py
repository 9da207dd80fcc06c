#!/usr/bin/env python3
"""Measures kv-server beside Debian's redis-server with redis-benchmark, and prints a table.

    kv-benchmark.py [--rounds N] [--requests N] [--clients N] [--build PATH]

Needs redis-tools and redis-server, and a release build:

    swift build -c release --package-path Documentation/Examples --product kv-server

All servers run the whole time and are asked in turn (redis, one process, two processes, redis, ...), so that a machine that
is slow for a while is slow for all of them. Shown are medians, and the ratio to redis-server.
"""

import argparse
import csv
import io
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TESTS = ["SET", "GET", "INCR"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_served(port, process):
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
                client.sendall(b"PING\r\n")
                if client.recv(7) == b"+PONG\r\n":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"{process.args[0]} does not answer")


def measure(port, pipeline, requests, clients):
    """Requests per second, by test."""
    command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-t", ",".join(TESTS).lower(), "--csv"]
    command += ["-c", str(clients), "-n", str(requests), "-P", str(pipeline)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    found = {row[0]: float(row[1]) for row in csv.reader(io.StringIO(output)) if row and row[0] in TESTS}
    if set(found) != set(TESTS):
        sys.exit(f"redis-benchmark said:\n{output}")
    return found


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="kv-server beside redis-server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=200_000, help="without pipelining; five times as many with it")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--build", default=os.path.join(folder, ".build", "release"), help="where kv-server lies")
    options = parser.parse_args()
    program = os.path.join(options.build, "kv-server")
    for tool in ["redis-server", "redis-benchmark", program]:
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing; see the head of this file")

    ports = {name: free_port() for name in ["redis-server", "1 process", "2 processes"]}
    with tempfile.TemporaryDirectory() as place:
        commands = {
            "redis-server": ["redis-server", "--port", str(ports["redis-server"]), "--bind", "127.0.0.1", "--save", ""]
            + ["--appendonly", "no", "--daemonize", "no", "--dir", place],
        }
        for count in [1, 2]:
            name = "1 process" if count == 1 else "2 processes"
            commands[name] = [program, "--listen", f"tcp:127.0.0.1:{ports[name]}", "--workers", str(count)]
        running = {}
        try:
            for name, command in commands.items():
                running[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
                wait_until_served(ports[name], running[name])
            results = {}
            for _ in range(options.rounds):
                for pipeline in [1, 16]:
                    for name in commands:
                        requests = options.requests * (5 if pipeline > 1 else 1)
                        for test, rate in measure(ports[name], pipeline, requests, options.clients).items():
                            results.setdefault((pipeline, test), {}).setdefault(name, []).append(rate)
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()

    print(f"requests per second, medians of {options.rounds} rounds, {options.clients} clients; in brackets: to redis-server")
    print(f"{'':12}{'redis-server':>14}{'1 process':>22}{'2 processes':>22}")
    for (pipeline, test), rates in results.items():
        medians = {name: statistics.median(found) for name, found in rates.items()}
        base = medians["redis-server"]
        cells = [f"{medians[name]:,.0f} ({medians[name] / base:.2f})" for name in ["1 process", "2 processes"]]
        print(f"{test} -P {pipeline:<6}{base:>14,.0f}{cells[0]:>22}{cells[1]:>22}")


if __name__ == "__main__":
    main()
