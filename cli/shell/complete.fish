# SPDX-License-Identifier: MIT
# Completion of socksify's command line in fish. The options are those that the program itself tells.

function __socksify_ask
    set -l program (commandline -opc)[1]
    type -q -- "$program"; or set program socksify
    $program --completions $argv 2>/dev/null
end

# What argparse is to know. A value that may be missing it takes behind "=" only; for those options
# there are two lists more, of their names and of what is known of their values.
set -g __socksify_specs
set -g __socksify_optional
set -g __socksify_optional_known

# The tokens before the cursor without socksify, and without such values.
function __socksify_tokens
    set -l before
    for token in (commandline -opc)[2..]
        if not contains -- "$before" $__socksify_optional; or string match -q -- '-*' $token
            echo $token
        end
        set before $token
    end
end

# Whether the cursor is behind the program; prints what is before it, from there on.
function __socksify_command
    argparse -s $__socksify_specs -- (__socksify_tokens) 2>/dev/null; or return
    printf '%s\n' $argv
    set -q argv[1]
end

function __socksify_values # KNOWN
    switch $argv
        case -
        case proxy
            # An empty token more, for the option that has no value yet.
            argparse -s $__socksify_specs -- (__socksify_tokens) '' 2>/dev/null
            __socksify_ask proxies (string replace -r '^~/' $HOME/ -- $_flag_config[-1])
            printf '%s\n' socks5:// socks4a:// socks4://
        case target
            __fish_print_hostnames
        case url
            __fish_print_hostnames
            printf '%s\n' socks5:// socks4a:// socks4://
        case program
            __fish_complete_command
        case '*'
            string split , -- $argv
    end
end

function __socksify_arguments
    if set -l command (__socksify_command)
        __fish_complete_subcommand --commandline $command (commandline -ct)
    else if set -l at (contains -i -- (commandline -opc)[-1] $__socksify_optional)
        __socksify_values $__socksify_optional_known[$at]
    else
        __fish_complete_command
    end
end

for row in (__socksify_ask)
    echo $row | read -l letter name value known help
    set -l long (string sub -s 3 -- $name)
    set -l words -c socksify -n 'not __socksify_command' -l $long -d $help
    set -l spec $long
    if test $letter != -
        set -a words -s $letter
        set spec $letter/$long
    end
    switch $value
        case -
        case '[*'
            set -a __socksify_optional $name
            set -a __socksify_optional_known $known
            set -a words -f -a "(__socksify_values $known)"
            set spec "$spec=?"
        case '*'
            if test $known = file
                set -a words -r -F
            else
                set -a words -x -a "(__socksify_values $known)"
            end
            set spec "$spec=+"
    end
    set -a __socksify_specs $spec
    complete $words
end
complete -c socksify -f -n 'not string match -q -- "-*" (commandline -ct); or __socksify_command' \
    -a '(__socksify_arguments)'
