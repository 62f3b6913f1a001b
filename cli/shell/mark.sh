# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What ENV names for an interactive sh in `socksify --shell`: the file that it named before, and then
# the mark.

if [ -n "${SOCKSIFY_RESTORE+set}" ]; then
    ENV=$SOCKSIFY_RESTORE
    unset SOCKSIFY_RESTORE
    # As sh does: the value may itself hold variables.
    eval "_socksify_env=\"$ENV\""
    case $_socksify_env in
    '' | */*) ;;
    *) _socksify_env=./$_socksify_env ;;
    esac
    if [ -r "$_socksify_env" ]; then
        # shellcheck source=/dev/null
        . "$_socksify_env"
    fi
    unset _socksify_env
else
    unset ENV
fi

case ${PS1-} in
'(socksify) '* | *SOCKSIFY_SHELL*) ;; # it is there, or the user has one of his own
*) PS1="(socksify) ${PS1-}" ;;
esac
