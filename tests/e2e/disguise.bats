# SPDX-License-Identifier: MIT
# Connects that are not calls of connect(2) by its name: syscall(2), functions looked up in libc,
# libraries that prefer libc to us, constructors that come before ours.

load ../support/lab
load ../support/proxies

PROBE=$PROBES/probe-disguise

setup_file() {
    lab_up
    start_targets
    start_proxies socksify
    LIBRARIES=$BATS_FILE_TMPDIR/libraries
    export LIBRARIES
    mkdir -p "$LIBRARIES/inner"
    library fetch.so fetch.c
    library libearly.so fetch.c -DEARLY
    library counter.so counter.c
    library inner/libinner.so inner.c
    # shellcheck disable=SC2016  # $ORIGIN is the loader's
    library opener.so opener.c -Wl,--enable-new-dtags '-Wl,-rpath,$ORIGIN/inner'
    echo 'int main(void) { return 0; }' > "$LIBRARIES/main.c"
    # shellcheck disable=SC2016
    cc -o "$LIBRARIES/linked" "$LIBRARIES/main.c" -Wl,--no-as-needed "$LIBRARIES/libearly.so" \
        '-Wl,-rpath,$ORIGIN'
}

teardown_file() {
    stop_all
}

teardown() {
    assert_no_leak
}

library() { # NAME SOURCE [OPTION...]
    local name=$1 source=$SUPPORT/disguise/$2
    shift 2
    cc -D_GNU_SOURCE -O1 -shared -fPIC -Wl,-soname,"${name##*/}" -o "$LIBRARIES/$name" "$source" "$@"
}

# What the library says of a run: the same as the wrapper's "through", which sets LD_PRELOAD.
preloaded() { # LIBRARIES COMMAND [ARG...]
    local list=$1
    shift
    client timeout 20 env LD_PRELOAD="$list" SOCKSIFY_PROXY="${PROXY[socksify]}" "$@"
}

page_of() { # TEXT: its last line, the body of an answer
    tail -n 1 <<< "$1"
}

expect_page() { # COMMAND [ARG...]
    local got
    got=$("$@")
    expect "what $* prints" "$(page_of "$got")" "$PAGE"
}

@test "without socksify every way of the probe leads past the proxy" {
    local way ways=0
    for way in syscall polled handle version program default next; do
        run -1 client timeout 20 "$PROBE" $way 203.0.113.10 80
        ways=$((ways + 1))
        [ "$(leaked_packets)" -gt 0 ]
    done
    expect 'how many were tried' $ways 7
    run -1 client timeout 20 "$PROBE" deep "$LIBRARIES/fetch.so" 203.0.113.10 80
    [ "$(leaked_packets)" -gt 0 ]
}

@test "syscall(2) connects through the proxy, by address and by name" {
    expect_page through socksify "$PROBE" syscall 203.0.113.10 80
    expect_page through socksify "$PROBE" syscall page.example 80
    expect_page through socksify "$PROBE" syscall 2001:db8:77::10 80
}

@test "syscall(2) connects a non-blocking socket through the proxy" {
    expect_page through socksify "$PROBE" polled page.example 80
}

@test "syscall(2) with MSG_FASTOPEN connects through the proxy, and sends what it was given" {
    expect_page through socksify "$PROBE" sendto page.example 80
    expect_page through socksify "$PROBE" sendmsg page.example 80
    expect_page through socksify "$PROBE" sendmmsg page.example 80
}

@test "syscall(2) does all else as ever" {
    expect 'bare' "$(client "$PROBE" pass)" passed
    expect 'socksified' "$(through socksify "$PROBE" pass)" passed
}

@test "syscall(2) with execve keeps the program proxied" {
    expect_page through socksify "$PROBE" exec "$PROBE" syscall page.example 80
}

@test "io_uring is not there, and -v says so" {
    run --separate-stderr client timeout 20 "$SOCKSIFY" -v -p "${PROXY[socksify]}" "$PROBE" uring
    expect 'the error' "$output" ENOSYS
    # shellcheck disable=SC2154  # stderr is bats' own
    expect_match 'the message' "$stderr" 'probe-disguise\[[0-9]+\]: io_uring is refused'
}

@test "functions found in libc with dlsym and dlvsym are ours" {
    local way
    for way in handle version program default; do
        expect_page through socksify "$PROBE" $way page.example 80
    done
}

@test "RTLD_NEXT in the program leads to the first preloaded library" {
    expect_page through socksify "$PROBE" next page.example 80
}

@test "a library opened with RTLD_DEEPBIND connects through the proxy" {
    expect_page through socksify "$PROBE" deep "$LIBRARIES/fetch.so" 203.0.113.10 80
}

@test "dlopen, dlmopen and dlsym see their caller, not us" {
    local wanted='deep 1 same 1 loaded 1 inner 2 select 3 default 1'
    expect 'bare' "$(client "$PROBE" call "$LIBRARIES/opener.so" opener)" "$wanted"
    expect 'socksified' "$(through socksify "$PROBE" call "$LIBRARIES/opener.so" opener)" "$wanted"
}

