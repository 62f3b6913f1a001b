# SPDX-License-Identifier: MIT
# For the tests of the supervisor: programs that no preloaded library reaches, and the process that
# answers for them. Load it after lab.bash.

STATIC=$PROBES/static
GO=$PROBES/go/probe-go
BUSYBOX=/bin/busybox
export STATIC GO BUSYBOX

# The supervisors there are: the processes that hold the listener of a filter.
supervisors() {
    find /proc/[0-9]*/fd -lname 'anon_inode:seccomp notify' 2> /dev/null | cut -d / -f 3 | sort -u
}

supervisor_is_gone() {
    [ -z "$(supervisors)" ]
}

there_is_a_supervisor() {
    [ -n "$(supervisors)" ]
}

descriptors_of() { # PID
    local all=(/proc/"$1"/fd/*)
    echo ${#all[@]}
}

# Resident memory, in kB.
memory_of() { # PID
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}
