#compdef socksify
# SPDX-License-Identifier: MIT
# Completion of socksify's command line in zsh. The options are those that the program itself tells.

_socksify_proxies() {
    local -a names file match mbegin mend
    local word=${opt_args[-f]:-$opt_args[--config]}
    # In opt_args a backslash stands before each backslash, beside what the word itself quotes with.
    file=(${${(Q)${word//(#b)\\([\\:])/$match[1]}}/#\~\//$HOME/})
    names=(${(f)"$(_call_program proxies $service --completions proxies ${(q)file} 2> /dev/null)"})
    _alternative \
        "proxies:proxy of the configuration:(($names))" \
        "schemes:URL:compadd -S '' socks5:// socks4a:// socks4://"
}

_socksify_urls() {
    _alternative \
        'hosts:target:_hosts' \
        "schemes:URL:compadd -S '' socks5:// socks4a:// socks4://"
}

# The line of an option in the table as words for _arguments: added to specs.
_socksify_add_option() { # LETTER NAME VALUE KNOWN HELP...
    local letter=$1 name=$2 value=${3//:/\\:} known=$4 help=${${${*[5,-1]}//\[/\\[}//\]/\\]}
    local colon=: names=$name action
    case $known in
    -) action=' ' ;;
    file) action=_files ;;
    proxy) action=_socksify_proxies ;;
    target) action=_hosts ;;
    url) action=_socksify_urls ;;
    program) action='_command_names -e' ;;
    *) action="(${known//,/ })" ;;
    esac
    [[ $letter == - ]] || names="-$letter $name"
    if [[ $value == \[* ]]; then
        # It may be missing: then no program may follow, which it could be taken for.
        colon=:: names+=' 1 *'
    fi
    if [[ $value == - ]]; then
        specs+=("($names)$name""[$help]")
        [[ $letter == - ]] || specs+=("($names)-$letter""[$help]")
    else
        names="($names)"
        [[ $known != proxy ]] || names='*' # again and again, for a chain
        specs+=("$names$name=[$help]$colon$value:$action")
        [[ $letter == - ]] || specs+=("$names-$letter+[$help]$colon$value:$action")
    fi
}

_socksify() {
    local row context state line
    local -a specs
    local -A opt_args
    local service=${words[1]}
    for row in ${(f)"$(_call_program options $service --completions 2> /dev/null)"}; do
        _socksify_add_option ${(s: :)row}
    done
    _arguments -s -w -S -A '-*' : $specs \
        '(-)1:program: _command_names -e' \
        '*:: :_normal'
}

_socksify "$@"