@test "a library in a namespace of its own is said to be out of reach" {
    run --separate-stderr through socksify "$PROBE" space "$LIBRARIES/fetch.so" 127.0.0.1 9
    # shellcheck disable=SC2154
    expect_match 'the message' "$stderr" 'warning: .*/fetch\.so .*not proxied'
}

@test "a library preloaded after ours keeps its turn, and is called for the proxy" {
    got=$(preloaded "$BUILD/libsocksify.so $LIBRARIES/counter.so" "$PROBE" handle page.example 80 \
        2> "$BATS_TEST_TMPDIR/stderr")
    expect 'the page' "$(page_of "$got")" "$PAGE"
    expect 'its calls' "$(cat "$BATS_TEST_TMPDIR/stderr")" 'connect 10.77.0.1'
}

@test "a library preloaded before ours finds us with RTLD_NEXT" {
    got=$(preloaded "$LIBRARIES/counter.so $BUILD/libsocksify.so" "$PROBE" default 203.0.113.10 80 \
        2> "$BATS_TEST_TMPDIR/stderr")
    expect 'the page' "$(page_of "$got")" "$PAGE"
    expect 'its calls' "$(cat "$BATS_TEST_TMPDIR/stderr")" 'connect 203.0.113.10'
}

@test "constructors that run before ours connect through the proxy" {
    export EARLY_ADDRESS=203.0.113.10
    local ours=$BUILD/libsocksify.so early=$LIBRARIES/libearly.so
    run client timeout 20 "$LIBRARIES/linked"
    [ "$(leaked_packets)" -gt 0 ]
    expect_page preloaded "$ours" "$LIBRARIES/linked"
    expect_page preloaded "$ours $early" true
    expect_page preloaded "$early $ours" true
}

@test "Python's ctypes connects through the proxy, by any handle" {
    local script='import ctypes, socket, struct, sys
libc = ctypes.CDLL(*[name or None for name in sys.argv[1:]])
sock = socket.socket()
to = struct.pack("=H2s4s8x", socket.AF_INET, struct.pack("!H", 80), socket.inet_aton("203.0.113.10"))
if libc.connect(sock.fileno(), to, len(to)) != 0:
    sys.exit("connect failed")
sock.sendall(b"GET /page HTTP/1.0\r\n\r\n")
sys.stdout.write(sock.makefile().read())'
    run ! client timeout 20 python3 -c "$script" libc.so.6
    [ "$(leaked_packets)" -gt 0 ]
    expect_page through socksify python3 -c "$script" libc.so.6
    expect_page through socksify python3 -c "$script" ''
}

@test "LuaJIT's FFI connects through the proxy" {
    local script='local ffi = require("ffi")
ffi.cdef[[
struct in4 { uint16_t family; uint8_t port[2]; uint8_t address[4]; uint8_t zero[8]; };
int socket(int, int, int);
int connect(int, const struct in4 *, uint32_t);
long write(int, const void *, unsigned long);
long read(int, void *, unsigned long);
]]
for _, libc in ipairs({ ffi.load("libc.so.6"), ffi.C }) do
    local to = ffi.new("struct in4", { 2, { 0, 80 }, { 203, 0, 113, 10 } })
    local fd = libc.socket(2, 1, 0)
    if libc.connect(fd, to, 16) ~= 0 then os.exit(1) end
    local request = "GET /page HTTP/1.0\r\n\r\n"
    libc.write(fd, request, #request)
    local answer = ffi.new("char[4096]")
    local got = libc.read(fd, answer, 4096)
    while got > 0 do
        io.write(ffi.string(answer, got))
        got = libc.read(fd, answer, 4096)
    end
end'
    run -1 client timeout 20 luajit -e "$script"
    [ "$(leaked_packets)" -gt 0 ]
    got=$(through socksify luajit -e "$script")
    expect 'how many pages' "$(grep -cx "$PAGE" <<< "$got")" 2
}

@test "PHP's sockets, in an extension that is opened with RTLD_DEEPBIND, go through the proxy" {
    # shellcheck disable=SC2016
    local script='$s = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
socket_connect($s, gethostbyname("page.example"), 80) or exit(1);
socket_write($s, "GET /page HTTP/1.0\r\n\r\n");
while (($got = socket_read($s, 4096)) != "") echo $got;'
    expect_page through socksify php -n -d extension=sockets -r "$script"
}

@test "a 32-bit program connects through the proxy in all these ways" {
    local way build=$BATS_FILE_TMPDIR/m32
    make -s -j2 -C "$SOURCE" BUILD="$build" CC='cc -m32' "$build/libsocksify.so" \
        "$build/support/probe-disguise" > "$BATS_TEST_TMPDIR/make" 2>&1 ||
        { cat "$BATS_TEST_TMPDIR/make"; return 1; }
    for way in syscall polled sendto socketcall handle version program default next; do
        expect_page preloaded "$build/libsocksify.so" "$build/support/probe-disguise" $way \
            page.example 80
    done
    expect 'all else' \
        "$(preloaded "$build/libsocksify.so" "$build/support/probe-disguise" pass)" passed
}
