/* What lets a Send in: sizes, capabilities, rates, and whether it was accepted
 * before. */
#ifndef SOTTO_ADMIT_H
#define SOTTO_ADMIT_H

#include "err.h"
#include "relay.pb-c.h"

struct core;
struct send;

/* NULL, or which size is wrong. */
const char *admit_sizes(const Sotto__Send *m);
/* The parts that outlive the frame, copied into one block, with one reference;
 * sizes are right. */
struct send *admit_copy(struct core *core, const Sotto__Send *m);
/* Decides without effects on mailboxes: statuses that are known, and mailboxes
 * pinned for the others. ERR_CONFLICT; ERR_FORMAT for a mailbox named twice;
 * then too some may be pinned. */
int admit_slots(struct send *s, const Sotto__Send *m) must_check;

#endif
