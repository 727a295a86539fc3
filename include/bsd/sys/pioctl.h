/*
 * <sys/pioctl.h> of FreeBSD 3 to 12 for Linux: the ioctls on /proc/<pid>/mem of the flavour freebsd.
 *
 * For C and C++, with 32-bit and 64-bit long. The numbers are encoded as Linux does it, because its kernel reads from the
 * number how much it has to copy out. PIOCBIS, PIOCBIC, PIOCSFL and PIOCCONT take an int, not the address of one.
 */
#ifndef _SYS_PIOCTL_H
#define _SYS_PIOCTL_H

#include <sys/ioctl.h>

/* What a stop tells. */
struct procfs_status {
    int state;            /* 0: stopped on an event, 1: not */
    int flags;            /* PF_ flags */
    unsigned long events; /* events that stop */
    int why;              /* the event that it is stopped on, 0 for none */
    unsigned long val;    /* what belongs to it */
};

#define PIOCBIS _IO('p', 1)                          /* these events stop as well */
#define PIOCBIC _IO('p', 2)                          /* these do not any more */
#define PIOCSFL _IO('p', 3)                          /* these are the flags */
#define PIOCWAIT _IOR('p', 4, struct procfs_status)  /* wait for a stop */
#define PIOCCONT _IO('p', 5)                         /* send a signal if it is not 0, and go on */
#define PIOCSTATUS _IOR('p', 6, struct procfs_status) /* what it is stopped on */
#define PIOCGFL _IOR('p', 7, unsigned int)           /* the flags */

#define S_EXEC 0x00000001     /* a new program */
#define S_SIG 0x00000002      /* a signal; val: its number */
#define S_SCE 0x00000004      /* a system call begins; val: how many arguments it has */
#define S_SCX 0x00000008      /* a system call ends; val: its number */
#define S_CORE 0x00000010     /* a core file is about to be written */
#define S_EXIT 0x00000020     /* the process ends; val: its wait status */
#define S_ALLSTOPS 0x0000003f /* all of these */

#define PF_LINGER 0x01 /* the last close changes nothing */
#define PF_ISUGID 0x02 /* the events stay asked for when the ids change */
#define PF_FORK 0x04   /* children begin with the same events and flags */

#endif
