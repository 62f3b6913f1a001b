# SPDX-License-Identifier: MIT
# Whatever a program does to its environment before it starts another one: that one is proxied, in
# the same way; and one that cannot be proxied is told of, or not started.

load ../support/lab
load ../support/proxies

LIBRARY=$BUILD/libsocksify.so
EXECS=(execve execv execvp execvpe execl execlp execle fexecve execveat)
SHELLS=(system popen)
SPAWNS=(posix_spawn posix_spawnp "${SHELLS[@]}")
ENV=/usr/bin/env
STATIC=/run/programs/static/busybox

setup_file() {
    lab_up
    start_targets
    start_proxies socksify
    mkdir -p /run/programs
    printf 'proxy home %s\ndefault home\n' "${PROXY[socksify]}" > /run/programs/conf
    printf 'proxy home %s\ndefault home\nstrict yes\n' "${PROXY[socksify]}" > /run/programs/strict
    mkdir /run/programs/static
    cp "$(command -v busybox)" /run/programs/static
    cp /bin/true /run/programs/setuid
    chown nobody /run/programs/setuid
    chmod 4755 /run/programs/setuid
    printf '#!/run/programs/static/busybox sh\nexit 3\n' > /run/programs/script
    printf 'exit 4\n' > /run/programs/text
    chmod 755 /run/programs/script /run/programs/text
    export XDG_RUNTIME_DIR=/run/user
    mkdir -m 700 /run/user
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

socksify() {
    client timeout 20 "$SOCKSIFY" -f /run/programs/conf "$@"
}

strictly() {
    client timeout 20 "$SOCKSIFY" -f /run/programs/strict "$@"
}

# What a program is to find, in the order of their names.
OURS="LD_PRELOAD=$LIBRARY
SOCKSIFY_CONF=/run/programs/conf
XDG_RUNTIME_DIR=/run/user"

sorted_environment() { # COMMAND...: one that prints its environment, less what a shell adds
    "$@" | grep -vE '^(PWD|SHLVL|_)=' | LC_ALL=C sort
}

@test "every function that starts a program puts back what a cleared environment lacks" {
    local how
    for how in "${EXECS[@]}" "${SPAWNS[@]}"; do
        expect "what $how gives" \
            "$(sorted_environment socksify "$PROBES/probe-exec" "$how" $ENV)" "$OURS"
        expect "what $how gives without socksify" \
            "$(sorted_environment "$PROBES/probe-exec" "$how" $ENV)" ''
    done
}

@test "so do they in the child of a vfork, and in a thread with the smallest of stacks" {
    local how
    for how in "${EXECS[@]}"; do
        expect "what $how gives after vfork" \
            "$(sorted_environment socksify "$PROBES/probe-exec" -v "$how" $ENV)" "$OURS"
    done
    for how in "${EXECS[@]}" "${SPAWNS[@]}"; do
        expect "what $how gives in a thread" \
            "$(sorted_environment socksify "$PROBES/probe-exec" -t "$how" $ENV)" "$OURS"
    done
}

@test "a large environment stays whole, and leaves no memory behind" {
    local how where
    for how in execve execvpe posix_spawn system; do
        expect "the variables that $how gives" "$(socksify "$PROBES/probe-exec" -n 1000 "$how" $ENV |
            grep -cE '^(VARIABLE_[0-9]+=something|LD_PRELOAD=.*|SOCKSIFY_CONF=.*)$')" 1002
    done
    for how in '-v execve' '-v execvp' posix_spawn system; do
        read -ra where <<< "$how"
        expect "the mappings left by $how" \
            "$(socksify "$PROBES/probe-exec" -n 1000 -r 50 "${where[@]}" /bin/true)" 'grown: 0'
    done
    expect 'the mappings left by failures' "$(socksify "$PROBES/probe-exec" -n 1000 -r 1 -v execve \
        /nowhere)" $'execve: ENOENT\ngrown: 0'
}

