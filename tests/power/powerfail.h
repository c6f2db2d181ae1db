/* The disk of powerfail.c: which writes and names a power failure would leave.
 * One lock around everything; all paths are relative to the root. */
#ifndef SOTTO_POWERFAIL_H
#define SOTTO_POWERFAIL_H

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct node;	/* a file or a directory */

/* The C library's function, behind ours. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The path below SOTTO_POWER_ROOT with single slashes and none at the end; NULL
 * when it is elsewhere, or nothing is followed. */
const char *disk_within(const char *path, char rel[static PATH_MAX]);
void disk_lock(void);
void disk_unlock(void);
/* Ends the program: what happens then cannot be followed. */
void disk_die(const char *why) __attribute__((noreturn));

/* The node of a name, or NULL. */
struct node *disk_find(const char *path);
struct node *disk_create(const char *path, bool is_dir);
/* from or to may be NULL. */
void disk_rename(const char *from, const char *to, struct node *node);
/* data NULL: at is the new size. */
void disk_write(struct node *node, off_t at, const void *data, size_t len);
/* Counts a write that is about to happen; false with errno when it fails. May
 * cut the power. */
bool disk_may_write(void);
/* Counts a sync of a file or of a directory and does it; -1 with errno when it
 * fails. May cut the power. */
int disk_sync(struct node *node, const char *dir);

#endif
