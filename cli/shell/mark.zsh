# SPDX-License-Identifier: MIT
# The .zshenv in the directory that ZDOTDIR names for a zsh in `socksify --shell`: the user's own, from
# where all other files are read, too, and then the mark.

if (( ${+SOCKSIFY_RESTORE} )); then
    export ZDOTDIR=$SOCKSIFY_RESTORE
    unset SOCKSIFY_RESTORE
else
    unset ZDOTDIR
fi
if [[ -r ${ZDOTDIR-$HOME}/.zshenv ]]; then
    source "${ZDOTDIR-$HOME}/.zshenv"
fi

if [[ -o interactive ]]; then
    _socksify_put_mark() {
        emulate -L zsh
        # It is there, or the user has one of his own.
        [[ $PS1 == ('(socksify) '*|*SOCKSIFY_SHELL*) ]] || PS1="(socksify) $PS1"
    }

    # After what the user has there, which may make a new prompt each time. When this is called first,
    # that comes yet, and only what is scheduled comes later.
    _socksify_mark() {
        emulate -L zsh
        if [[ $precmd_functions[-1] != _socksify_mark ]]; then
            precmd_functions=(${precmd_functions:#_socksify_mark} _socksify_mark)
            zmodload zsh/sched && sched +0 _socksify_put_mark
        fi
        _socksify_put_mark
    }
    typeset -ga precmd_functions
    precmd_functions+=(_socksify_mark)
fi