@test "an environment that lacks nothing is passed on as it is" {
    local how
    for how in execve posix_spawn; do
        expect "what $how gives" "$(socksify $ENV A=1 B= "$PROBES/probe-exec" -k "$how" $ENV)" \
            "$(socksify $ENV A=1 B= $ENV)"
    done
}

@test "other libraries in LD_PRELOAD are kept, behind ours" {
    expect 'LD_PRELOAD' "$(socksify $ENV -i LD_PRELOAD='libm.so.6 libdl.so.2' $ENV | grep LD_)" \
        "LD_PRELOAD=$LIBRARY:libm.so.6:libdl.so.2"
    expect 'LD_PRELOAD, ours last' \
        "$(socksify $ENV -i LD_PRELOAD="libm.so.6:$LIBRARY" $ENV | grep LD_)" \
        "LD_PRELOAD=libm.so.6:$LIBRARY"
    expect 'LD_PRELOAD through system' "$(socksify python3 -c 'import ctypes
c = ctypes.CDLL(None)
c.clearenv()
c.setenv(b"LD_PRELOAD", b"libm.so.6", 1)
c.system(b"env")' | grep LD_)" "LD_PRELOAD=$LIBRARY:libm.so.6"
}

@test "a variable that is there stays as it is" {
    expect 'SOCKSIFY_CONF' "$(socksify $ENV -i SOCKSIFY_CONF=/other $ENV | grep SOCKSIFY)" \
        SOCKSIFY_CONF=/other
    expect 'an empty one' "$(socksify -q $ENV -i SOCKSIFY_LOG= $ENV | grep SOCKSIFY_LOG)" \
        SOCKSIFY_LOG=
    expect 'XDG_RUNTIME_DIR' "$(socksify $ENV -i XDG_RUNTIME_DIR=/nowhere $ENV | grep XDG)" \
        XDG_RUNTIME_DIR=/nowhere
}

@test "another user gets no directory of this one" {
    expect 'the environment' "$(sorted_environment socksify python3 -c 'import os
os.setuid(65534)
os.execve("/usr/bin/env", ["env"], {})' 2>&1)" "$(grep -v XDG <<< "$OURS")"
}

@test "the user's own configuration file is found again when HOME has gone" {
    mkdir -p "$BATS_TEST_TMPDIR/.config/socksify"
    cp /run/programs/conf "$BATS_TEST_TMPDIR/.config/socksify/socksify.conf"
    export HOME=$BATS_TEST_TMPDIR
    expect 'a cleared environment' \
        "$(client "$SOCKSIFY" $ENV -i $ENV | grep SOCKSIFY_CONF)" \
        "SOCKSIFY_CONF=$HOME/.config/socksify/socksify.conf"
    expect 'another HOME' "$(client "$SOCKSIFY" $ENV HOME=/ $ENV | grep SOCKSIFY_CONF)" \
        "SOCKSIFY_CONF=$HOME/.config/socksify/socksify.conf"
    expect 'the same HOME' "$(client "$SOCKSIFY" $ENV -i HOME="$HOME" $ENV | grep -c SOCKSIFY)" 0
}

@test "a proxy given by ALL_PROXY stays the proxy" {
    export ALL_PROXY=${PROXY[socksify]}
    expect 'ALL_PROXY' "$(client "$SOCKSIFY" $ENV -i $ENV | grep -i PROXY=)" "ALL_PROXY=$ALL_PROXY"
    expect 'both' "$(client "$SOCKSIFY" $ENV -i all_proxy=socks5://1.2.3.4:5 $ENV | grep -i PROXY=)" \
        all_proxy=socks5://1.2.3.4:5
    expect 'another proxy' "$(client "$SOCKSIFY" -p socks5://1.2.3.4:5 $ENV -i $ENV |
        grep PROXY=)" SOCKSIFY_PROXY=socks5://1.2.3.4:5
}

