/* Draining: pushing a mailbox to its device from the disk and from memory
 * together, in order and without gaps, until it is live. */
#ifndef SOTTO_DRAIN_H
#define SOTTO_DRAIN_H

struct mailbox;
struct slot;

/* Pushes the slot, the next in order, to the connected device. */
void drain_push(struct mailbox *mb, const struct slot *s);
/* Reads on when the mailbox is draining and the window has room. */
void drain_go_on(struct mailbox *mb);

#endif
