/* SPDX-License-Identifier: MIT
 * What a process does that is waited for in a program's place: it hands on the signals that are
 * meant for the program, and stops and ends as that does. */
#ifndef SOCKSIFY_CLI_FOLLOW_H
#define SOCKSIFY_CLI_FOLLOW_H

#include <stdbool.h>
#include <sys/types.h>

struct follower {
    int signals; /* a signalfd(2) of all signals, which are blocked */
    int pidfd;   /* of the program */
    pid_t program;
    bool is_child; /* of this process; else its parent continues it as it continues us */
    pid_t beside;  /* another process of ours whose children are the program's kin; 0: none */
};

/*
 * Read one signal, and hand it on when it was meant for the program, which has not got it by
 * itself. From the terminal it has, as a member of the same group, unless it is a hang-up, of which
 * the leader of a session is told alone. What the program or its kin send is meant for their group,
 * with us in it by chance. Returns the signal's number; 0: there was none to be read.
 */
int follow_signal(const struct follower *follower);

/*
 * Hand on the signals that came while ours were blocked and the program was perhaps not there: then
 * it has missed what the terminal sent. To be called before it goes on from where it was forked, as
 * what it has got already does it no harm there once more.
 */
void follow_early_signals(const struct follower *follower);

/* Send a signal to the process behind a pidfd. */
void follow_send(int pidfd, int signal_number);

/*
 * The signal by which a process of this group stops as the program did, whose wait status this is:
 * shells tell what the user typed from what somebody sent, and the status is the signal's. When the
 * program is in another group it is SIGSTOP, for by the others a group that has nobody to continue
 * it does not stop.
 */
int follow_stop_signal(pid_t program, int status, pid_t group);

/* Of a signal that stops and can be blocked, and is: have it pending, until follow_stop stops by it
 * unless a SIGCONT has come since. */
void follow_prepare_stop(int signal_number);
void follow_stop(int signal_number);

/* End, or stop, as the program did whose wait status this is. Returns only after a stop. */
void follow(pid_t program, int status);

#endif