@test "a program that wrote over its environment is no reason to forget" {
    expect 'the environment' "$(sorted_environment socksify python3 -c 'import ctypes, os
with open("/proc/self/stat") as file:
    start, end = map(int, file.read().rsplit(") ", 1)[1].split()[47:49])
ctypes.memset(start, 120, end - start)
os.execve("/usr/bin/env", ["env"], {})')" "$OURS"
}

# fetches COMMAND...: it prints the page, through the proxy, though its environment was cleared.
fetches() {
    expect "the page by $*" "$(socksify "$@")" "$PAGE"
}

@test "programs fetch through the proxy from a cleared environment" {
    local url=http://page.example/page
    local curl="/usr/bin/curl -s $url"
    fetches env -i curl -s $url
    fetches env -i PATH=/usr/bin wget -qO- $url
    fetches bash -c "exec env -i $curl"
    fetches bash -c "unset LD_PRELOAD \${!SOCKSIFY_*}; $curl"
    fetches sh -c "unset LD_PRELOAD; echo $url | xargs env -i /usr/bin/curl -s"
    fetches perl -e "%ENV = (); system('$curl')"
    fetches perl -e "%ENV = (); exec '$curl'"
    fetches perl -e "%ENV = (); print \`$curl\`"
    fetches python3 -c "import subprocess
subprocess.run('$curl'.split(), env={}, close_fds=True)"
    fetches python3 -c "import subprocess
subprocess.run('$curl'.split(), env={}, close_fds=False)"
    fetches python3 -c "import os
os.environ.clear()
os.system('$curl')"
    fetches python3 -c "import os
os.posix_spawn('/usr/bin/curl', '$curl'.split(), {})
os.wait()"
    printf 'unexport LD_PRELOAD SOCKSIFY_CONF\nall:\n\t@%s\n' "$curl" > "$BATS_TEST_TMPDIR/Makefile"
    fetches make -f "$BATS_TEST_TMPDIR/Makefile"
}

@test "git and ssh, and what they start, are proxied from a cleared environment" {
    socksify env -i PATH="$PATH" git clone -q http://page.example/repo.git "$BATS_TEST_TMPDIR/clone"
    expect 'the page' "$(cat "$BATS_TEST_TMPDIR/clone/page")" "$PAGE"
    fetches env -i ssh -F /run/home/ssh_config \
        -o ProxyCommand='env -i /usr/bin/nc page.example 22' page.example cat /run/web/page
}

@test "a name resolved before the environment was cleared is known after it" {
    fetches python3 -c 'import os, socket
address = socket.gethostbyname("page.example")
os.execve("/usr/bin/curl", ["curl", "-s", f"http://{address}/page"], {})'
}

WARNING='^socksify: [a-z-]+\[[0-9]+\]: warning: [^ ]+: statically linked: LD_PRELOAD cannot reach it, [^:]*$'

@test "a child that may only be preloaded, and cannot be, is told of, and runs" {
    local how where
    for how in "${EXECS[@]}" "${SPAWNS[@]}"; do
        for where in '' -v -t; do
            run -0 socksify --mode preload "$PROBES/probe-exec" $where "$how" $STATIC true
            expect_match "what is said of $how $where" "$output" "$WARNING"
        done
    done
    run -3 socksify --mode preload "$PROBES/probe-exec" execve /run/programs/script
    expect_match 'what is said of a script' "$output" 'programs/script: its interpreter .*static'
    run -0 socksify --mode preload "$PROBES/probe-exec" execve /run/programs/setuid
    expect_match 'what is said of a setuid program' "$output" 'setuid: runs setuid or setgid'
}

@test "it is told of once by each process" {
    run -0 socksify --mode preload "$PROBES/probe-exec" -r 5 -v execve $STATIC true
    expect 'the number of lines' "$(grep -c static <<< "$output")" 1
    run -0 socksify -q --mode preload "$PROBES/probe-exec" posix_spawn $STATIC true
    expect 'with -q' "$output" ''
}

