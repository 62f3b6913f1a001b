# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of socksify's command line in bash. The options are those that the program itself tells.

# The line up to the cursor, as words that blanks part: bash parts them at "=" and ":", too. Sets
# words, starts (where each begins in COMP_WORDS), and tail (the end of the last word, which is all
# that bash will replace).
_socksify_split() {
    local line=${COMP_LINE:0:COMP_POINT} i
    words=() starts=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        if ((i == 0)) || [[ $line == [[:blank:]]* ]]; then
            starts+=("$i")
            words+=('')
            line=${line#"${line%%[![:blank:]]*}"}
        fi
        tail=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || tail=$line
        words[-1]+=$tail
        line=${line#"$tail"}
    done
    [[ $tail != [=:]* ]] || tail=
}

# The table of options, under their names: value, known, letter; and names and letters in its order.
_socksify_options() {
    local letter name its_value its_known
    while read -r letter name its_value its_known _; do
        names+=("$name")
        value[$name]=$its_value
        known[$name]=$its_known
        if [[ $letter != - ]]; then
            long[$letter]=$name
            letters+=$letter
        fi
    done < <("$program" --completions 2> /dev/null)
}

# Letters in one word: sets option, and its value where that is in the same word.
_socksify_letters() {
    local at letter
    option='' attached=''
    for ((at = 1; at < ${#1}; at++)); do
        letter=${1:at:1}
        if [[ ${value[${long[$letter]--}]--} != - ]]; then
            option=${long[$letter]}
            attached=${1:at+1}
            return
        fi
    done
}

# Go through the words before the cursor. Sets option (whose value the last word is or, in brackets,
# may be) and past (the index of the first word that is the program's); and config, as given.
_socksify_walk() {
    local at last=$((${#words[@]} - 1)) word attached
    option='' past='' config=''
    for ((at = 1; at < last; at++)); do
        word=${words[at]}
        if [[ $option && ! (${value[$option]} == \[* && $word == -*) ]]; then
            [[ $option != --config ]] || config=$word
            option=
            continue
        fi
        option=
        case $word in
        --)
            past=$((at + 1))
            return
            ;;
        --config=*) config=${word#*=} ;;
        --*=*) ;;
        --*) [[ ${value[$word]--} == - ]] || option=$word ;;
        -?*)
            _socksify_letters "$word"
            if [[ $attached ]]; then
                [[ $option != --config ]] || config=$attached
                option=
            fi
            ;;
        *)
            past=$at
            return
            ;;
        esac
    done
}

# Sets unquoted: the word as the shell will read it. Nothing in it is run, so that variables and
# commands stay as they are.
_socksify_unquote() { # WORD
    local rest=$1 char quote=
    unquoted=
    if [[ $rest == \~/* ]]; then
        unquoted=$HOME
        rest=${rest:1}
    fi
    while [[ $rest ]]; do
        char=${rest:0:1}
        rest=${rest:1}
        case $quote$char in
        [\"\']) quote=$char ;;
        '""' | "''") quote= ;;
        \\ | \"\\)
            unquoted+=${rest:0:1}
            rest=${rest:1}
            ;;
        *) unquoted+=$char ;;
        esac
    done
}

# Offer those words that begin with the last one. bash replaces but the end of that.
_socksify_offer() { # BEGINNING-OF-EACH WORD...
    local beginning=$1 word current=${words[-1]}
    shift
    for word in "$@"; do
        word=$beginning$word
        [[ $word != "$current"* ]] || COMPREPLY+=("${word#"${current%"$tail"}"}")
    done
}

# Offer values of an option, of which the beginning of the last word is no part.
_socksify_offer_values() { # OPTION BEGINNING
    local names unquoted schemes=(socks5:// socks4a:// socks4://)
    case ${known[$1]--} in
    -) ;;
    file) compopt -o default ;;
    proxy)
        _socksify_unquote "$config"
        mapfile -t names < <("$program" --completions proxies ${unquoted:+"$unquoted"} 2> /dev/null)
        _socksify_offer "$2" "${names[@]}" "${schemes[@]}"
        [[ ${COMPREPLY[*]} != *:// ]] || compopt -o nospace
        ;;
    target | url)
        mapfile -t names < <(compgen -A hostname)
        [[ ${known[$1]} == target ]] || names+=("${schemes[@]}")
        _socksify_offer "$2" "${names[@]}"
        [[ ${COMPREPLY[*]} != *:// ]] || compopt -o nospace
        ;;
    program)
        mapfile -t names < <(compgen -c -- "${words[-1]#"$2"}")
        _socksify_offer "$2" "${names[@]}"
        ;;
    *)
        IFS=, read -ra names <<< "${known[$1]}"
        _socksify_offer "$2" "${names[@]}"
        ;;
    esac
}

# The program after the options, and what its own completion says of its arguments.
_socksify_offer_program() { # INDEX
    local offset=${starts[$1]}
    if declare -F _comp_command_offset > /dev/null; then
        _comp_command_offset "$offset"
    elif declare -F _command_offset > /dev/null; then
        _command_offset "$offset"
    elif (($1 == ${#words[@]} - 1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "${words[-1]}")
    else
        compopt -o default
    fi
}

_socksify() {
    local IFS=$' \t\n' # the user's own may be another
    local words starts tail option attached past config letters='' names=()
    local program=${1/#\~\//$HOME/}
    local -A value=() known=() long=()
    COMPREPLY=()
    type -P -- "$program" > /dev/null || program=socksify
    _socksify_split
    _socksify_options
    _socksify_walk
    local current=${words[-1]}

    if [[ $past ]]; then
        _socksify_offer_program "$past"
        return
    fi
    if [[ $option && ! (${value[$option]} == \[* && $current == -*) ]]; then
        _socksify_offer_values "$option" ''
        return
    fi
    case $current in
    --*=*) _socksify_offer_values "${current%%=*}" "${current%%=*}=" ;;
    -[!-]*)
        _socksify_letters "$current"
        if [[ $attached ]]; then
            _socksify_offer_values "$option" "${current%"$attached"}"
        else
            _socksify_offer "$current" '' # complete as it is
        fi
        ;;
    -*) _socksify_offer '' "${names[@]}" ;;
    *) _socksify_offer_program $((${#words[@]} - 1)) ;;
    esac
}

complete -F _socksify socksify
