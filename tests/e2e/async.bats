# SPDX-License-Identifier: MIT
# A connect on a non-blocking socket: EINPROGRESS at once, no readiness before the proxy has
# answered, and from then on what a direct connect would show. Each probe is run without socksify,
# too, on a slow wire, and must say the same.

load ../support/lab
load ../support/async

setup_file() {
    lab_up
    slow_wire_up
    slow_proxies_up
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

# --- Readiness comes with the end of the handshake, and not before ---

@test "poll, ppoll, select and pselect wait for the end, also in their checked forms" {
    like_control probe-async-wait "$ECHO" poll ppoll poll-checked ppoll-checked select select-in-time \
        pselect
}

@test "poll and select keep their timeouts, and are interrupted by signals" {
    like_control probe-async-wait "$ECHO" poll-timeout select-timeout interrupted
}

@test "poll and select report other descriptors meanwhile" {
    like_control probe-async-wait "$ECHO" poll-beside-a-pipe select-beside-a-pipe
}

@test "epoll reports the end, level-triggered, edge-triggered and oneshot" {
    like_control probe-async-wait "$ECHO" epoll-level epoll-edge epoll-oneshot
}

@test "epoll reports the end of what was registered before the connect" {
    like_control probe-async-wait "$ECHO" epoll-level-before epoll-edge-before epoll-oneshot-before
}

@test "threads that were asleep before are woken, however they wait" {
    like_control probe-async-wait "$ECHO" in-threads epoll-asleep-before
}

@test "a descriptor in several epoll sets is reported by each" {
    like_control probe-async-wait "$ECHO" epoll-several-sets epoll-after-other-sets
}

@test "registrations can be modified, removed and made again meanwhile" {
    like_control probe-async-wait "$ECHO" epoll-modified epoll-modified-to-nothing epoll-removed \
        epoll-removed-and-added
}

@test "epoll_ctl answers as the kernel does" {
    like_control probe-async-wait "$ECHO" epoll-answers
}

@test "epoll sets inside others, polled, selected and replaced" {
    like_control probe-async-wait "$ECHO" epoll-nested epoll-set-polled epoll-set-selected \
        epoll-set-replaced
}

# --- While it is connecting ---

@test "a second connect is EALREADY, then 0, then EISCONN" {
    like_control probe-async-outcome "$ECHO" second-connect second-connect-elsewhere
}

@test "getpeername is ENOTCONN, then the target" {
    like_control probe-async-outcome "$ECHO" peer local-name
}

@test "nothing is written into the handshake, or read from it, by any function" {
    like_control probe-async-outcome "$ECHO" transfers write-until-taken
}

@test "a socket that is made blocking meanwhile waits for the end" {
    like_control probe-async-outcome "$ECHO" blocking-write blocking-connect blocking-poll
}

@test "so does every function that writes to it or reads from it" {
    like_control probe-async-outcome "$ECHO" blocking-writes
    like_control probe-async-outcome "$EARLY" blocking-reads
}

@test "a signal handler interrupts a blocking connect, which goes on; SA_RESTART resumes it" {
    like_control probe-calls "$ECHO" interrupted interrupted-and-polled restarted
}

@test "options that are set meanwhile stay, and SO_SNDTIMEO is left alone" {
    like_control probe-async-outcome "$ECHO" options send-timeout
}

@test "a bound local address is kept, in success and in failure" {
    like_control probe-async-outcome "$ECHO" address-bound
    like_control probe-async-outcome "$REFUSED" address-bound
}

@test "shutdown and connect to AF_UNSPEC give it up" {
    like_control probe-async-outcome "$ECHO" shut-down shut-down-reading dissolved
}

@test "who asks for SO_ERROR early waits for the end" {
    says $'connect: EINPROGRESS\nSO_ERROR: 0\nasked\nSO_ERROR: 0\npeer: the target\necho: ping' \
        -- probe-async-outcome error-asked-early
}

# --- Afterwards ---

@test "the first octets of the target are there to be read" {
    like_control probe-async-outcome "$EARLY" early-octets
}

@test "the end of one direction is passed on" {
    like_control probe-async-outcome "$ECHO" end-of-direction
}

@test "a failure shows the events of a refused connect" {
    like_control probe-async-outcome "$REFUSED" failed-level failed-edge failed-oneshot failed-poll \
        failed-select failed-blocking-poll
}

@test "its error is told once: by SO_ERROR, a second connect, or a read or write" {
    like_control probe-async-outcome "$REFUSED" failed-connect failed-blocking-connect \
        failed-blocking-read failed-read failed-recv failed-write failed-sendmsg failed-shut-down \
        failed-dissolved
}

@test "the error is the target's own, whoever asks" {
    like_control probe-async-outcome "$UNREACHED" failed-edge failed-oneshot failed-select \
        failed-read failed-recv failed-write failed-sendmsg
}

@test "a silent proxy is ETIMEDOUT at the deadline, under epoll" {
    MIN_MS=490 says $'connect: EINPROGRESS\nepoll: IN|OUT|ERR|HUP|RDHUP\nSO_ERROR: ETIMEDOUT
SO_ERROR: 0' -q -t 500ms -p socks5://10.77.0.1:1104 -- probe-async-outcome silence
}

@test "TCP_FASTOPEN_CONNECT does not put off the connect until the first write" {
    says $'fast open: 0\nconnect: EINPROGRESS\nready\nSO_ERROR: 0\npeer: the target\necho: ping' \
        -- probe-async-outcome fast-open
}

@test "where the proxy is of another family the socket is replaced, and stays registered" {
    local wanted=$'connect: EINPROGRESS\nepoll: nothing\nepoll: OUT\nnodelay: 1\nSO_ERROR: 0
peer: the target\necho: ping'
    ADDRESS=2001:db8:77::10 says "$wanted" -p socks5://10.77.0.1:1100 -- \
        probe-async-outcome family-replaced
    says "$wanted" -p 'socks5://[fd77::1]:1100' -- probe-async-outcome family-replaced
}
