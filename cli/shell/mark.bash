# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The startup file of an interactive bash in `socksify --shell`: the user's own, and then the mark.

if [[ -r ~/.bashrc ]]; then
    # shellcheck source=/dev/null
    . ~/.bashrc
fi

_socksify_mark() {
    local status=$?
    case ${PS1-} in
    '(socksify) '* | *SOCKSIFY_SHELL*) ;; # it is there, or the user has one of his own
    *) PS1="(socksify) ${PS1-}" ;;
    esac
    return "$status"
}

# For the case that what follows cannot be: some make the variable one that nobody may change, which
# would end this file here.
_socksify_mark

# After what the user has there, which may make a new prompt each time. A bash within this one may
# inherit the variable, and has no such function.
# shellcheck disable=SC2128,SC2178,SC2179 # it may be an array, or not
if [[ ${PROMPT_COMMAND+set} && ${PROMPT_COMMAND@a} == *r* ]]; then
    :
elif [[ ${PROMPT_COMMAND+set} ]] && ((${#PROMPT_COMMAND[@]} > 1)); then
    PROMPT_COMMAND+=(_socksify_mark)
else
    PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}
    PROMPT_COMMAND+='declare -F _socksify_mark > /dev/null && _socksify_mark'
fi
