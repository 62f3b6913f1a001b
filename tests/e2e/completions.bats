# SPDX-License-Identifier: MIT
# What bash, zsh and fish offer at TAB on socksify's command line, with the scripts where make install
# puts them.

load ../support/lab

setup_file() {
    make -s -C "$SOURCE" -o all install BUILD="$BUILD" PREFIX=/usr DESTDIR=/run/installed
    export PATH=/run/installed/usr/bin:$PATH:/run/files
    export XDG_DATA_DIRS=/run/installed/usr/share:/usr/share
    mkdir -p "$HOME" /run/files/folder
    touch /run/files/one.conf
    printf 'proxy home socks5://h\n  proxy work socks4a://h # no default\n#proxy old x\nproxy $(x) y\n' \
        > /run/files/proxies
    echo '192.0.2.7 host.example' >> /etc/hosts
    make_tool
    cat > /run/bash.rc <<'END'
. /usr/share/bash-completion/bash_completion
show() {
    printf '<<%s>>\n' "$READLINE_LINE"
    READLINE_LINE=
}
bind 'set enable-bracketed-paste off'
bind '"\C-t": insert-completions'
bind -x '"\C-y": show'
PS1='ready> '
END
    cat > /run/zsh.rc <<'END'
fpath=(/run/installed/usr/share/zsh/site-functions $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert yes
insert_all() {
    _main_complete
    compstate[insert]=all compstate[list]=
}
zle -C insert-all complete-word insert_all
bindkey '^T' insert-all
show() {
    print -r -- "<<$BUFFER>>"
    zle kill-whole-line
}
zle -N show
bindkey '^Y' show
PS1='ready> '
END
}

# A program whose arguments have completions of their own.
make_tool() {
    local share=/run/installed/usr/share
    printf '#!/bin/sh\n' > /run/files/mytool
    chmod 755 /run/files/mytool
    echo 'complete -W "green grey red" mytool' > $share/bash-completion/completions/mytool
    echo 'complete -c mytool -f -a "green grey red"' > $share/fish/vendor_completions.d/mytool.fish
    printf '#compdef mytool\n_arguments "*:colour:(green grey red)"\n' \
        > $share/zsh/site-functions/_mytool
}

# What stands on the line when everything that the shell offers at its end has been inserted.
line_in() { # bash|zsh LINE
    local command=(bash --rcfile "${RC:-/run/bash.rc}" -i)
    local first='wait ready>'
    if [ "$1" = zsh ]; then
        command=(zsh -f -i)
        first=$(printf 'wait start>\ntype . /run/zsh.rc\nwait ready>')
    fi
    "$SUPPORT/terminal" env PS1='start> ' "${command[@]}" <<END
$first
keys $2\\x14\\x19
wait >>
keys exit\\r
end
END
}

# offered SHELL LINE: what the shell offers in place of the line's last word, a line for each.
offered() {
    local shown
    if [ "$1" = fish ]; then
        fish -c "complete -C '$2'" | cut -f 1 | sort
        return
    fi
    shown=$(line_in "$1" "$2")
    shown=${shown#*<<"${2% *}"}
    tr -s ' ' '\n' <<< "${shown%%>>*}" | sed '/^$/d' | sort
}

# each_offers LINE WORD...: exactly these, in any order, in all three shells. bash replaces but what
# stands behind an equals sign, and inserts a directory without its slash.
each_offers() {
    local shell line=$1
    shift
    for shell in bash zsh fish; do
        expect "what $shell offers for $line" \
            "$(offered "$shell" "$line" | sed 's/^--[a-z0-9]*=\(.\)/\1/; s|\([^/]\)/$|\1|' | xargs)" \
            "$(printf '%s\n' "$@" | sort | xargs)"
    done
}

@test "every option of --help is offered, in bash, zsh and fish" {
    local shell
    socksify --help | grep -oE -- '--[a-z0-9-]+' | sort > "$BATS_TEST_TMPDIR/table"
    [ "$(wc -l < "$BATS_TEST_TMPDIR/table")" -ge 20 ]
    for shell in bash zsh fish; do
        # One whose value may be missing is offered with an equals sign, too, by fish.
        offered $shell 'socksify --' | sed 's/=$//' | sort -u > "$BATS_TEST_TMPDIR/offered"
        diff "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/offered"
    done
}

@test "options go on behind options and their values, however these are written" {
    each_offers 'socksify --sea' --seal
    each_offers 'socksify -v -p socks5://127.0.0.1:1080 --rep' --report
    each_offers 'socksify -vpsocks5://h --mode=auto --rep' --report
    each_offers 'socksify --check -v --rep' --report
}

@test "words and files are offered as values, in a word of their own or behind an equals sign" {
    each_offers 'socksify --mode ' auto preload supervise
    each_offers 'socksify --mode=s' supervise
    each_offers 'socksify --env ' bash dash fish sh zsh
    each_offers 'socksify --env=d' dash
    each_offers 'socksify -f /run/files/o' /run/files/one.conf
    each_offers 'socksify -v --log-file /run/files/fo' /run/files/folder
    each_offers 'socksify --explain host.e' host.example
    each_offers 'socksify --explain host.example --app mytoo' mytool
}

@test "proxies are offered by the names in the configuration, and by schemes" {
    local schemes=(socks4:// socks4a:// socks5://)
    each_offers 'socksify -p ' "${schemes[@]}"
    export SOCKSIFY_CONF=/run/files/proxies
    each_offers 'socksify -p ' home work "${schemes[@]}"
    each_offers 'socksify -vp socks5://h --proxy=w' work
    each_offers 'socksify --check sock' "${schemes[@]}"
    unset SOCKSIFY_CONF
    each_offers 'socksify -vf /run/files/proxies -p w' work
    each_offers 'socksify -v -f/run/files/proxies -p w' work
    each_offers 'socksify --config=/run/files/proxies -p w' work
}

@test "the configuration's name may be written as the shell lets one write it" {
    local word option
    export HOME="/run/files/it's me"
    mkdir -p "$HOME"
    cp /run/files/proxies "$HOME/a b"
    # The keys of a backslash are two, and what is in quotes here the shell on the terminal expands.
    # shellcheck disable=SC1003,SC2088
    for word in '"/run/files/it'\''s me/a b"' '/run/files/it\\'\''s\\ me/a\\ b' '~/a\\ b' '~/"a b"'; do
        for option in "-f $word" "--config=$word" "-vf$word"; do
            expect_match 'what bash offers' "$(line_in bash "socksify $option -p w")" ' -p work *>>'
        done
        expect_match 'what zsh offers' "$(line_in zsh "socksify -f $word -p w")" ' -p work *>>'
    done
}

@test "settings of bash's user do not matter" {
    local setting
    for setting in 'set -u' 'set -f' 'IFS=' 'IFS=e' 'shopt -s failglob nullglob' 'set -o posix'; do
        printf '%s\n' "$(cat /run/bash.rc)" "$setting" > /run/other.rc
        expect "what is offered after $setting" \
            "$(RC=/run/other.rc offered bash 'socksify -v --mode ' | xargs)" 'auto preload supervise'
    done
}

@test "behind the options programs are offered, and then what is known of their arguments" {
    each_offers 'socksify mytoo' mytool
    each_offers 'socksify -v --mode auto mytoo' mytool
    each_offers 'socksify -- mytoo' mytool
    each_offers 'socksify mytool ' green grey red
    each_offers 'socksify -p socks5://127.0.0.1:1080 mytool red gr' green grey
    each_offers 'socksify -v -- mytool r' red
}

@test "what is no longer socksify's is not taken for it" {
    local shell words
    for shell in bash zsh fish; do
        words=$(offered $shell 'socksify mytool --mod')
        [[ $words != *--mode* ]]
        words=$(offered $shell 'socksify -f /run/files/proxies -- -p w')
        [[ $words != *work* ]]
    done
}

@test "a value that may be missing is followed by no program" {
    each_offers 'socksify --check host.e' host.example
    each_offers 'socksify --serve ' ''
}

@test "behind another command, which runs it, all is the same" {
    each_offers 'nice socksify --mode=s' supervise
    each_offers 'nice socksify -v mytool gr' green grey
}

@test "what is asked of a configuration is answered with words that no shell takes for more" {
    expect 'the names' "$(socksify --completions proxies /run/files/proxies | xargs)" 'home work'
    # Neither one that is none, nor one that is not there.
    printf 'proxy\0x socks5://h\nproxy home socks5://h\n' > "$BATS_TEST_TMPDIR/binary"
    run -78 socksify --completions proxies "$BATS_TEST_TMPDIR/binary"
    expect 'the names' "$output" ''
    run -78 socksify --completions proxies /run/files/missing
    expect 'the names' "$output" ''
    run -2 socksify --completions nonsense
    expect 'what is said' "$output" ''
}