@test "strict: such a child is refused with EACCES" {
    local how where
    for how in "${EXECS[@]}" posix_spawn posix_spawnp; do
        for where in '' -v -t; do
            run -127 strictly --mode preload "$PROBES/probe-exec" $where "$how" $STATIC true
            expect_match "what is said of $how $where" "$output" \
                'statically linked.*not started.*'$'\n'"$how: EACCES"
        done
    done
    for how in "${SHELLS[@]}"; do
        run -126 strictly --mode preload "$PROBES/probe-exec" "$how" $STATIC true
        expect_match "what is said of $how" "$output" 'not started.*Permission denied'
    done
    run -127 strictly --mode preload "$PROBES/probe-exec" execve /run/programs/script
    run -127 strictly --mode preload "$PROBES/probe-exec" execve /run/programs/setuid
    expect_match 'what is said of a setuid program' "$output" 'execve: EACCES'
    run -126 strictly --mode preload sh -c $STATIC
}

@test "strict: a child that can be proxied is started, and errors are the kernel's own" {
    run -0 strictly "$PROBES/probe-exec" execve /bin/true
    run -4 strictly "$PROBES/probe-exec" execvp /run/programs/text
    run -127 strictly "$PROBES/probe-exec" execve /run/programs/text
    expect 'of a script without a first line' "$output" 'execve: ENOEXEC'
    run -127 strictly "$PROBES/probe-exec" execve /run/programs/nothing
    expect 'of no file' "$output" 'execve: ENOENT'
    run -127 strictly "$PROBES/probe-exec" execvp no-such-program
    expect 'of no program' "$output" 'execvp: ENOENT'
    run -127 strictly "$PROBES/probe-exec" posix_spawn /etc/passwd
    expect 'of no executable' "$output" 'posix_spawn: EACCES'
}

@test "a configuration that cannot be used lets no child out unproxied" {
    run -127 client env LD_PRELOAD="$LIBRARY" SOCKSIFY_CONF=/nowhere \
        "$PROBES/probe-exec" -v execve $STATIC true
    expect_match 'the messages' "$output" '/nowhere: .*not started'
}

@test "a library that a child could not load is told of, and strict refuses" {
    mkdir -m 755 /run/programs/private
    cp "$LIBRARY" /run/programs/private
    cp "$PROBES/probe-exec" /run/programs/probe-exec
    local start='import os, sys
os.chmod("/run/programs/private", 0o700)
os.setuid(65534)
os.execv("/bin/true", ["true"])'
    run client env LD_PRELOAD=/run/programs/private/libsocksify.so \
        SOCKSIFY_CONF=/run/programs/strict python3 -c "$start"
    expect_match 'the message' "$output" 'libsocksify.so: cannot be read from here.*not started'
    expect_match 'the error' "$output" 'Permission denied'
    rm -r /run/programs/private
}

@test "an exec waits for the handshake of a socket that the new program inherits" {
    start_script slow world 10.77.0.1:1090 'frame greeting' 'delay 300' 'send 05 00' \
        'frame request' 'delay 300' 'send 05 00 00 01 00*6' 'relay 203.0.113.10:80'
    local second='import socket, sys
s = socket.socket(fileno=int(sys.argv[1]))
s.setblocking(True)
s.sendall(b"GET /page HTTP/1.0\r\n\r\n")
print(s.makefile().read().rsplit("\n\n")[-1], end="")'
    local first='import os, socket, sys
s = socket.socket()
s.setblocking(False)
s.set_inheritable(True)
s.connect_ex(("203.0.113.10", 80))
os.execv(sys.executable, ["python3", "-c", sys.argv[1], str(s.fileno())])'
    expect 'the page' "$(client timeout 20 "$SOCKSIFY" -p socks5://10.77.0.1:1090 \
        python3 -c "$first" "$second")" "$PAGE"
    stop slow
}
