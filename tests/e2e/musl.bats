# SPDX-License-Identifier: MIT
# Built with musl, for programs of musl: wrapper, library and the probes of the other tests.

load ../support/lab
load ../support/proxies
load ../support/async

TREE=/run/musl
PROBES=$TREE/support
SOCKSIFY=$TREE/socksify
LIBRARY=$TREE/libsocksify.so
ENV=$PROBES/probe-environment
# The library needs nothing but musl. The wrapper also needs the kernel's headers, and sys/queue.h,
# which come with glibc's here.
HEADERS='-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu'

make_quietly() {
    make -s -j2 -C "$SOURCE" BUILD="$TREE" CC=musl-gcc "$@" > "$BATS_FILE_TMPDIR/make" 2>&1 ||
        { cat "$BATS_FILE_TMPDIR/make"; return 1; }
}

setup_file() {
    local probe source
    mkdir -p $PROBES
    make_quietly CFLAGS='-O2 -Werror' library
    make_quietly CFLAGS="-O2 $HEADERS" all
    for probe in connect fetch netdb getaddrinfo dns datagram exec async-wait async-outcome; do
        source=$SUPPORT/probe-$probe.c
        musl-gcc -std=c11 -D_GNU_SOURCE -include "$SUPPORT/musl.h" -o "$PROBES/probe-$probe" "$source"
    done
    musl-gcc -o $ENV -x c - <<'END'
#include <stdio.h>
extern char **environ;
int main(void)
{
    for (char **entry = environ; *entry; entry++)
        puts(*entry);
    return 0;
}
END
    # What the servers of the world are made of.
    ln -s "$BUILD/support"/{scripted-server,slow-link} $PROBES

    lab_up
    start_targets
    start_proxies socksify
    slow_wire_up
    slow_proxies_up
    echo '10.77.0.99 known.lan alias.lan' >> /etc/netns/client/hosts
    echo '10.77.0.98 known.lan' >> /etc/netns/client/hosts
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
    through socksify "$@"
}

@test "the library needs musl alone, and exports nothing that is not in exports.map" {
    expect 'NEEDED' "$(readelf -d $LIBRARY | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')" libc.so
    nm -D --defined-only --format=just-symbols $LIBRARY | sort > "$BATS_TEST_TMPDIR/ours"
    sed -n 's/^ *\([a-z0-9_]*\);.*/\1/p' "$SOURCE/preload/exports.map" | sort \
        > "$BATS_TEST_TMPDIR/wanted"
    expect 'what is not there' "$(comm -23 "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/wanted")" ''
    nm -D --defined-only --format=just-symbols /lib/ld-musl-x86_64.so.1 | sort \
        > "$BATS_TEST_TMPDIR/libc"
    # These do what the kernel does.
    expect 'what musl lacks' \
        "$(comm -23 "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/libc" | xargs)" \
        'close_range closefrom execveat'
}

@test "without socksify a program of musl connects past the proxy" {
    client timeout 5 $PROBES/probe-connect 203.0.113.10 80 || true
    [ "$(leaked_packets)" -gt 0 ]
}

@test "a program of musl connects through the proxy by name, blocking and not" {
    expect 'what is fetched' "$(socksify $PROBES/probe-fetch page.example 80)" "$PAGE"
    expect 'what is fetched without blocking' "$(socksify $PROBES/probe-fetch -n page.example 80)" \
        "$PAGE"
    expect_match 'a connect by IPv6' "$(socksify $PROBES/probe-connect -6 page.example 80)" \
        'connect: 0'
}

@test "the library preloaded by hand does the same" {
    expect 'what is fetched' "$(client timeout 20 env -i LD_PRELOAD=$LIBRARY \
        SOCKSIFY_PROXY="${PROXY[socksify]}" $PROBES/probe-fetch page.example 80)" "$PAGE"
}

STANDIN='198\.1[89]\.[0-9.]+'

@test "names are answered with stand-ins, those of the hosts file from there" {
    expect_match 'getaddrinfo' \
        "$(socksify $PROBES/probe-getaddrinfo page.example 80 unspec stream 0 canonname)" \
        "$STANDIN 80 canonname=page\.example"
    expect_match 'gethostbyname' "$(socksify $PROBES/probe-netdb gethostbyname page.example)" \
        "^page\.example family=2 length=4 $STANDIN\$"
    expect 'a name with two addresses' \
        "$(socksify $PROBES/probe-getaddrinfo alias.lan 80 unspec stream 0 canonname |
            grep -oE '10\.77\S+|canonname=\S+' | xargs)" \
        '10.77.0.99 canonname=known.lan'
    expect 'the other' "$(socksify $PROBES/probe-netdb gethostbyname known.lan)" \
        'known.lan family=2 length=4 10.77.0.99 10.77.0.98'
}

@test "the lists of getaddrinfo are freed, whatever they were made of" {
    musl-gcc -D_GNU_SOURCE -o "$BATS_TEST_TMPDIR/lists" -x c - <<'END'
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long resident(void)
{
    long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2)
        return -1;
    fclose(file);
    return resident;
}

int main(int argc, char **argv)
{
    long before = 0;
    for (int i = 0; i < 20000; i++) {
        struct addrinfo hints = {.ai_flags = i & 1 ? AI_CANONNAME : 0};
        for (int arg = 1; arg < argc; arg++) {
            struct addrinfo *list;
            if (getaddrinfo(argv[arg], "80", &hints, &list) != 0 || !list->ai_next)
                return 1;
            if (i & 1 && !*list->ai_canonname)
                return 2;
            freeaddrinfo(list);
        }
        if (i == 100)
            before = resident();
    }
    long grown = resident() - before;
    printf("%s\n", grown < 64 ? "steady" : "grown");
    return 0;
}
END
    expect 'the memory' "$(socksify "$BATS_TEST_TMPDIR/lists" page.example known.lan localhost \
        203.0.113.10)" steady
}

@test "a datagram is refused" {
    local way
    for way in sendto sendmsg sendmmsg; do
        expect "$way" "$(socksify -q $PROBES/probe-datagram $way 203.0.113.10 9999)" "$way: EACCES"
    done
}

@test "every function that starts a program puts back what a cleared environment lacks" {
    local how
    for how in execve execv execvp execvpe execl execlp execle fexecve posix_spawn posix_spawnp; do
        expect "LD_PRELOAD by $how" "$(socksify $PROBES/probe-exec $how $ENV | grep LD_PRELOAD)" \
            "LD_PRELOAD=$LIBRARY"
    done
    for how in execve execle; do
        expect "LD_PRELOAD by $how after vfork" \
            "$(socksify $PROBES/probe-exec -v $how $ENV | grep LD_PRELOAD)" "LD_PRELOAD=$LIBRARY"
    done
}

@test "a program of glibc is told of, or refused" {
    run -126 client "$SOCKSIFY" --mode preload -p "${PROXY[socksify]}" /bin/true
    expect_match 'the message' "$output" 'linked to another C library.* its loader is /lib.*ld-linux'
}

@test "non-blocking connects: readiness comes with the end of the handshake" {
    like_control probe-async-wait "$ECHO" poll ppoll select pselect epoll-level epoll-edge \
        epoll-oneshot epoll-several-sets epoll-answers in-threads poll-timeout
}

@test "non-blocking connects: what the program sees meanwhile and at the end" {
    like_control probe-async-outcome "$ECHO" second-connect peer transfers write-until-taken \
        blocking-connect options address-bound
}
