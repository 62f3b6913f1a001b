# SPDX-License-Identifier: MIT
# --env and --shell in bash, zsh, fish and dash: what is evaluated means what was given, and the shell
# of --shell tells by its prompt what it is, whatever the user's own files do.

load ../support/lab

setup_file() {
    export SOCKSIFY_PROXY=socks5://127.0.0.1:9
    export HOME=/run/user
    # Other shells of the family that sh is: static, and bash in its place.
    mkdir -p /run/bin
    ln -s "$(command -v busybox)" /run/bin/ash
    ln -s /bin/bash /run/bin/sh
    export PATH=$PATH:/run/bin
}

setup() {
    rm -rf "$HOME"
    mkdir -p "$HOME/.config/fish"
}

# --- --env ---

# Whatever a shell could take for more than itself.
HOSTILE=$'it\'s "$(touch /run/touched)" `touch /run/touched` $HOME ${HOME} \\\\ \\\' \\" \\ !! ~ * ; & | # \\n\n\tx'

hostile_setup() {
    HOSTILE_DIR=/run/$BATS_TEST_NUMBER-${HOSTILE//\//_}
    mkdir -p "$HOSTILE_DIR"
    echo 'default block' > "$HOSTILE_DIR/conf'\\"
    HOSTILE_OPTIONS=(-f "$HOSTILE_DIR/conf'\\" -p "socks5://$HOSTILE@127.0.0.1:9" -t 500ms -q)
    rm -f /run/touched
}

# What a program finds, NUL behind each; run by the wrapper, or in a shell: the same.
FOUND='SOCKSIFY_CONF SOCKSIFY_PROXY SOCKSIFY_TIMEOUT SOCKSIFY_LOG LD_PRELOAD'

means_the_same() { # COMMAND [ARG...]
    # shellcheck disable=SC2086
    env -u SOCKSIFY_PROXY "$SOCKSIFY" "${HOSTILE_OPTIONS[@]}" printenv -0 $FOUND > "$HOME/wanted"
    env -u SOCKSIFY_PROXY "$@" > "$HOME/found"
    cmp "$HOME/found" "$HOME/wanted"
    expect 'the number of variables' "$(tr -dc '\0' < "$HOME/wanted" | wc -c)" 5
    [ ! -e /run/touched ]
}

@test "eval of --env sets what was given, in bash, zsh, dash and other shells like sh" {
    hostile_setup
    local script="eval \"\$(\"\$@\")\" && exec printenv -0 $FOUND" shell name
    for shell in bash zsh 'zsh -o rcquotes -o ksharrays' dash ash sh; do
        name=${shell%% *}
        name=${name/#ash/sh}
        # shellcheck disable=SC2086
        means_the_same $shell -c "$script" - "$SOCKSIFY" --env "${HOSTILE_OPTIONS[@]}"
        # shellcheck disable=SC2086
        means_the_same $shell -c "$script" - "$SOCKSIFY" --env "$name" "${HOSTILE_OPTIONS[@]}"
    done
}

@test "--env fish sets what was given, in fish" {
    hostile_setup
    means_the_same fish -c '$argv | source; and exec printenv -0 '"$FOUND" \
        "$SOCKSIFY" --env fish "${HOSTILE_OPTIONS[@]}"
    [ "$(fish -c '$argv | source; set -S SOCKSIFY_PROXY' "$SOCKSIFY" --env fish |
        grep -c 'global scope, exported, with 1 elements')" -eq 1 ]
}

@test "what --env prints for sh does no harm in fish, and is right if it has no line breaks" {
    HOSTILE=${HOSTILE//$'\n'/}
    hostile_setup
    means_the_same fish -c '$argv | source; and exec printenv -0 '"$FOUND" \
        "$SOCKSIFY" --env "${HOSTILE_OPTIONS[@]}"
}

@test "--env for a shell that it does not know: exit 2, and nothing on stdout" {
    run -2 --separate-stderr "$SOCKSIFY" --env csh
    expect 'stdout' "$output" ''
    expect 'stderr' "${stderr-}" 'socksify: --env: csh: expected sh, bash, dash, zsh or fish'
}

# --- --shell ---

# in_shell NAME [VARIABLE=VALUE...]: the steps on standard input, in --shell on a terminal.
in_shell() {
    local name=$1
    shift
    "$SUPPORT/terminal" env TERM=dumb SHELL="$(command -v "$name")" "$@" "$SOCKSIFY" --shell
}

# The same steps for each: the prompt is the user's with the mark in front, his file was read, a status
# is shown as ever, and the shell's own is the wrapper's.
shows_mark() { # NAME MINE-EXPRESSION [VARIABLE=VALUE...]
    local name=$1 expression=$2
    shift 2
    cp -r "$HOME" "$BATS_TEST_TMPDIR/before"
    run -5 in_shell "$name" "$@" <<END
wait (socksify) mine0>
type echo "<$expression|\$SOCKSIFY_SHELL|\$LD_PRELOAD>"
wait <read|1|$BUILD/libsocksify.so>
wait (socksify) mine0>
type sh -c 'exit 3'
wait (socksify) mine3>
type env | grep -c '^SOCKSIFY_RESTORE'; echo done
wait 0
type exit 5
end
END
    (cd "$BATS_TEST_TMPDIR/before" && find . -type f -exec cmp {} "$HOME/{}" \;)
    rm -r "$BATS_TEST_TMPDIR/before"
}

@test "bash shows the mark in front of the user's own prompt" {
    printf '%s\n' 'PS1='\''mine$?>'\' 'mine=read' > "$HOME/.bashrc"
    shows_mark bash '$mine'
}

@test "zsh shows the mark in front of the user's own prompt, wherever his files are" {
    echo 'mine=re' > "$HOME/.zshenv"
    printf '%s\n' 'PS1="mine%?>"' 'mine+=ad' > "$HOME/.zshrc"
    shows_mark zsh '$mine${ZDOTDIR-}'
    mkdir -p "$HOME/a folder"
    mv "$HOME"/.z* "$HOME/a folder"
    shows_mark zsh '$mine${ZDOTDIR#*/a folder}' ZDOTDIR="$HOME/a folder"
    # The file in the home directory says where the others are.
    printf 'ZDOTDIR="$HOME/a folder"; . "$ZDOTDIR/.zshenv"\n' > "$HOME/.zshenv"
    shows_mark zsh '$mine'
}

@test "fish shows the mark in front of the user's own prompt" {
    printf '%s\n' 'set mine read' 'function fish_prompt' 'printf "mine$status>"' 'end' \
        > "$HOME/.config/fish/config.fish"
    shows_mark fish '$mine'
}

@test "dash and its kin show the mark in front of the user's own prompt" {
    local name
    printf '%s\n' 'PS1='\''mine$?>'\' 'mine=read' > "$HOME/.shrc"
    for name in dash ash sh; do
        shows_mark $name '$mine${ENV#*/.shrc}' ENV="$HOME/.shrc"
        shows_mark $name '$mine${ENV#\$HOME/.shrc}' 'ENV=$HOME/.shrc'
    done
}

# A prompt that is made anew each time has the mark from the first one on.
stays() { # NAME
    run -0 in_shell "$1" <<END
wait (socksify) made>
type true
wait (socksify) made>
type exit
end
END
    [[ $output != *$'\nmade>'* ]]
}

@test "the mark stays when the user's own files make the prompt anew each time" {
    local line
    for line in 'PROMPT_COMMAND="PS1=made\>"' 'export PROMPT_COMMAND="PS1=made\>; "' \
        'PROMPT_COMMAND=(true "PS1=made\>")' 'PROMPT_COMMAND=("PS1=made\>")'; do
        echo "$line" > "$HOME/.bashrc"
        stays bash
    done
    for line in 'precmd() { PS1="made>" }' 'make() { PS1="made>" }; precmd_functions+=(make)' \
        'setopt ksharrays; make() { PS1="made>" }; precmd_functions=(make $precmd_functions)'; do
        echo "$line" > "$HOME/.zshrc"
        stays zsh
    done
    # fish calls a function for each prompt, and some erase that of the mode.
    printf '%s\n' 'function fish_prompt' 'printf "made>"' 'end' 'functions -e fish_mode_prompt' \
        > "$HOME/.config/fish/config.fish"
    stays fish
}

@test "settings that make bash strict do not cost the mark" {
    local line
    for line in 'set -u' 'set -u; unset PROMPT_COMMAND' 'set -u; PROMPT_COMMAND=(true true)' \
        'readonly PROMPT_COMMAND=' 'readonly -a PROMPT_COMMAND=(true true)' 'set -f; IFS=x'; do
        echo "$line; PS1='made>'" > "$HOME/.bashrc"
        stays bash
        [[ $output != *bash:* ]]
    done
}

@test "a shell within the shell is as ever" {
    echo 'export PROMPT_COMMAND="PS1=made\>"' > "$HOME/.bashrc"
    run -0 in_shell bash <<'END'
wait (socksify) made>
type rm ~/.bashrc; bash
wait made>
type echo "<$SOCKSIFY_SHELL>"; exit
wait <1>
wait (socksify) made>
type exit
end
END
    [[ $output != *'not found'* ]]
}

@test "a prompt that speaks of SOCKSIFY_SHELL gets no mark" {
    local name
    echo 'PS1='\''${SOCKSIFY_SHELL:+[s]}mine>'\' | tee "$HOME/.bashrc" "$HOME/.shrc" > "$HOME/.zshrc"
    echo 'setopt promptsubst' >> "$HOME/.zshrc"
    printf '%s\n' 'function fish_prompt' 'set -q SOCKSIFY_SHELL; and printf "[s]"; printf "mine>"' 'end' \
        > "$HOME/.config/fish/config.fish"
    for name in bash zsh fish dash; do
        run -0 in_shell $name ENV="$HOME/.shrc" <<'END'
wait [s]mine>
type exit
end
END
        [[ $output != *'(socksify)'* ]]
    done
}

@test "without files of the user's there is a mark, too" {
    local name
    for name in bash zsh fish dash ash sh; do
        run -0 in_shell $name HOME=/run/nobody <<'END'
wait (socksify)
type echo "<$SOCKSIFY_SHELL>"; exit
wait <1>
end
END
    done
}

@test "a login shell reads its own files; bash then has no mark" {
    echo 'mine=read; PS1="mine>"' | tee "$HOME/.profile" "$HOME/.zprofile" > "$HOME/.bash_profile"
    local name
    for name in bash zsh dash; do
        run -0 "$SUPPORT/terminal" env TERM=dumb SHELL="$(command -v $name)" \
            "$SOCKSIFY" --shell --argv0 "-$name" <<'END'
wait mine>
type echo "<$mine|$SOCKSIFY_SHELL>"; exit
wait <read|1>
end
END
        expect "the mark in $name" "$([[ $output != *'(socksify) mine>'* ]] || echo there)" \
            "$([ $name = bash ] || echo there)"
    done
}

@test "a shell that talks to nobody finds nothing but SOCKSIFY_SHELL" {
    local name
    for name in bash zsh fish dash ash sh; do
        expect "what $name finds" "$(echo 'env | grep -E "^(ENV|ZDOTDIR|SOCKSIFY_(SHELL|RESTORE))="' |
            env -u ENV -u ZDOTDIR SHELL="$(command -v $name)" "$SOCKSIFY" --shell 2>&1)" \
            SOCKSIFY_SHELL=1
    done
}

@test "where the files for the mark are missing, the shell starts without it" {
    mkdir -p /run/alone
    cp "$SOCKSIFY" "$BUILD/libsocksify.so" /run/alone/
    local name
    for name in bash zsh fish dash; do
        run -0 "$SUPPORT/terminal" env TERM=dumb SHELL="$(command -v $name)" \
            /run/alone/socksify --shell <<'END'
type echo "<$SOCKSIFY_SHELL>"; exit
wait <1>
end
END
    done
}
