# SPDX-License-Identifier: MIT
# Supervised programs as processes: whoever starts one sees what he would see without socksify, be
# the supervisor beside it or above; children, daemons and whole trees stay supervised; and where
# there cannot be a supervisor, nothing is run.

load ../support/lab
load ../support/proxies

BUSYBOX=/run/programs/busybox
PAGE_URL=http://203.0.113.10/page
FETCH=("$BUSYBOX" wget -qO- "$PAGE_URL")
FETCH_LINE=${FETCH[*]} # for a shell

setup_file() {
    lab_up
    start_targets
    start_proxies microsocks
    mkdir -p /run/programs
    mkdir -m 1777 /run/tmp
    cp "$(command -v busybox)" $BUSYBOX
    cp $BUSYBOX /run/programs/unreadable
    chmod 711 /run/programs/unreadable
    cp "$(command -v id)" /run/programs/setuid
    chmod 4755 /run/programs/setuid
    printf '%s\n' "exec $FETCH_LINE" > /run/programs/fetch
}

setup() {
    export SOCKSIFY_PROXY=${PROXY[microsocks]}
    cd /run/tmp || return
    rm -rf /run/tmp/*
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# placed SCOPE COMMAND [ARG...]: a user without privileges runs it where ptrace_scope is that. Becomes
# the command.
placed() {
    local scope=$1
    shift
    exec ip netns exec client unshare --mount sh -c 'mount -t tmpfs none /proc/sys/kernel
        mkdir /proc/sys/kernel/yama
        echo "$1" > /proc/sys/kernel/yama/ptrace_scope
        shift
        exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' - "$scope" "$@"
}

# The two arrangements.
beside() {
    (placed 0 "$@")
}

above() {
    (placed 1 "$@")
}

ARRANGEMENTS=(beside above)

scope_of() {
    [ "$1" = above ] && echo 1 || echo 0
}

# The supervisors, and deputies, that there are now.
ours() {
    pgrep -x socksify
}

nobody_left() {
    ! ours > "$BATS_TEST_TMPDIR/ours"
}

# --- One program ---

@test "the exit status is the program's own" {
    local how wanted
    for how in "${ARRANGEMENTS[@]}"; do
        for wanted in 0 1 42 78 126 255; do
            run -"$wanted" "$how" "$SOCKSIFY" $BUSYBOX sh -c "exit $wanted"
            expect "the output, $how" "$output" ''
        done
    done
}

@test "a program that a signal ends is seen to end by that signal" {
    local how signal
    for how in "${ARRANGEMENTS[@]}"; do
        for signal in TERM INT KILL SEGV HUP; do
            run -0 "$how" python3 -c 'import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' \
                "$SOCKSIFY" $BUSYBOX sh -c "ulimit -c 0; kill -$signal \$\$"
            expect "the status after $signal, $how" "$output" "-$(kill -l $signal)"
        done
    done
}

IDS='cut -d " " -f 1,4-6 /proc/$$/stat' # process, parent, group, session

@test "beside: process, parent, group and session are the wrapper's" {
    local lines
    mapfile -t lines < <(beside sh -c "$IDS; exec \"\$@\"" - "$SOCKSIFY" $BUSYBOX sh -c "$IDS")
    expect 'the number of lines' "${#lines[@]}" 2
    expect 'the second one' "${lines[1]}" "${lines[0]}"
}

@test "above: group and session are the wrapper's" {
    local lines
    mapfile -t lines < <(above sh -c "$IDS; exec \"\$@\"" - "$SOCKSIFY" $BUSYBOX sh -c "$IDS")
    expect 'the number of lines' "${#lines[@]}" 2
    expect 'the second one' "${lines[1]#* * }" "${lines[0]#* * }"
    [ "${lines[1]%% *}" != "${lines[0]%% *}" ]
}

@test "beside: the program has no child that it did not make" {
    expect 'its children' "$(beside "$SOCKSIFY" $BUSYBOX sh -c \
        'read -r children < /proc/$$/task/$$/children; echo "<$children>"; wait; echo $?')" $'<>\n0'
}

@test "ignored and blocked signals stay as they were" {
    local how show='import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
import os, sys
os.execvp(sys.argv[1], sys.argv[1:])'
    for how in "${ARRANGEMENTS[@]}"; do
        expect "what the kernel says, $how" \
            "$("$how" python3 -c "$show" "$SOCKSIFY" $BUSYBOX grep -E '^Sig(Blk|Ign)' /proc/self/status)" \
            "$("$how" python3 -c "$show" $BUSYBOX grep -E '^Sig(Blk|Ign)' /proc/self/status)"
    done
}

@test "stdin and stdout are the program's, octet for octet" {
    local how
    head -c 300000 /dev/urandom > "$BATS_TEST_TMPDIR/in"
    for how in "${ARRANGEMENTS[@]}"; do
        "$how" "$SOCKSIFY" $BUSYBOX cat < "$BATS_TEST_TMPDIR/in" > "$BATS_TEST_TMPDIR/out"
        cmp "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/in"
    done
}

@test "no descriptor is left open in the program" {
    local how
    local list='ls -l /proc/self/fd | sed -n "s/.* \([0-9]* -> .*\)/\1/p" | sed "s/[0-9]\{2,\}/N/g"'
    for how in "${ARRANGEMENTS[@]}"; do
        expect "the descriptors, $how" "$("$how" "$SOCKSIFY" $BUSYBOX sh -c "$list")" \
            "$("$how" $BUSYBOX sh -c "$list")"
        expect "with stdin and stderr closed, $how" \
            "$("$how" "$SOCKSIFY" $BUSYBOX ls /proc/self/fd <&- 2>&-)" \
            "$("$how" $BUSYBOX ls /proc/self/fd <&- 2>&-)"
    done
}

@test "a low limit of descriptors is the program's, not the supervisor's" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        expect "the page and the limit, $how" "$("$how" bash -c 'ulimit -S -n 12; exec "$@"' - \
            "$SOCKSIFY" $BUSYBOX sh -c "$FETCH_LINE; ulimit -S -n")" "$PAGE
12"
        run -126 "$how" bash -c 'ulimit -n 11; exec "$@"' - "$SOCKSIFY" $BUSYBOX touch ran
        expect_match "what is said of one that cannot be raised, $how" "$output" \
            'busybox: cannot be supervised: the supervisor did not start: Too many open files'
        [ ! -e ran ]
        until_true nobody_left
    done
}

@test "a pipe that the program closes is closed, while the program goes on" {
    local how
    mkfifo -m 622 pipe
    for how in "${ARRANGEMENTS[@]}"; do
        placed "$(scope_of "$how")" "$SOCKSIFY" $BUSYBOX sh -c \
            'echo hello; exec >&- 2>&-; while [ ! -e go ]; do sleep 0.02; done' > pipe 2>&1 3>&- &
        expect "the output, $how" "$(cat pipe)" hello
        kill -0 $!
        touch go
        wait $!
        rm go
    done
}

@test "arguments reach the program as they are, and --argv0 names it" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        expect "the arguments, $how" \
            "$("$how" "$SOCKSIFY" -- $BUSYBOX printf '<%s>' -p '' 'a b' '*' --help)" \
            '<-p><><a b><*><--help>'
    done
    expect 'another name' "$("$SOCKSIFY" --argv0 echo $BUSYBOX a b)" 'a b'
    expect 'another name of a preloaded one' "$("$SOCKSIFY" --argv0 -name sh -c 'echo $0')" -name
    run -127 "$SOCKSIFY" --argv0= $BUSYBOX true
}

# --- Signals and job control ---

@test "the keyboard stops, continues and interrupts as ever" {
    local how control
    for how in "${ARRANGEMENTS[@]}"; do
        control=$("$how" "$SUPPORT/job-control")
        expect "what happens in the end without us, $how" "$(tail -n 1 <<< "$control")" 'kill: 8'
        expect "what happens, $how" \
            "$("$how" "$SUPPORT/job-control" "$SOCKSIFY" --mode supervise)" "$control"
    done
}

@test "a key that is typed while the program is being started is not lost" {
    expect 'how it ends, above' "$(above "$SUPPORT/early-key" "$SOCKSIFY" $BUSYBOX sleep 60)" 'ended by 2'
    expect 'how it ends, with --report' \
        "$(beside "$SUPPORT/early-key" "$SOCKSIFY" --report sleep 60)" 'ended by 2'
}

# started HOW SCRIPT: socksify with a shell that runs that script, in the background of another
# session; its process id is $PID. The script makes the file `ready`.
started() {
    placed "$(scope_of "$1")" "$SOCKSIFY" $BUSYBOX sh -c "$2" \
        > out 2> err < /dev/null 3>&- &
    PID=$!
    until_true test -e ready
}

@test "a signal to the wrapper reaches the program, once" {
    local how name
    for how in "${ARRANGEMENTS[@]}"; do
        for name in TERM INT HUP USR1 CONT WINCH; do
            rm -f ready go
            started "$how" "trap 'echo caught' $name
                touch ready; while [ ! -e go ]; do sleep 0.02; done; exit 9"
            kill -$name $PID
            until_true grep -q caught out
            touch go
            wait $PID || expect "the status after $name, $how" $? 9
            expect "the output after $name, $how" "$(cat out)" caught
        done
    done
}

@test "a stopped wrapper means a stopped program, and it goes on again" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        rm -f ready
        started "$how" 'trap "exit 9" USR1; touch ready; while :; do sleep 0.02; done'
        is_in_state() {
            [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$PID/stat")" = "$1" ]
        }
        kill -TSTP $PID
        until_true is_in_state T
        kill -CONT $PID
        until_true is_in_state S
        kill -USR1 $PID
        wait $PID || expect "the status, $how" $? 9
    done
}

@test "a timer that was set before the wrapper was run ends the program" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        run -0 "$how" python3 -c 'import signal, subprocess, sys
print(subprocess.run(sys.argv[1:], preexec_fn=lambda: signal.setitimer(signal.ITIMER_REAL, 0.3))
      .returncode)' "$SOCKSIFY" $BUSYBOX sleep 60
        expect "the status, $how" "$output" -14
    done
}

@test "the program ends when the wrapper is killed" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        rm -f ready
        started "$how" 'echo $$ > pid; touch ready; exec sleep 60'
        kill -KILL $PID
        wait $PID || expect "the status, $how" $? 137
        until_true is_gone "$(cat pid)"
        until_true nobody_left
    done
}

@test "a process that sends a signal to its group gets it once" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        expect "the output, $how" "$("$how" setsid -w "$SOCKSIFY" $BUSYBOX sh -c \
            'trap "echo caught" TERM; kill -TERM 0; sleep 0.2; sleep 0.2; echo end')" $'caught\nend'
    done
}

# --- Trees of processes ---

@test "children are supervised, however they were made and whatever their environment is" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        expect "of a fork, $how" "$("$how" "$SOCKSIFY" $BUSYBOX sh -c "($FETCH_LINE); true")" "$PAGE"
        expect "in the background, $how" "$("$how" "$SOCKSIFY" $BUSYBOX sh -c "$FETCH_LINE & wait")" \
            "$PAGE"
        expect "of exec after exec, $how" "$("$how" "$SOCKSIFY" $BUSYBOX sh -c \
            "exec $BUSYBOX sh -c 'exec $BUSYBOX env -i $FETCH_LINE'")" "$PAGE"
        expect "in a session of their own, $how" "$("$how" "$SOCKSIFY" $BUSYBOX sh -c \
            "$BUSYBOX setsid $FETCH_LINE | cat")" "$PAGE"
        expect "a dynamic one from a cleared environment, $how" "$("$how" "$SOCKSIFY" $BUSYBOX \
            env -i /usr/bin/curl -sS $PAGE_URL)" "$PAGE"
        expect "in namespaces of their own, $how" "$("$how" "$SOCKSIFY" --mode supervise \
            unshare --user --pid --fork "${FETCH[@]}")" "$PAGE"
    done
}

@test "a daemon outlives the program, and is supervised to its end" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        rm -f go page
        run -3 "$how" "$SOCKSIFY" $BUSYBOX sh -c "
            $BUSYBOX setsid $BUSYBOX sh -c '
                while [ ! -e go ]; do sleep 0.02; done; $FETCH_LINE > page' > out 2>&1 < /dev/null 3>&- &
            exit 3"
        [ ! -e page ]
        ours
        touch go
        until_true grep -q . page
        expect "the page, $how" "$(cat page)" "$PAGE"
        until_true nobody_left
    done
}

@test "the supervisor ends with the last process of the program" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        "$how" "$SOCKSIFY" $BUSYBOX true
        until_true nobody_left
        "$how" "$SOCKSIFY" --seal sh -c 'true & true & wait'
        until_true nobody_left
    done
}

@test "a program that a preloaded one starts is supervised where preloading does not reach" {
    local how where
    for how in execve execv execvp execvpe execl execlp execle fexecve execveat posix_spawn \
        posix_spawnp system popen; do
        for where in '' -v -t; do
            expect "the page by $how $where" \
                "$(beside "$SOCKSIFY" "$PROBES/probe-exec" $where $how $BUSYBOX sh \
                    /run/programs/fetch)" "$PAGE"
        done
    done
    expect 'the page by execve, above' \
        "$(above "$SOCKSIFY" "$PROBES/probe-exec" -v execve "${FETCH[@]}")" "$PAGE"
    for how in '-v execve' posix_spawn; do
        read -ra where <<< "$how"
        expect "the mappings left by $how" "$("$SOCKSIFY" "$PROBES/probe-exec" -n 1000 -r 20 \
            "${where[@]}" $BUSYBOX true)" 'grown: 0'
    done
}

@test "what it is started with is its own: name, arguments, environment, directory, descriptors" {
    expect 'name and arguments' "$("$SOCKSIFY" python3 -c "import os
os.execv('$BUSYBOX', ['printf', '<%s>', '', '--', '-p', 'a b'])")" '<><--><-p><a b>'
    expect 'a relative path' \
        "$(cd /run/programs && "$SOCKSIFY" python3 -c "import os
os.execv('busybox', ['pwd'])")" /run/programs
    expect 'no argument at all' "$("$SOCKSIFY" python3 -c "import ctypes
ctypes.CDLL(None).execve(b'$BUSYBOX', None, None)" 2>&1 | head -n 1)" ': applet not found'
    expect 'the environment' "$("$SOCKSIFY" env -i A=1 LD_PRELOAD=libm.so.6 $BUSYBOX env | sort)" \
        "A=1
LD_PRELOAD=$BUILD/libsocksify.so:libm.so.6
SOCKSIFY_PROXY=$SOCKSIFY_PROXY"
    expect 'a descriptor' "$("$SOCKSIFY" bash -c "exec 7<<< hello; exec $BUSYBOX cat <&7")" hello
    expect 'a file without a name' "$("$SOCKSIFY" python3 -c "import os, shutil
fd = os.memfd_create('x', 0)
shutil.copyfileobj(open('$BUSYBOX', 'rb'), os.fdopen(fd, 'wb', closefd=False))
os.execve(fd, ['echo', 'hello'], os.environ)")" hello
}

@test "the mode is the children's, too" {
    expect 'the variable' "$("$SOCKSIFY" --mode preload env -i env | grep MODE)" \
        SOCKSIFY_MODE=preload
    run -0 "$SOCKSIFY" --mode preload sh -c "$BUSYBOX true; true"
    expect_match 'what is said' "$output" 'busybox: statically linked: .*without the proxy'
    export SOCKSIFY_MODE=preload
    run -126 "$SOCKSIFY" $BUSYBOX true
    run -0 "$SOCKSIFY" --mode auto $BUSYBOX true
    SOCKSIFY_MODE=nonsense run -78 "$SOCKSIFY" true
    expect_match 'the message' "$output" 'SOCKSIFY_MODE: nonsense: expected'
    SOCKSIFY_MODE=seal run -2 "$SOCKSIFY" --env
}

@test "--shell takes each mode" {
    local mode
    for mode in --mode=preload --mode=auto --mode=supervise --seal; do
        expect "the page with $mode" "$(echo "curl -sS $PAGE_URL; exit 5" |
            SHELL=/bin/sh client "$SOCKSIFY" "$mode" --shell || echo "exit $?")" "$PAGE
exit 5"
    done
}

@test "--embedded serves a supervised program, and is gone with it" {
    local how
    start_script page client 127.0.0.1:8080 head 'text HTTP/1.0 200 OK\r\n\r\nhello\n'
    echo '127.0.0.1 hello.example' > hosts
    unset SOCKSIFY_PROXY
    for how in "${ARRANGEMENTS[@]}"; do
        expect "the page, $how" "$("$how" "$SOCKSIFY" --embedded --hosts hosts \
            $BUSYBOX wget -qO- http://hello.example:8080/)" hello
        until_true nobody_left
    done
    stop page
}

# --- What is said ---

@test "-v tells which way, and why" {
    export SOCKSIFY_PROXY
    expect 'of a preloaded one' "$("$SOCKSIFY" -v true 2>&1)" 'socksify: true: preloaded'
    expect 'of a static one' "$("$SOCKSIFY" -v $BUSYBOX true 2>&1)" \
        'socksify: busybox: supervised: statically linked: LD_PRELOAD cannot reach it'
    expect 'of a supervised one' "$("$SOCKSIFY" -v --mode supervise true 2>&1)" \
        'socksify: true: supervised'
    expect 'of a sealed one' "$("$SOCKSIFY" -v --seal true 2>&1)" \
        'socksify: true: sealed: preloaded and supervised'
    expect 'of a child' "$("$SOCKSIFY" -v sh -c "$BUSYBOX true; true" 2>&1)" \
        'socksify: sh: preloaded
socksify: busybox: supervised: statically linked: LD_PRELOAD cannot reach it'
    "$SOCKSIFY" -v --log-file log true
    expect 'in the log file' "$(cat log)" 'socksify: true: preloaded'
    expect 'without -v' "$("$SOCKSIFY" $BUSYBOX true 2>&1; "$SOCKSIFY" --seal true 2>&1)" ''
}

@test "a password on the command line is not shown for as long as there is a supervisor" {
    local pid
    placed 1 "$SOCKSIFY" -p "$SOCKSIFY_PROXY" --proxy=socks5://u:s3cret@h $BUSYBOX sh -c \
        'touch ready; while [ ! -e go ]; do sleep 0.02; done' 3>&- &
    until_true test -e ready
    expect 'the number of processes' "$(ours | wc -l)" 2
    for pid in $(ours); do
        tr '\0' ' ' < "/proc/$pid/cmdline" > line
        expect_match 'a command line' "$(cat line)" '^.*socksify -p \*+ --proxy=\*+ /run'
    done
    touch go
    wait $!
}

# --- Nested ---

@test "a nested socksify: a preloaded program reaches its proxy through the outer one" {
    start_proxies socksify
    expect 'the page' "$(client "$SOCKSIFY" --mode supervise "$SOCKSIFY" -p "${PROXY[socksify]}" \
        curl -sS $PAGE_URL)" "$PAGE"
    expect_match 'what the inner proxy saw' "$(stderr_of socksify)" '203.0.113.10:80'
    stop socksify
}

@test "a nested socksify: a static program stays under the outer one, or is refused" {
    run -0 client "$SOCKSIFY" --mode supervise "$SOCKSIFY" -v "${FETCH[@]}"
    expect 'what is said' "${lines[0]}" 'socksify: busybox: supervised by an outer socksify: '\
'statically linked: LD_PRELOAD cannot reach it'
    expect 'the page' "${lines[-1]}" "$PAGE"
    local option
    printf 'default block\n' > conf
    for option in --proxy=socks5://10.77.0.1:1 --config=conf; do
        run -126 "$SOCKSIFY" --mode supervise "$SOCKSIFY" "$option" $BUSYBOX true
        expect_match "the message with $option" "$output" 'already supervised by an outer socksify'
    done
    run -126 "$SOCKSIFY" --seal "$SOCKSIFY" --embedded $BUSYBOX true
    expect_match 'the message with --embedded' "$output" 'already supervised.*--embedded'
}

@test "a nested socksify supervises from inside a preloaded shell, past its library" {
    start_proxies socksify
    expect 'the page' "$(client "$SOCKSIFY" -p socks5://10.77.0.1:1 sh -c '"$@"; true' - "$SOCKSIFY" \
        -p "${PROXY[socksify]}" "${FETCH[@]}")" "$PAGE"
    expect 'the page, supervised' "$(client "$SOCKSIFY" -p socks5://10.77.0.1:1 sh -c '"$@"; true' - \
        "$SOCKSIFY" --mode supervise -p "${PROXY[socksify]}" sh -c "echo \$LD_PRELOAD; $FETCH_LINE")" "
$PAGE"
    expect 'other libraries' "$(LD_PRELOAD=libm.so.6 "$SOCKSIFY" sh -c '"$@"; true' - \
        "$SOCKSIFY" --mode supervise sh -c 'echo $LD_PRELOAD')" libm.so.6
    stop socksify
}

# --- Where it cannot be ---

# without NUMBER ERRNO OPTION...: where a system call is forbidden.
without() {
    local number=$1 error=$2
    shift 2
    run -126 client "$SUPPORT/forbid" "$number" "$error" "$SOCKSIFY" "$@" $BUSYBOX touch ran
    [ ! -e ran ]
}

number_of() { # SYSTEM-CALL
    echo "#include <sys/syscall.h>
SYS_$1" | gcc -E - | tail -n 1
}

@test "a container that forbids what it takes is told of, and nothing is run" {
    without "$(number_of seccomp)" EPERM
    expect_match 'the message' "$output" "busybox: cannot be supervised: seccomp\(2\).*container's seccomp profile"
    expect_match 'the reason' "$output" 'statically linked'
    without "$(number_of seccomp)" ENOSYS --mode supervise
    expect_match 'the message' "$output" 'cannot be supervised: seccomp.*Linux 5.9'
    without "$(number_of pidfd_getfd)" EPERM --seal
    expect_match 'the message' "$output" 'pidfd_getfd\(2\).*CAP_SYS_PTRACE'
    without "$(number_of pidfd_getfd)" ENOSYS
    expect_match 'the message' "$output" 'pidfd_getfd\(2\).*Linux 5.9'
    without "$(number_of process_vm_readv)" EPERM
    expect_match 'the message' "$output" 'process_vm_readv\(2\).*CAP_SYS_PTRACE'
}

@test "there, a preloaded program is preloaded, and its static child told of as ever" {
    run -0 client "$SUPPORT/forbid" "$(number_of seccomp)" EPERM "$SOCKSIFY" \
        sh -c "curl -sS $PAGE_URL; $BUSYBOX true"
    expect_match 'the output' "$output" "$PAGE.*busybox: statically linked: .* without the proxy"
}

@test "a ptrace_scope that lets nobody look is told of" {
    local scope
    for scope in 2 3; do
        run -126 placed $scope "$SOCKSIFY" $BUSYBOX touch ran
        expect_match 'the message' "$output" 'cannot be supervised: ptrace_scope .Yama. lets no process'
        run -0 placed $scope "$SOCKSIFY" sh -c "$BUSYBOX true; true"
        expect_match 'of a child' "$output" 'busybox: statically linked: .* without the proxy'
    done
    [ ! -e ran ]
}

@test "an unreadable program is refused, unless it may be looked into nevertheless" {
    run -126 beside "$SOCKSIFY" /run/programs/unreadable true
    expect_match 'the message' "$output" 'unreadable: may be run but not read'
    expect 'with CAP_SYS_PTRACE' "$(client setpriv --reuid=65534 --regid=65534 --clear-groups \
        --inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace \
        "$SOCKSIFY" --argv0 busybox /run/programs/unreadable wget -qO- $PAGE_URL)" "$PAGE"
}

@test "a setuid program runs without its privileges, and a warning says so" {
    run -0 beside "$SOCKSIFY" /run/programs/setuid -u
    expect_match 'the warning' "${lines[0]}" 'setuid: runs without the privileges'
    expect 'the user' "${lines[1]}" 65534
    run -0 beside "$SOCKSIFY" sh -c '/run/programs/setuid -u'
    expect_match 'the warning to a child that keeps them' "${lines[0]}" 'setuid: runs setuid'
    expect 'the user' "${lines[1]}" 0
}

@test "a program whose supervisor was killed connects to nobody" {
    local how
    for how in "${ARRANGEMENTS[@]}"; do
        rm -f ready go
        started "$how" "touch ready; while [ ! -e go ]; do sleep 0.02; done; $FETCH_LINE; echo \$?; exit 9"
        kill -KILL "$(ours | grep -vx $PID)"
        touch go
        wait $PID || expect "the status, $how" $? 9
        expect "what wget gives, $how" "$(cat out)" 1
        expect_match "what it says, $how" "$(cat err)" 'Function not implemented'
    done
}
