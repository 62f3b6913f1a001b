# SPDX-License-Identifier: MIT
# What fish runs in `socksify --shell` after the user's own files. What it calls the prompt of the
# mode comes in front of the other, whoever makes that, and leaves its $status alone.

if not string match -q '*SOCKSIFY_SHELL*' -- (functions fish_prompt) # the user has one of his own
    if functions -q fish_mode_prompt
        functions -c fish_mode_prompt _socksify_mode_prompt
    end
    function fish_mode_prompt
        printf '(socksify) '
        if functions -q _socksify_mode_prompt
            _socksify_mode_prompt
        end
    end
end
