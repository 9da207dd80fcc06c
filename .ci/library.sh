# What .ci/run and .ci/long share.

passed=0
failed=0
failures=()
logs=

# need COMMAND PACKAGE: installs the package unless the command is there.
need() {
    command -v "$1" >/dev/null && return
    heading "installing $2"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2"
}

# Python's modules for the kernel's message queues, where the tests of interop look for them: as they are installed, or in
# .build/python. Without them those tests are skipped, and say so.
python_queue_modules() {
    PYTHONPATH=.build/python:${PYTHONPATH:-} python3 -c 'import posix_ipc, sysv_ipc' 2>/dev/null && return
    heading "installing posix_ipc and sysv_ipc for python3"
    python3 -m pip --version >/dev/null 2>&1 || need pip3 python3-pip || true
    timeout 180 python3 -m pip install --quiet --no-input --target .build/python posix_ipc sysv_ipc ||
        echo "they cannot be had: the tests of interop with Python's queues will be skipped"
}

heading() { printf '\n=== %s\n' "$1"; }

# check TITLE COMMAND...: runs the command and counts how it ended.
check() {
    local title=$1 start=$SECONDS status=0
    shift
    heading "$title"
    logs=${logs:-$(mktemp -d)}
    # A subshell that stops at its first failure, as this script itself does: `if` alone would switch that off.
    set +e
    (set -euo pipefail; "$@") 2>&1 | tee "$logs/last"
    status=${PIPESTATUS[0]}
    set -e
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        echo "--- passed ($((SECONDS - start)) s): $title"
    else
        failed=$((failed + 1))
        failures+=("$title")
        what_went_wrong <"$logs/last" >"$logs/$failed"
        echo "--- FAILED with $status ($((SECONDS - start)) s): $title"
    fi
}

# Of what a command printed, the lines that say why it failed, and its last ones: a long log is cut in the middle by those
# who keep it.
what_went_wrong() {
    awk '/^✘|watchdog:|error:|warning:|Fatal error|[Ss]ignal code|✖|FAILED/ && said++ < 60 { print substr($0, 1, 400) }
         { last[NR % 12] = $0 }
         END { print "..."; for (i = NR - 11; i <= NR; i++) if (i > 0) print substr(last[i % 12], 1, 400) }'
}

summary() {
    heading "summary"
    for index in "${!failures[@]}"; do
        echo "failed: ${failures[index]}"
        cat "$logs/$((index + 1))"
    done
    rm -rf "$logs"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# The modules that a user may depend on, by the manifest.
public_modules() {
    tr '\n' ' ' <Package.swift | grep -o 'let publicModules = \[[^]]*\]' | grep -o '"[A-Za-z]*"' | tr -d '"'
}

# Builds everything, tests too, with warnings as errors; what the documentation is made of comes with it.
strict_build() {
    mkdir -p .build/symbol-graphs
    swift build --build-tests -Xswiftc -warnings-as-errors -Xcc -Werror \
        -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$PWD/.build/symbol-graphs"
}

# Runs the first program and looks at what it says.
first_program() {
    local output
    output=$(swift run --package-path Documentation/Examples first-program)
    echo "$output"
    grep -q "the child answered: olleh" <<<"$output"
}

# Help and version go to standard output and succeed; a usage error goes to standard error and is 64.
ipcctl_explains_itself() {
    # Into variables first: a reader that has seen enough would end the tool by SIGPIPE.
    local tool status=0 complaint help table
    tool=$(swift build -c release --product ipcctl --show-bin-path)/ipcctl
    help=$("$tool" --help)
    for command in tour list clean locks; do grep -q "ipcctl $command" <<<"$help"; done
    table=$("$tool" list)
    grep -Eq '^name +layout' <<<"${table%%$'\n'*}"
    table=$("$tool" clean --prefix no-such-prefix --dry-run)
    grep -q '^0 regions' <<<"$table"
    # A region of locks that is not there, for a script.
    "$tool" locks --check no-such-region >/dev/null 2>&1 && return 1
    "$tool" --version | grep -Eq '^ipcctl [0-9]+\.[0-9]+'
    complaint=$("$tool" no-such-command 2>&1 >/dev/null) || status=$?
    [ "$status" -eq 64 ]
    grep -q no-such-command <<<"$complaint"
}

ipcbench_lists() {
    local rows
    rows=$(swift run -c release ipcbench --list)
    echo "$rows"
    grep -q 'pipe/rtt/64' <<<"$rows"
}

# docc_convert MODULE: the documentation without a broken link, by the toolchain's own docc, from the symbols that
# strict_build left.
docc_convert() {
    local graphs=.build/docc/$1.symbols output=.build/docc/$1
    rm -rf "$graphs" "$output"
    mkdir -p "$graphs" "$output"
    cp .build/symbol-graphs/"$1".symbols.json "$graphs"
    # What the module adds to others' types, without what the modules that stand on it add to its own.
    find .build/symbol-graphs -name "$1@*.symbols.json" -exec cp {} "$graphs" \;
    docc convert "Sources/$1/$1.docc" --additional-symbol-graph-dir "$graphs" --fallback-display-name "$1" \
        --fallback-bundle-identifier "swift-ipc.$1" --output-path "$output" --warnings-as-errors
    [ -s "$output/data/documentation/$(tr '[:upper:]' '[:lower:]' <<<"$1").json" ]
}

# until_spent SECONDS COMMAND...: repeats the command as long as there is time, at least once, and says how often.
until_spent() {
    local end=$((SECONDS + $1)) rounds=0
    shift
    while [ "$rounds" -eq 0 ] || [ "$SECONDS" -lt "$end" ]; do
        "$@"
        rounds=$((rounds + 1))
    done
    echo "$rounds rounds of: $*"
}
