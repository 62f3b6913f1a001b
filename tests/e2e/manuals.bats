# SPDX-License-Identifier: MIT
# What there is, the manuals and the default configuration tell of: directives, options of proxies,
# schemes, patterns, variables, exit statuses. And what that configuration shows as examples works.

load ../support/lab

CONF=$SOURCE/conf/socksify.conf
PAGE=$SOURCE/conf/socksify.conf.5

# in_sources FILE PATTERN: what stands for the first group of the pattern, on the lines that have it.
in_sources() {
    sed -nE "s/.*$2.*/\1/p" "$SOURCE/$1"
}

# told FILE PATTERN WORD...: each is on a line of the file that the pattern matches, with the word in
# place of @.
told() {
    local file=$1 pattern=$2 word
    shift 2
    [ $# -gt 0 ]
    for word in "$@"; do
        word=${pattern//@/"$word"}
        if ! grep -qE -- "$word" "$file"; then
            echo "not in $file: $word"
            return 1
        fi
    done
}

@test "every directive is in the manual and in the default configuration" {
    local directives
    mapfile -t directives < <(in_sources core/directives.c '^ +\{"([a-z-]+)", read_[a-z_]+\}')
    [ ${#directives[@]} -ge 9 ]
    told "$PAGE" '^\.It Ic @( |$)' "${directives[@]}"
    told "$CONF" '^#@ ' "${directives[@]}"
    told "$PAGE" '^\.It Ic \[@ ' app
    told "$CONF" '^#\[@ [^]]+\]$' app
}

@test "every option of a proxy is in both, with each value" {
    local options
    mapfile -t options < <(in_sources core/proxy.c '^ +\{"([a-z-]+)", set_[a-z_]+\}')
    [ ${#options[@]} -ge 4 ]
    told "$PAGE" '^\.It Cm @ Ns = Ns ' "${options[@]}"
    told "$CONF" '^#proxy .* @=' "${options[@]}"
    told "$PAGE" '^\.It Cm @$' 'pipeline Ns = Ns Cm yes \| no' 'auth Ns = Ns Cm password \| any' \
        'resolve Ns = Ns Cm local \| proxy'
    told "$CONF" '^#proxy .*[ &]@( |$)' timeout=60s pipeline={yes,no} auth={password,any} \
        resolve={local,proxy}
    told "$CONF" '^#proxy .*@' '\?pipeline=yes&timeout=500ms'
}

@test "every scheme is in both" {
    local schemes
    mapfile -t schemes < <(grep -oP '\{"\Ksocks[0-9a-z]*(?=", PROXY_)' "$SOURCE/core/proxy.c")
    [ ${#schemes[@]} -ge 5 ]
    told "$PAGE" '^\.It Li (.* )?@( |$)' "${schemes[@]}"
    told "$CONF" '@://' "${schemes[@]}"
}

@test "every kind of pattern, and every word of the directives, has an example" {
    local name='[a-z]+\.example\.com' four='[0-9.]+' six='2001:db8[0-9a-f:]*'
    told "$CONF" '^#(direct|block|via [a-z,]+) .*@( |$)' " $name" '\*\.[a-z.]+' " $four" \
        " $four/[0-9]+" " $six" " $six/[0-9]+" localnet " $name:[0-9]+" '\*:[0-9]+' "$four:[0-9-]+" \
        "$four/[0-9]+:[0-9]+-[0-9]+" "\[$six\]:[0-9]+-[0-9]+" '\[::/0\]:[0-9]+' localnet:445
    told "$CONF" '^#@$' 'udp direct' 'udp (direct|block) .+' 'strict yes' 'strict no' \
        'default direct' 'default block' 'default [a-z]+' 'default [a-z]+,[a-z]+' \
        'via [a-z]+,[a-z]+ .+' 'via direct .+' 'timeout [0-9]+s' 'timeout [0-9]+m' \
        'dns-server [0-9.]+' 'dns-server \[.*\]:[0-9]+' '\[app .*\*.*\]' '\[app .*\?.*\]'
}

@test "the default configuration is right as it is, and with all its examples" {
    "$SOCKSIFY" -f "$CONF" -p socks5://127.0.0.1:9 true
    sed 's/^#\([^ ]\)/\1/' "$CONF" > "$BATS_TEST_TMPDIR/conf"
    [ "$(grep -cE '^[a-z[]' "$BATS_TEST_TMPDIR/conf")" -ge 40 ]
    run -0 "$SOCKSIFY" -q -f "$BATS_TEST_TMPDIR/conf" true
    expect 'what is said' "$output" ''
}

@test "each of its examples is right alone, beside the proxies" {
    local line
    grep '^#proxy ' "$CONF" | cut -c 2- > "$BATS_TEST_TMPDIR/proxies"
    grep '^#[^ ]' "$CONF" | grep -v '^#proxy ' | cut -c 2- > "$BATS_TEST_TMPDIR/examples"
    [ "$(wc -l < "$BATS_TEST_TMPDIR/examples")" -ge 25 ]
    while read -r line; do
        { cat "$BATS_TEST_TMPDIR/proxies" && echo "$line"; } > "$BATS_TEST_TMPDIR/conf"
        run -0 "$SOCKSIFY" -q -f "$BATS_TEST_TMPDIR/conf" -p tor true
    done < "$BATS_TEST_TMPDIR/examples"
}

@test "the two lines that it calls the shortest useful file are one" {
    sed -n '1,/^$/s/^#     //p' "$CONF" > "$BATS_TEST_TMPDIR/conf"
    expect 'the number of lines' "$(wc -l < "$BATS_TEST_TMPDIR/conf")" 2
    run -0 "$SOCKSIFY" -f "$BATS_TEST_TMPDIR/conf" true
}

@test "the examples of socksify.conf(5) are right" {
    local count=0 file
    mkdir "$BATS_TEST_TMPDIR/examples"
    awk -v to="$BATS_TEST_TMPDIR/examples/" '/^\.Bd -literal/ { n++; next } /^\.Ed/ { n += 0; on = 0 }
        /^\./ { next } { print > (to n) }' <(sed -n '/^\.Bd -literal/,/^\.Ed/p' "$PAGE")
    for file in "$BATS_TEST_TMPDIR"/examples/*; do
        run -0 "$SOCKSIFY" -q -f "$file" true
        count=$((count + 1))
    done
    [ $count -ge 5 ]
}

@test "every variable is in socksify(1) and libsocksify(7)" {
    local variables
    mapfile -t variables < <(in_sources core/settings.h '"(SOCKSIFY_[A-Z_]+)"')
    [ ${#variables[@]} -ge 7 ]
    told "$SOURCE/cli/socksify.1" '^\.(Ev|It Ev).* @( |$)' "${variables[@]}" SOCKSIFY_SHELL
    told "$SOURCE/preload/libsocksify.7" '^\.It Ev @$' "${variables[@]}"
}

@test "every exit status is in socksify(1)" {
    local statuses
    mapfile -t statuses < <(in_sources cli/exits.h 'EXIT_[A-Z_]+ = ([0-9]+)')
    [ ${#statuses[@]} -ge 4 ]
    told "$SOURCE/cli/socksify.1" '^\.It @$' 1 "${statuses[@]}"
}

